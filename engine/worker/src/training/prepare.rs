//! From a table to three parts with outcomes: what is to be learned from, tuned on and judged by.

use super::{
    aside::{self, Weights},
    stream::TrainRows,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use trainyard_data::{
    copies,
    split::{self, Part},
    target,
};
use trainyard_infer::{Column, Frame, MISSING, Target, Values, text};
use trainyard_learn::RowStream;
use trainyard_types::{
    Problem,
    evaluation::PartRows,
    loss::{Aim, Loss},
    monotone,
    run::{Family, SplitSpec, Task, TrainSettings},
};

/// Where a separate test file is given, this share of the other rows validates.
const VALID_BESIDE_TEST_FILE: f64 = 0.2;

/// Rows with their outcomes. The frame holds the features only.
#[derive(Clone, Debug)]
pub struct Rows {
    pub frame: Frame,
    pub target: Target,
}

/// The parts of a training job.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub task: Task,
    /// What is learned, where that is not the task's default.
    pub loss: Option<Loss>,
    /// Sorted: by value where all are numbers, else by letter. Empty for regression.
    pub classes: Vec<String>,
    pub train: Rows,
    pub valid: Rows,
    pub test: Rows,
    /// Validation rows that fitting and choosing do not see; `None` where all of them serve both.
    pub aside: Option<Rows>,
    /// How much rows count while fitting; `None`: all alike.
    pub weights: Option<Weights>,
    /// All train rows, where `train` is a sample of them.
    pub stream: Option<Arc<TrainRows>>,
    /// The test rows with every column but the target, for groups of them.
    pub test_columns: Frame,
    /// What was found and done, for the log.
    pub notes: Vec<String>,
}

impl Prepared {
    /// What models are chosen and judged by.
    pub fn aim(&self) -> Aim {
        Aim::new(self.task, self.loss)
    }

    pub fn rows(&self) -> PartRows {
        let count = |rows: &Rows| rows.frame.rows as u64;
        let aside = self.aside.as_ref().map_or(0, count);
        PartRows { train: count(&self.train), valid: count(&self.valid) + aside, test: count(&self.test) }
    }

    /// The rows of a family's fit: nets see all train rows.
    pub fn rows_of(&self, family: Family) -> PartRows {
        match &self.stream {
            Some(stream) if matches!(family, Family::RealMlp | Family::TabM) => {
                PartRows { train: stream.rows(), ..self.rows() }
            }
            _ => self.rows(),
        }
    }

    /// The rows that decisions are learned on.
    pub fn deciding(&self) -> &Rows {
        self.aside.as_ref().unwrap_or(&self.valid)
    }
}

