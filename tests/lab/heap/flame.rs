//! What grew persistently, as a flame graph: the width of a frame is how much grew beneath it.

use crate::Failure;
use inferno::flamegraph::{Options, from_lines};
use overspill::heap_compare::Comparison;
use std::path::Path;

/// Returns whether there was anything to draw.
pub fn draw(comparison: &Comparison, file: &Path) -> Result<bool, Failure> {
    let folded = comparison.folded();
    if folded.is_empty() {
        return Ok(false);
    }
    let Some(first) = comparison.persistent().first() else { return Ok(false) };
    let [grew, then] = first.growth().intervals.map(|interval| interval.bytes as f64 / 1e6);
    let mut options = Options::default();
    options.title =
        format!("{} is the first suspect: it grew by {grew:.1} MB, then by {then:.1} MB", first.culprit());
    options.subtitle = Some(
        "The wider, the more bytes grew between three heap profiles; below each frame is its caller"
            .to_owned(),
    );
    options.count_name = "bytes".to_owned();
    options.image_width = Some(1200);
    let mut svg = Vec::new();
    from_lines(&mut options, folded.lines(), &mut svg)?;
    std::fs::write(file, svg)?;
    Ok(true)
}
