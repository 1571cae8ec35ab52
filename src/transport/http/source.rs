//! A header whose value comes from a source: the user's closure, or a file that another program writes.
//!
//! In: the source. Out: a value, kept for [`CREDENTIAL_AGE`].
//!
//! - HS1: the source is asked on its own thread, one call at a time, never on a caller's thread or the sender's: a vault may be slow.
//! - HS2: a request waits for an answer only if there is no value yet, or after a 401. An old value is renewed while it stays in use.
//! - HS3: an error, a panic and a value that cannot be sent all mean the same: no new value. That is reported, and the last value stays in
//!   use.

use super::headers::checked;
use crate::build_error::BuildError;
use crate::clock::{Clock, Stamp};
use crate::encode::printable;
use crate::limits::{CREDENTIAL_AGE, CREDENTIAL_BYTES_MAX, DETAIL_CHARS_MAX};
use crate::notice::Notices;
use crate::outcome::MaybeDelivered;
use crate::reentry;
use crate::sync::{Arc, contain, start_thread};
use crate::transport::{Failure, FailureKind};
use reqwest::header::{HeaderName, HeaderValue};
use std::error::Error;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

type HeaderAnswer = Result<String, Box<dyn Error + Send + Sync>>;

/// Returns a header's value.
pub(crate) type Ask = Arc<dyn Fn() -> HeaderAnswer + Send + Sync>;

/// A live header, as configured.
#[derive(Clone)]
pub(crate) struct LiveHeader {
    pub(crate) name: String,
    pub(crate) ask: Ask,
    pub(crate) first: First,
}

/// When the source is first asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// In `build`, which fails if there is no value: a file.
    AtBuild,
    /// With the first request: anything that may take longer.
    WithARequest,
}

pub(super) struct HeaderSource {
    pub(super) name: HeaderName,
    ask: Ask,
    clock: Clock,
    known: watch::Sender<HeaderState>,
    under_way: AtomicBool,
    notices: OnceLock<Arc<Notices>>,
}

#[derive(Clone, Default)]
struct HeaderState {
    /// Answers so far.
    asked: u64,
    asked_at: Stamp,
    value: Option<HeaderValue>,
    /// The value before it.
    before: Option<HeaderValue>,
    /// Why the last answer had no value.
    failed: String,
}

impl HeaderSource {
    /// The last value, if there is one.
    pub(super) fn last(&self) -> Option<HeaderValue> {
        self.known.borrow().value.clone()
    }

    /// The last value, and the one before it.
    pub(super) fn lately(&self) -> impl Iterator<Item = HeaderValue> + use<> {
        let known = self.known.borrow();
        known.value.clone().into_iter().chain(known.before.clone())
    }

    pub(super) fn new(
        name: HeaderName,
        header: &LiveHeader,
        clock: Clock,
    ) -> Result<HeaderSource, BuildError> {
        let mut known = HeaderState::default();
        if header.first == First::AtBuild {
            known.learn(&name, contain(|| (header.ask)()), clock.now());
            if known.value.is_none() {
                return Err(BuildError::invalid(
                    "bearer_auth_file",
                    format!("has no token ({})", known.failed),
                    "name a readable file that holds only the token",
                ));
            }
        }
        Ok(HeaderSource {
            name,
            ask: Arc::clone(&header.ask),
            clock,
            known: watch::Sender::new(known),
            under_way: AtomicBool::new(false),
            notices: OnceLock::new(),
        })
    }

    /// The same source, not asked yet.
    pub(super) fn again(&self, clock: Clock) -> HeaderSource {
        HeaderSource {
            name: self.name.clone(),
            ask: Arc::clone(&self.ask),
            clock,
            known: watch::Sender::new(HeaderState::default()),
            under_way: AtomicBool::new(false),
            notices: OnceLock::new(),
        }
    }

