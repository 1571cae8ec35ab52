//! Records of the `log` macros become events through tracing-log, with their own target and level. A separate binary, because the
//! logger is global.

use overspill::Client;
use overspill::testkit::{Act, Endpoint, Spilled, Taken, assert_settled};
use overspill::tracing_events::{Member, TracingEvents};
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

#[test]
fn a_record_of_the_log_crate_is_an_event_with_its_own_target_level_module_and_line() {
    tracing_log::LogTracer::init().unwrap();
    let (taken, log) = (Taken::default(), Spilled::default());
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).unwrap();
    let client = Client::builder(endpoint.url()).build().unwrap();
    let layer = TracingEvents::builder(&client)
        .target("orders")
        .except_target("orders::sql")
        .write(Member::ModulePath)
        .called(Member::File, "code.file")
        .write(Member::Line)
        .build()
        .unwrap();
    let line = tracing::subscriber::with_default(registry().with(layer), || {
        log::debug!(target: "orders", "too low");
        log::info!(target: "stock", "of another target");
        log::info!(target: "orders::sql", "excepted");
        log::info!(target: "overspill::notice", "ours");
        log::warn!(target: "orders::api", "order {} is \"late\"", 7);
        line!() - 1
    });
    let stats = client.shutdown_blocking(Duration::from_secs(20));
    assert_settled(&stats, &taken, &log);
    let expected = format!(
        r#"{{"level":"WARN","message":"order 7 is \"late\"","target":"orders::api","module_path":"log_events","code.file":{:?},"line":{line}}}"#,
        file!()
    );
    assert_eq!(taken.events(), [expected]);
}
