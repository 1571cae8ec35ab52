//! Counts what a call allocates. A separate program, because a counting allocator would distort every measured time.

use clap::Parser;
use overspill_peers::call::{AllocationArguments, allocations};

fn main() -> Result<(), overspill_peers::Failure> {
    let arguments = AllocationArguments::parse();
    let allocated = allocations(&arguments, |run| {
        let info = allocation_counter::measure(run);
        (info.count_total, info.bytes_total)
    })?;
    println!("{}", serde_json::to_string(&allocated)?);
    // Peers whose clients do not stop by themselves stop with the process.
    std::process::exit(0);
}
