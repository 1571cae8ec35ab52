//! One idiom for enums with names: the same name in settings, logs, metrics and `Display`, and parsed by `FromStr`.

use std::fmt;

/// The text is not one of the names: `a mode is one of on, log_only, off`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownName {
    what: &'static str,
    names: Vec<&'static str>,
}

impl UnknownName {
    pub(crate) fn new(what: &'static str, names: Vec<&'static str>) -> UnknownName {
        UnknownName { what, names }
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is one of {}", self.what, self.names.join(", "))
    }
}

impl std::error::Error for UnknownName {}

/// Gives an enum its names: `ALL`, `as_str`, `Display`, `FromStr` (in upper or lower case, with `-` for `_`) and `Serialize` (the name).
macro_rules! names {
    ($type:ident, $what:literal, { $($variant:ident = $name:literal,)* }) => {
        impl $type {
            /// All of them, in order.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// Its name in settings, log records, metrics and `Display`.
            pub const fn as_str(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        /// The name.
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        /// Parses the name, in upper or lower case, with `-` or `_`.
        impl std::str::FromStr for $type {
            type Err = crate::names::UnknownName;

            fn from_str(text: &str) -> Result<$type, crate::names::UnknownName> {
                let same = |letter: u8, given: u8| letter.eq_ignore_ascii_case(&given) || (letter == b'_' && given == b'-');
                let is = |name: &str| {
                    name.len() == text.len() && name.bytes().zip(text.bytes()).all(|(letter, given)| same(letter, given))
                };
                let found = $type::ALL.iter().copied().find(|one| is(one.as_str()));
                found.ok_or_else(|| crate::names::UnknownName::new($what, vec![$($name,)*]))
            }
        }

        /// The name.
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use names;

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use crate::spill::{LogLevel, SpillPacking};
    use crate::{EndpointState, FigureKind, LostReason, Mode, QueueShare, Reason};
    use std::collections::BTreeSet;
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    fn holds<T: Copy + Debug + PartialEq + Display + FromStr<Err: Display + Debug> + serde::Serialize>(
        all: &[T],
    ) {
        let names: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), all.len(), "{all:?}");
        for one in all {
            let name = one.to_string();
            assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')), "{name}");
            for written in [name.clone(), name.to_uppercase(), name.replace('_', "-")] {
                assert_eq!(written.parse::<T>().ok(), Some(*one), "{written}");
            }
            assert_eq!(serde_json::to_string(one).unwrap(), format!("{name:?}"));
            for wrong in [format!("{name} "), format!("x{name}"), String::new()] {
                let why = wrong.parse::<T>().map(|_| ()).unwrap_err().to_string();
                assert!(why.contains(&name), "{why}");
            }
        }
    }

    #[test]
    fn what_has_names_is_shown_read_back_and_serialized_by_them() {
        holds(Mode::ALL);
        holds(Reason::ALL);
        holds(LostReason::ALL);
        holds(EndpointState::ALL);
        holds(FigureKind::ALL);
        holds(LogLevel::ALL);
        holds(SpillPacking::ALL);
        holds(QueueShare::ALL);
        #[cfg(feature = "heap-compare")]
        {
            holds(crate::heap_compare::Level::ALL);
            holds(crate::heap_compare::Verdict::ALL);
            holds(crate::heap_compare::Owner::ALL);
        }
        #[cfg(feature = "tracing-events")]
        {
            holds(crate::tracing_events::Member::ALL);
            holds(crate::tracing_events::SpanFields::ALL);
        }
        #[cfg(feature = "memory-watch")]
        {
            holds(crate::memory_watch::Cause::ALL);
            holds(crate::memory_watch::Counted::ALL);
            holds(crate::memory_watch::Kind::ALL);
        }
        assert_eq!("no".parse::<Mode>().unwrap_err().to_string(), "a mode is one of on, log_only, off");
    }
}
