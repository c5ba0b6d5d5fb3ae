//! FT-Transformer: each column is a token, and attention lets the tokens look at each other (Gorishniy, Rubachev, Khrulkov and
//! Babenko 2021, arXiv 2106.11959). Narrower and of fewer blocks than the paper's, so that a CPU trains it on some 10,000 rows.
//!
//! Its step is burn's autodiff graph on every device; the time of a row grows with the square of the columns.

mod columns;
mod graph;
mod halves;
mod init;
mod recipe;

use crate::{
    FitError, FitOptions, Fitted, Observer, TrainData,
    net::{
        diverged,
        feed::Feed,
        ground::{Ground, fitted, misfit},
        place,
        score::Scorer,
        training::{Course, Training},
    },
};
use graph::Graph;
use halves::Halves;
use recipe::{EPOCHS, HEADS, Layout, Settings};
use std::{collections::BTreeMap, sync::Arc};
use trainyard_infer::{Predictor, net::FtTransformerModel, preprocess::Recipe};
use trainyard_types::run::Family;

/// Train rows that are scored after each epoch: a row costs as much as some ten nets'.
const SCORED: usize = 1_024;

/// Fits an FT-Transformer. Training ends after 16 epochs (or as many as are set) without a better validation score (class error
/// or RMSE), or after the epochs that fit the budget. The kept weights are the best epoch's.
///
/// On the CPU, the same data and options give the same weights bit for bit, also when the fit is resumed from any of its
/// checkpoints; without `epochs`, as long as the measured speed chooses the same number.
///
/// # Errors
/// [`FitError::Cancelled`], or a problem that says what to do: the columns make more than 200 tokens, say.
pub fn fit(
    data: &TrainData<'_>,
    options: &FitOptions,
    resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let settings = Settings::new(options, data.train_rows());
    let ground = Ground::new(data, options, Recipe::FtTransformer, settings.quantile, observer)?;
    let Ground { started, chosen, encoder, goal, train, valid } = ground;
    columns::check(&encoder, &train)?;
    let layout = Arc::new(Layout::new(encoder.width(), &encoder.embedding_rows(), goal.head.outputs(), &settings));
    let theta = init::initial(&layout, options.seed);
    let halves = Halves::new(Arc::clone(&layout), &train, &valid, &theta)?;
    let graph = |device| Graph::new(Arc::clone(&layout), &train, &valid, &theta, device);
    let few: Vec<u32> = (0..train.encoded.rows.min(32) as u32).collect();
    let (mut engine, place) = place::engine(chosen, options, halves, graph, &few, observer)?;
    let seed = options.seed;
    let course = Course {
        family: Family::FtTransformer,
        batch: settings.batch,
        members: 1,
        rest: true,
        epochs: EPOCHS,
        patience: Some(settings.patience),
        clock: Box::new(move |step, _| settings.clock(seed, step)),
    };
    let scorer = Scorer::new(goal, 1, &train, &valid, SCORED);
    let mut training = Training::new(course, options, data, scorer, theta);
    let feed = Feed::new(data, &encoder, goal);
    training.start(engine.as_mut(), feed, options, resume, started, observer)?;
    let speed = training.run(engine.as_mut(), feed, observer)?;
    let net = layout.net(&training.best.theta).map_err(|_| diverged())?;
    let parameters = parameters(&training, &layout, &settings, &place);
    let model = FtTransformerModel::new(encoder, net, goal.head).map_err(misfit)?;
    Ok(fitted(data, Predictor::FtTransformer(model), &training, started, speed, parameters))
}

/// For people.
fn parameters(training: &Training, layout: &Layout, settings: &Settings, device: &str) -> BTreeMap<String, String> {
    let Settings { blocks, width, attention_dropout, dropout, rate, decay, batch, patience, quantile } = *settings;
    let numbers = if quantile { "numbers as normal scores by their quantiles, others by " } else { "" };
    let columns = format!(
        "{} dense columns ({numbers}median and IQR, smooth clip), {} embedded, a token each",
        layout.dense,
        layout.tables.len()
    );
    let model = format!(
        "FT-Transformer: {blocks} blocks of width {width}, {HEADS} heads, ReGLU of {} neurons, dropout {attention_dropout} in \
         attention and {dropout} behind",
        layout.hidden
    );
    [
        ("model", model),
        ("tokens", layout.tokens().to_string()),
        ("optimiser", format!("AdamW (β 0.9, 0.999), weight decay {decay} but for tokens, norms and biases")),
        ("learning_rate", rate.to_string()),
        ("batch_size", batch.to_string()),
        ("epochs", training.plan.epochs.to_string()),
        ("best_epoch", training.best.epoch.to_string()),
        ("patience", patience.to_string()),
        ("parameters", layout.total.to_string()),
        ("preprocessing", columns),
        ("device", device.to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests;
