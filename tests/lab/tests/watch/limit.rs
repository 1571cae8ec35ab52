//! A real limit: a service with default settings leaks in a container of 256 MiB until the kernel kills it.

use crate::figures;
use crate::world::{FOLDER, PART as VARIABLE, World, folder_of_child, lines_of};
use overspill::memory_watch::MemoryWatch;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub const PART: &str = "a service that leaks to its limit";
const LIMIT: u64 = 256 << 20;

/// Leaks about 10 MB a second, in pieces of a kilobyte, and reports each snapshot on standard error.
pub fn a_service_that_leaks_to_its_limit() {
    let _watch = MemoryWatch::builder("shop", folder_of_child()).disk_free_min(0).start().unwrap();
    let mut held = Vec::new();
    loop {
        held.extend((0..500).map(|_| std::hint::black_box(vec![1_u8; 1_000])));
        // Sets the rate of the leak.
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A cgroup with a limit, which only root can create; removed at the end.
struct Group(PathBuf);

impl Group {
    fn new() -> Result<Group, String> {
        let name = format!("overspill-watch-{}", std::process::id());
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let mut why = "there is no memory controller".to_owned();
        for (top, limit) in versions {
            let folder = Path::new(top).join(&name);
            match fs::create_dir(&folder) {
                Ok(()) => {
                    let group = Group(folder);
                    match fs::OpenOptions::new().write(true).open(group.0.join(limit)) {
                        Ok(mut file) => match write!(file, "{LIMIT}") {
                            Ok(()) => return Ok(group),
                            Err(error) => why = format!("{limit}: {error}"),
                        },
                        Err(error) => why = format!("{limit}: {error}"),
                    }
                }
                Err(error) => why = format!("{top}: {error}"),
            }
        }
        Err(why)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel needs a moment to remove the killed processes.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

fn skip(why: &str) {
    let text = format!("the memory watch in a real cgroup of 256 MiB: {why}");
    eprintln!("\n*** SKIPPED: {text} ***\n");
    if let Some(list) = std::env::var_os("CI_SKIPPED") {
        let mut list = File::options().append(true).create(true).open(list).unwrap();
        writeln!(list, "{text}").unwrap();
    }
}

#[test]
fn in_a_real_cgroup_a_service_with_default_settings_leaves_three_heap_profiles_before_it_is_killed() {
    let group = match Group::new() {
        Ok(group) => group,
        Err(why) => return skip(&why),
    };
    let world = World::new();
    let errors = world.root().join("stderr");
    let status = Command::new("timeout")
        .args(["60", "sh", "-c", "echo $$ > \"$GROUP/cgroup.procs\" && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--quiet", "--nocapture", "--test-threads=1"])
        .env("GROUP", &group.0)
        .env(VARIABLE, PART)
        .env(FOLDER, &world.folder)
        .env("_RJEM_MALLOC_CONF", "prof:true,prof_active:true,lg_prof_sample:19")
        .stderr(File::create(&errors).unwrap())
        .status()
        .unwrap();
    let said = fs::read_to_string(&errors).unwrap();
    let killed = status.signal() == Some(9) || status.code() == Some(137);
    assert!(killed, "by the kernel, at the limit: {status} {said}");
    let count = |ending: &str| world.files().iter().filter(|file| file.ends_with(ending)).count();
    let (heap, short) = (count(".pb.gz"), count(".short.txt"));
    assert!(heap >= 3, "{heap} heap profiles, {short} short reports: {:?}\n{said}", world.files());
    assert!(lines_of(&said, "as things are").is_empty(), "{said}");
    figures::report(
        35,
        "heap profiles before a real limit of 256 MiB, by default, taken / at least",
        format!("{heap} / 3"),
    );
}
