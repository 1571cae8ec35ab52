//! The transport of a client that has no endpoint: each post fails and says why.

use super::{Failure, FailureKind, Posting, Request, Transport};
use crate::outcome::MaybeDelivered;

pub(crate) struct Nowhere(pub(crate) String);

impl Transport for Nowhere {
    fn post(&mut self, _: Request) -> Posting {
        let failure = Failure {
            kind: FailureKind::Connect,
            maybe_delivered: MaybeDelivered::No,
            detail: format!("there is no endpoint: {}", self.0),
        };
        Box::pin(std::future::ready(Err(failure)))
    }
}
