//! The command's guide page shows, under each command, what the command really prints.
//!
//! `RENEW_GUIDE=1 cargo test ... --test command guide` rewrites it.

use crate::report;
use crate::stage::program;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A block of the page: a shell session with one command.
fn said(command: &str) -> String {
    let folder = report::sample();
    let path = format!("{}:{}", program().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Times and counts differ from run to run; the text does not.
fn without_numbers(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let plain: String = word.chars().filter(|c| !c.is_ascii_digit() && !".,-".contains(*c)).collect();
        if plain.is_empty() { "0".to_owned() } else { plain }
    });
    // A dash and a number both became `0`.
    words.filter(|word| !["0", "s", "min"].contains(&word.as_str())).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_guides_sessions_show_what_the_command_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/guide/command.md");
    let guide = fs::read_to_string(&path).unwrap();
    let renew = std::env::var_os("RENEW_GUIDE").is_some();
    let mut renewed = String::new();
    let mut rest = guide.as_str();
    let mut seen = 0;
    while let Some((before, block)) = rest.split_once("```console\n$ ") {
        let (session, after) = block.split_once("```\n").unwrap();
        let (command, shown) = session.split_once('\n').unwrap();
        let now = said(command);
        if renew {
            renewed.push_str(&format!("{before}```console\n$ {command}\n{now}```\n"));
        } else if command.contains("overspill drill") || command.contains("overspill watch") {
            assert_eq!(without_numbers(shown), without_numbers(&now), "{command}");
        } else {
            assert!(shown == now, "{command}: the guide shows\n{shown}\nbut the command prints\n{now}");
        }
        seen += 1;
        rest = after;
    }
    assert!(seen >= 5, "{seen}");
    if renew {
        fs::write(&path, renewed + rest).unwrap();
    }
}
