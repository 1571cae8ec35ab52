//! The command as a child process, and the steps that every test shares.

use overspill::spill::Records;
use overspill::testkit::Taken;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The command, built once.
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ourselves = std::env::current_exe().unwrap();
        // target/debug/deps/command-…
        let target = ourselves.ancestors().nth(3).unwrap();
        let built = Command::new(env!("CARGO"))
            .current_dir(&root)
            .args(["build", "--quiet", "--features", "cli", "--bin", "overspill", "--target-dir"])
            .arg(target)
            .status()
            .unwrap();
        assert!(built.success());
        target.join("debug/overspill")
    })
}

/// The command without its environment variables.
pub fn overspill(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    let foreign = std::env::vars_os().map(|(name, _)| name);
    for name in foreign.filter(|name| name.to_string_lossy().starts_with("OVERSPILL_")) {
        command.env_remove(name);
    }
    command.args(arguments).env_remove("NO_COLOR").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn output(arguments: &[&str]) -> Output {
    overspill(arguments).output().unwrap()
}

/// Runs the command with this as its standard input.
pub fn fed(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A child that ended early no longer reads.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A new empty folder for each call.
pub fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let target = program().ancestors().nth(2).unwrap();
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = target.join("command-tests").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The events that an endpoint accepted, as text.
pub fn taken_texts(taken: &Taken) -> BTreeSet<String> {
    taken.events().into_iter().collect()
}

/// The events that are spilled in a file, as text; none twice.
pub fn spilled_texts(path: &Path) -> BTreeSet<String> {
    let Ok(file) = File::open(path) else { return BTreeSet::new() };
    let events: Vec<String> =
        Records::new(BufReader::new(file)).joined().map(|event| event.unwrap().event).collect();
    let set: BTreeSet<String> = events.iter().cloned().collect();
    assert_eq!(set.len(), events.len(), "an event is in the log twice");
    set
}

/// Checks the law by the events themselves. If thousands differ, it shows a few.
#[track_caller]
pub fn assert_same(found: &BTreeSet<String>, emitted: &BTreeSet<String>) {
    let few = |events: &BTreeSet<String>, other: &BTreeSet<String>| {
        let some: Vec<String> = events.difference(other).take(3).cloned().collect();
        (events.difference(other).count(), some)
    };
    let (missing, foreign) = (few(emitted, found), few(found, emitted));
    assert!(missing.0 == 0 && foreign.0 == 0, "missing {missing:?}, foreign {foreign:?}");
}

#[track_caller]
#[allow(dead_code, reason = "tests/replay uses it to wait")]
pub fn until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < end, "it did not happen within 30 s");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Kills its child however the test ends.
pub struct Alive(pub Child);

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
