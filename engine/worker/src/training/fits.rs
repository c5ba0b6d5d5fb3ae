//! The fits of a job: the candidates, the baselines and the learning curve.

use super::{
    TrainError, blend,
    job::{DEFAULT_BUDGET, Job, Phase},
    prepare::{Prepared, subset},
};
use trainyard_assess::metrics::{self, is_better};
use trainyard_learn::{
    FitError, FitOptions, Fitted, Observer, RowStream, TrainData, Weights, device::ChosenDevice, fit,
};
use trainyard_types::{
    Problem,
    evaluation::{Candidate, LearningPoint},
    run::{Family, MetricPoint, TrainSettings},
};

/// Shares of the train rows for the learning curve.
const SHARES: [f64; 2] = [0.25, 0.5];
/// Seconds that a baseline may take.
const BASELINE_BUDGET: f64 = 15.0;
/// Seconds that trees may take beside the other families, and for each point of the learning curve.
const TREES_BUDGET: f64 = 30.0;

/// Train rows up to which TabM is tried beside the others: beyond, it takes longer than all of them.
const TABM_ROWS: usize = 5_000;
/// The share of a net's budget that it may take then.
const TABM_SHARE: f64 = 0.5;
/// Train rows up to which a random forest is tried beside the others, and the share of a net's budget that it may take then.
const FOREST_ROWS: usize = 20_000;
const FOREST_SHARE: f64 = 0.25;

/// Chooses the device, says so, and takes it for all fits.
pub fn device(job: &mut Job<'_>, settings: &TrainSettings) -> Result<ChosenDevice, TrainError> {
    let mut chosen = trainyard_learn::device::choose(settings.device)?;
    if let Some(reason) = on_cpu(settings.family) {
        chosen.reason = reason.to_owned();
        chosen.name = "CPU".to_owned();
    }
    job.log(format!("Training on {}. {}", chosen.name, chosen.reason));
    job.device(chosen.name.clone(), chosen.reason.clone());
    Ok(chosen)
}

/// Why a family trains on the CPU whatever device there is, if it does.
pub fn on_cpu(family: Family) -> Option<&'static str> {
    match family {
        Family::Trees | Family::Boosting => Some("Gradient-boosted trees train on the CPU."),
        Family::Forest => Some("Random forests train on the CPU."),
        _ => None,
    }
}

/// A family's name within a sentence.
pub fn name(family: Family) -> &'static str {
    match family {
        Family::Linear => "the linear model",
        Family::RealMlp => "RealMLP",
        Family::TabM => "TabM",
        Family::FtTransformer => "FT-Transformer",
        Family::Trees => "gradient-boosted trees",
        Family::Boosting => "leaf-wise boosting",
        Family::Forest => "the random forest",
        Family::Blend => "the blend",
        Family::Auto => "the dummy",
    }
}

/// Passes what a fit says on to the job.
struct Ear<'j, 's> {
    job: &'j mut Job<'s>,
    family: Family,
    /// Stands before metric names: several families are trained.
    prefixed: bool,
    /// A fit in passing: its metrics, lines and checkpoints are of no interest.
    quiet: Option<Passing>,
}

/// Where a fit in passing lies within its phase.
#[derive(Clone, Copy)]
struct Passing {
    from: f64,
    to: f64,
}

impl Ear<'_, '_> {
    /// Whether the fit goes on from its checkpoint. The others take seconds: they are fitted again.
    fn resumable(&self) -> bool {
        self.quiet.is_none() && is_net(self.family)
    }
}

