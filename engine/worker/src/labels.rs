//! Likely wrong labels: every row is judged by a model that was fitted without it.

mod out_of_fold;
#[cfg(test)]
mod tests;

use crate::{Sink, TrainError};
use out_of_fold::{Judged, judge};
use std::{collections::HashMap, time::Instant};
use trainyard_assess::{labels::label_quality, residuals};
use trainyard_data::{
    Part,
    split::make_of,
    target::{self, class_label},
};
use trainyard_infer::{Column, Frame, Target};
use trainyard_service::labels::judgeable;
use trainyard_types::{
    Problem,
    checks::{LabelError, LabelReport, MAX_LABEL_ERRORS},
    dataset::ColumnType,
    labels::{LabelFound, LabelOrder, LabelPair, LabelResult, LabelSettings, LabelSpec, LabelSummary},
    run::{Family, SplitMethod, SplitSpec, Task},
    split::SplitPlan,
    words::{count, counted},
};

/// Does what the order says, on the rows of its file.
///
/// # Errors
/// As [`review`]; the file can't be read.
pub fn run(spec: &LabelSpec, sink: &mut dyn Sink) -> Result<LabelResult, TrainError> {
    let data = trainyard_data::frame::load(spec.data.as_ref(), None)?;
    review(&data, &spec.settings, sink)
}

/// Finds likely wrong labels of the settings' target. In each fold a model is fitted on the others, one of which decides its
/// size, and asked about the rows that it has not seen. Classes are then compared by confident learning
/// ([`trainyard_assess::labels`]), numbers by robust z-scores ([`trainyard_assess::residuals`]). Rows without a label, or
/// without a group, are left out. The same rows and settings give the same findings.
///
/// # Errors
/// [`TrainError::Cancelled`]; in words: the target can't be one, a class has too few rows, the groups don't make folds, or a
/// column is not there.
pub fn review(data: &Frame, settings: &LabelSettings, sink: &mut dyn Sink) -> Result<LabelResult, TrainError> {
    let start = Instant::now();
    settings.validate()?;
    let column = labels_of(data, &settings.target)?;
    if let Some(absent) = settings.drop.iter().find(|name| data.column(name).is_none()) {
        return Err(Problem::field("drop", format!("There is no column `{absent}` to leave out.")).into());
    }
    let info = judgeable(column, settings.folds)?;
    let classes: Vec<String> = info.classes.into_iter().map(|(label, _)| label).collect();
    let (target, _) = target::encode(column, info.task, &classes)?;
    let (rows, folds) = folds(data, settings, info.task)?;
    let features = features(data, settings).take(&rows);
    if features.columns.is_empty() {
        return Err(Problem::field("drop", "No column is left to judge the labels by.").into());
    }
    let judged =
        Judged { features: &features, target: &target.take(&rows), folds: &folds, classes: &classes, task: info.task };
    let answers = judge(&judged, settings, sink)?;
    let mut summary = LabelSummary {
        task: info.task,
        rows: rows.len() as u64,
        unused: (data.rows - rows.len()) as u64,
        noise: 0.0,
        found: 0,
        kept: 0,
        classes: classes.clone(),
        joint: Vec::new(),
        pairs: Vec::new(),
        columns: answers.columns,
        method: method(settings, info.task),
        sentence: String::new(),
        seconds: 0.0,
    };
    let most = settings.most as usize;
    let findings = match judged.target {
        Target::Classes(labels) => by_class(labels, &answers.probabilities, settings.order, &rows, &mut summary, most),
        Target::Values(values) => by_distance(values, &answers.values, column.kind, &rows, &mut summary, most),
    };
    summary.kept = findings.len() as u64;
    summary.sentence = sentence(&settings.target, &summary);
    summary.seconds = start.elapsed().as_secs_f64();
    Ok(LabelResult { summary, findings })
}

/// As [`review`] with its defaults, of classes only, as the command line reports it.
///
/// # Errors
/// As there; the column holds numbers that are no classes.
pub fn label_errors(
    data: &Frame,
    target: &str,
    drop: &[String],
    seed: u64,
    sink: &mut dyn Sink,
) -> Result<LabelReport, TrainError> {
    if target::target_info(labels_of(data, target)?, None)?.task == Task::Regression {
        let message = format!(
            "`{target}` holds numbers, not labels of classes. Likely label errors are found among classes only."
        );
        return Err(Problem::field("target", message).into());
    }
    let most = MAX_LABEL_ERRORS as u32;
    let settings = LabelSettings { drop: drop.to_vec(), most, seed, ..LabelSettings::for_target(target) };
    let LabelResult { summary, findings } = review(data, &settings, sink)?;
    let errors = findings.into_iter().map(|found| LabelError {
        row: found.row,
        given: found.given,
        likely: found.suggested,
        given_probability: found.given_probability.unwrap_or_default(),
        likely_probability: found.suggested_probability.unwrap_or_default(),
    });
    let LabelSummary { rows, noise, found, .. } = summary;
    Ok(LabelReport { target: target.to_owned(), rows, noise, found, errors: errors.collect() })
}

fn labels_of<'a>(data: &'a Frame, target: &str) -> Result<&'a Column, Problem> {
    data.column(target).ok_or_else(|| {
        Problem::field("target", format!("There is no column `{target}`. Name the column that holds the labels."))
    })
}

