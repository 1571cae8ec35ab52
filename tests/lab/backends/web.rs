//! Queries a server over HTTP, one request at a time.

use crate::Failure;
use std::time::Duration;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub struct Web {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Web {
    pub fn new() -> Result<Web, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Plain http needs no root certificates, which not every machine has.
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).tls_certs_only([]).build()?;
        Ok(Web { runtime, http })
    }

    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<String, Failure> {
        self.exchange(self.http.get(url), headers)
    }

    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: String) -> Result<String, Failure> {
        self.exchange(self.http.post(url).body(body), headers)
    }

    pub fn put(&self, url: &str, headers: &[(&str, &str)], body: String) -> Result<String, Failure> {
        self.exchange(self.http.put(url).body(body), headers)
    }

    /// Sends a request and returns the body of a 2xx answer.
    fn exchange(
        &self,
        mut request: reqwest::RequestBuilder,
        headers: &[(&str, &str)],
    ) -> Result<String, Failure> {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let (status, body) = (answer.status(), answer.text().await?);
            if status.is_success() { Ok(body) } else { Err(format!("{status}: {body}").into()) }
        })
    }
}

/// A percent-encoded query for a URL.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
