//! `overspill drill` reports what each fault does to events, and its proxy does what it reports.

use crate::stage::{Alive, fed, folder, output, overspill, spilled_texts, taken_texts, text};
use overspill::testkit::{Act, Endpoint, Taken};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;

fn drilled(arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let quick = ["drill", "--json", "--fault", "2s", "--healthy", "3s", "--rate", "100"];
    let output = output(&[&quick, arguments].concat());
    let verdict: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (verdict["phases"].as_array().unwrap().clone(), output.status.code())
}

#[test]
fn a_drill_accounts_for_every_event_and_loses_none() {
    let (phases, code) = drilled(&["--faults", "refuse,reset,503,html"]);
    let names: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    let healthy = "healthy";
    assert_eq!(names, [healthy, "refuse", healthy, "reset", healthy, "503", healthy, "html", healthy]);
    for phase in &phases {
        let number = |name: &str| phase[name].as_u64().unwrap();
        assert!(number("emitted") > 0, "{phase}");
        assert_eq!(
            number("emitted") + number("both"),
            number("delivered") + number("spilled") + number("lost"),
            "{phase}"
        );
        assert_eq!(number("lost"), 0, "{phase}");
        if phase["phase"] == healthy {
            assert!(number("delivered") > 0, "{phase}");
        } else {
            assert!(number("spilled") > 0, "{phase}");
            assert!(phase["noticed_seconds"].as_f64().unwrap() < 2.0, "{phase}");
            assert!(phase["recovered_seconds"].as_f64().unwrap() < 3.0, "{phase}");
        }
    }
    // Nothing listens, but requests in flight when the port closed count in this phase.
    assert!(phases[1]["requests"].as_u64().unwrap() <= 2, "{}", phases[1]);
    assert_eq!(code, Some(0));
}

#[test]
fn a_drill_of_a_real_endpoint_passes_only_if_the_endpoint_is_healthy() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|request| {
        assert!(request.head.starts_with("POST /v1/events?key=1 "), "{}", request.head);
        Act::Status(202)
    }))
    .unwrap();
    let (phases, code) = drilled(&["--faults", "413", "--to", &format!("{}?key=1", endpoint.url())]);
    let delivered: u64 = phases.iter().map(|phase| phase["delivered"].as_u64().unwrap()).sum();
    assert_eq!((taken.len() as u64, code), (delivered, Some(0)));
    assert!(phases[1]["spilled"].as_u64().unwrap() > 0);
}

#[test]
fn an_endpoint_that_accepts_nothing_even_without_faults_is_exit_code_3() {
    let endpoint = Endpoint::start(|_| Act::Status(500)).unwrap();
    let (phases, code) = drilled(&["--faults", "503", "--to", &endpoint.url()]);
    assert_eq!(code, Some(3), "{phases:?}");
}

/// The service is `overspill ship`: the law holds through the proxy.
#[test]
fn a_service_is_drilled_by_pointing_it_at_the_proxy() {
    let taken = Taken::default();
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200))).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut drill = Alive(
        overspill(&[
            "drill",
            "--json",
            "--faults",
            "503",
            "--fault",
            "3s",
            "--healthy",
            "4s",
            "--listen",
            &address,
            "--to",
            &endpoint.url(),
        ])
        .spawn()
        .unwrap(),
    );
    let mut said = String::new();
    BufReader::new(drill.0.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains(&address), "{said}");
    let spill = folder().join("spilled.ndjson");
    let mut number = 0;
    while drill.0.try_wait().unwrap().is_none() {
        let events: String = (number..number + 50).map(|id| format!("{{\"id\":{id}}}\n")).collect();
        number += 50;
        let ship = overspill(&[
            "ship",
            "--to",
            &format!("http://{address}/v1/events"),
            "--spill",
            spill.to_str().unwrap(),
        ]);
        fed(ship, events.as_bytes());
    }
    let mut verdict = String::new();
    std::io::Read::read_to_string(drill.0.stdout.as_mut().unwrap(), &mut verdict).unwrap();
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    let phases = verdict["phases"].as_array().unwrap();
    assert_eq!(drill.0.wait().unwrap().code(), Some(0), "{phases:?}");
    // The requests in flight when the fault began.
    let passed = phases[1]["requests_passed"].as_u64().unwrap();
    assert!(phases[1]["requests"].as_u64().unwrap() > 0 && passed <= 2, "{phases:?}");
    assert!(phases[1]["recovered_seconds"].is_number(), "{phases:?}");
    let emitted = (0..number).map(|id| format!("{{\"id\":{id}}}")).collect();
    crate::stage::assert_same(&(&taken_texts(&taken) | &spilled_texts(&spill)), &emitted);
}
