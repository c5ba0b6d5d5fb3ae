//! Work: training jobs in a process of their own, the worker that runs them, and the same engine without a server.

mod calibrate;
pub mod child;
pub mod headless;
pub mod labels;
pub mod pipeline;
pub mod supervisor;
pub mod training;

pub use child::run_child;
pub use supervisor::{Worker, WorkerHandle, WorkerOptions};
pub use training::{Sink, TrainError, train};
