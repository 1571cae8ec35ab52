//! Chapters for those who run it.

#[doc = include_str!("guide/log.md")]
pub mod log {}

#[doc = include_str!("guide/processes.md")]
pub mod processes {}