/// Divides a table as `parts` says, or where there are none as the settings do. With `test`, that table is the test part and
/// a fifth of `data` validates.
///
/// # Errors
/// A column that the settings name is not there, the target can't be learned, or not by the loss, a part is empty, or a class is met outside the
/// train part only.
pub fn prepare(
    data: &Frame,
    test: Option<&Frame>,
    parts: Option<&[Option<Part>]>,
    settings: &TrainSettings,
) -> Result<Prepared, Problem> {
    settings.family.check_asked()?;
    let column = target_column(data, settings, "The data set")?;
    if let Some(unknown) = settings.protected.iter().find(|name| data.column(name).is_none()) {
        let message = format!("There is no column `{unknown}` to look at groups of. There are {}.", names(data));
        return Err(Problem::field("protected", message));
    }
    let info = target::target_info(column, settings.asked_task()).map_err(|problem| settings.refused(problem))?;
    let mut task = info.task;
    let mut notes = vec![info.summary.clone()];
    let features = features(data, settings)?;
    monotone::check_family(&settings.monotone, settings.family)?;
    monotone::check_columns(&settings.monotone, |name| {
        features.iter().any(|feature| feature == name).then(|| data.column(name).map(|column| column.kind)).flatten()
    })?;
    let mut usable = present(&column.values);
    if settings.distinct {
        let with_target = usable.iter().filter(|usable| **usable).count();
        copies::leave_out(data, &settings.drop, &mut usable);
        let left = usable.iter().filter(|usable| **usable).count();
        notes.push(format!("{} rows are copies of earlier ones and are left out.", with_target - left));
    }
    let spec = split_spec(settings, test.is_some());
    let parts = match parts {
        Some(parts) => parts.iter().zip(&usable).map(|(part, usable)| part.filter(|_| *usable)).collect(),
        None => split::split(data, &spec, &settings.target, task, &usable)?,
    };
    let pick = |part| -> Vec<usize> { (0..data.rows).filter(|&row| parts[row] == Some(part)).collect() };
    let (train_rows, valid_rows, test_rows) = (pick(Part::Train), pick(Part::Valid), pick(Part::Test));
    let unused =
        usable.iter().filter(|usable| **usable).count() - train_rows.len() - valid_rows.len() - test_rows.len();
    if unused > 0 {
        notes.push(format!(
            "{unused} rows are in no part: what decides has no value there, or the split leaves them out."
        ));
    }

    let labels: Vec<String> = info.classes.into_iter().map(|(label, _)| label).collect();
    let classes = in_train(column, task, &labels, &train_rows)?;
    if task.is_classification() {
        task = if classes.len() == 2 { Task::Binary } else { Task::Multiclass };
    }
    monotone::check_task(&settings.monotone, task)?;
    if let Some(loss) = settings.loss {
        loss.check_task(task)?;
        loss.check_family(settings.family)?;
    }
    let outcomes = target::encode(column, task, &classes)?;
    let table = only(data, &features);
    let part = |rows: &[usize], what: &str| -> Result<Rows, Problem> {
        known(column, &outcomes.1, rows, what)?;
        Ok(Rows { frame: table.take(rows), target: outcomes.0.take(rows) })
    };
    let train = part(&train_rows, "train")?;
    let valid = part(&valid_rows, "validation")?;
    let mut weights = aside::weights(data, settings, classes.len(), (&train_rows, &train), (&valid_rows, &valid))?;
    let (test, test_columns) = match test {
        None => (part(&test_rows, "test")?, beside_target(data, settings, &test_rows)),
        Some(test) => separate_test(test, settings, &features, task, &classes, &mut notes)?,
    };
    if test.frame.rows == 0 {
        return Err(Problem::invalid("The test part has no rows. Change the split, or add rows."));
    }
    if let Target::Values(values) = &train.target
        && values.iter().all(|v| *v == values[0])
    {
        let name = &settings.target;
        return Err(Problem::field(
            "split",
            format!("All train rows have the same `{name}`: there is nothing to learn. Choose another split."),
        ));
    }
    for column in train.frame.columns.iter().filter(|column| text::is_free(column)) {
        notes.push(format!(
            "`{}` is free text: models learn from its length and from hashed words and pairs of words; order and meaning are lost. \
             Look that it holds nothing about persons that a model must not know.",
            column.name
        ));
    }
    for part in [&train, &valid, &test] {
        if let (Some(loss), Target::Values(values)) = (settings.loss, &part.target) {
            loss.check_least(values.iter().copied().fold(f64::INFINITY, f64::min))?;
        }
    }
    let divided = aside::divide(&valid, &settings.decision, task.is_classification(), settings.seed);
    let (valid, aside) = match divided {
        Some((rest, aside)) => {
            notes.push(format!("{} validation rows are set aside to decide on.", aside.len()));
            if let Some(weights) = &mut weights {
                weights.valid = rest.iter().map(|&row| weights.valid[row]).collect();
            }
            (valid.take(&rest), Some(valid.take(&aside)))
        }
        None => (valid, None),
    };
    Ok(Prepared {
        task,
        loss: settings.loss,
        classes,
        train,
        valid,
        test,
        aside,
        weights,
        stream: None,
        test_columns,
        notes,
    })
}

/// How the table is divided. With `own_test` the test rows are a table of their own.
pub fn split_spec(settings: &TrainSettings, own_test: bool) -> SplitSpec {
    let split = settings.split.clone();
    if own_test { SplitSpec { valid: VALID_BESIDE_TEST_FILE, test: 0.0, ..split } } else { split }
}

/// These rows with every column but the target.
fn beside_target(frame: &Frame, settings: &TrainSettings, rows: &[usize]) -> Frame {
    let mut taken = frame.take(rows);
    taken.columns.retain(|column| column.name != settings.target);
    taken
}

fn target_column<'a>(frame: &'a Frame, settings: &TrainSettings, what: &str) -> Result<&'a Column, Problem> {
    frame.column(&settings.target).ok_or_else(|| {
        Problem::field(
            "target",
            format!("{what} has no column `{}`. Its columns are {}.", settings.target, names(frame)),
        )
    })
}

fn names(frame: &Frame) -> String {
    let mut list: Vec<String> = frame.columns.iter().take(20).map(|c| format!("`{}`", c.name)).collect();
    if frame.columns.len() > 20 {
        list.push(format!("and {} more", frame.columns.len() - 20));
    }
    list.join(", ")
}

/// Which rows have an outcome at all.
fn present(values: &Values) -> Vec<bool> {
    match values {
        Values::Numbers(numbers) => numbers.iter().map(|v| v.is_finite()).collect(),
        Values::Categories { codes, .. } => codes.iter().map(|&c| c != MISSING).collect(),
    }
}

/// The classes that the train rows have, in the order of `labels`.
fn in_train(column: &Column, task: Task, labels: &[String], train: &[usize]) -> Result<Vec<String>, Problem> {
    let (Target::Classes(codes), _) = target::encode(column, task, labels)? else { return Ok(Vec::new()) };
    let mut used = vec![false; labels.len()];
    train.iter().for_each(|&row| used[codes[row] as usize] = true);
    Ok(labels.iter().zip(used).filter(|(_, used)| *used).map(|(label, _)| label.clone()).collect())
}

