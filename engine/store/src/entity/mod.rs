//! The tables as Rust types.

pub mod accounts;
pub mod audit;
pub mod check_run;
pub mod check_suite;
pub mod connection;
pub mod dataset;
pub mod dataset_source;
pub mod dataset_version;
pub mod fetch;
pub mod job;
pub mod label_finding;
pub mod label_review;
pub mod model;
pub mod model_alias;
pub mod model_version;
pub mod pipeline;
pub mod pipeline_log;
pub mod pipeline_run;
pub mod pipeline_version;
pub mod prediction_count;
pub mod run;
pub mod run_log;
pub mod run_metric;
pub mod split;
pub mod upload;
pub mod worker;
