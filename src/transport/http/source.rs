//! A header whose value is asked for: from a closure of the user's, or a file that others write.
//!
//! In: the question. Out: a value, kept for [`CREDENTIAL_AGE`]. HS1: it is asked on a thread of its own, one at a time, never on a caller's
//! or the sender's: a vault may take its time. HS2: a request waits for an answer only if there is no value yet, or after a 401; when
//! the value has become old it is asked for while the old one serves on. HS3: an error, a panic and a value that cannot be sent are the same:
//! no new value; told, and the last one serves on.

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

type Asked = Result<String, Box<dyn Error + Send + Sync>>;

/// The question for a header's value.
pub(crate) type Ask = Arc<dyn Fn() -> Asked + Send + Sync>;

/// A header of the settings.
#[derive(Clone)]
pub(crate) struct LiveHeader {
    pub(crate) name: String,
    pub(crate) ask: Ask,
    pub(crate) first: First,
}

/// When it is asked for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// In `build`, whose error it is if there is no value: a file.
    AtBuild,
    /// With the first request: whatever may take longer.
    WithARequest,
}

pub(super) struct Source {
    pub(super) name: HeaderName,
    ask: Ask,
    clock: Clock,
    known: watch::Sender<Known>,
    under_way: AtomicBool,
    notices: OnceLock<Arc<Notices>>,
}

#[derive(Clone, Default)]
struct Known {
    /// Answers so far.
    asked: u64,
    asked_at: Stamp,
    value: Option<HeaderValue>,
    /// The value before it.
    before: Option<HeaderValue>,
    /// Why the last answer was none.
    failed: String,
}

impl Source {
    /// The value that is known, if there is one.
    pub(super) fn last(&self) -> Option<HeaderValue> {
        self.known.borrow().value.clone()
    }

    /// It, and the one before.
    pub(super) fn lately(&self) -> impl Iterator<Item = HeaderValue> + use<> {
        let known = self.known.borrow();
        known.value.clone().into_iter().chain(known.before.clone())
    }

    pub(super) fn new(name: HeaderName, header: &LiveHeader, clock: Clock) -> Result<Source, BuildError> {
        let mut known = Known::default();
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
        Ok(Source {
            name,
            ask: Arc::clone(&header.ask),
            clock,
            known: watch::Sender::new(known),
            under_way: AtomicBool::new(false),
            notices: OnceLock::new(),
        })
    }

    /// The same question, not asked yet.
    pub(super) fn again(&self, clock: Clock) -> Source {
        Source {
            name: self.name.clone(),
            ask: Arc::clone(&self.ask),
            clock,
            known: watch::Sender::new(Known::default()),
            under_way: AtomicBool::new(false),
            notices: OnceLock::new(),
        }
    }

    pub(super) fn tell(&self, notices: Arc<Notices>) {
        // Told once, by `build`.
        drop(self.notices.set(notices));
    }

    /// The value to send, and how often it had been asked for.
    pub(super) async fn value(self: &Arc<Source>, deadline: Instant) -> Result<(HeaderValue, u64), Failure> {
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

    /// Waits for an answer that is later than the first `asked` ones.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the question to itself.
    pub(super) async fn ask_again(self: &Arc<Source>, asked: u64, deadline: Instant) {
        let mut answer = self.known.subscribe();
        if self.known.borrow().asked <= asked {
            self.start();
        }
        // Without one in time, what is known serves on.
        drop(timeout_at(deadline, answer.wait_for(|known| known.asked > asked)).await);
    }

    fn start(self: &Arc<Source>) {
        // AcqRel: who finds it false also sees what the thread before has told.
        if self.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        let source = Arc::clone(self);
        let asks = move || {
            let answer = contain(|| (source.ask)());
            let now = source.clock.now();
            let mut known = source.known.borrow().clone();
            known.learn(&source.name, answer, now);
            // Before the answer: the notice precedes the events that go to the log because of it.
            if let (false, Some(notices)) = (known.failed.is_empty(), source.notices.get()) {
                // Like the sender's, this thread has no subscriber of its own.
                let _sender = reentry::sender_thread();
                notices.header_not_known(now, source.name.as_str(), &known.failed);
            }
            // As well: who has heard the answer and asks again gets one of their own.
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

impl Known {
    fn learn(&mut self, name: &HeaderName, answer: Result<Asked, crate::sync::Panicked>, now: Stamp) {
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

/// What is in a file, without the blanks and line ends around it, behind `Bearer`.
pub(crate) fn bearer_from(path: &Path) -> Asked {
    // Before it is opened: a pipe would wait for its writer.
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
