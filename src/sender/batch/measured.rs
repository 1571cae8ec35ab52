//! Events that are longer in the body than their JSON.
//!
//! In: an event. Out: room for it, if the length that the format gives for its JSON fits. B2 holds for that length, and for the text that
//! waits here.

use super::{Added, Batch, BatchLimits, Text};
use crate::mark::Piece;
use crate::sync::contain;

impl Batch {
    /// Adds an event that grows in the body. The format says by how much, from the JSON that it will get.
    pub(super) fn add_measured(&mut self, piece: Piece<'_>, limits: &BatchLimits) -> Added {
        let (Piece { text, name, emitted_at }, common) = (piece, &self.shared.common);
        let (Text::Own(room), Some(format)) = (&mut self.text, &self.measure) else { return Added::NoRoom };
        let beside = common.name_beside(name).len();
        let has_room = |bytes| limits.body(self.marks.len() + 1, self.text_bytes + bytes) <= limits.bytes_max;
        // The text itself must fit, even if the format does not make this event longer.
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
