//! One module a page; [`frame`] is what stands around them.

pub mod api_docs;
pub mod audit;
pub mod connections;
pub mod data;
pub mod dataset;
pub mod errors;
pub mod figure;
pub mod frame;
pub mod glossary;
pub mod home;
pub mod leakage;
pub mod model;
pub mod models;
pub mod new_run;
pub mod parts;
pub mod people;
pub mod pipeline;
pub mod projects;
pub mod run;
pub mod runs;
pub mod settings;
pub mod sign_in;
pub mod split_fields;
pub mod upload;
pub mod version_diff;
pub mod workers;