/// Every row's outcome must be one that a train row has.
fn known(column: &Column, known: &[bool], rows: &[usize], part: &str) -> Result<(), Problem> {
    let mut unknown: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for &row in rows.iter().filter(|&&row| !known[row]) {
        let label = match &column.values {
            Values::Numbers(numbers) => target::class_label(numbers[row]),
            Values::Categories { codes, levels } => levels.get(codes[row] as usize).cloned().unwrap_or_default(),
        };
        unknown.entry(label).or_insert((0, row)).0 += 1;
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let total: u64 = unknown.values().map(|(count, _)| count).sum();
    let list: Vec<String> = unknown
        .iter()
        .take(5)
        .map(|(label, (count, row))| format!("`{label}` ({count}, first in row {})", row + 1))
        .collect();
    Err(Problem::field(
        "target",
        format!(
            "{total} {} of the {part} part {} a `{}` that no train row has: {}{}. Remove such rows, or choose a split that has every class in the train part.",
            if total == 1 { "row" } else { "rows" },
            if total == 1 { "has" } else { "have" },
            column.name,
            list.join(", "),
            if unknown.len() > 5 { " and others" } else { "" }
        ),
    ))
}

/// The test part from its own file.
fn separate_test(
    test: &Frame,
    settings: &TrainSettings,
    features: &[String],
    task: Task,
    classes: &[String],
    notes: &mut Vec<String>,
) -> Result<(Rows, Frame), Problem> {
    let column = target_column(test, settings, "The test file")?;
    let missing: Vec<String> =
        features.iter().filter(|name| test.column(name).is_none()).map(|n| format!("`{n}`")).collect();
    if !missing.is_empty() {
        return Err(Problem::invalid(format!(
            "The test file has no column {}. It needs all columns of the training file.",
            missing.join(", ")
        )));
    }
    let usable = present(&column.values);
    let rows: Vec<usize> = (0..test.rows).filter(|&row| usable[row]).collect();
    if rows.len() < test.rows {
        notes.push(format!(
            "{} rows of the test file have no `{}` and are left out.",
            test.rows - rows.len(),
            settings.target
        ));
    }
    let (target, seen) = target::encode(column, task, classes)?;
    known(column, &seen, &rows, "test")?;
    let columns = beside_target(test, settings, &rows);
    Ok((Rows { frame: only(test, features).take(&rows), target: target.take(&rows) }, columns))
}

/// The columns to learn from, in the table's order.
fn features(data: &Frame, settings: &TrainSettings) -> Result<Vec<String>, Problem> {
    if let Some(unknown) = settings.drop.iter().find(|name| data.column(name).is_none()) {
        return Err(Problem::field(
            "drop",
            format!("The data set has no column `{unknown}` to leave out. Its columns are {}.", names(data)),
        ));
    }
    let deciding = settings.split.never_features();
    let features: Vec<String> = data
        .columns
        .iter()
        .map(|column| &column.name)
        .filter(|name| **name != settings.target && !settings.drop.contains(name) && !deciding.contains(&name.as_str()))
        .filter(|name| settings.weight_column.as_ref() != Some(*name))
        .cloned()
        .collect();
    if features.is_empty() {
        return Err(Problem::field(
            "drop",
            "No column is left to learn from. Leave out fewer columns, or add some to the data set.",
        ));
    }
    Ok(features)
}

fn only(frame: &Frame, features: &[String]) -> Frame {
    let columns = features.iter().filter_map(|name| frame.column(name)).cloned().collect();
    Frame { columns, rows: frame.rows }
}

/// A nested share of the rows, the same for the same seed: of a classification's rows, the same share of each class and at
/// least one row of it.
pub fn subset(target: &Target, share: f64, seed: u64) -> Vec<usize> {
    use rand::{SeedableRng, seq::SliceRandom};
    let mut order: Vec<usize> = (0..target.len()).collect();
    let mut random = rand::rngs::StdRng::seed_from_u64(seed ^ 0x5EED_5AB5_E700_0001);
    order.shuffle(&mut random);
    let mut kept: Vec<usize> = match target {
        Target::Values(_) => {
            let count = ((target.len() as f64 * share).round() as usize).clamp(1, target.len().max(1));
            order.into_iter().take(count).collect()
        }
        Target::Classes(classes) => {
            let mut totals: HashMap<u32, usize> = HashMap::new();
            classes.iter().for_each(|class| *totals.entry(*class).or_default() += 1);
            let mut taken: HashMap<u32, usize> = HashMap::new();
            order
                .into_iter()
                .filter(|&row| {
                    let class = classes[row];
                    let limit = ((totals.get(&class).copied().unwrap_or(0) as f64 * share).round() as usize).max(1);
                    let so_far = taken.entry(class).or_default();
                    *so_far += 1;
                    *so_far <= limit
                })
                .collect()
        }
    };
    kept.sort_unstable();
    kept
}
