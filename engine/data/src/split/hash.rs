//! By a hash of the key: where a row goes depends on its key and the seed alone.

use super::{Table, group::key_columns};
use crate::target::class_label;
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::Problem;

/// Hands out the rows that have a key, each with its place in 0 up to 1: blake3 of the seed, of what the place is `for`, and of the
/// key's values as text, each after its length.
///
/// # Errors
/// There is no such column.
pub(super) fn positions(
    table: &Table<'_>,
    rows: &[u32],
    purpose: &str,
    mut take: impl FnMut(u32, f64),
) -> Result<(), Problem> {
    let columns = key_columns(table)?;
    let mut start = blake3::Hasher::new();
    start.update(b"trainyard split 1\n").update(&table.spec.seed.to_le_bytes());
    start.update(&(purpose.len() as u64).to_le_bytes()).update(purpose.as_bytes());
    'rows: for &number in rows {
        let row = number as usize;
        let mut hasher = start.clone();
        for column in &columns {
            let mut add = |text: &str| {
                hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
            };
            match &column.values {
                Values::Numbers(numbers) if numbers[row].is_finite() => add(&class_label(numbers[row] + 0.0)),
                Values::Categories { codes, levels } if codes[row] != MISSING => add(&levels[codes[row] as usize]),
                _ => continue 'rows,
            }
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        // 53 bits, as many as a float holds.
        take(number, (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64);
    }
    Ok(())
}
