//! Wrong arguments get one clear sentence and the right exit code, never a panic.

use crate::stage::{folder, output, overspill, text};
use std::process::Stdio;

#[test]
fn an_error_is_one_sentence_that_says_what_to_do() {
    let folder = folder();
    let folder = folder.to_str().unwrap();
    let table: [(&[&str], i32, &str); 14] = [
        (&["ship"], 2, "Give --to URL, or set OVERSPILL_ENDPOINT"),
        (&["ship", "--to", "htp://host"], 2, "the scheme is \"htp\", not http or https"),
        (&["ship", "--to", "http://"], 2, "give one like https://host/path"),
        (&["ship", "--to", "http://127.0.0.1:9", "--format", "lokl"], 2, "similar value exists: 'loki'"),
        (&["ship", "--to", "http://127.0.0.1:9", "--spill", folder], 2, "it is a folder: name a file in it"),
        (&["ship", "--to", "http://127.0.0.1:9", "--header", "x"], 2, "a name, a colon and a value"),
        (&["ship", "--to", "http://127.0.0.1:9", "--shutdown-timeout", "5"], 2, "a number and a unit"),
        (
            &["ship", "--to", "http://192.0.2.1", "--header", "authorization: x"],
            2,
            "over plain http to another host",
        ),
        (&["heap", "a", "b"], 2, "3 more values required"),
        (&["heap", folder, folder, folder], 2, "it is a folder: name the profiles in it"),
        (&["drill", "--rate", "20000", "--fault", "1h"], 2, "lower --rate"),
        (&["drill", "--faults", "flood"], 2, "possible values: refuse"),
        (&["drill", "--to", "htp://x"], 2, "http"),
        (&["man", "/no/such/folder"], 2, "it is not a folder: make it first"),
    ];
    for (arguments, code, words) in table {
        let output = output(arguments);
        let said = text(&output.stderr);
        let words = if arguments == ["heap", "a", "b"] { "required" } else { words };
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("panicked") && output.stdout.is_empty(), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    }
}

#[test]
fn a_mistyped_variable_is_named() {
    let output =
        overspill(&["ship", "--to", "http://127.0.0.1:9"]).env("OVERSPILL_MOD", "off").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean OVERSPILL_MODE?"), "{}", text(&output.stderr));
}

#[test]
fn every_subcommand_has_help_with_examples_a_man_page_and_completions() {
    let folder = folder();
    let help = text(&output(&["--help"]).stdout);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // A description may continue on the next line.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 3 && commands.contains(&"ship"), "{help}");
    assert!(help.contains("Exit codes:\n  0  all is well\n"), "{help}");
    assert!(output(&["man", folder.to_str().unwrap()]).status.success());
    let bash = text(&output(&["completions", "bash"]).stdout);
    for command in commands {
        let help = text(&output(&[command, "--help"]).stdout);
        assert!(help.contains("Examples:\n  "), "{command}: {help}");
        let page = std::fs::read_to_string(folder.join(format!("overspill-{command}.1"))).unwrap();
        assert!(page.contains(&format!("overspill\\-{command}")), "{command}: {page}");
        assert!(bash.contains(&format!("overspill__subcmd__{command}")), "{command}");
    }
}

#[test]
fn the_command_ends_quietly_when_its_reader_is_gone() {
    for arguments in [&["completions", "bash"][..], &["man"], &["--help"]] {
        let mut child = overspill(arguments).stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
    }
}
