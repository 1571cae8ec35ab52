//! A cache that fills and then stays full, as most services have. The comparison must distinguish it from a leak.

use std::collections::HashMap;
use std::sync::Mutex;

const SESSIONS: u64 = 60_000;
const SESSION_BYTES: usize = 1_000;

/// One entry per session, made when the session is first seen.
#[derive(Default)]
pub struct SessionCache {
    sessions: Mutex<HashMap<u64, Vec<u8>>>,
}

impl SessionCache {
    pub fn look_up(&self, id: u64) {
        // Multiplicative hashing, as in the load: sessions arrive in no particular order.
        let session = (id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        if let Ok(mut sessions) = self.sessions.lock() {
            sessions.entry(session % SESSIONS).or_insert_with(|| vec![0; SESSION_BYTES]);
        }
    }
}
