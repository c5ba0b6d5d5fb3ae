//! The fitted model: preprocessing, nets and tree ensembles, and the one implementation of prediction that evaluation,
//! the command line and the server share. No I/O; compiles to WebAssembly.

pub mod blend;
pub mod datetime;
pub mod decision;
pub mod dummy;
pub mod ensemble;
pub mod error;
pub mod frame;
pub mod math;
pub mod model;
pub mod net;
pub mod normal_scores;
pub mod oip;
mod parallel;
mod predictor;
pub mod preprocess;
pub mod product;
pub mod rows;
pub mod signature;
pub mod target;
pub mod tensors;
pub mod text;
pub mod trees;

pub use decision::Decision;
pub use error::{LoadError, PredictError};
pub use frame::{Column, Frame, MISSING, Values};
pub use model::Model;
pub use predictor::Predictor;
pub use target::{Predictions, Target};
pub use tensors::{Stored, TensorBag};
