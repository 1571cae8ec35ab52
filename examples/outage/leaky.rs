//! The leaky client: it keeps failed posts and flushes them when the endpoint is back. Do not use.

use super::load::Request;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// All events waiting for the endpoint. Unbounded.
pub struct Leaky {
    kept: Mutex<Vec<Vec<u8>>>,
    pub delivered: AtomicU64,
    pub held_bytes: AtomicU64,
}

impl Leaky {
    pub fn new() -> Leaky {
        Leaky { kept: Mutex::new(Vec::new()), delivered: AtomicU64::new(0), held_bytes: AtomicU64::new(0) }
    }

    pub fn emit(&self, request: &Request<'_>) {
        if let (Ok(event), Ok(mut kept)) = (serde_json::to_vec(request), self.kept.lock()) {
            self.held_bytes.fetch_add(event.len() as u64, Ordering::Relaxed);
            kept.push(event);
        }
    }

    pub fn waiting(&self) -> u64 {
        self.kept.lock().map_or(0, |kept| kept.len() as u64)
    }

    /// Posts the kept events in batches of 500 until a post fails; a failed batch is kept for later.
    pub async fn flush_for_ever(&self, endpoint: &str) {
        let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(2)).build() else { return };
        loop {
            while let Some(batch) = self.take() {
                let body = [b"[".as_slice(), &batch.join(&b","[..]), b"]"].concat();
                let answer = client.post(endpoint).body(body).send().await;
                if !answer.is_ok_and(|answer| answer.status().is_success()) {
                    self.put_back(batch);
                    break;
                }
                self.delivered.fetch_add(batch.len() as u64, Ordering::Relaxed);
                let bytes = batch.iter().map(Vec::len).sum::<usize>();
                self.held_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn take(&self) -> Option<Vec<Vec<u8>>> {
        let mut kept = self.kept.lock().ok()?;
        let rest = kept.len().saturating_sub(500);
        let batch = kept.split_off(rest);
        (!batch.is_empty()).then_some(batch)
    }

    fn put_back(&self, batch: Vec<Vec<u8>>) {
        if let Ok(mut kept) = self.kept.lock() {
            kept.extend(batch);
        }
    }
}
