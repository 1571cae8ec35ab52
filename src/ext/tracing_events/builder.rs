//! The layer's settings, and what is wrong with them.

use super::TracingEvents;
use super::choice::Choice;
use super::member::{Member, MemberNames, SpanFields, usual_names};
use crate::Client;
use std::fmt;
use tracing::level_filters::LevelFilter;

/// Chooses which tracing events become events, and what is in them.
#[must_use]
#[derive(Debug)]
pub struct Builder {
    client: Client,
    choice: Choice,
    names: [Option<&'static str>; Member::ALL.len()],
    spans: SpanFields,
}

impl Builder {
    pub(super) fn new(client: Client) -> Builder {
        let choice =
            Choice { max_level: LevelFilter::INFO, targets: Vec::new(), except: Vec::new(), marker: None };
        Builder { client, choice, names: usual_names(), spans: SpanFields::default() }
    }

    /// Takes events up to this level: a [`tracing::Level`], or a `LevelFilter`. Default INFO.
    pub fn max_level(mut self, level: impl Into<LevelFilter>) -> Builder {
        self.choice.max_level = level.into();
        self
    }

    /// Takes only events whose target begins with this prefix: `"orders"` matches `orders` and `orders::api`, and `orders_archive` as well,
    /// like tracing-subscriber's own `Targets`. Each further call adds another.
    pub fn target(mut self, prefix: impl Into<String>) -> Builder {
        self.choice.targets.push(prefix.into());
        self
    }

    /// Takes no events whose target begins with this prefix, whatever else you choose. Each further call adds another.
    pub fn except_target(mut self, prefix: impl Into<String>) -> Builder {
        self.choice.except.push(prefix.into());
        self
    }

    /// Takes only events with this field set to `true`: `info!(telemetry = true, order = 7, "order placed")`. The field itself is not
    /// written.
    pub fn marker(mut self, field: &'static str) -> Builder {
        self.choice.marker = Some(field);
        self
    }

    /// Which spans' fields an event has in addition to its own. Default [`SpanFields::None`].
    pub fn spans(mut self, spans: SpanFields) -> Builder {
        self.spans = spans;
        self
    }

    /// Writes this member too, by its own name.
    pub fn write(self, member: Member) -> Builder {
        self.called(member, member.as_str())
    }

    /// Writes this member by another name: `.called(Member::Level, "severity")`.
    pub fn called(mut self, member: Member, name: &'static str) -> Builder {
        self.names[member as usize] = Some(name);
        self
    }

    /// Does not write this member.
    pub fn leave_out(mut self, member: Member) -> Builder {
        self.names[member as usize] = None;
        self
    }

    /// Checks the settings and builds the layer.
    ///
    /// # Errors
    /// [`SettingError`] says which setting is wrong and what to do: a name that is empty or used twice, including the client's
    /// [own](Client::added_names).
    pub fn build(self) -> Result<TracingEvents, SettingError> {
        let refused = |setting, problem, remedy| Err(SettingError { setting, problem, remedy });
        let added = self.client.added_names();
        let prefixes = [("target", &self.choice.targets), ("except_target", &self.choice.except)];
        for (setting, prefixes) in prefixes {
            if prefixes.iter().any(String::is_empty) {
                return refused(
                    setting,
                    "is empty".to_owned(),
                    "leave the call away: without it every target is taken",
                );
            }
        }
        if self.choice.marker == Some("") {
            return refused(
                "marker",
                "is empty".to_owned(),
                "give the name of a field, such as \"telemetry\"",
            );
        }
        for (nth, member) in Member::ALL.iter().enumerate() {
            let Some(name) = self.names[nth] else { continue };
            let setting = member.as_str();
            if name.is_empty() {
                return refused(
                    setting,
                    "has an empty name".to_owned(),
                    "give it one, or leave the member out",
                );
            }
            if self.names[..nth].contains(&Some(name)) {
                return refused(
                    setting,
                    format!("is called {name:?}, as another member is"),
                    "choose another name by `called`, or leave one of them out",
                );
            }
            if added.iter().any(|added| added == name) {
                return refused(
                    setting,
                    format!("is called {name:?}, as a field that the client adds to every event"),
                    "choose another name by `called`, or leave the member out",
                );
            }
        }
        Ok(TracingEvents {
            members: MemberNames::new(self.names, added),
            client: self.client,
            choice: self.choice,
            spans: self.spans,
        })
    }
}

/// Which of the layer's settings is wrong, and what to do.
#[derive(Clone, PartialEq, Eq)]
pub struct SettingError {
    setting: &'static str,
    problem: String,
    remedy: &'static str,
}

impl SettingError {
    /// The setting, or the name of the [`Member`].
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.setting, self.problem, self.remedy)
    }
}

/// The same sentence as `Display`, because a `main` that returns the error prints it.
impl fmt::Debug for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SettingError {}
