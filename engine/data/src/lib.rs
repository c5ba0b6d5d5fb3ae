//! Tables: reading files of many kinds, storing them as Parquet, describing them, and dividing them for training.
//!
//! [`inspect()`] looks at a file and proposes how to read it. [`ingest()`] reads it so and writes Parquet with a
//! profile. [`frame::load`] brings the Parquet into memory for training, [`split()`] divides the rows, and
//! [`target`] says what kind of task a column makes. Of a table that does not fit the memory, [`StoredTable`] loads some rows
//! and [`Shuffled`] hands all train rows out in buffers. [`read_any`] does it without a stored file, [`demo`] makes a
//! data set up. Everything is streamed within the bounds of [`limits`], except for [`frame::load`] and [`read_any`].

pub mod checks;
pub mod compare;
pub mod concat;
pub mod copies;
pub mod demo;
pub mod frame;
pub mod ingest;
pub mod inspect;
pub mod limits;
pub mod memory;
pub mod profile;
pub mod read_any;
pub mod relabel;
pub mod rows;
pub mod shuffled;
pub mod split;
pub mod stored_table;
pub mod target;
pub mod yaml;

mod block;
mod bounded;
mod cell;
mod chunks;
mod convert;
mod csv_source;
mod decode;
mod delimiter;
mod digits;
mod guess;
mod json_source;
mod names;
mod normal;
mod parallel;
mod parquet_source;
mod separators;
mod sniff;
mod source;
mod words;
mod write;

pub use concat::concat;
pub use convert::arrow_type;
pub use ingest::{Ingested, Stored, ingest, store};
pub use inspect::{Inspection, inspect, reinspect, sample};
pub use memory::Memory;
pub use profile::profile;
pub use rows::rows;
pub use shuffled::Shuffled;
pub use split::{MadeSplit, Part, split};
pub use stored_table::StoredTable;
