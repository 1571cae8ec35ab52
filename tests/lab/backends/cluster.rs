//! Two servers behind haproxy. One is killed under load and restarted, then stopped and killed; haproxy handles the rest.

use crate::Failure;
use crate::backend::Backend;
use crate::clickhouse::ClickHouse;
use crate::flow::Flow;
use crate::front::Front;
use crate::judge::{Expected, Seen};
use std::path::Path;
use std::time::Duration;

const HEALTHY: Duration = Duration::from_millis(1_500);
const DEAD: Duration = Duration::from_secs(2);
/// Less than the timeout of a post: the server is processing the post when it is killed.
const STOPPED: Duration = Duration::from_millis(700);
/// At most one in this many events may go to the log: those that the killed server was processing.
const LOGGED_ONE_IN: u64 = 10;
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

pub fn play(home: &Path) -> Result<(String, Seen, Expected), Failure> {
    let mut servers = [ClickHouse::new(&home.join("one"))?, ClickHouse::new(&home.join("two"))?];
    for server in &mut servers {
        server.start()?;
    }
    let mut front = Front::haproxy(home, "/ping", &[servers[0].port, servers[1].port])?;
    front.start()?;
    let name = format!("haproxy + 2 x {}", servers[0].name());
    let flow = Flow::impatient(servers[0].client_of(front.port), 0)?;
    flow.beside(|| {
        // The length of each stage, here and below.
        std::thread::sleep(HEALTHY);
        servers[1].kill();
        // The length of the fault.
        std::thread::sleep(DEAD);
        servers[1].start()?;
        // The time between two faults.
        std::thread::sleep(HEALTHY);
        let killed_once = flow.client.stats();
        println!("    killed and restarted: {killed_once}");
        servers[1].stop()?;
        // The length of the fault.
        std::thread::sleep(STOPPED);
        servers[1].kill();
        // The length of the fault.
        std::thread::sleep(DEAD);
        servers[1].start()?;
        flow.recover()
    })?;
    let stats = flow.client.shutdown_blocking(SHUTDOWN_MAX);
    let mut found = servers[0].read(0, 0)?;
    let by_the_other = servers[1].read(0, 0)?;
    println!("    events on the first server: {}, on the killed server: {}", found.len(), by_the_other.len());
    found.extend(by_the_other);
    for notice in flow.notices() {
        println!("    {notice}");
    }
    Ok((name, flow.seen(stats, found), Expected::Hardly(LOGGED_ONE_IN)))
}