/// The rows that can be judged, and the fold of each.
fn folds(data: &Frame, settings: &LabelSettings, task: Task) -> Result<(Vec<usize>, Vec<usize>), Problem> {
    let method = match &settings.groups {
        Some(column) => SplitMethod::Group { column: column.clone() },
        None => SplitMethod::Random,
    };
    // Without a test part every row is in a fold.
    let spec = SplitSpec { method, test: 0.0, seed: settings.seed, ..SplitSpec::default() };
    let plan = SplitPlan {
        spec,
        target: Some(settings.target.clone()),
        task: Some(task),
        folds: Some(settings.folds),
        inner_folds: None,
    };
    let (made, _) = make_of(data, &plan).map_err(|problem| match &settings.groups {
        Some(_) => Problem::field("groups", problem.message),
        None => problem,
    })?;
    let mut fold_of = vec![None; data.rows];
    for fold in 0..settings.folds as usize {
        let division = made.division(&format!("fold_{}", fold + 1));
        for (row, part) in division.iter().flat_map(|division| division.parts.iter().enumerate()) {
            if *part == Some(Part::Valid) {
                fold_of[row] = Some(fold);
            }
        }
    }
    Ok(fold_of.into_iter().enumerate().filter_map(|(row, fold)| Some((row, fold?))).unzip())
}

/// What the labels are judged by.
fn features(data: &Frame, settings: &LabelSettings) -> Frame {
    let is_feature = |column: &&Column| {
        column.name != settings.target
            && !settings.drop.contains(&column.name)
            && settings.groups.as_ref() != Some(&column.name)
    };
    Frame { columns: data.columns.iter().filter(is_feature).cloned().collect(), rows: data.rows }
}

/// Confident learning. `rows` says which rows of the table those of `labels` are.
fn by_class(
    labels: &[u32],
    probabilities: &[f32],
    order: LabelOrder,
    rows: &[usize],
    summary: &mut LabelSummary,
    most: usize,
) -> Vec<LabelFound> {
    let quality = label_quality(labels, probabilities, summary.classes.len(), order);
    let class = |code: u32| summary.classes[code as usize].clone();
    let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
    quality.suspects.iter().for_each(|suspect| *pairs.entry((suspect.given, suspect.likely)).or_default() += 1);
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_by_key(|(pair, found)| (std::cmp::Reverse(*found), *pair));
    let findings = quality
        .suspects
        .iter()
        .take(most)
        .map(|suspect| LabelFound {
            row: rows[suspect.row] as u64 + 1,
            given: class(suspect.given),
            suggested: class(suspect.likely),
            given_probability: Some(suspect.given_probability),
            suggested_probability: Some(suspect.likely_probability),
            score: suspect.score(order),
        })
        .collect();
    summary.pairs = pairs
        .into_iter()
        .map(|((given, likely), found)| LabelPair { given: class(given), suggested: class(likely), found })
        .collect();
    summary.found = quality.suspects.len() as u64;
    summary.noise = quality.noise();
    summary.joint = quality.joint;
    findings
}

/// Numbers far from what is expected.
fn by_distance(
    values: &[f64],
    expected: &[f64],
    kind: ColumnType,
    rows: &[usize],
    summary: &mut LabelSummary,
    most: usize,
) -> Vec<LabelFound> {
    let scores = residuals::scores(values, expected);
    let mut far: Vec<usize> = (0..values.len()).filter(|&row| scores[row].abs() > residuals::FAR).collect();
    far.sort_by(|a, b| scores[*b].abs().total_cmp(&scores[*a].abs()).then(a.cmp(b)));
    summary.found = far.len() as u64;
    summary.noise = far.len() as f64 / values.len().max(1) as f64;
    far.into_iter()
        .take(most)
        .map(|row| LabelFound {
            row: rows[row] as u64 + 1,
            given: class_label(values[row]),
            suggested: suggestion(expected[row], kind),
            given_probability: None,
            suggested_probability: None,
            score: scores[row],
        })
        .collect()
}

/// A prediction as the column could hold it: to six significant digits, whole where the column is.
fn suggestion(value: f64, kind: ColumnType) -> String {
    if kind == ColumnType::Integer {
        return class_label(value.round() + 0.0);
    }
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let scale = 10_f64.powf(5.0 - magnitude);
    let rounded = (value * scale).round() / scale;
    class_label(if rounded.is_finite() { rounded } else { value })
}

fn method(settings: &LabelSettings, task: Task) -> String {
    let by = match settings.family {
        Family::Linear => "a linear model",
        _ => "boosted trees",
    };
    let how = match task {
        Task::Regression => format!(
            "the distance to what it expects (robust z-score above {:.0} by median and MAD of rows with a like expectation)",
            residuals::FAR
        ),
        _ => match settings.order {
            LabelOrder::NormalizedMargin => "confident learning (pruned by noise rate, ranked by normalized margin)",
            LabelOrder::SelfConfidence => "confident learning (pruned by noise rate, ranked by self-confidence)",
        }
        .to_owned(),
    };
    let groups =
        settings.groups.as_ref().map_or(String::new(), |groups| format!(", rows with the same `{groups}` together"));
    format!("Each row is judged by {by} that did not see it, in {} folds{groups}, by {how}.", settings.folds)
}

fn sentence(target: &str, summary: &LabelSummary) -> String {
    let (found, rows) = (count(summary.found), counted(summary.rows, "row", "rows"));
    if summary.found == 0 {
        return format!("No label of `{target}` looks wrong among {rows}.");
    }
    let share = match summary.noise * 100.0 {
        share if share < 0.1 => "Fewer than 0.1 %".to_owned(),
        share => format!("About {share:.1} %"),
    };
    match summary.pairs.first() {
        None => format!(
            "{share} of the values of `{target}` look wrong: {found} of {rows} lie far from what the other columns say."
        ),
        Some(pair) => {
            let often = if pair.found * 2 > summary.found { "mostly" } else { "most often" };
            format!(
                "{share} of the labels of `{target}` look wrong, {often} `{}` that look like `{}`.",
                pair.given, pair.suggested
            )
        }
    }
}
