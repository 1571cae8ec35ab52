//! A pointer to a format is a format too. The impl headers are written out, so that the list of the public API shows both.

use super::{
    Body, Demands, Events, Format, Layout, Overhead, Placement, Refused, Repeats, SettledBy, Verdict,
};
use crate::transport::Reply;
use std::sync::Arc;

macro_rules! through {
    () => {
        fn content_type(&self) -> &'static str {
            (**self).content_type()
        }

        fn encode(&self, events: Events<'_>, body: &mut Body) {
            (**self).encode(events, body);
        }

        fn overhead(&self) -> Overhead {
            (**self).overhead()
        }

        fn layout(&self) -> Layout {
            (**self).layout()
        }

        fn placement(&self) -> Placement {
            (**self).placement()
        }

        fn settled_by(&self) -> SettledBy {
            (**self).settled_by()
        }

        fn refused(&self, reply: &Reply, events: usize) -> Refused {
            (**self).refused(reply, events)
        }

        fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
            (**self).verdict(reply, events)
        }

        fn repeats(&self) -> Repeats {
            (**self).repeats()
        }

        fn reply_bytes_max(&self, events_max: usize) -> usize {
            (**self).reply_bytes_max(events_max)
        }

        fn reply_headers(&self) -> &'static [&'static str] {
            (**self).reply_headers()
        }

        fn growth_max(&self) -> usize {
            (**self).growth_max()
        }

        fn length(&self, json: &[u8]) -> usize {
            (**self).length(json)
        }

        fn demands(&self) -> Demands {
            (**self).demands()
        }
    };
}

impl<T: Format + ?Sized> Format for Box<T> {
    through!();
}

impl<T: Format + ?Sized> Format for Arc<T> {
    through!();
}
