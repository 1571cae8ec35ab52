//! The bytes of one request, shared by its transport and the batch that they came from.

use crate::sync::Arc;
use std::fmt;
use std::ops::Deref;

/// A request's body: bytes that no longer change. A clone shares the same bytes.
///
/// A [`Transport`](super::Transport) may keep it while it sends, but no longer: until it is dropped, the next batch cannot reuse its
/// memory.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestBody(Arc<Vec<u8>>);

impl RequestBody {
    /// The bytes themselves, if there is no other clone.
    pub(crate) fn into_sole(self) -> Option<Vec<u8>> {
        Arc::try_unwrap(self.0).ok()
    }
}

impl From<Vec<u8>> for RequestBody {
    fn from(bytes: Vec<u8>) -> RequestBody {
        RequestBody(Arc::new(bytes))
    }
}

impl Deref for RequestBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for RequestBody {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Shows only its length: the content is meant for the endpoint alone.
impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.len())
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::clock::{Clock, Source};
    use crate::transport::http::{Http, HttpSettings};
    use crate::transport::settled_by::SettledBy;
    use crate::transport::{Request, Transport};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    const BODY: usize = 200_000;

    /// Takes this many requests over one connection, and answers each once it has been read completely.
    fn answer(listener: &TcpListener, requests: usize) -> std::io::Result<()> {
        let mut connection = BufReader::new(listener.accept()?.0);
        for _ in 0..requests {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                assert!(connection.read_line(&mut line)? > 0, "the connection ended");
            }
            connection.read_exact(&mut [0; BODY])?;
            connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
        Ok(())
    }

    #[test]
    fn the_http_client_lets_go_of_a_body_by_the_time_its_answer_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let answers = std::thread::spawn(move || answer(&listener, 3));
        let settings = HttpSettings::of(&endpoint);
        let mut http = Http::new(&settings, Clock::start(Source::Machine)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for _ in 0..3 {
            let body = RequestBody::from(vec![b'7'; BODY]);
            let request = Request {
                body: body.clone(),
                content_type: "text/plain",
                content_encoding: None,
                idempotency_key: "1-1".to_owned(),
                timeout: Duration::from_secs(30),
                settled_by: SettledBy::Status,
                reply_bytes_max: crate::limits::REPLY_BYTES_MAX,
                reply_headers: &[],
            };
            let reply = runtime.block_on(async { http.post(request).await }).unwrap();
            assert_eq!(reply.status, 200);
            assert!(body.into_sole().is_some(), "its buffer is the next batch's");
        }
        answers.join().unwrap().unwrap();
    }
}
