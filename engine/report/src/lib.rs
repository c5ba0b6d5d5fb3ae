//! What a run found out, drawn: charts with a finding as title, a sentence for those who can't see them, and their
//! numbers as a table.

mod axes;
mod canvas;
mod classification;
mod confusion;
mod findings;
mod regression;
mod threshold;
pub mod words;

pub mod charts;

pub use charts::{Evidence, charts};
