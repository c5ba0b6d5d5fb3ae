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
use recipe::{EPOCHS, Layout};
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

/// Fits a RealMLP. The kept weights are those of the last epoch with the best validation score (class error or RMSE).
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
    let ground = Ground::new(data, options, Recipe::RealMlp, observer)?;
    let Ground { started, chosen, encoder, head, train, valid } = ground;
    let activation = if data.task.is_classification() { Activation::Selu } else { Activation::Mish };
    let layout = Arc::new(Layout::new(encoder.width(), &encoder.embedding_rows(), head.outputs(), activation));
    let theta = init::initial(&layout, &train.encoded, options.seed);
    let fused = Fused::new(Arc::clone(&layout), Arc::clone(&train), Arc::clone(&valid), &theta);
    let graph = |device| Graph::new(Arc::clone(&layout), &train, &valid, &theta, device);
    let few: Vec<u32> = (0..train.encoded.rows.min(64) as u32).collect();
    let (mut engine, place) = place::engine(chosen, options, fused?, graph, &few, observer)?;
    let (classification, seed) = (data.task.is_classification(), options.seed);
    let course = Course {
        family: Family::RealMlp,
        batch: batch_size(data.train_rows()),
        members: 1,
        rest: false,
        epochs: EPOCHS,
        patience: None,
        clock: Box::new(move |step, steps| recipe::clock(classification, seed, step, steps)),
    };
    let scorer = Scorer::new(head, 1, &train, &valid, SCORED);
    let mut training = Training::new(course, options, data, scorer, theta);
    let feed = Feed::new(data, &encoder, head);
    training.start(engine.as_mut(), feed, options, resume, started, observer)?;
    let speed = training.run(engine.as_mut(), feed, observer)?;
    let net = layout.net(&training.best.theta).map_err(|_| diverged())?;
    let parameters = parameters(&training, &layout, classification, &encoder, &place);
    let model = RealMlpModel::new(encoder, net, head).map_err(misfit)?;
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
    let tables = encoder.embedding_rows().len();
    let columns = format!(
        "{} dense columns (median and IQR, smooth clip, cosine embeddings), {tables} embedded",
        encoder.width()
    );
    [
        ("model", "RealMLP-TD: 3 layers of 256 neurons, parametric activation, dropout 0.15".to_owned()),
        ("optimiser", "Adam (β 0.9, 0.95), weight decay 0.02, schedules coslog4 and flat_cos".to_owned()),
        ("learning_rate", recipe::learning_rate(classification).to_string()),
        ("batch_size", training.course.batch.to_string()),
        ("epochs", training.plan.epochs.to_string()),
        ("best_epoch", training.best.epoch.to_string()),
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
