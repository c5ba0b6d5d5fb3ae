//! What a person should know about the data, in words.

use super::Described;
use crate::words::{clip, count, counted, percent};
use trainyard_types::dataset::{ColumnType, DataWarning, Profile, Severity};

/// Columns of more different texts than this are of high cardinality.
const MANY_TEXTS: u64 = 100;

/// Every warning, the table's first, then by column. The rules stand with each.
pub(super) fn of(profile: &Profile, columns: &[Described]) -> Vec<DataWarning> {
    let rows = profile.rows;
    let mut warnings = Vec::new();
    // With one column every repeated value would count.
    if profile.duplicate_rows > 0 && columns.len() > 1 {
        let share = profile.duplicate_rows as f64 / rows.max(1) as f64;
        let severity = if share >= 0.05 { Severity::Warning } else { Severity::Info };
        let message = format!(
            "{} ({}) copies an earlier row exactly. Copies that fall into both the training and the test rows make a \
             model look better than it is. Remove them unless the repetition is real.",
            counted(profile.duplicate_rows, "row", "rows"),
            percent(share)
        );
        let message = if profile.duplicate_rows == 1 { message } else { message.replacen("copies an", "copy an", 1) };
        warnings.push(DataWarning { severity, kind: "duplicates".into(), column: String::new(), message });
    }
    for column in columns {
        of_column(column, rows, &mut warnings);
    }
    warnings
}

fn of_column(described: &Described, rows: u64, warnings: &mut Vec<DataWarning>) {
    let column = &described.profile;
    let name = clip(&column.name);
    let present = rows - column.missing.min(rows);
    let mut warn = |severity, kind: &str, message: String| {
        warnings.push(DataWarning { severity, kind: kind.into(), column: column.name.clone(), message });
    };
    if present == 0 {
        warn(Severity::Warning, "missing", format!("`{name}` has no values at all. Leave it out."));
        return;
    }
    let missing = column.missing as f64 / rows as f64;
    if missing >= 0.05 {
        let severity = if missing > 0.5 { Severity::Warning } else { Severity::Info };
        warn(
            severity,
            "missing",
            format!(
                "`{name}` is missing in {} rows ({}). {}",
                count(column.missing),
                percent(missing),
                if missing > 0.5 {
                    "Consider leaving it out, and find out why it is missing."
                } else {
                    "Find out why: models treat missing as a value of its own."
                }
            ),
        );
    }
    if column.distinct == 1 {
        let value = column.top.first().map(|top| clip(&top.value)).unwrap_or_default();
        let message = if column.missing == 0 {
            format!("`{name}` is `{value}` in every row. It tells a model nothing: leave it out.")
        } else {
            format!("`{name}` is `{value}` wherever it is present. Only its absence can tell a model anything.")
        };
        warn(Severity::Warning, "constant", message);
        return;
    }
    if is_id_like(described, present) {
        warn(
            Severity::Warning,
            "id_like",
            format!(
                "`{name}` has a different value in {} rows, like an identifier. A model can only memorise it: leave it out.",
                if column.distinct == present {
                    "all".to_owned()
                } else {
                    percent(column.distinct as f64 / present as f64) + " of the"
                }
            ),
        );
        return;
    }
    if described.number_like >= 0.5 {
        warn(
            Severity::Warning,
            "mixed_types",
            format!(
                "`{name}` is text, but {} of its values are numbers. If the others mean \"missing\", import the file again \
                 with them as missing texts.",
                percent(described.number_like)
            ),
        );
    } else if column.kind == ColumnType::Text && column.distinct > MANY_TEXTS {
        let severity = if column.distinct as f64 > 0.5 * present as f64 { Severity::Warning } else { Severity::Info };
        warn(
            severity,
            "high_cardinality",
            format!(
                "`{name}` has {} different texts over {} rows. Rare ones teach a model little: group them. Sentences \
                 are learned from by their words.",
                count(column.distinct),
                count(present)
            ),
        );
    }
    // Few values, one of which is rare: as a target, or as a feature that hardly varies.
    if (2..=10).contains(&column.distinct)
        && let (Some(top), Some(rarest)) = (column.top.first(), column.top.last())
    {
        let share = top.count as f64 / present as f64;
        if share >= 0.9 {
            warn(
                Severity::Info,
                "imbalance",
                format!(
                    "`{name}` is `{}` in {} of the rows. If it is the target, accuracy misleads (always saying `{}` scores \
                     {}): look at ROC AUC and recall. The rarest value, `{}`, has {}.",
                    clip(&top.value),
                    percent(share),
                    clip(&top.value),
                    percent(share),
                    clip(&rarest.value),
                    counted(rarest.count, "row", "rows")
                ),
            );
        }
    }
    if column.kind.is_numeric() && column.distinct > 10 && described.skewness.abs() > 5.0 {
        warn(
            Severity::Info,
            "skewed",
            format!(
                "`{name}` is strongly skewed (skewness {:.1}): a few values lie far from the others. Check them for errors.",
                described.skewness
            ),
        );
    }
}

/// Texts that (nearly) all differ, and whole numbers that all differ and count up or are named as identifiers. Columns
/// of fewer than 20 values are left alone, and so are floats and times, which differ by nature.
fn is_id_like(described: &Described, present: u64) -> bool {
    let column = &described.profile;
    if present < 20 {
        return false;
    }
    match column.kind {
        ColumnType::Text => {
            // Long texts differ because they are prose, not because they identify.
            let prose =
                column.top.iter().filter(|top| top.value.split_whitespace().count() > 3).count() * 2 > column.top.len();
            column.distinct as f64 >= 0.99 * present as f64 && !prose
        }
        ColumnType::Integer if column.distinct == present => {
            let counts_up =
                column.numeric.as_ref().is_some_and(|numeric| numeric.max - numeric.min < present as f64 * 1.05);
            let name = column.name.to_lowercase();
            let named = ["id", "uuid", "key", "index"]
                .iter()
                .any(|word| name.split(|c: char| !c.is_alphanumeric()).any(|part| part == *word));
            counts_up || named
        }
        _ => false,
    }
}
