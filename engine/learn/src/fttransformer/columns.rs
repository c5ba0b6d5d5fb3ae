//! How many columns attention takes.

use crate::net::{Part, Truth};
use std::collections::BTreeMap;
use trainyard_infer::preprocess::{Encoded, Encoder};
use trainyard_types::{Problem, run::MOST_TOKENS};

/// Columns that are named.
const NAMED: usize = 20;

/// # Errors
/// The columns make more tokens than [`MOST_TOKENS`]; says which to leave out: those that go least with the target by
/// themselves.
pub fn check(encoder: &Encoder, train: &Part) -> Result<(), Problem> {
    let tokens = 1 + encoder.width() + encoder.embedded().len();
    if tokens <= MOST_TOKENS {
        return Ok(());
    }
    // Of each column its tokens and how well it goes with the target; a category is not judged and comes last.
    let mut columns: Vec<(usize, f64)> = vec![(0, 0.0); encoder.columns().len()];
    for (at, output) in encoder.outputs().iter().enumerate() {
        let column = &mut columns[output.column];
        *column = (column.0 + 1, column.1.max(association(at, &train.encoded, &train.target)));
    }
    for &column in encoder.embedded() {
        columns[column] = (1, f64::INFINITY);
    }
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|a, b| columns[*a].1.total_cmp(&columns[*b].1));
    let mut left = tokens;
    let weakest: Vec<String> = order
        .into_iter()
        .take_while(|column| {
            let go_on = left > MOST_TOKENS;
            left -= if go_on { columns[*column].0 } else { 0 };
            go_on
        })
        .map(|column| format!("`{}`", encoder.columns()[column].name))
        .collect();
    let more = match weakest.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = weakest[..weakest.len().min(NAMED)].join(", ");
    Err(Problem::field(
        "drop",
        format!(
            "FT-Transformer compares each column with each, dates by several parts: these make {tokens} tokens a row, and it \
             takes {MOST_TOKENS} at most. Leave out {} columns or more, first those that go least with the target by themselves: \
             {named}{more}. Or choose boosted trees, which take any number.",
            weakest.len()
        ),
    ))
}

/// The share of a dense column's variance that goes with the target: r² with a number, η² with classes.
fn association(column: usize, encoded: &Encoded, truth: &Truth) -> f64 {
    let numbers = || encoded.dense.iter().skip(column).step_by(encoded.width).map(|value| f64::from(*value));
    let mean = numbers().sum::<f64>() / encoded.rows as f64;
    let total = numbers().map(|x| (x - mean).powi(2)).sum::<f64>();
    let shared = match truth {
        Truth::Values(values) => {
            let product: f64 = numbers().zip(values).map(|(x, y)| (x - mean) * f64::from(*y)).sum();
            product.powi(2) / values.iter().map(|y| f64::from(*y).powi(2)).sum::<f64>()
        }
        Truth::Classes(classes) => {
            let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
            for (x, class) in numbers().zip(classes) {
                let sum = sums.entry(*class).or_default();
                *sum = (sum.0 + 1.0, sum.1 + x - mean);
            }
            sums.values().map(|(count, sum)| sum.powi(2) / count).sum()
        }
    };
    let share = shared / total;
    if share.is_finite() { share } else { 0.0 }
}
