//! RealMLP-TD: a multilayer perceptron with tuned defaults for tables (Holzmüller, Grinsztajn and Steinwart 2024,
//! arXiv 2407.04491). All schedules run on relative time, so that a training cut to a time budget is annealed all the same.

mod fused;
mod graph;
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
use fused::Fused;
use graph::Graph;
use recipe::{Config, EPOCHS, Layout};
use std::{collections::BTreeMap, sync::Arc};
use trainyard_infer::{
    Predictor,
    net::{Activation, RealMlpModel},
    preprocess::{Encoder, Recipe},
};
use trainyard_types::run::Family;

pub use recipe::{batch_size, coslog4, flat_cos};

/// Train rows that are scored after each epoch.
const SCORED: usize = 4_096;

/// Fits a RealMLP, or several that answer together. The kept weights are those of the last epoch with the best validation
/// score (class error, or a number's metric) of what they answer together.
///
/// On the CPU, the same data and options give the same weights bit for bit, also when the fit is resumed from any of its
/// checkpoints; without `epochs`, as long as the measured speed chooses the same number.
///
/// # Errors
/// [`FitError::Cancelled`], or a problem that says what to do.
pub fn fit(
    data: &TrainData<'_>,
    options: &FitOptions,
    resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let classification = data.task.is_classification();
    let config = Config::new(options, classification);
    let ground = Ground::new(data, options, Recipe::RealMlp, config.quantile, observer)?;
    let Ground { started, chosen, encoder, goal, train, valid } = ground;
    let activation = if classification { Activation::Selu } else { Activation::Mish };
    let (members, batch) = (config.members, config.batch(data.train_rows()));
    let tables = encoder.embedding_rows();
    let layout = Arc::new(Layout::new(encoder.width(), &tables, goal.head.outputs(), activation, config.clone()));
    let theta = init::initial(&layout, &train.encoded, options.seed);
    let fused = Fused::new(Arc::clone(&layout), Arc::clone(&train), Arc::clone(&valid), &theta);
    let graph = |device| Graph::new(Arc::clone(&layout), &train, &valid, &theta, device);
    let few = train.encoded.rows.min(64) as u32;
    let few: Vec<u32> = (0..members).flat_map(|_| 0..few).collect();
    let (mut engine, place) = place::engine(chosen, options, fused?, graph, &few, observer)?;
    let seed = options.seed;
    let course = Course {
        family: Family::RealMlp,
        batch,
        members,
        rest: false,
        epochs: EPOCHS,
        patience: None,
        clock: Box::new(move |step, steps| config.clock(seed, step, steps)),
    };
    let scorer = Scorer::new(goal, members, &train, &valid, SCORED);
    let mut training = Training::new(course, options, data, scorer, theta);
    let feed = Feed::new(data, &encoder, goal);
    training.start(engine.as_mut(), feed, options, resume, started, observer)?;
    let speed = training.run(engine.as_mut(), feed, observer)?;
    let nets = layout.nets(&training.best.theta).map_err(|_| diverged())?;
    let parameters = parameters(&training, &layout, classification, &encoder, &place);
    let model = RealMlpModel::new(encoder, nets, goal.head).map_err(misfit)?;
    Ok(fitted(data, Predictor::RealMlp(model), &training, started, speed, parameters))
}

/// For people.
fn parameters(
    training: &Training,
    layout: &Layout,
    classification: bool,
    encoder: &Encoder,
    device: &str,
) -> BTreeMap<String, String> {
    let config = &layout.config;
    let numbers = if config.quantile { "numbers as normal scores by their quantiles, others by " } else { "" };
    let columns = format!(
        "{} dense columns ({numbers}median and IQR, smooth clip{}), {} embedded",
        encoder.width(),
        if config.cosines { ", cosine embeddings" } else { "" },
        layout.tables.len()
    );
    let tuned = Config { batch: config.batch, ..Config::tuned(classification) } == *config;
    let layers = if config.layers == 1 { "1 layer".to_owned() } else { format!("{} layers", config.layers) };
    let model = format!(
        "{}: {layers} of {} neurons, parametric activation, dropout {}",
        if tuned { "RealMLP-TD" } else { "RealMLP" },
        config.width,
        config.dropout
    );
    let optimiser = format!("Adam (β 0.9, 0.95), weight decay {}, schedules coslog4 and flat_cos", config.decay);
    let several = (config.members > 1).then(|| {
        let words = format!("{} nets with starts and orders of rows of their own, whose mean answers", config.members);
        ("members", words)
    });
    let smoothing = (classification && !tuned).then(|| ("label_smoothing", config.smoothing.to_string()));
    [
        ("model", model),
        ("optimiser", optimiser),
        ("learning_rate", config.rate.to_string()),
        ("batch_size", training.course.batch.to_string()),
        ("epochs", training.plan.epochs.to_string()),
        ("best_epoch", training.best.epoch.to_string()),
        ("parameters", training.best.theta.len().to_string()),
        ("preprocessing", columns),
        ("device", device.to_owned()),
    ]
    .into_iter()
    .chain(several)
    .chain(smoothing)
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

#[cfg(test)]
mod tests;
