//! For tests of a `Transport`: a request that no client has made.

use super::settled_by::SettledBy;
use super::{Request, RequestBody};
use crate::limits::{POST_TIMEOUT, REPLY_BYTES_MAX};

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl Request {
    /// A request with this body, like the first one of a client with default settings: for testing your own
    /// [`Transport`](super::Transport). Set the fields that matter to it.
    ///
    /// ```
    /// use overspill::transport::Request;
    ///
    /// let mut request = Request::of_body("[1,2]");
    /// request.content_encoding = Some("gzip");
    /// assert_eq!((&request.body[..], request.content_type), (&b"[1,2]"[..], "application/json"));
    /// ```
    pub fn of_body(body: impl Into<Vec<u8>>) -> Request {
        Request {
            body: RequestBody::from(body.into()),
            content_type: "application/json",
            content_encoding: None,
            idempotency_key: "0000000000000000-1".to_owned(),
            timeout: POST_TIMEOUT,
            settled_by: SettledBy::Status,
            reply_bytes_max: REPLY_BYTES_MAX,
            reply_headers: &[],
        }
    }
}
