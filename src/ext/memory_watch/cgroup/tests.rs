//! Systems as folders: what a process sees of its cgroups on different machines.

use super::*;
use std::fs;

/// A folder that is a system, and gone at the end.
struct Fixture(PathBuf);

impl Fixture {
    fn new(name: &str, files: &[(&str, &str)]) -> Fixture {
        let root = std::env::temp_dir().join(format!("overspill-cgroup-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Fixture(root)
    }

    fn tightest(&self) -> (u32, Tightest) {
        let cgroup = Cgroup::below(&self.0);
        (cgroup.version(), cgroup.tightest(&mut Scratch::new()))
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn known(limit: u64, headroom: u64, in_use: u64) -> Tightest {
    Tightest { limit: Some(limit), headroom: Some(headroom), in_use: Some(in_use) }
}

const V2_MOUNT: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

#[test]
fn a_container_with_version_2_sees_its_own_group_as_the_root() {
    let fixture = Fixture::new(
        "v2-container",
        &[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", V2_MOUNT),
            ("sys/fs/cgroup/memory.max", "1000000\n"),
            ("sys/fs/cgroup/memory.current", "900000\n"),
            ("sys/fs/cgroup/memory.stat", "anon 500000\ninactive_file 300000\nactive_file 1\n"),
        ],
    );
    assert_eq!(fixture.tightest(), (2, known(1_000_000, 400_000, 600_000)));
}

#[test]
fn the_smallest_limit_on_the_way_up_holds_and_the_least_headroom_wherever_it_is() {
    let fixture = Fixture::new(
        "v2-nested",
        &[
            ("proc/self/cgroup", "0::/pods/pod7/app\n"),
            ("proc/self/mountinfo", V2_MOUNT),
            ("sys/fs/cgroup/pods/pod7/app/memory.max", "max\n"),
            ("sys/fs/cgroup/pods/pod7/app/memory.current", "100\n"),
            ("sys/fs/cgroup/pods/pod7/memory.max", "1000\n"),
            ("sys/fs/cgroup/pods/pod7/memory.current", "400\n"),
            ("sys/fs/cgroup/pods/memory.max", "5000\n"),
            ("sys/fs/cgroup/pods/memory.current", "4900\n"),
        ],
    );
    assert_eq!(fixture.tightest(), (2, known(1_000, 100, 4_900)));
}

#[test]
fn version_1_is_read_where_the_memory_controller_is_mounted_even_beside_version_2() {
    let fixture = Fixture::new(
        "v1-hybrid",
        &[
            ("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/docker/4f/job\n1:name=systemd:/\n0::/\n"),
            (
                "proc/self/mountinfo",
                "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                 32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                 35 31 0:32 /docker/4f /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            ),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1500\n"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n"),
        ],
    );
    assert_eq!(fixture.tightest(), (1, known(2_000, 1_000, 1_000)));
}

#[test]
fn without_a_limit_or_without_cgroups_nothing_is_limited() {
    let none = (2, Tightest::default());
    assert_eq!(Fixture::new("none", &[]).tightest(), none);
    let unlimited = [
        ("proc/self/cgroup", "0::/a\n"),
        ("proc/self/mountinfo", V2_MOUNT),
        ("sys/fs/cgroup/a/memory.max", "max\n"),
    ];
    assert_eq!(Fixture::new("unlimited", &unlimited).tightest(), none);
    let garbage = [
        ("proc/self/cgroup", "::::\n0::/../../etc\nnothing\n"),
        ("proc/self/mountinfo", "- - -\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2\n"),
        ("sys/fs/cgroup/memory.max", "-1\n"),
    ];
    assert_eq!(Fixture::new("garbage", &garbage).tightest(), none);
}

#[test]
fn a_mount_with_a_blank_in_its_path_is_found() {
    let fixture = Fixture::new(
        "blank",
        &[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", "30 23 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"),
            ("my groups/memory.max", "10\n"),
        ],
    );
    assert_eq!(fixture.tightest().1.limit, Some(10));
}
