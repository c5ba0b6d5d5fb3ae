//! Pipelines in this program: the steps that need a trainer, what the service asks for, and the process of a run.

mod bridge;
pub mod process;
mod steps;

pub use bridge::engine;
pub use steps::registry;
