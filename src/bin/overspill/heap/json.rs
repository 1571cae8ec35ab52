//! The result for scripts: the content of the table, in bytes, seconds and fractions of one.

use overspill::heap_compare::{Comparison, Grown, Growth};
use serde_json::{Value, json};

pub(crate) fn of(comparison: &Comparison, top: usize) -> Value {
    let some = |stacks: &[Grown]| stacks.iter().take(top).map(stack).collect::<Vec<_>>();
    let total = comparison.total().iter().map(|held| json!({"bytes": held.bytes, "objects": held.objects}));
    json!({
        "interval_seconds": comparison.lasting().map(|lasting| lasting.as_secs_f64()),
        "sample_period_bytes": comparison.sample_period_bytes(),
        "stacks": comparison.stacks(),
        "total": total.collect::<Vec<_>>(),
        "whole": growth(comparison.whole()),
        "detectable_bytes": comparison.detectable_bytes(),
        "warnings": comparison.warnings().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "persistent_stacks": comparison.persistent().len(),
        "once_stacks": comparison.once().len(),
        "persistent": some(comparison.persistent()),
        "once": some(comparison.once()),
    })
}

fn growth(growth: &Growth) -> Value {
    json!({
        "verdict": growth.verdict.as_str(),
        "confidence": growth.confidence,
        "bytes_grown": growth.intervals.map(|interval| interval.bytes),
        "standard_error_bytes": growth.intervals.map(|interval| interval.standard_error_bytes.round()),
        "forecast_bytes": growth.forecast_bytes,
    })
}

fn stack(stack: &Grown) -> Value {
    let held = stack.held().iter().map(|held| json!({"bytes": held.bytes, "objects": held.objects}));
    let mut all = growth(stack.growth());
    all["level"] = stack.level().as_str().into();
    all["name"] = stack.name().into();
    all["spread_stacks"] = stack.spread().into();
    all["culprit"] = stack.culprit().to_string().into();
    all["owner"] = stack.culprit().owner().as_str().into();
    all["address"] = stack
        .culprit()
        .address()
        .map(|(file, address)| json!({"file": file, "address": format!("{address:#x}")}))
        .into();
    all["objects_grown"] = json!(stack.objects_grown());
    all["held"] = held.collect();
    all["stack"] = stack.deepest().iter().map(ToString::to_string).collect();
    all
}
