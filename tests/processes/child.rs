//! Children: this binary again, in one role, under a watchdog that kills by pid and shows the child's output.

use crate::support::until;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No child may take longer, unless its test allows it.
pub const WATCHDOG: Duration = Duration::from_secs(10);
const PART: &str = "PROCESSES_PART";
const URL: &str = "PROCESSES_URL";
/// The prefix of a child's lines for its parent; everything else is its log.
const SAY: &str = "say: ";

/// The name of a part, and what the child does in it.
pub type Part = (&'static str, fn());

/// In a child: plays its part.
pub fn play(parts: &[Part]) {
    let Some(name) = std::env::var_os(PART) else { return };
    let (_, part) = parts.iter().find(|(part, _)| name == **part).expect("a part that exists");
    part();
}

/// In a child: the endpoint that the parent plays.
pub fn url() -> String {
    std::env::var(URL).expect("the parent names an endpoint")
}

/// In a child: a line for the parent.
pub fn say(words: impl Display) {
    println!("{SAY}{words}");
}

/// In a child: waits for a line from the parent.
pub fn hear() -> String {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).expect("a parent");
    line.trim().to_owned()
}

/// In a child: a global subscriber that writes JSON lines to standard output.
pub fn log_to_stdout() {
    tracing_subscriber::fmt().json().init();
}

/// A child that has not started.
pub struct Start {
    part: &'static str,
    exe: PathBuf,
    through: Vec<OsString>,
    variables: Vec<(String, String)>,
    stdout: Heard,
    watchdog: Duration,
}

/// Whether the child's standard output is read as it arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    AtOnce,
    /// Not before [`Running::listen`].
    Later,
}

impl Start {
    pub fn of(part: &'static str, url: impl Into<String>) -> Start {
        let variables = vec![(PART.to_owned(), part.to_owned()), (URL.to_owned(), url.into())];
        let exe = std::env::current_exe().unwrap();
        Start { part, exe, through: Vec::new(), variables, stdout: Heard::AtOnce, watchdog: WATCHDOG }
    }

    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Start {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// For a part that takes long.
    pub fn within(mut self, watchdog: Duration) -> Start {
        self.watchdog = watchdog;
        self
    }

    pub fn stdout(mut self, heard: Heard) -> Start {
        self.stdout = heard;
        self
    }

    /// Runs a copy of this binary, in a place that the child may read.
    pub fn exe(mut self, exe: &Path) -> Start {
        self.exe = exe.to_owned();
        self
    }

    /// Lets the shell do something first, such as `ulimit`.
    pub fn after(self, commands: &str) -> Start {
        self.through(["sh", "-c", &format!("{commands} && exec \"$@\""), "sh"])
    }

    /// Starts the child through another program that takes a command line.
    pub fn through<'a>(mut self, program: impl IntoIterator<Item = &'a str>) -> Start {
        self.through.splice(0..0, program.into_iter().map(OsString::from));
        self
    }

    pub fn start(self) -> Running {
        let test = ["child", "--exact", "--quiet", "--nocapture", "--test-threads=1"].map(OsString::from);
        let mut words = self.through.into_iter().chain([self.exe.into_os_string()]).chain(test);
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .envs(self.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (Words::default(), Words::default());
        let readers = vec![err.hear(child.stderr.take().unwrap())];
        let unheard = child.stdout.take();
        let mut running = Running {
            part: self.part,
            child,
            began: Instant::now(),
            watchdog: self.watchdog,
            out,
            err,
            unheard,
            readers,
        };
        if self.stdout == Heard::AtOnce {
            running.listen();
        }
        running
    }
}

/// A stream's output, line by line.
#[derive(Clone, Default)]
struct Words {
    said: Arc<Mutex<Vec<String>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Words {
    fn hear(&self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let words = self.clone();
        std::thread::spawn(move || {
            let (mut stream, mut line) = (BufReader::new(stream), Vec::new());
            while stream.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                match text.strip_prefix(SAY) {
                    Some(said) => words.said.lock().unwrap().push(said.to_owned()),
                    None => words.lines.lock().unwrap().push(text),
                }
                line.clear();
            }
        })
    }
}

/// A running child. It is killed if dropped before its end.
pub struct Running {
    part: &'static str,
    child: Child,
    began: Instant,
    watchdog: Duration,
    out: Words,
    err: Words,
    unheard: Option<ChildStdout>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn listen(&mut self) {
        if let Some(stdout) = self.unheard.take() {
            self.readers.push(self.out.hear(stdout));
        }
    }

