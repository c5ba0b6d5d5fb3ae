//! The kinds of steps that need nothing but tables.

mod check;
mod clean;
mod columns;
mod combine;
mod encode;
mod outside;
mod people;
mod read;
mod rows;
mod split;
mod write_out;

pub use outside::{Declare, Declared, Evaluate, Train};
pub use people::Approval;
pub use read::dataset_of;
pub use split::PART_COLUMN;
pub use write_out::{WriteOut, write_file};

use crate::kind::{Queried, Registry};

/// All kinds of this crate. Training, evaluation and what the store does are declared; who can do them registers them anew.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry
        .register(read::Source)
        .register(Queried::<combine::Sql>::default())
        .register(Queried::<columns::Select>::default())
        .register(Queried::<columns::Rename>::default())
        .register(Queried::<columns::Cast>::default())
        .register(Queried::<columns::Derive>::default())
        .register(Queried::<rows::Filter>::default())
        .register(Queried::<rows::Deduplicate>::default())
        .register(rows::Sample)
        .register(rows::Rebalance)
        .register(Queried::<combine::Join>::default())
        .register(Queried::<combine::Aggregate>::default())
        .register(Queried::<combine::Window>::default())
        .register(Queried::<clean::FillMissing>::default())
        .register(Queried::<clean::TextClean>::default())
        .register(Queried::<clean::Bin>::default())
        .register(Queried::<encode::Encode>::default())
        .register(check::Check)
        .register(split::Split)
        .register(write_out::WriteOut)
        .register(outside::Declared::<Train>::default())
        .register(outside::Declared::<Evaluate>::default())
        .register(people::Approval)
        .register(people::Effectful::<people::Register>::default())
        .register(people::Effectful::<people::Notify>::default());
    registry
}

/// A name in SQL.
pub(crate) fn q(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A value of a document in SQL.
pub(crate) fn literal(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(value) => text(value),
        serde_json::Value::Null => "NULL".into(),
        other => other.to_string(),
    }
}
