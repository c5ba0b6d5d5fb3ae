//! Judgement: metrics, intervals, curves, importance and the verdict on a fit. Numbers in, numbers out.

pub mod association;
pub mod bootstrap;
pub mod calibration;
pub mod ceiling;
pub mod conformal;
pub mod curves;
pub mod diagnosis;
pub mod drift;
pub mod drift_test;
pub mod groups;
pub mod importance;
pub mod labels;
pub mod leakage;
pub mod metrics;
pub mod relations;
pub mod residuals;
pub mod rules;
mod scorer;
pub mod slices;
pub mod target;
pub mod threshold;
