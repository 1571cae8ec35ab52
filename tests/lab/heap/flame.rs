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
    let mut options = Options::default();
    options.title = "What grew in both intervals, by call stack (bytes)".to_owned();
    options.count_name = "bytes".to_owned();
    options.image_width = Some(1200);
    let mut svg = Vec::new();
    from_lines(&mut options, folded.lines(), &mut svg)?;
    std::fs::write(file, svg)?;
    Ok(true)
}
