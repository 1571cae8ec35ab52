//! A folder that stands for the system, with as much memory in use as the test says; the log; children.

use overspill::memory_watch::{Builder, Looked, MemoryWatch, Watch};
use overspill::testkit::Spilled;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The variable that makes this binary a child.
pub const PART: &str = "WATCH_PART";
/// The variable that names the child's folder.
pub const FOLDER: &str = "WATCH_FOLDER";
pub const MB: u64 = 1_000_000;

/// A system and a folder for snapshots, removed at the end.
pub struct World {
    root: PathBuf,
    pub folder: PathBuf,
    pub log: Spilled,
    _scope: tracing::subscriber::DefaultGuard,
}

impl World {
    pub fn new() -> World {
        static NTH: AtomicU32 = AtomicU32::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("overspill-watch-{}-{nth}", std::process::id()));
        fs::create_dir_all(root.join("proc/self")).unwrap();
        fs::write(root.join("proc/self/cgroup"), "0::/\n").unwrap();
        fs::write(root.join("proc/self/smaps_rollup"), "Rss: 1 kB\n").unwrap();
        let log = Spilled::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let scope = tracing::subscriber::set_default(subscriber);
        let world = World { folder: root.join("snapshots"), root, log, _scope: scope };
        world.resident(100 * MB);
        world.machine(8_000 * MB, 4_000 * MB);
        world
    }

    /// Sets the memory in use, all of it heap: at least this much, in whole pages.
    pub fn resident(&self, bytes: u64) {
        self.memory(bytes, bytes);
    }

    /// Sets the resident set, and how much of it is anonymous.
    pub fn memory(&self, resident: u64, anonymous: u64) {
        let pages = resident.div_ceil(rustix::param::page_size() as u64);
        let (rss, anonymous) = (resident.div_ceil(1_024), anonymous.div_ceil(1_024));
        self.put(
            "proc/self/status",
            &format!("Name:\tservice\nVmRSS:\t {rss} kB\nRssAnon:\t {anonymous} kB\nVmSwap:\t 0 kB\n"),
        );
        self.put("proc/self/statm", &format!("999999 {pages} 1 1 0 1 0\n"));
    }

    /// The machine's memory, and how much is available.
    pub fn machine(&self, total: u64, available: u64) {
        let text =
            format!("MemTotal: {} kB\nMemFree: 1 kB\nMemAvailable: {} kB\n", total >> 10, available >> 10);
        self.put("proc/meminfo", &text);
    }

    /// A cgroup of version 2, with its limit and use.
    pub fn cgroup(&self, limit: u64, in_use: u64) {
        fs::create_dir_all(self.root.join("sys/fs/cgroup")).unwrap();
        self.put("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        self.put("sys/fs/cgroup/memory.max", &format!("{limit}\n"));
        self.put("sys/fs/cgroup/memory.current", &format!("{in_use}\n"));
    }

    /// How much of the cgroup's memory the kernel could reclaim, and the rest of its `memory.stat`.
    pub fn cgroup_stat(&self, stat: &str) {
        self.put("sys/fs/cgroup/memory.stat", stat);
    }

    /// Writes the file in one step: the watch may be reading it.
    pub fn put(&self, path: &str, text: &str) {
        let (path, new) = (self.root.join(path), self.root.join("new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A watch of service `shop` on this system; every disk has enough room.
    pub fn builder(&self) -> Builder {
        self.builder_into(&self.folder)
    }

    pub fn builder_into(&self, folder: &Path) -> Builder {
        MemoryWatch::builder("shop", folder).system_root(&self.root).disk_free_min(0)
    }

    /// Names in the folder, sorted; none if there is no folder.
    pub fn files(&self) -> Vec<String> {
        names_in(&self.folder)
    }

    /// The log's lines of the watch that contain `words`, as JSON.
    pub fn notices(&self, words: &str) -> Vec<serde_json::Value> {
        let text = self.log.text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines
            .filter(|line| line["target"] == overspill::memory_watch::MEMORY_WATCH_TARGET)
            .filter(|line| line["fields"]["message"].as_str().is_some_and(|text| text.contains(words)))
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700));
        let _ = fs::remove_dir_all(&self.root);
    }
}

pub fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The log's lines on a child's standard error that contain `words`.
pub fn lines_of<'a>(said: &'a str, words: &str) -> Vec<&'a str> {
    said.lines().filter(|line| line.contains(words)).collect()
}

/// A clock that the test sets.
pub struct Course {
    began: Instant,
    second: u64,
}

impl Course {
    pub fn new() -> Course {
        Course { began: Instant::now(), second: 0 }
    }

    /// The next look, this many seconds after the last.
    pub fn look<'a>(&mut self, watch: &'a mut Watch, after: u64) -> Looked<'a> {
        self.second += after;
        watch.look(self.began + Duration::from_secs(self.second))
    }
}

/// Waits for a condition, at most half a minute.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not happen: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Runs a part in a separate process, which the shell's `commands` prepare. Returns its output once it has succeeded.
#[track_caller]
pub fn play(part: &str, commands: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let exe = std::env::current_exe().unwrap();
    let Output { status, stdout, stderr } = Command::new("timeout")
        .args(["60", "sh", "-c", &format!("{commands} exec \"$@\""), "sh"])
        .arg(exe)
        .args(["child", "--exact", "--quiet", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FOLDER, folder)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "the child: {status}\n{said}");
    said
}

/// In a child: where to write.
pub fn folder_of_child() -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).expect("the parent names a folder"))
}
