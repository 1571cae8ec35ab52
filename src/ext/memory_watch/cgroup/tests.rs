//! Systems as folders: how a process sees its cgroups on different machines.

use super::*;
use std::fs;

/// A folder that represents a system, deleted when dropped.
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

fn known(limit: u64, in_use: u64) -> Tightest {
    Tightest { limit: Some(limit), fullest: Some(Fill { limit, in_use }) }
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
    assert_eq!(fixture.tightest(), (2, known(1_000_000, 599_999)));
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
    let fullest = Some(Fill { limit: 5_000, in_use: 4_900 });
    assert_eq!(fixture.tightest(), (2, Tightest { limit: Some(1_000), fullest }));
}

#[test]
fn version_1_is_read_where_the_memory_controller_is_mounted_even_next_to_version_2() {
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
    assert_eq!(fixture.tightest(), (1, known(2_000, 1_000)));
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

/// A container of 1 GB whose group has this `memory.stat`, and 950 MB charged to it.
fn in_use_by(stat: &str) -> u64 {
    let fixture = Fixture::new(
        "given-back",
        &[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", V2_MOUNT),
            ("sys/fs/cgroup/memory.max", "1000\n"),
            ("sys/fs/cgroup/memory.current", "950\n"),
            ("sys/fs/cgroup/memory.stat", stat),
        ],
    );
    fixture.tightest().1.fullest.unwrap().in_use
}

#[test]
fn reclaimable_memory_is_not_in_use_and_what_must_be_written_first_is() {
    let table = [
        ("anon 950\n", 950),
        ("anon 57\nfile 860\ninactive_file 0\nactive_file 860\n", 90),
        ("inactive_file 300\nactive_file 500\nslab_reclaimable 50\n", 100),
        ("inactive_file 300\nfile_dirty 200\nfile_writeback 50\n", 900),
        // Shared and locked memory is in `file`, but not in the two lists.
        ("file 860\nshmem 800\nunevictable 60\ninactive_file 0\n", 950),
        // Lines whose names start like others.
        ("inactive_file_x 900\ninactive_anon 900\n", 950),
        ("inactive_file many\n", 950),
        ("inactive_file 9000\n", 0),
        ("file_dirty 100\n", 950),
        ("", 950),
    ];
    for (stat, expected) in table {
        assert_eq!(in_use_by(stat), expected, "{stat:?}");
    }
}

#[test]
fn the_limit_that_slows_a_process_down_counts_where_it_is_below_the_one_that_kills() {
    for (high, max, expected) in [
        ("600", "1000", Some(600)),
        ("max", "1000", Some(1_000)),
        ("600", "max", Some(600)),
        ("1200", "1000", Some(1_000)),
        ("max", "max", None),
    ] {
        let fixture = Fixture::new(
            "high",
            &[
                ("proc/self/cgroup", "0::/a\n"),
                ("proc/self/mountinfo", V2_MOUNT),
                ("sys/fs/cgroup/a/memory.high", high),
                ("sys/fs/cgroup/a/memory.max", max),
                ("sys/fs/cgroup/a/memory.current", "500\n"),
            ],
        );
        let fullest = expected.map(|limit| Fill { limit, in_use: 500 });
        assert_eq!(fixture.tightest().1, Tightest { limit: expected, fullest }, "high {high}, max {max}");
    }
}

/// The same group, or another one, behind several mounts: the limit shows which mount was chosen.
#[test]
fn of_several_mounts_the_one_counts_that_shows_this_process() {
    let ours = format!("1\n{}\n", std::process::id());
    // (paths, mounts, which list contains which process, the limit)
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], Option<u64>);
    let cases: [Case<'_>; 8] = [
        // The host's groups first, which begin above what this process may see.
        (
            "host-first",
            "0::/\n",
            "29 23 0:26 /../.. /host/cgroup rw - cgroup2 cgroup2 rw\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            &[
                ("host/cgroup/memory.max", "5000"),
                ("host/cgroup/cgroup.procs", "1\n2\n"),
                ("sys/fs/cgroup/memory.max", "1000"),
                ("sys/fs/cgroup/cgroup.procs", &ours),
            ],
            Some(1_000),
        ),
        // Without a namespace the host's mount also shows our group and its ancestors.
        (
            "host-has-it",
            "0::/pods/app\n",
            "29 23 0:26 / /host/cgroup rw - cgroup2 cgroup2 rw\n30 23 0:26 /pods/app /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            &[
                ("host/cgroup/pods/memory.max", "700"),
                ("host/cgroup/pods/app/memory.max", "1000"),
                ("host/cgroup/pods/app/cgroup.procs", &ours),
                ("sys/fs/cgroup/memory.max", "1000"),
                ("sys/fs/cgroup/cgroup.procs", &ours),
            ],
            Some(700),
        ),
        // The files are the only evidence: a root has none.
        (
            "by-files",
            "0::/\n",
            "29 23 0:26 / /host/cgroup rw - cgroup2 cgroup2 rw\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            &[
                ("host/cgroup/other/memory.max", "5"),
                ("sys/fs/cgroup/memory.max", "1000"),
                ("sys/fs/cgroup/memory.current", "1"),
            ],
            Some(1_000),
        ),
        // Both versions: the second has the memory controller.
        (
            "hybrid",
            "5:cpu:/docker/a\n0::/docker/a\n",
            "41 31 0:38 /docker/a /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n30 23 0:26 /docker/a /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            &[("sys/fs/cgroup/unified/memory.max", "1000")],
            Some(1_000),
        ),
        // Both versions: the first has the memory controller, and the second is mounted after it.
        (
            "hybrid-v1",
            "4:memory:/docker/a\n0::/docker/a\n",
            "41 31 0:38 /docker/a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n30 23 0:26 /docker/a /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            &[
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "900"),
                ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1"),
                ("sys/fs/cgroup/unified/cgroup.procs", &ours),
            ],
            Some(900),
        ),
        // Outside the namespace, where a mount also begins.
        (
            "out-and-in",
            "0::/../sibling\n",
            "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n30 23 0:26 /.. /above rw - cgroup2 cgroup2 rw\n",
            &[
                ("sys/fs/cgroup/memory.max", "5"),
                ("sys/fs/cgroup/cgroup.procs", "1\n"),
                ("above/sibling/memory.max", "800"),
            ],
            Some(800),
        ),
        // A container's group as its mount shows it, although the path leads out of what it sees.
        (
            "out",
            "0::/../..\n",
            V2_MOUNT,
            &[("sys/fs/cgroup/memory.max", "600"), ("sys/fs/cgroup/memory.current", "1")],
            Some(600),
        ),
        // A group that lists other processes is not ours.
        (
            "another",
            "0::/../..\n",
            V2_MOUNT,
            &[("sys/fs/cgroup/memory.max", "600"), ("sys/fs/cgroup/cgroup.procs", "1\n")],
            None,
        ),
    ];
    for (name, groups, mounts, files, expected) in cases {
        let system = [("proc/self/cgroup", groups), ("proc/self/mountinfo", mounts)];
        let fixture = Fixture::new(name, &[&system, files].concat());
        assert_eq!(fixture.tightest().1.limit, expected, "{name}");
    }
}

#[test]
fn a_group_that_no_mount_shows_is_hidden_and_a_machine_without_groups_is_not() {
    let cases = [
        ("hidden", "0::/docker/4f\n", "", Sight::Hidden),
        (
            "hidden-v1",
            "4:memory:/docker/4f\n0::/\n",
            "41 31 0:38 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
            Sight::Hidden,
        ),
        ("bare", "0::/\n", "", Sight::Clear),
        ("seen", "0::/docker/4f\n", V2_MOUNT, Sight::Clear),
        ("nothing", "", "", Sight::Clear),
    ];
    for (name, groups, mounts, expected) in cases {
        let fixture = Fixture::new(name, &[("proc/self/cgroup", groups), ("proc/self/mountinfo", mounts)]);
        assert_eq!(Cgroup::below(&fixture.0).sight(), expected, "{name}");
    }
}