impl Observer for Ear<'_, '_> {
    fn progress(&mut self, fraction: f64, stage: &str, rows_per_second: Option<f64>) {
        match self.quiet {
            Some(Passing { from, to }) => {
                let stage = self.job.stage().to_owned();
                self.job.progress(from + (to - from) * fraction.clamp(0.0, 1.0), &stage, None);
            }
            None => self.job.progress(fraction, stage, rows_per_second),
        }
    }
    fn metrics(&mut self, points: &[MetricPoint]) {
        if self.quiet.is_some() {
            return;
        }
        let key = |key: &str| {
            if self.prefixed && !key.contains('/') { format!("{}/{key}", self.family.as_str()) } else { key.to_owned() }
        };
        let points = points.iter().map(|point| MetricPoint { key: key(&point.key), ..point.clone() }).collect();
        self.job.metrics(points);
    }
    fn log(&mut self, line: &str) {
        if self.quiet.is_none() {
            self.job.log(line);
        }
    }
    fn cancelled(&mut self) -> bool {
        let resumable = self.resumable();
        self.job.cancelled() || self.job.pauses(resumable)
    }
    fn checkpoint(&mut self, step: u64, bytes: &dyn Fn() -> Vec<u8>) {
        if self.resumable() {
            self.job.checkpoint(self.family, step, bytes);
        }
    }
}

/// What a run of all families does not try, and why.
pub fn left_out(settings: &TrainSettings) -> Option<String> {
    let loss = settings.loss.filter(|_| settings.family == Family::Auto)?;
    let tried = [Family::Trees, Family::Boosting, Family::Forest, Family::RealMlp, Family::TabM];
    let not: Vec<&str> = tried.into_iter().filter(|&family| !learns(settings, family)).map(name).collect();
    (!not.is_empty()).then(|| format!("{}, which do not learn {}", not.join(" and "), loss.in_words()))
}

/// Whether it trains for long and from a checkpoint.
fn is_net(family: Family) -> bool {
    matches!(family, Family::RealMlp | Family::TabM | Family::FtTransformer)
}

/// What is fitted on all train rows, in this order: the linear model first, whether or not it may be kept. Families that do
/// not learn the loss are left out, and by an automatic run those that can't keep the columns' directions.
pub fn wanted(settings: &TrainSettings, train_rows: usize) -> Vec<Family> {
    let mut all = vec![Family::Linear];
    match settings.family {
        Family::Auto => {
            all.extend([Family::Trees, Family::Boosting]);
            all.extend((train_rows <= FOREST_ROWS).then_some(Family::Forest));
            all.push(Family::RealMlp);
            all.extend((train_rows <= TABM_ROWS).then_some(Family::TabM));
            all.retain(|&family| family == Family::Linear || may_be_kept(settings, family));
        }
        Family::Linear => {}
        family => all.push(family),
    }
    all.retain(|&family| learns(settings, family));
    all
}

/// Whether a fit of this family is more than a baseline of the run.
fn may_be_kept(settings: &TrainSettings, family: Family) -> bool {
    match settings.family {
        Family::Auto => settings.monotone.is_empty() || family.keeps_directions(),
        asked => asked == family,
    }
}

/// Whether the family learns the loss of these settings.
pub fn learns(settings: &TrainSettings, family: Family) -> bool {
    settings.loss.is_none_or(|loss| loss.is_learned_by(family))
}

fn options(prepared: &Prepared, settings: &TrainSettings, family: Family) -> FitOptions {
    let budget = settings.budget_seconds.unwrap_or(DEFAULT_BUDGET);
    // Few epochs asked for a net must not cripple the baseline that it is compared with.
    let own = is_net(family) || settings.family == family;
    let most = match family {
        Family::TabM if settings.family == Family::Auto => budget * TABM_SHARE,
        Family::Forest if settings.family == Family::Auto => budget * FOREST_SHARE,
        _ if own => budget,
        Family::Trees | Family::Boosting => budget.min(TREES_BUDGET),
        _ => budget.min(BASELINE_BUDGET),
    };
    FitOptions {
        seed: settings.seed,
        epochs: settings.epochs.filter(|_| own),
        budget_seconds: most,
        device: settings.device,
        parameters: settings.parameters.clone(),
        monotone: settings.monotone.clone(),
        memory: prepared.stream.as_ref().map(|stream| stream.beside_rows()),
    }
}

