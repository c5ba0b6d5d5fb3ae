//! The table of runs and the comparison of a few: which values a run has, how they are named, filtered and shown.

mod attribute;
mod field;
mod filter;
mod lexer;
mod metric;
mod table;
mod views;

pub use attribute::Attribute;
pub use field::{Field, Pick};
pub use filter::{Clause, Filter, MOST_CLAUSES, MOST_VALUES, MOST_WILDCARDS, Order, Test};
pub use metric::{higher_is_better, metric_name, metric_title, split_part};
pub use table::*;
pub use views::*;

/// The longest key of a metric, parameter or tag, characters.
pub const LONGEST_KEY: usize = 250;
/// The longest value of a parameter or tag, characters; what is longer is cut.
pub const LONGEST_VALUE: usize = 2_000;
