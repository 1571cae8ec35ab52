//! A keyed hash that replaces a value: equal values stay equal, and nobody can test guesses without the key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// HMAC-SHA-256, already keyed. Never printed, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct HashKey(Hmac<Sha256>);

impl HashKey {
    pub(super) fn new(key: &[u8]) -> HashKey {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        HashKey(Hmac::new_from_slice(key).expect("a key of any length"))
    }

    /// The first 96 bits of the hash of `value`, as hexadecimal digits.
    pub(super) fn digits(&self, value: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(value);
        mac.finalize().into_bytes()[..12].iter().fold(String::with_capacity(24), |mut digits, byte| {
            _ = write!(digits, "{byte:02x}");
            digits
        })
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    /// RFC 4231, cases 1, 2 and 6; `openssl dgst -sha256 -hmac` prints the same.
    #[test]
    fn the_hash_matches_the_standard() {
        for (key, value, digits) in [
            (vec![0x0b; 20], &b"Hi There"[..], "b0344c61d8db38535ca8afce"),
            (b"Jefe".to_vec(), b"what do ya want for nothing?", "5bdcc146bf60754e6a042426"),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aa",
            ),
        ] {
            assert_eq!(HashKey::new(&key).digits(value), digits);
        }
    }
}
