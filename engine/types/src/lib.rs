//! The words that every other crate speaks: ids, validated inputs, state machines and the views that pages,
//! REST and the command line show. Plain data, no I/O; compiles to WebAssembly.

pub mod account;
pub mod audit;
pub mod catalog;
pub mod checks;
pub mod dataset;
pub mod decision;
pub mod evaluation;
pub mod experiments;
pub mod export;
pub mod glossary;
pub mod home;
pub mod hyper;
pub mod ids;
pub mod inbox;
pub mod job;
pub mod labels;
pub mod leakage;
pub mod loss;
pub mod model;
pub mod monotone;
pub mod name;
pub mod page;
pub mod pipeline;
pub mod problem;
pub mod relations;
pub mod role;
pub mod rules;
pub mod run;
pub mod seeds;
pub mod slices;
pub mod source;
pub mod split;
pub mod time;
pub mod words;

pub use ids::*;
pub use name::{Password, PersonName, ResourceName, Slug, UserName};
pub use page::{Page, PageQuery};
pub use problem::{Code, FieldProblem, Problem};
pub use role::{Action, Role};
pub use time::Timestamp;
