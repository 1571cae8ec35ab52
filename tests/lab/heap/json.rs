//! The result for scripts: the same as the table, in bytes, seconds and shares of one.

use overspill::heap_compare::{Comparison, Grown};
use serde_json::{Value, json};

pub fn of(comparison: &Comparison, top: usize) -> Value {
    let some = |stacks: &[Grown]| stacks.iter().take(top).map(stack).collect::<Vec<_>>();
    let total = comparison.total().iter().map(|held| json!({"bytes": held.bytes, "objects": held.objects}));
    json!({
        "interval_seconds": comparison.lasting().map(|lasting| lasting.as_secs_f64()),
        "sample_period_bytes": comparison.sample_period_bytes(),
        "stacks": comparison.stacks(),
        "total": total.collect::<Vec<_>>(),
        "persistent_stacks": comparison.persistent().len(),
        "once_stacks": comparison.once().len(),
        "persistent": some(comparison.persistent()),
        "once": some(comparison.once()),
    })
}

fn stack(stack: &Grown) -> Value {
    let growth = stack.growth();
    let held = stack.held().iter().map(|held| json!({"bytes": held.bytes, "objects": held.objects}));
    json!({
        "culprit": stack.culprit().to_string(),
        "verdict": growth.verdict.as_str(),
        "confidence": growth.confidence,
        "bytes_grown": growth.intervals.map(|interval| interval.bytes),
        "standard_error_bytes": growth.intervals.map(|interval| interval.standard_error_bytes.round()),
        "objects_grown": stack.objects_grown(),
        "forecast_bytes": growth.forecast_bytes,
        "held": held.collect::<Vec<_>>(),
        "stack": stack.deepest().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
