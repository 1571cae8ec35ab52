//! What the layer itself writes into an event, and under which names.

use super::names::Reserved;
use crate::names::names;

/// What the layer writes into an event in addition to its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Member {
    /// `"INFO"`. Written unless left out.
    Level,
    /// The event's module, or its `target:`. Written unless left out.
    Target,
    /// The event's text. Written unless left out.
    Message,
    /// `"orders::api"`. Written if chosen.
    ModulePath,
    /// `"src/api.rs"`. Written if chosen.
    File,
    /// The line in that file. Written if chosen.
    Line,
    /// The name of the innermost span around the event. Written if chosen.
    Span,
    /// At least this many span fields did not fit, in the span or in the event. Written if it is not zero, unless left out.
    SpanFieldsLeftOut,
}

names!(Member, "a member", {
    Level = "level",
    Target = "target",
    Message = "message",
    ModulePath = "module_path",
    File = "file",
    Line = "line",
    Span = "span",
    SpanFieldsLeftOut = "span_fields_left_out",
});

/// Which spans' fields an event has in addition to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SpanFields {
    /// No span's: only the fields in the macro are sent. The default, because a span's field was recorded for the log, not for another
    /// system.
    #[default]
    None,
    /// Those of the innermost span.
    Current,
    /// Those of all spans around the event; if names are equal, the innermost wins.
    All,
}

names!(SpanFields, "span fields", { None = "none", Current = "current", All = "all", });

/// The names of the members that are written.
#[derive(Debug)]
pub(super) struct MemberNames {
    names: [Option<&'static str>; Member::ALL.len()],
    pub(super) reserved: Reserved,
}

impl MemberNames {
    pub(super) fn new(names: [Option<&'static str>; Member::ALL.len()], added: Vec<String>) -> MemberNames {
        let own = names.iter().flatten().map(|&name| name.to_owned());
        MemberNames { reserved: Reserved::new(added.into_iter().chain(own).collect()), names }
    }

    #[inline]
    pub(super) fn name(&self, member: Member) -> Option<&'static str> {
        self.names[member as usize]
    }
}

/// The names of the members that are written by default.
pub(super) fn usual_names() -> [Option<&'static str>; Member::ALL.len()] {
    let mut names = [None; Member::ALL.len()];
    for member in [Member::Level, Member::Target, Member::Message, Member::SpanFieldsLeftOut] {
        names[member as usize] = Some(member.as_str());
    }
    names
}