    /// The child's output so far, on either stream.
    pub fn said(&self) -> Vec<String> {
        [&self.out, &self.err].iter().flat_map(|words| words.said.lock().unwrap().clone()).collect()
    }

    pub fn until_said(&mut self, beginning: &str) -> String {
        let mut found = None;
        while found.is_none() {
            found = self.said().into_iter().find(|said| said.starts_with(beginning));
            let ended = self.child.try_wait().unwrap().is_some();
            if found.is_none() && (ended || self.began.elapsed() > self.watchdog) {
                self.fail(&format!("never said {beginning:?}"));
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        found.unwrap()
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").expect("a child that listens");
    }

    /// Sends a signal to the pid, with the shell's `kill`, which every machine has.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().unwrap();
        assert!(status.success(), "kill -s {name} {pid}");
    }

    /// Stops the child, and waits until it has stopped.
    pub fn freeze(&self) {
        self.signal("STOP");
        until("the child to be frozen", || self.state() == Some('T'));
    }

    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// The kernel's process state: after the name, which may contain anything.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Waits for the end, whatever it is.
    pub fn end(mut self) -> Ended {
        self.listen();
        let mut status = None;
        while status.is_none() {
            status = self.child.try_wait().unwrap();
            if status.is_none() && self.began.elapsed() > self.watchdog {
                self.fail("the watchdog: still running");
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        let took = self.began.elapsed();
        let lines = [&self.out, &self.err].iter().flat_map(|w| w.lines.lock().unwrap().clone()).collect();
        Ended { part: self.part, status: status.unwrap(), took, said: self.said(), lines }
    }

    /// Waits for a successful end.
    #[track_caller]
    pub fn succeed(self) -> Ended {
        let ended = self.end();
        assert!(ended.status.success(), "{ended}");
        ended
    }

    fn fail(&mut self, why: &str) -> ! {
        let _ = self.child.kill();
        let (out, err) =
            (self.out.lines.lock().unwrap().join("\n"), self.err.lines.lock().unwrap().join("\n"));
        panic!("{}: {why}\nsaid: {:?}\n{}\n{}", self.part, self.said(), tail(&out), tail(&err));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(text: &str) -> &str {
    &text[text.char_indices().rev().nth(4000).map_or(0, |(at, _)| at)..]
}

/// A child that has ended.
pub struct Ended {
    part: &'static str,
    pub status: ExitStatus,
    pub took: Duration,
    pub said: Vec<String>,
    /// Standard output, then standard error.
    pub lines: Vec<String>,
}

impl Ended {
    /// The rest of the last line that began like this.
    #[track_caller]
    pub fn figure<T: std::str::FromStr>(&self, beginning: &str) -> T {
        let found = self.said.iter().rev().find_map(|said| said.strip_prefix(beginning));
        let text = found
            .unwrap_or_else(|| panic!("the child printed no line that begins with {beginning:?}\n{self}"));
        text.trim().parse().unwrap_or_else(|_| panic!("{text:?} after {beginning:?} is not a number"))
    }

    pub fn count_notices(&self, words: &str) -> usize {
        self.lines.iter().filter(|line| line.contains("overspill::notice") && line.contains(words)).count()
    }
}

impl Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (code, signal) = (self.status.code(), self.status.signal());
        writeln!(f, "{}: code {code:?}, signal {signal:?}, after {:?}", self.part, self.took)?;
        write!(f, "said: {:?}\n{}", self.said, tail(&self.lines.join("\n")))
    }
}

/// In a child: resident memory, bytes.
pub fn rss() -> usize {
    status_field("VmRSS:") * 1024
}

/// In a child: how many threads there are.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// In a child: how many files are open, including the one that this opens.
pub fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn status_field(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field of /proc/self/status");
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// In a child: waits until the sender's thread and whatever it started are gone.
pub fn until_threads(count: usize) {
    until("the threads to end", || threads() == count);
}
