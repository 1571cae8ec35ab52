//! `overspill report`: the sums of a log whose every line is known, and valid pages.

use crate::made;
use crate::stage::{folder, output, overspill, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder with a sample log, for the guide and for `.ci/report-page`, which opens the page in a browser. Written once.
pub fn sample() -> &'static Path {
    static WRITTEN: OnceLock<PathBuf> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let folder = crate::stage::program().ancestors().nth(2).unwrap().join("report-page");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("orders.log"), made::log(40)).unwrap();
        folder
    })
}

fn report(log: &Path) -> (Value, Option<i32>) {
    let output = output(&["report", "--json", log.to_str().unwrap()]);
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (value, output.status.code())
}

fn written(content: impl AsRef<[u8]>) -> std::path::PathBuf {
    let log = folder().join("app.log");
    fs::write(&log, content).unwrap();
    log
}

#[test]
fn the_samples_page_is_one_self_contained_file() {
    let folder = sample();
    let output =
        overspill(&["report", "--html", "page.html", "orders.log"]).current_dir(folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "40 lines are missing: {}", text(&output.stderr));
    let page = fs::read_to_string(folder.join("page.html")).unwrap();
    for foreign in ["<script", "src=", "href=", "@import", "url(", "http://", "onload"] {
        let found = page.matches(foreign).count();
        // The namespace of SVG is not an address that a browser requests.
        let allowed =
            if foreign == "http://" { page.matches("http://www.w3.org/2000/svg").count() } else { 0 };
        assert_eq!(found, allowed, "{foreign}");
    }
    for words in [
        "<svg",
        "Outages",
        "Connection refused",
        "The endpoint was out 2 times",
        "40 more events were written",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("#010203") && !page.contains("#040506") && page.contains("var(--out)"));
}

#[test]
fn a_log_that_lost_nothing_is_exit_code_0_and_every_sum_is_that_of_its_lines() {
    let log = made::log(0);
    let lines = log.lines().filter(|line| line.contains("overspill::spill")).count();
    let bytes: usize =
        log.lines().filter(|line| line.contains("overspill::")).map(|line| line.len() + 1).sum();
    let (report, code) = report(&written(&log));
    assert_eq!(code, Some(0));
    assert_eq!(report["events"], lines);
    assert_eq!(report["record_bytes"], bytes);
    assert_eq!(report["log_bytes"], log.len());
    assert_eq!((&report["missing"], &report["lost"]), (&0.into(), &0.into()));
    let by_reason: u64 = report["by_reason"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    let by_time: u64 = report["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|bucket| bucket["events"].as_object().unwrap().values())
        .map(|n| n.as_u64().unwrap())
        .sum();
    let by_name: u64 = report["by_name"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((by_reason, by_time, by_name), (lines as u64, lines as u64, lines as u64));
    let outages = report["outages"].as_array().unwrap();
    assert_eq!(outages.len(), 2, "{outages:?}");
    assert_eq!(outages[0]["clients"], 3);
    assert_eq!(outages[0]["cause"], "connect: Connection refused (os error 111)");
    let lasted = outages[0]["seconds"].as_f64().unwrap();
    assert!((lasted - 741.0).abs() < 2.0, "{lasted}");
    let lag = outages[0]["recovery_lag_seconds_max"].as_f64().unwrap();
    assert!(lag > 0.0 && lag < 3.0, "{lag}");
}

#[test]
fn lines_that_the_log_lost_are_counted_and_listed_by_client_number_and_time() {
    let (report, code) = report(&written(made::log(40)));
    assert_eq!(code, Some(1));
    assert_eq!(report["missing"], 40);
    assert_eq!(report["short_clients"][0]["client"], "0f1e2d3c4b5a6978");
    assert_eq!(report["short_clients"][0]["missing"], 40);
    let certain: u64 = report["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|gap| gap["certain"] == true)
        .map(|gap| {
            let after = gap["after"].as_str().unwrap();
            assert!(
                after.starts_with("2026-11-26T21:09:") || after.starts_with("2026-11-26T21:10:"),
                "{after}"
            );
            gap["events"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(certain, 40);
}

#[test]
fn outages_are_found_from_the_records_if_the_notices_are_missing() {
    let log: String = made::log(0)
        .lines()
        .filter(|line| !line.contains("overspill::notice"))
        .map(|line| format!("{line}\n"))
        .collect();
    let (report, code) = report(&written(log));
    let outages = report["outages"].as_array().unwrap();
    assert_eq!((outages.len(), code), (2, Some(0)), "{outages:?}");
    assert!(outages.iter().all(|outage| outage["known_by"] == "records" && outage["clients"] == 3));
}

#[test]
fn reading_a_log_twice_changes_nothing_and_packed_records_count_like_plain_ones() {
    let log = made::log(0);
    let once = written(&log);
    let packed = folder().join("app.log.gz");
    let file = fs::File::create(&packed).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, log.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let zstd = folder().join("app.log.zst");
    fs::write(&zstd, zstd::encode_all(log.as_bytes(), 1).unwrap()).unwrap();
    let (single, _) = report(&once);
    for other in [&once, &packed, &zstd] {
        let output = output(&["report", "--json", once.to_str().unwrap(), other.to_str().unwrap()]);
        let both: Value = serde_json::from_slice(&output.stdout).unwrap();
        for same in ["events", "by_reason", "by_name", "timeline"] {
            assert_eq!(both[same], single[same], "{same}");
        }
        assert_eq!(both["again"], single["events"]);
        assert_eq!(both["log_bytes"], 2 * log.len());
    }
}

#[test]
fn a_logs_content_is_escaped_in_the_page() {
    let log = made::log(0)
        .replace("Connection refused (os error 111)", "<script>alert(1)</script>")
        .replace("payment_failed", "<img src=x>");
    let (log, page) = (written(log), folder().join("page.html"));
    output(&["report", "--html", page.to_str().unwrap(), log.to_str().unwrap()]);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&lt;img src=x&gt;"));
    assert!(!page.contains("<script") && !page.contains("<img"));
}

#[test]
fn a_log_without_records_is_reported_and_so_is_a_file_that_is_no_log() {
    let empty = output(&["report", written("hello\n").to_str().unwrap()]);
    assert_eq!(empty.status.code(), Some(0));
    assert!(text(&empty.stdout).starts_with("No event is in this log"), "{}", text(&empty.stdout));
    let folder = folder();
    for (content, words) in [
        (&b"LPKSHHRH\0\0\0"[..], "journalctl -o export"),
        (&b"\x7fELF\x02\x01\x01\0\0\0\0"[..], "it is not a log"),
        (&b"\x1f\x8b\x08 broken"[..], "gzip"),
    ] {
        let path = folder.join("other");
        fs::write(&path, content).unwrap();
        let output = output(&["report", path.to_str().unwrap()]);
        let said = text(&output.stderr);
        assert!(said.contains(words) && !said.contains("panicked"), "{said}");
        assert!([Some(2), Some(4)].contains(&output.status.code()), "{said}");
    }
    for (path, words) in [("/no/such.log", "there is no such file"), ("/tmp", "it is a folder")] {
        let output = output(&["report", path]);
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(2));
    }
}
