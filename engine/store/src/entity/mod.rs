//! The tables as Rust types.

pub mod accounts;
pub mod audit;
pub mod dataset;
pub mod dataset_version;
pub mod upload;
pub mod run;
pub mod run_metric;
pub mod run_log;
pub mod job;
pub mod worker;
pub mod model;
pub mod model_version;
pub mod model_alias;
pub mod prediction_count;
