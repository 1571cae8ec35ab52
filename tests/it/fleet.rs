//! Row 10 of the table of faults: a whole fleet loses its one endpoint, and recovers. It uses the simulation of
//! `tests/lab/run fleet`, with fewer clients.

#[path = "../lab/fleet/chronicle.rs"]
mod chronicle;
#[path = "../lab/fleet/endpoint.rs"]
mod endpoint;
#[path = "../lab/fleet/ids.rs"]
mod ids;
#[path = "../lab/fleet/measure.rs"]
#[expect(dead_code, reason = "the example prints more of it")]
mod measure;
#[path = "../lab/fleet/simulation.rs"]
mod simulation;

use crate::split_mix as random;
use measure::{Figures, Recovery};
use simulation::Plan;
use std::time::Duration;

fn fleet(batch_age: Duration) -> Plan {
    Plan { clients: 200, seed: 10, events_per_second: 2.0, batch_age, capacity: 1.2 }
}

async fn run(plan: Plan) -> Figures {
    let figures = Figures::of(&simulation::run(&plan).await.unwrap());
    let broken = figures.broken();
    assert!(broken.is_empty(), "{broken:#?}\n{figures:#?}");
    assert!(figures.recoveries.iter().all(|recovery| recovery.out == plan.clients), "{figures:#?}");
    figures
}

fn highest(figures: &Figures, of: fn(&Recovery) -> f64) -> String {
    format!("{:.2}", figures.recoveries.iter().map(of).fold(0.0, f64::max))
}

#[tokio::test(start_paused = true)]
async fn row_10_a_fleet_that_lost_its_endpoint_returns_spread_out_and_never_exceeds_the_load_of_a_healthy_one()
 {
    let figures = run(fleet(Duration::from_millis(200))).await;
    crate::figures::report(10, "peak/mean per 100 ms", highest(&figures, |recovery| recovery.peak_over_mean));
    let second = highest(&figures, |recovery| recovery.highest_second);
    crate::figures::report(10, "highest second over the live rate", second);
}

/// If intervals began at 200 ms regardless of the batch age, each post would become ten probes here.
#[tokio::test(start_paused = true)]
async fn row_10_a_fleet_that_rarely_posts_probes_no_more_often() {
    let figures = run(fleet(Duration::from_secs(2))).await;
    crate::figures::report(
        10,
        "peak/mean per 100 ms, a post every 2 s",
        highest(&figures, |recovery| recovery.peak_over_mean),
    );
}
