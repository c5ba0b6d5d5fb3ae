//! The use cases, one function each: authorise, validate, act, view. REST handlers, server functions and the command
//! line call the same functions. A change and its audit event are one transaction.

pub mod accounts;
pub mod actor;
pub mod audit;
pub mod authorise;
mod blocking;
pub mod checks;
pub mod ctx;
pub mod datasets;
pub mod demo;
pub mod home;
pub mod inbox;
pub mod jobs;
pub mod labels;
pub mod leakage;
pub mod lineage;
pub mod models;
pub mod oip;
pub mod pipelines;
pub mod projects;
pub mod runs;
pub mod sources;
pub mod workers;

pub use actor::{Actor, Via};
pub use ctx::{Ctx, Settings};
