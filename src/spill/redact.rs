//! Keeps content out of the log: removes fields from a record, or replaces them
//! with a keyed hash. The request still carries them.
//!
//! In: an event's text. Out: the text for its record, or nothing if a rule fails. Then the event is
//! lost, because a failed rule must not let secret content into the log.
//!
//! - RE1: everything that no rule names is in the record byte for byte.
//! - RE2: the record is printable JSON on one line, as the event was.
//! - RE3: the text is at most [`REDACTED_GROWTH_MAX`] times as long as the event:
//!   even the hash of a one-digit value stays within that.

#[cfg(feature = "redact-hash")]
mod hash;
mod path;
mod text;

use crate::encode::is_unprintable;
use crate::limits::REDACTED_GROWTH_MAX;
use crate::sync::{Arc, contain};
use path::Path;
use std::borrow::Cow;
use std::fmt;

/// Which parts of an event's JSON stay out of the log. For [`Builder::spill_redact`](crate::Builder::spill_redact).
///
/// A path is a JSON pointer, `/user/email` (with `~1` for `/` and `~0` for `~` in a name). In it `*` matches any one name or array
/// position, and `**` any number of them: `/**/password`. Rules are tried in order; the first that matches a value applies.
///
/// ```
/// use overspill::spill::Redact;
/// let redact = Redact::new().remove("/**/password").remove("/user/email");
/// # let builder = overspill::Client::builder("http://127.0.0.1:9/").spill_redact(redact);
/// # builder.build().unwrap().shutdown_blocking(std::time::Duration::ZERO);
/// ```
#[derive(Clone, Default)]
pub struct Redact {
    rules: Vec<Rule>,
    rewrites: Vec<Rewrite>,
    /// The first path that is invalid: an error of `build`.
    wrong: Option<String>,
}

type Rewrite = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

#[derive(Clone)]
struct Rule {
    path: Path,
    action: Action,
}

#[derive(Clone)]
enum Action {
    Remove,
    #[cfg(feature = "redact-hash")]
    Hash(hash::HashKey),
}

/// The text of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redacted<'a> {
    pub(crate) text: Cow<'a, str>,
}

impl Redacted<'_> {
    /// Whether it differs from the event.
    pub(crate) fn is_changed(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }
}

impl Redact {
    /// No rules yet.
    pub fn new() -> Redact {
        Redact::default()
    }

    /// Removes the value at this path; in an array, `null` replaces it.
    pub fn remove(self, path: &str) -> Redact {
        self.rule(path, Action::Remove)
    }

    /// Replaces the value at this path with a string of 24 hexadecimal digits: the first 96 bits of HMAC-SHA-256 over the value's JSON,
    /// `"a@example.com"` with its quotes. Equal values have equal hashes, so you can still count events by them, but nobody can guess
    /// values without the key. `printf %s '"a@example.com"' | openssl dgst -sha256 -hmac KEY` gives the same hash.
    ///
    /// ```
    /// use overspill::spill::Redact;
    /// let redact = Redact::new().hash("/user/email", "a key that is kept elsewhere");
    /// # let builder = overspill::Client::builder("http://127.0.0.1:9/").spill_redact(redact);
    /// # builder.build().unwrap().shutdown_blocking(std::time::Duration::ZERO);
    /// ```
    #[cfg(feature = "redact-hash")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redact-hash")))]
    pub fn hash(self, path: &str, key: impl AsRef<[u8]>) -> Redact {
        self.rule(path, Action::Hash(hash::HashKey::new(key.as_ref())))
    }

    /// Passes the event's JSON, after the paths, to your function and uses what it returns instead; `None` leaves the event as it is. The
    /// result must be one JSON value without line breaks. If it is not, or the function panics, or the text is more than
    /// [`REDACTED_GROWTH_MAX`] times as long as before, the event is lost, reason [`RedactFailed`](crate::LostReason::RedactFailed).
    pub fn rewrite(mut self, rewrite: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Redact {
        self.rewrites.push(Arc::new(rewrite));
        self
    }

    fn rule(mut self, path: &str, action: Action) -> Redact {
        match Path::parse(path) {
            Some(path) => self.rules.push(Rule { path, action }),
            None => self.wrong = self.wrong.or_else(|| Some(path.to_owned())),
        }
        self
    }

    /// Rules that always fail, because some rules are known to be missing.
    pub(crate) fn that_fails(self) -> Redact {
        self.rewrite(|_| Some(String::new()))
    }

    /// The first invalid path, if there is one.
    pub(crate) fn wrong_path(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.rewrites.is_empty()
    }

    /// The text for the record; `None` if a rule cannot be applied.
    pub(crate) fn apply<'a>(&self, text: &'a str) -> Option<Redacted<'a>> {
        let mut redacted = Cow::Borrowed(text);
        if !self.rules.is_empty() {
            if let Some(changed) = text::rewrite(text, &self.rules)? {
                redacted = Cow::Owned(changed);
            }
        }
        for rewrite in &self.rewrites {
            if let Some(changed) = contain(|| rewrite(&redacted)).ok()? {
                let sound = serde_json::from_str::<serde::de::IgnoredAny>(&changed).is_ok();
                if !sound
                    || changed.contains(is_unprintable)
                    || changed.len() > text.len() * REDACTED_GROWTH_MAX
                {
                    return None;
                }
                redacted = Cow::Owned(changed);
            }
        }
        Some(Redacted { text: redacted })
    }
}

/// Shows only counts: a path may reveal what is secret, and a key is secret.
impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redact")
            .field("rules", &self.rules.len())
            .field("rewrites", &self.rewrites.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
