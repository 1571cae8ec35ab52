//! Without a guard the end of `main` says how many events were left behind: a program of its own, since only a real `main` has this end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test says what it means")]

use overspill::Client;
use std::net::TcpListener;
use std::process::Command;
use std::sync::OnceLock;

const PART: &str = "MAIN_ENDS_PART";
static GLOBAL: OnceLock<Client> = OnceLock::new();

fn main() {
    match std::env::var(PART) {
        Ok(part) => play(&part),
        Err(_) => {
            without_a_guard_the_end_of_main_says_how_many_events_were_left_behind();
            println!("test without_a_guard_the_end_of_main_says_how_many_events_were_left_behind ... ok");
        }
    }
}

fn without_a_guard_the_end_of_main_says_how_many_events_were_left_behind() {
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
    }
}

/// In the child: its endpoint accepts nothing, so that all is pending.
fn play(part: &str) {
    // Never closed: a connection that is reset would be an end of its own.
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
        "shut down" => _ = client().shutdown_blocking(std::time::Duration::from_millis(50)),
        _ => panic!("there is no part {part}"),
    }
}
