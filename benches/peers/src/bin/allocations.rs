//! What a call allocates: a program of its own, because the allocator that counts would change every time.

use clap::Parser;
use overspill_peers::call::{AllocationArguments, allocations};

fn main() -> Result<(), overspill_peers::Failure> {
    let arguments = AllocationArguments::parse();
    let allocated = allocations(&arguments, |run| {
        let info = allocation_counter::measure(run);
        (info.count_total, info.bytes_total)
    })?;
    println!("{}", serde_json::to_string(&allocated)?);
    // Clients of peers that do not end by themselves end with the process.
    std::process::exit(0);
}