    pub(super) fn tell(&self, notices: Arc<Notices>) {
        // Set once, by `build`.
        drop(self.notices.set(notices));
    }

    /// The value to send, and how many answers there had been.
    pub(super) async fn value(
        self: &Arc<HeaderSource>,
        deadline: Instant,
    ) -> Result<(HeaderValue, u64), Failure> {
        let known = self.known.borrow().clone();
        if let Some(value) = known.value {
            if self.clock.now().since(known.asked_at) >= CREDENTIAL_AGE {
                self.start();
            }
            return Ok((value, known.asked));
        }
        self.ask_again(known.asked, deadline).await;
        let known = self.known.borrow().clone();
        let why = if known.failed.is_empty() { "no answer in time" } else { known.failed.as_str() };
        known.value.map(|value| (value, known.asked)).ok_or_else(|| Failure {
            kind: FailureKind::Connect,
            maybe_delivered: MaybeDelivered::No,
            detail: printable(&format!("no value for the header {:?}: {why}", self.name), DETAIL_CHARS_MAX),
        })
    }

    /// Waits for an answer after the first `asked` ones.
    ///
    /// # Cancel safety
    /// Dropping the future does not stop the call.
    pub(super) async fn ask_again(self: &Arc<HeaderSource>, asked: u64, deadline: Instant) {
        let mut answer = self.known.subscribe();
        if self.known.borrow().asked <= asked {
            self.start();
        }
        // If it does not come in time, the last value stays in use.
        drop(timeout_at(deadline, answer.wait_for(|known| known.asked > asked)).await);
    }

    fn start(self: &Arc<HeaderSource>) {
        // AcqRel: a thread that reads false also sees what the previous thread has stored.
        if self.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let source = Arc::clone(self);
        let asks = move || {
            let answer = contain(|| (source.ask)());
            let now = source.clock.now();
            let mut known = source.known.borrow().clone();
            known.learn(&source.name, answer, now);
            // Before the answer is published: the notice must precede the events that go to the log because of it.
            if let (false, Some(notices)) = (known.failed.is_empty(), source.notices.get()) {
                // Like the sender's, this thread has no subscriber of its own.
                let _sender = reentry::sender_thread();
                notices.header_not_known(now, source.name.as_str(), &known.failed);
            }
            // Also before: a task that has the answer and asks again starts a new call.
            source.under_way.store(false, Ordering::Release);
            source.known.send_replace(known);
        };
        if let Err(error) = start_thread("overspill-header", asks) {
            self.under_way.store(false, Ordering::Release);
            let now = self.clock.now();
            self.known.send_modify(|known| known.learn(&self.name, Ok(Err(error.into())), now));
        }
    }
}

impl HeaderState {
    fn learn(&mut self, name: &HeaderName, answer: Result<HeaderAnswer, crate::sync::Panicked>, now: Stamp) {
        let value = match answer {
            Ok(Ok(text)) if text.len() > CREDENTIAL_BYTES_MAX => {
                Err(format!("the value is longer than {CREDENTIAL_BYTES_MAX} bytes"))
            }
            Ok(Ok(text)) => checked(name, &text).map_err(str::to_owned),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panicked) => Err(format!("panicked: {}", panicked.0)),
        };
        self.asked += 1;
        self.asked_at = now;
        match value {
            Ok(value) => {
                if self.value.as_ref() != Some(&value) {
                    self.before = self.value.replace(value);
                }
                self.failed = String::new();
            }
            Err(why) => self.failed = printable(&why, 100),
        }
    }
}

/// The content of a file, without surrounding blanks and line ends, after `Bearer`.
pub(crate) fn bearer_from(path: &Path) -> HeaderAnswer {
    // Checked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err("not a regular file".into());
    }
    let file = std::fs::File::open(path)?;
    let mut text = String::new();
    file.take(CREDENTIAL_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(io::Error::other("the file is empty").into());
    }
    Ok(format!("Bearer {token}"))
}