fn rows<'a>(prepared: &'a Prepared, settings: &'a TrainSettings) -> TrainData<'a> {
    TrainData {
        train: &prepared.train.frame,
        train_target: &prepared.train.target,
        valid: &prepared.valid.frame,
        valid_target: &prepared.valid.target,
        task: prepared.task,
        classes: &prepared.classes,
        target_name: &settings.target,
        loss: prepared.loss,
        weights: prepared.weights.as_ref().map(|weights| Weights { train: &weights.train, valid: &weights.valid }),
        stream: prepared.stream.as_deref().map(|stream| stream as &dyn RowStream),
    }
}

/// The primary metric of a model on the validation rows.
fn valid_score(prepared: &Prepared, fitted: &Fitted) -> Result<f64, TrainError> {
    let predictions = fitted.model.predict(&prepared.valid.frame)?;
    Ok(metrics::primary(prepared.aim(), &prepared.valid.target, &predictions))
}

/// A fit with its score on the validation rows.
struct Scored {
    family: Family,
    fitted: Fitted,
    score: f64,
}

/// Everything that was fitted on all train rows.
pub struct Candidates {
    /// In the order of fitting: the linear model first, whether or not it may be kept.
    scored: Vec<Scored>,
    /// Whether the linear model is more than a baseline.
    linear_counts: bool,
    dummy: f64,
}

/// What is kept, and what it is compared with.
pub struct Chosen {
    pub kept: Fitted,
    /// Best first.
    pub candidates: Vec<Candidate>,
    /// The primary metric of the baselines on the validation rows.
    pub dummy: f64,
    pub linear: f64,
    /// The primary metric of all that was fitted on all train rows, on the validation rows.
    pub scores: Vec<(Family, f64)>,
}

