//! Rows that equal an earlier one.

use foldhash::quality::RandomState;
use std::{collections::HashSet, hash::BuildHasher};
use trainyard_infer::frame::{Frame, MISSING, Values};
use trainyard_types::Problem;

/// Why copies are not left out of a table that does not fit the memory.
pub fn too_many() -> Problem {
    Problem::field(
        "distinct",
        "Copies of rows can't be left out while a table is trained in a stream. Take them out with a pipeline's step \
         'deduplicate', or raise the memory limit for training.",
    )
}

/// Marks rows as not usable that equal an earlier usable one in all columns but those of `except`. Rows are told apart by
/// two hashes of 64 bits with random keys.
pub fn leave_out(frame: &Frame, except: &[String], usable: &mut [bool]) {
    let hashers = [RandomState::default(), RandomState::default()];
    let mut sums = vec![[0_u64; 2]; frame.rows];
    for column in frame.columns.iter().filter(|column| !except.contains(&column.name)) {
        for (row, sum) in sums.iter_mut().enumerate() {
            let key = match &column.values {
                Values::Numbers(numbers) if numbers[row].is_nan() => u64::from(MISSING),
                // Zero has two signs.
                Values::Numbers(numbers) => (numbers[row] + 0.0).to_bits(),
                Values::Categories { codes, .. } => u64::from(codes[row]),
            };
            for (sum, hasher) in sum.iter_mut().zip(&hashers) {
                *sum = hasher.hash_one((*sum, key));
            }
        }
    }
    let mut known: HashSet<[u64; 2], _> = HashSet::with_hasher(foldhash::fast::RandomState::default());
    for (usable, sum) in usable.iter_mut().zip(sums) {
        *usable = *usable && known.insert(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_infer::frame::Column;
    use trainyard_types::dataset::ColumnType;

    #[test]
    fn the_first_usable_of_equal_rows_stays() {
        let number = |name: &str, values: Vec<f64>| Column {
            name: name.into(),
            kind: ColumnType::Float,
            values: Values::Numbers(values),
        };
        let text = Column {
            name: "t".into(),
            kind: ColumnType::Text,
            values: Values::Categories { codes: vec![0, 0, 0, MISSING, MISSING], levels: vec!["a".into()] },
        };
        let columns = vec![
            number("x", vec![0.0, -0.0, 0.0, f64::NAN, f64::NAN]),
            text,
            number("id", vec![1.0, 2.0, 3.0, 4.0, 5.0]),
        ];
        let frame = Frame { columns, rows: 5 };
        let mut usable = vec![false, true, true, true, true];
        leave_out(&frame, &["id".to_owned()], &mut usable);
        assert_eq!(usable, [false, true, false, true, false]);
        let mut usable = vec![true; 5];
        leave_out(&frame, &[], &mut usable);
        assert_eq!(usable, [true; 5]);
    }
}
