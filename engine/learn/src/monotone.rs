//! Directions that a person gave to columns, as features of trees have them.

use trainyard_infer::trees::{Encoding, TreeEncoder};
use trainyard_types::monotone::{Direction, Monotone};

/// The direction of each feature, where it has one. Columns that are no numbers, or never vary, have none.
pub(crate) fn of_features(encoder: &TreeEncoder, wanted: &Monotone) -> Vec<Option<Direction>> {
    let of = |column: &str, encoding: &Encoding| match encoding {
        Encoding::Number => wanted.get(column).copied(),
        _ => None,
    };
    encoder.inputs().iter().flat_map(|input| vec![of(&input.column, &input.encoding); input.encoding.width()]).collect()
}
