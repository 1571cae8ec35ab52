//! `overspill watch` and `overspill heap`: a series by signal, and the comparison at its end.

use crate::stage::{Alive, folder, output, overspill, text};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A profile as jemalloc writes it, of a program that holds a number of MB at one place.
fn profile(mb: u64) -> String {
    let held = format!("t*: {mb}: {}000000 [0: 0]", mb);
    format!("heap_v2/524288\n  {held}\n@ 0x401000 0x402000\n  {held}\n\nMAPPED_LIBRARIES:\n")
}

#[test]
fn a_growing_process_is_asked_three_times_and_what_grew_is_named() {
    let folder = folder();
    for (nth, mb) in [(1, 100), (2, 200), (3, 300)] {
        fs::write(folder.join(format!("next.{nth}")), profile(mb)).unwrap();
    }
    let script = "cd \"$0\"; n=0; trap 'n=$((n+1)); mv next.$n service.$$.$n.m$n.heap; touch service.$$.$n.m$n.heap' USR2; \
                  echo ready; while :; do sleep 0.05; done";
    let mut process =
        Alive(Command::new("bash").args(["-c", script]).arg(&folder).stdout(Stdio::piped()).spawn().unwrap());
    let mut ready = String::new();
    BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let pid = process.0.id().to_string();
    let output = output(&["watch", &pid, "--folder", folder.to_str().unwrap(), "--every", "1s"]);
    let said = text(&output.stderr);
    assert!(said.contains("3 of 3: "), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(text(&output.stdout).contains("GREW IN BOTH INTERVALS"), "{}", text(&output.stdout));
}

#[test]
fn a_process_that_the_signal_would_kill_gets_no_signal() {
    let mut process = Alive(Command::new("sleep").arg("1000").spawn().unwrap());
    let output = output(&["watch", &process.0.id().to_string(), "--every", "1ms"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("does not take SIGUSR2"), "{}", text(&output.stderr));
    assert!(process.0.try_wait().unwrap().is_none(), "it is still running");
}

#[test]
fn an_invalid_process_or_signal_is_an_error() {
    for (arguments, words) in [
        (&["watch", "999999999"][..], "there is no process 999999999"),
        (&["watch", "0"], "0 is not in 1.."),
        (&["watch", "1", "--signal", "SIGNOPE"], "give the name of a signal"),
        (&["watch", "1", "--count", "2"], "2 is not in 3..=1000"),
    ] {
        let output = output(arguments);
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn three_profiles_are_compared_and_the_exit_code_says_whether_something_grows() {
    let folder = folder();
    let compared = |name: &str, mb: [u64; 3]| {
        let paths: Vec<String> = (0..3)
            .map(|nth| {
                let path = folder.join(format!("{name}.1.{nth}.m{nth}.heap"));
                fs::write(&path, profile(mb[nth])).unwrap();
                // A minute apart: the file format has no time.
                let touched =
                    Command::new("touch").arg(format!("--date=2026-11-26 21:0{nth}:00")).arg(&path).status();
                assert!(touched.unwrap().success());
                path.to_str().unwrap().to_owned()
            })
            .collect();
        let arguments: Vec<&str> =
            ["heap", "--json"].into_iter().chain(paths.iter().map(String::as_str)).collect();
        overspill(&arguments).output().unwrap()
    };
    let grows = compared("grows", [100, 200, 300]);
    assert_eq!(grows.status.code(), Some(1), "{}", text(&grows.stderr));
    let json: serde_json::Value = serde_json::from_slice(&grows.stdout).unwrap();
    assert_eq!(json["persistent_stacks"], 1);
    assert_eq!(compared("stays", [100, 100, 100]).status.code(), Some(0));
}
