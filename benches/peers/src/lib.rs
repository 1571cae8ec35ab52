//! Measures what overspill costs, compared with its floors and its peers. Writes `benches/COSTS.md`.

pub mod adopt;
pub mod call;
pub mod child;
pub mod corpus;
pub mod drawn;
pub mod formats;
pub mod outage;
pub mod output;
pub mod pace;
pub mod picture;
#[path = "../../../examples/outage/plot.rs"]
#[allow(dead_code, reason = "shared by all programs that draw, and none draws everything")]
mod plot;
pub mod report;
pub mod sink;
pub mod spill;
pub mod statistics;
pub mod sweep;
pub mod systems;
pub mod texts;
pub mod timer;
pub mod usage;
pub mod wire;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// What pictures are drawn on.
type Backend<'a> = plotters::prelude::BitMapBackend<'a>;