impl Candidates {
    /// Fits the baselines and what was asked for. Where all families are tried, one that fails is left out with a warning.
    pub fn fit(job: &mut Job<'_>, prepared: &Prepared, settings: &TrainSettings) -> Result<Self, TrainError> {
        let data = rows(prepared, settings);
        let auto = settings.family == Family::Auto;
        job.begin(Phase::Linear, "Fitting the baselines");
        let mut ear = Ear { job, family: Family::Auto, prefixed: false, quiet: Some(Passing { from: 0.0, to: 0.05 }) };
        let dummy = fit(Family::Auto, &data, &options(prepared, settings, Family::Auto), None, &mut ear)?;
        let dummy = valid_score(prepared, &dummy)?;

        if let Some(words) = left_out(settings) {
            job.log(format!("Left out: {words}."));
        }
        let mut scored: Vec<Scored> = Vec::new();
        if auto && !settings.monotone.is_empty() {
            job.log(
                "Columns have directions. The linear model, RealMLP and TabM can't keep them and are left out; the linear model is fitted as a baseline.",
            );
        }
        for family in wanted(settings, data.train_rows()) {
            job.check()?;
            let baseline = family == Family::Linear && settings.family != Family::Linear;
            job.begin(Phase::of(family), &format!("Training {}", name(family)));
            let checkpoint = job.resume(family);
            if let Some(checkpoint) = &checkpoint {
                job.log(format!("Going on from the checkpoint at epoch {}.", checkpoint.step));
            }
            let prefixed = auto || baseline;
            let resume = checkpoint.as_ref().map(|c| c.bytes.as_slice());
            let outcome = {
                let mut ear = Ear { job, family, prefixed, quiet: None };
                fit(family, &data, &options(prepared, settings, family), resume, &mut ear)
            };
            match outcome {
                Ok(fitted) => {
                    let score = valid_score(prepared, &fitted)?;
                    job.log(format!(
                        "{}: {} {} on the validation rows after {:.1} s.",
                        capital(name(family)),
                        trainyard_report::words::metric(prepared.aim().primary_metric()),
                        trainyard_report::words::number(score),
                        fitted.seconds
                    ));
                    if let Some(seen) = fitted.parameters.get("rows_seen") {
                        job.log(format!("{} saw {seen}.", capital(name(family))));
                    }
                    if curve_family(settings.family) == family {
                        job.estimate(Phase::LearningCurve, 0.75 * fitted.seconds);
                    }
                    scored.push(Scored { family, fitted, score });
                }
                Err(FitError::Problem(problem)) if auto || baseline => {
                    job.warn(format!("{} could not be trained and is left out: {problem}", capital(name(family))));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let linear_counts = may_be_kept(settings, Family::Linear);
        Ok(Self { scored, linear_counts, dummy })
    }

    /// Takes the best on the validation rows; of equals the first, which is the simpler one. An automatic run may take a blend.
    pub fn choose(
        mut self,
        job: &mut Job<'_>,
        prepared: &Prepared,
        settings: &TrainSettings,
    ) -> Result<Chosen, TrainError> {
        let primary = prepared.aim().primary_metric();
        let scores: Vec<(Family, f64)> =
            self.scored.iter().map(|s| (s.family, s.score)).filter(|(_, score)| score.is_finite()).collect();
        let linear = score_of(&scores, Family::Linear);
        if !self.linear_counts {
            self.scored.retain(|s| s.family != Family::Linear);
        }
        let mut order: Vec<Scored> = self.scored;
        // Stable, and what is not a number goes last.
        order.sort_by(|a, b| {
            metrics::oriented(primary, b.score)
                .partial_cmp(&metrics::oriented(primary, a.score))
                .unwrap_or_else(|| a.score.is_nan().cmp(&b.score.is_nan()))
        });
        let mut candidates: Vec<Candidate> = order
            .iter()
            .enumerate()
            .filter(|(_, s)| s.score.is_finite())
            .map(|(i, s)| Candidate { family: s.family, valid_score: s.score, seconds: s.fitted.seconds, kept: i == 0 })
            .collect();
        if settings.family == Family::Auto
            && !settings.single
            && let Some((kept, score)) = blended(job, prepared, &order)?
        {
            candidates.iter_mut().for_each(|candidate| candidate.kept = false);
            let seconds = kept.seconds;
            candidates.insert(0, Candidate { family: Family::Blend, valid_score: score, seconds, kept: true });
            let linear = linear.unwrap_or(self.dummy);
            return Ok(Chosen { kept, candidates, dummy: self.dummy, linear, scores });
        }
        if let [best, next, ..] = candidates.as_slice()
            && is_better(primary, best.valid_score, next.valid_score)
        {
            job.log(format!("Kept, as the best on the validation rows: {}.", name(best.family)));
        }
        let kept = order.into_iter().next().filter(|s| s.score.is_finite()).ok_or_else(|| {
            Problem::invalid(format!(
                "No model could be judged: {} is not defined on the validation rows. Use more rows, or another split.",
                trainyard_report::words::metric(primary)
            ))
        })?;
        Ok(Chosen { kept: kept.fitted, candidates, dummy: self.dummy, linear: linear.unwrap_or(self.dummy), scores })
    }
}

/// Several of them as one, with its score, where that is better than the best: that stands first.
fn blended(job: &mut Job<'_>, prepared: &Prepared, order: &[Scored]) -> Result<Option<(Fitted, f64)>, TrainError> {
    let sound: Vec<&Scored> = order.iter().filter(|scored| scored.score.is_finite()).collect();
    let answers = sound.iter().map(|scored| scored.fitted.model.predict(&prepared.valid.frame));
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    let Some(best) = sound.first().map(|scored| scored.score) else { return Ok(None) };
    let Some(found) = blend::choose(prepared.aim(), &prepared.valid.target, &answers, best) else { return Ok(None) };
    let parts: Vec<(f64, &Fitted)> = found.weights.iter().map(|&(at, weight)| (weight, &sound[at].fitted)).collect();
    let fitted = blend::together(prepared, &parts)
        .map_err(|why| Problem::internal(format!("The models could not be blended: {why}")))?;
    let metric = trainyard_report::words::metric(prepared.aim().primary_metric());
    job.log(format!(
        "Kept, as better on the validation rows than the best of them ({metric} {} instead of {}): a blend of {}.",
        trainyard_report::words::number(found.score),
        trainyard_report::words::number(best),
        fitted.parameters.get("blend").map_or("", String::as_str)
    ));
    Ok(Some((fitted, found.score)))
}

fn score_of(scores: &[(Family, f64)], family: Family) -> Option<f64> {
    scores.iter().find(|(known, _)| *known == family).map(|(_, score)| *score)
}

/// Fits on parts of the train rows, scored on the validation rows.
pub struct Curve {
    pub family: Family,
    pub points: Vec<LearningPoint>,
}

/// The family whose learning curve is drawn for a model of this one: a linear model's and a forest's is its own; otherwise it
/// is that of boosted trees, which need seconds where a net needs its whole budget each time, and show as well whether more
/// rows help.
fn curve_family(kept: Family) -> Family {
    match kept {
        Family::Linear | Family::Trees | Family::Forest => kept,
        _ => Family::Boosting,
    }
}

/// Fits on 25, 50 and 100 % of the train rows. What was fitted on all
/// rows before is not fitted again: the same options give the same model.
pub fn learning_curve(
    job: &mut Job<'_>,
    prepared: &Prepared,
    settings: &TrainSettings,
    kept: Family,
    scores: &[(Family, f64)],
) -> Result<Curve, TrainError> {
    let family = curve_family(kept);
    job.begin(Phase::LearningCurve, "Fitting on parts of the rows");
    let options = options(prepared, settings, family);
    let whole = prepared.train.frame.rows;
    let known = score_of(scores, family);
    let shares = [SHARES[0], SHARES[1], 1.0];
    let total: f64 = shares.iter().filter(|share| **share < 1.0 || known.is_none()).sum();
    let mut points = Vec::new();
    let mut from = 0.0;
    for share in shares {
        job.check()?;
        if let Some(valid) = known.filter(|_| share >= 1.0) {
            points.push(LearningPoint { share, rows: whole as u64, valid });
            continue;
        }
        let picked =
            if share < 1.0 { subset(&prepared.train.target, share, settings.seed) } else { (0..whole).collect() };
        let (frame, target) = (prepared.train.frame.take(&picked), prepared.train.target.take(&picked));
        let weights: Option<Vec<f64>> = prepared.weights.as_ref().map(|weights| {
            let mean = picked.iter().map(|&row| weights.train[row]).sum::<f64>() / picked.len() as f64;
            picked.iter().map(|&row| weights.train[row] / mean.max(f64::MIN_POSITIVE)).collect()
        });
        let whole_data = rows(prepared, settings);
        let weights = weights.as_deref().zip(whole_data.weights).map(|(train, all)| Weights { train, ..all });
        let data = TrainData { train: &frame, train_target: &target, weights, stream: None, ..whole_data };
        let to = from + share / total;
        let outcome = {
            let mut ear = Ear { job, family, prefixed: false, quiet: Some(Passing { from, to }) };
            fit(family, &data, &options, None, &mut ear)
        };
        from = to;
        match outcome {
            Ok(fitted) => {
                let valid = valid_score(prepared, &fitted)?;
                if valid.is_finite() {
                    points.push(LearningPoint { share, rows: picked.len() as u64, valid });
                }
            }
            Err(FitError::Cancelled) => return Err(TrainError::Cancelled),
            Err(FitError::Problem(problem)) => {
                job.warn(format!("No fit on {:.0} % of the train rows: {problem}", share * 100.0));
            }
        }
    }
    if points.len() < shares.len() {
        points.clear();
    }
    Ok(Curve { family, points })
}

pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
