//! A JSON pointer with wildcards.

/// One step into a value: a member's unescaped name, or a position in an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathStep {
    Name(String),
    Place(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    /// `*`
    AnyOne,
    /// `**`
    AnyNumber,
}

#[derive(Debug, Clone)]
pub(super) struct Path(Vec<Segment>);

impl Path {
    /// `None` if the text does not begin with a slash, ends in `**`, or has an invalid `~` escape.
    pub(super) fn parse(text: &str) -> Option<Path> {
        let segment = |segment: &str| match segment {
            "*" => Some(Segment::AnyOne),
            "**" => Some(Segment::AnyNumber),
            _ => {
                let meant = segment.replace("~1", "").replace("~0", "");
                (!meant.contains('~')).then(|| Segment::Name(segment.replace("~1", "/").replace("~0", "~")))
            }
        };
        let segments: Vec<Segment> =
            text.strip_prefix('/')?.split('/').map(segment).collect::<Option<_>>()?;
        (segments.last() != Some(&Segment::AnyNumber)).then_some(Path(segments))
    }

    /// Whether the path matches these steps.
    pub(super) fn fits(&self, steps: &[PathStep]) -> bool {
        fits(&self.0, steps)
    }
}

fn fits(segments: &[Segment], steps: &[PathStep]) -> bool {
    // As with shell wildcards, only the last `**` is ever retried.
    let (mut segment, mut step) = (0, 0);
    let mut again = None;
    loop {
        match (segments.get(segment), steps.get(step)) {
            (None, None) => return true,
            (Some(Segment::AnyNumber), _) => {
                again = Some((segment + 1, step));
                segment += 1;
                continue;
            }
            (Some(wanted), Some(found)) if is_one(wanted, found) => {
                segment += 1;
                step += 1;
                continue;
            }
            _ => {}
        }
        match again {
            Some((after, from)) if from < steps.len() => {
                again = Some((after, from + 1));
                (segment, step) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

fn is_one(wanted: &Segment, found: &PathStep) -> bool {
    match (wanted, found) {
        (Segment::AnyOne, _) => true,
        (Segment::Name(wanted), PathStep::Name(found)) => wanted == found,
        (Segment::Name(wanted), PathStep::Place(found)) => *wanted == found.to_string(),
        (Segment::AnyNumber, _) => false,
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn paths_match_like_pointers_and_wildcards_as_documented() {
        let steps = |text: &str| -> Vec<PathStep> {
            let step = |step: &str| match step.parse() {
                Ok(place) => PathStep::Place(place),
                Err(_) => PathStep::Name(step.to_owned()),
            };
            text.split(' ').filter(|step| !step.is_empty()).map(step).collect()
        };
        for (path, way, leads) in [
            ("/a", "a", true),
            ("/a", "b", false),
            ("/a", "a b", false),
            ("/a", "", false),
            ("/a/b", "a b", true),
            ("/a/0", "a 0", true),
            ("/a/*/c", "a 7 c", true),
            ("/a/*/c", "a c", false),
            ("/**/p", "p", true),
            ("/**/p", "a b 3 p", true),
            ("/**/p", "a p b", false),
            ("/**/p/*", "p p p", true),
            ("/a/**/b/**/c", "a b b x c", true),
            ("/a/**/b/**/c", "a x c b", false),
            ("/a~1b~0", "a/b~", true),
            ("/", "", false),
        ] {
            assert_eq!(Path::parse(path).unwrap().fits(&steps(way)), leads, "{path} {way}");
        }
        assert!(Path::parse("/").unwrap().fits(&[PathStep::Name(String::new())]), "a name may be empty");
        for wrong in ["", "a", "user.email", "/a~", "/a~2", "/**", "/a/**"] {
            assert!(Path::parse(wrong).is_none(), "{wrong}");
        }
    }
}
