//! Events that are longer in the body than their JSON.
//!
//! In: an event. Out: room for it, from what the format says about the JSON that it will see. B2 holds for the result, and for
//! the text that waits here.

use super::{Added, Batch, BatchLimits, Text};
use crate::mark::Piece;
use crate::sync::contain;

impl Batch {
    /// An event that grows in the body; by how much, the format says about the JSON that it will see.
    pub(super) fn add_measured(&mut self, piece: Piece<'_>, limits: &BatchLimits) -> Added {
        let (Piece { text, name, emitted_at }, common) = (piece, &self.shared.common);
        let (Text::Own(room), Some(format)) = (&mut self.text, &self.measure) else { return Added::NoRoom };
        let beside = common.name_beside(name).len();
        let has_room = |bytes| limits.body(self.marks.len() + 1, self.text_bytes + bytes) <= limits.bytes_max;
        // A format whose events do not grow still holds their text here.
        if !has_room(common.length(text, name) + beside) {
            return Added::NoRoom;
        }
        let start = room.len();
        common.write(text, name, &mut self.time, emitted_at, room);
        let json = &room[start..];
        let most = json.len().saturating_mul(limits.growth_max);
        let length = contain(|| format.length(json)).unwrap_or(most);
        let weight = length.clamp(json.len(), most) + beside;
        let fits = has_room(weight);
        room.truncate(start);
        if !fits {
            return Added::NoRoom;
        }
        self.put(piece, weight, limits)
    }
}
