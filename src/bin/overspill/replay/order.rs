//! The order of a rotated set: the oldest first.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// A file's position in its set. `app.log.2.gz` is older than `app.log.1`, an
/// earlier date is older than a later one, and the plain name is the newest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rotation {
    Number(Reverse<u64>),
    Date(String),
    Newest,
}

/// The files: each set at the position of its first file, and within a set in the order of writing.
pub(crate) fn in_order(logs: &[PathBuf]) -> Vec<PathBuf> {
    let mut bases: Vec<PathBuf> = Vec::new();
    let mut placed: Vec<(usize, Rotation, &PathBuf)> = Vec::new();
    for log in logs {
        let (base, rotation) = rotation_of(log);
        let set = bases.iter().position(|known| *known == base).unwrap_or_else(|| {
            bases.push(base);
            bases.len() - 1
        });
        placed.push((set, rotation, log));
    }
    placed.sort_by(|(one_set, one, _), (other_set, other, _)| (one_set, one).cmp(&(other_set, other)));
    placed.dedup_by(|one, other| one.2 == other.2);
    placed.into_iter().map(|(_, _, log)| log.clone()).collect()
}

fn rotation_of(log: &Path) -> (PathBuf, Rotation) {
    let name = log.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let newest = || (log.with_file_name(plain), Rotation::Newest);
    // `app.log.7`, `app.log-20261126`, `app.log.2026-11-26-12`
    let Some(at) = plain.find(['.', '-']).and_then(|_| {
        (1..plain.len()).filter(|&at| plain.is_char_boundary(at)).find(|&at| {
            plain[at..].starts_with(['.', '-'])
                && plain[at + 1..].starts_with(|c: char| c.is_ascii_digit())
                && plain[at + 1..].chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '_' | 'T' | ':'))
        })
    }) else {
        return newest();
    };
    let (base, digits) = (log.with_file_name(&plain[..at]), &plain[at + 1..]);
    match digits.parse::<u64>() {
        Ok(number) if digits.len() < 8 => (base, Rotation::Number(Reverse(number))),
        _ => (base, Rotation::Date(digits.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_set_is_read_from_its_oldest_file_on() {
        let ordered = |names: &[&str]| -> Vec<String> {
            let logs: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
            in_order(&logs).iter().map(|log| log.display().to_string()).collect()
        };
        assert_eq!(
            ordered(&["a/app.log", "a/app.log.1", "a/app.log.10.gz", "a/app.log.2.zst"]),
            ["a/app.log.10.gz", "a/app.log.2.zst", "a/app.log.1", "a/app.log"]
        );
        assert_eq!(
            ordered(&[
                "app.log",
                "app.log-20261126.gz",
                "app.log-20261125.gz",
                "other.log.1",
                "app.log-20261125.gz"
            ]),
            ["app.log-20261125.gz", "app.log-20261126.gz", "app.log", "other.log.1"]
        );
        assert_eq!(ordered(&["-", "b.log", "a.log"]), ["-", "b.log", "a.log"]);
    }
}
