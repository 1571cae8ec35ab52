//! Guests: each does one thing that not every user needs, behind its own feature, and uses only those parts of the crate that a user can
//! use.

#[cfg(feature = "heap-compare")]
pub mod heap_compare;
#[cfg(feature = "memory-watch")]
pub mod memory_watch;
#[cfg(feature = "metrics-recorder")]
pub mod metrics_recorder;
#[cfg(feature = "tracing-events")]
pub mod tracing_events;
#[cfg(feature = "tower")]
pub mod request_events;
#[cfg(feature = "open-feature")]
pub mod toggle;
#[cfg(feature = "tracing-layer")]
pub mod tracing_layer;
#[cfg(all(target_os = "linux", feature = "memory-watch-jemalloc"))]
mod wire;
