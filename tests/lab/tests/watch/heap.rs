//! Heap profiles of a child with jemalloc's profiling: they name what grew.

use crate::world::{World, folder_of_child, play};
use flate2::read::GzDecoder;
use overspill::heap_compare::Profile;
use overspill::memory_watch::{Kind, Level, Looked, MemoryWatch};
use std::collections::HashMap;
use std::io::Read;
use std::time::Instant;

pub const PART: &str = "a leaking service";
pub const PART_INACTIVE: &str = "a service whose profiling is inactive";

#[inline(never)]
fn the_leak(bytes: usize) -> Vec<Vec<u8>> {
    let mut held = Vec::new();
    for nth in 0..bytes / 1_000 {
        held.push(std::hint::black_box(vec![nth as u8; 1_000]));
    }
    std::hint::black_box(held)
}

fn one_look(expected: Kind) {
    let watch = MemoryWatch::builder("shop", folder_of_child()).threshold(Level::Bytes(1_000_000));
    let mut watch = watch.disk_free_min(0).headroom_min(0).build().unwrap();
    let held = the_leak(50_000_000);
    match watch.look(Instant::now()) {
        Looked::Taken(snapshot) => assert_eq!(snapshot.kind, expected),
        looked => panic!("{looked:?}"),
    }
    drop(held);
}

pub fn a_leaking_service() {
    one_look(Kind::Heap);
}

pub fn a_service_whose_profiling_sleeps() {
    one_look(Kind::Report);
}

/// A protobuf message, field by field: numbers, and the bytes of fields that have a length. Written from the specification, and
/// not with the code that wrote the file.
#[derive(Default)]
struct Fields {
    numbers: HashMap<u64, Vec<u64>>,
    texts: HashMap<u64, Vec<Vec<u8>>>,
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().expect("a varint");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a varint of more than ten bytes");
}

fn varints(mut bytes: &[u8]) -> Vec<u64> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(varint(&mut bytes));
    }
    all
}

fn fields(mut bytes: &[u8]) -> Fields {
    let mut fields = Fields::default();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        match key & 7 {
            0 => fields.numbers.entry(key >> 3).or_default().push(varint(&mut bytes)),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                fields.texts.entry(key >> 3).or_default().push(bytes[..length].to_vec());
                bytes = &bytes[length..];
            }
            kind => panic!("a field of kind {kind}"),
        }
    }
    fields
}

impl Fields {
    fn number(&self, field: u64) -> u64 {
        self.numbers.get(&field).map_or(0, |numbers| numbers[0])
    }

    fn messages(&self, field: u64) -> Vec<Fields> {
        self.texts.get(&field).map(|all| all.iter().map(|bytes| fields(bytes)).collect()).unwrap_or_default()
    }
}

#[test]
fn with_jemallocs_profiling_on_a_snapshot_is_a_heap_profile_that_names_what_grew() {
    let world = World::new();
    let options = [("_RJEM_MALLOC_CONF", "prof:true,prof_active:true,lg_prof_sample:14")];
    play(PART, "", &world.folder, &options);
    let files = world.files();
    assert!(files.len() == 1 && files[0].ends_with(".pb.gz"), "{files:?}");
    let mut bytes = Vec::new();
    let file = std::fs::File::open(world.folder.join(&files[0])).unwrap();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let profile = fields(&bytes);
    let texts = &profile.texts[&6];
    let text = |index: u64| String::from_utf8(texts[index as usize].clone()).unwrap();
    let kinds: Vec<_> =
        profile.messages(1).iter().map(|kind| (text(kind.number(1)), text(kind.number(2)))).collect();
    let expected = [("inuse_objects", "count"), ("inuse_space", "bytes")];
    assert_eq!(kinds, expected.map(|(kind, unit)| (kind.to_owned(), unit.to_owned())));
    assert_eq!(text(profile.number(14)), "inuse_space");
    assert_eq!(profile.number(12), 1 << 14, "the sampling interval");
    let comments: Vec<String> = varints(&profile.texts[&13][0]).into_iter().map(text).collect();
    assert!(comments.contains(&"service shop".to_owned()), "{comments:?}");
    let process =
        comments.iter().filter_map(|line| line.strip_prefix("overspill.process=")).collect::<Vec<_>>();
    assert!(
        matches!(process[..], [hex] if hex.len() == 16 && u64::from_str_radix(hex, 16).is_ok()),
        "{comments:?}"
    );
    let uptime =
        comments.iter().filter_map(|line| line.strip_prefix("overspill.uptime_ns=")).collect::<Vec<_>>();
    assert!(
        matches!(uptime[..], [nanos] if (1..60_000_000_000).contains(&nanos.parse::<u64>().unwrap())),
        "{comments:?}"
    );
    // Names by location, from the functions of its lines.
    let functions: HashMap<u64, String> =
        profile.messages(5).iter().map(|function| (function.number(1), text(function.number(2)))).collect();
    let locations: HashMap<u64, Vec<String>> = profile
        .messages(4)
        .iter()
        .map(|location| {
            let lines = location.messages(4);
            (location.number(1), lines.iter().map(|line| functions[&line.number(1)].clone()).collect())
        })
        .collect();
    let (mut objects, mut space) = (0, 0);
    for sample in profile.messages(2) {
        let stack = varints(&sample.texts[&1][0]);
        let leak = stack.iter().any(|id| locations[id].iter().any(|name| name.contains("::the_leak")));
        let values = varints(&sample.texts[&2][0]);
        if leak {
            (objects, space) = (objects + values[0], space + values[1]);
        }
    }
    // 50,000 objects of 1,024 B and a vector of a megabyte: about 3,000 samples, an error of 2 %.
    assert!((45_000..55_000).contains(&objects), "{objects} objects");
    assert!((46_000_000..58_000_000).contains(&space), "{space} bytes");
    // The comparison can read what the watch writes.
    let read = Profile::read_file(world.folder.join(&files[0])).unwrap();
    let leaked = read.held_by(|stack| stack.iter().any(|frame| frame.function().contains("::the_leak")));
    assert_eq!((leaked.bytes, leaked.objects), (space, Some(objects)));
    assert_eq!(read.sample_period_bytes(), 1 << 14);
    // By convention the first mapping is the program; build ids distinguish builds.
    let mapping = &profile.messages(3)[0];
    assert!(text(mapping.number(5)).contains("watch-"), "{}", text(mapping.number(5)));
}

#[test]
fn inactive_profiling_yields_a_text_report_that_says_why() {
    let world = World::new();
    let options = [("_RJEM_MALLOC_CONF", "prof:true,prof_active:false")];
    let said = play(PART_INACTIVE, "", &world.folder, &options);
    assert!(said.contains("jemalloc's profiling is not active"), "{said}");
    let files = world.files();
    assert!(files.len() == 1 && files[0].ends_with(".report.txt"), "{files:?}");
    let text = std::fs::read_to_string(world.folder.join(&files[0])).unwrap();
    assert!(text.contains("because no heap profile could be taken: it has no samples"), "{text}");
}
