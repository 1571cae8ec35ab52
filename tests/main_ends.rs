//! Row 50: `main` returns without a shutdown. With a guard nothing is lost; without a guard a line says how many events were left
//! behind. A separate program, because only a real `main` ends this way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

#[path = "it/figures.rs"]
mod figures;

use figures::report;
use overspill::spill::{join, read_line};
use overspill::testkit::{Act, Endpoint, Taken};
use overspill::{Client, MaybeDelivered};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

const URL: &str = "MAIN_ENDS_URL";
/// The guard's deadline. With an endpoint that hangs, the guard waits this long.
const WITHIN: Duration = Duration::from_millis(100);
const PART: &str = "MAIN_ENDS_PART";
static GLOBAL: OnceLock<Client> = OnceLock::new();

fn main() {
    match std::env::var(PART) {
        Ok(part) => play(&part),
        Err(_) => {
            for (name, test) in [
                (
                    "without_a_guard_the_end_of_main_says_how_many_events_were_left_behind",
                    without_a_guard_the_end_of_main_says_how_many_events_were_left_behind as fn(),
                ),
                (
                    "with_a_guard_nothing_is_lost_however_often_main_returns",
                    with_a_guard_nothing_is_lost_however_often_main_returns,
                ),
            ] {
                // The thread's name is the test's, for its figures.
                let test = std::thread::Builder::new().name(name.to_owned()).spawn(test).unwrap();
                test.join().expect(name);
                println!("test {name} ... ok");
            }
        }
    }
}

fn with_a_guard_nothing_is_lost_however_often_main_returns() {
    let (mut ends, mut lost) = (0_u64, 0);
    while ends < cases() {
        for act in [Act::Status(200), Act::Status(503), Act::Hang] {
            ends += 1;
            lost += lost_with_a_guard(act);
        }
    }
    assert_eq!(lost, 0, "of {ends} ends");
    report(50, &format!("events lost, {ends} ends of main with the guard"), lost);
}

/// The number of cases in `FAULTS_CASES`, at most the number that the row names.
fn cases() -> u64 {
    let asked = std::env::var("FAULTS_CASES");
    asked.map_or(60, |text| text.parse().expect("FAULTS_CASES is a number")).min(1_000)
}

/// How many of a program's five events are neither at the endpoint nor in its log.
fn lost_with_a_guard(act: Act) -> usize {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(move |_| act.clone())).unwrap();
    let exe = std::env::current_exe().unwrap();
    let ended = Command::new(exe).env(PART, "guard").env(URL, endpoint.url()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && !said.contains("main ended"), "{said}");
    let ids = |events: Vec<String>| events.iter().map(|id| id.parse().unwrap()).collect::<BTreeSet<u64>>();
    let at_endpoint = ids(taken.events());
    let spilled = join(said.lines().filter_map(read_line));
    let unmarked = spilled.iter().filter(|event| event.maybe_delivered == MaybeDelivered::No);
    let unmarked = ids(unmarked.map(|event| event.event.clone()).collect());
    assert_eq!(unmarked.intersection(&at_endpoint).next(), None, "in both places: {said}");
    let in_log = ids(spilled.into_iter().map(|event| event.event).collect());
    (0..5).filter(|id| !at_endpoint.contains(id) && !in_log.contains(id)).count()
}

fn without_a_guard_the_end_of_main_says_how_many_events_were_left_behind() {
    let mut silent = 0;
    for (part, pending) in
        [("dropped", 5), ("forgotten", 5), ("static", 5), ("exit", 5), ("two clients", 5), ("shut down", 0)]
    {
        let exe = std::env::current_exe().unwrap();
        let ended = Command::new(exe).env(PART, part).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{part}: {said}");
        let told = |line: &&str| line.contains(&format!("main ended with {pending} events pending"));
        let lines = said.lines().filter(told).count();
        let expected = match part {
            "two clients" => 2,
            "shut down" => 0,
            _ => 1,
        };
        assert_eq!(lines, expected, "{part}: {said}");
        assert_eq!(
            said.lines().filter(|line| line.contains("main ended")).count(),
            expected,
            "{part}: {said}"
        );
        assert_eq!(said.matches("shutdown_on_drop").count(), expected, "what to do: {said}");
        silent += usize::from(pending > 0 && lines == 0);
    }
    report(50, "ends without the guard that left events behind and said nothing", silent);
}

/// In the child: its endpoint accepts nothing, so that everything is pending.
fn play(part: &str) {
    if part == "guard" {
        let client = Client::builder(std::env::var(URL).unwrap()).build().unwrap();
        let _guard = client.shutdown_on_drop(WITHIN);
        return (0..5).for_each(|id| _ = client.emit(&id));
    }
    // Never closed: a reset connection would settle the events.
    let hangs: &TcpListener = Box::leak(Box::new(TcpListener::bind("127.0.0.1:0").unwrap()));
    let client = || {
        let client = Client::builder(format!("http://{}/", hangs.local_addr().unwrap())).build().unwrap();
        for id in 0..5 {
            client.emit(&id);
        }
        client
    };
    match part {
        "dropped" => drop(client()),
        "forgotten" => std::mem::forget(client()),
        "static" => _ = GLOBAL.get_or_init(client),
        "exit" => {
            let _client = client();
            std::process::exit(0);
        }
        "two clients" => _ = (client(), client()),
        "shut down" => _ = client().shutdown_blocking(Duration::from_millis(50)),
        _ => panic!("there is no part {part}"),
    }
}
