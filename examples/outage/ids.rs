//! Sets of event ids, and the ids in a request body.

use serde::{Deserialize, Serialize};

/// A set of small numbers, and how many came twice.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Ids {
    bits: Vec<u64>,
    pub count: u64,
    pub again: u64,
}

impl Ids {
    pub fn insert(&mut self, id: u64) {
        let (word, bit) = ((id / 64) as usize, 1 << (id % 64));
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.count += 1;
        } else {
            self.again += 1;
        }
    }

    pub fn contains(&self, id: u64) -> bool {
        self.bits.get((id / 64) as usize).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }
}

/// The number after each `{"id":`. A full parse would measure the endpoint rather than the clients.
pub fn ids_in(body: &[u8]) -> Vec<u64> {
    const MARK: &[u8] = b"{\"id\":";
    let mut ids = Vec::new();
    let mut at = 0;
    while let Some(found) = body[at..].iter().position(|&byte| byte == b'{') {
        at += found;
        if body[at..].starts_with(MARK) {
            at += MARK.len();
            let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit());
            ids.push(digits.fold(0, |id, digit| id * 10 + u64::from(digit - b'0')));
        } else {
            at += 1;
        }
    }
    ids
}
