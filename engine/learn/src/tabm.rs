//! TabM: several nets that share nearly all of their weights and answer together (Gorishniy, Kotelnikov and Babenko 2025, arXiv
//! 2410.24210), here as TabM-mini with piecewise-linear embeddings of numbers.
//!
//! Each member has its own order of the rows, as in the paper's best figures: the embedding is a table look-up, so that a batch
//! of its own costs next to nothing more than a shared one.

mod fused;
mod graph;
mod init;
mod recipe;
mod select;

use crate::{
    FitError, FitOptions, Fitted, Observer, TrainData,
    net::{
        Part, diverged,
        engine::State,
        feed::Feed,
        ground::{Ground, fitted, misfit},
        place,
        score::Scorer,
        training::{Course, Training},
    },
};
use fused::Fused;
use graph::Graph;
use recipe::{Columns, Config, EPOCHS, Layout, Rows};
use std::{collections::BTreeMap, sync::Arc};
use trainyard_infer::{
    Predictor,
    net::TabMModel,
    preprocess::{Encoder, Recipe},
};
use trainyard_types::run::Family;

pub use recipe::batch_size;

/// Train rows that are scored after each epoch: a row costs as much as 16 nets'.
const SCORED: usize = 1_024;

/// Fits a TabM. Training ends after 16 epochs (or as many as are set) without a better validation score (class error, or a
/// number's metric, of the members' mean), or after the epochs that fit the budget. The kept weights are the best epoch's; of its
/// members those are kept that answer best together on the validation rows.
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
    let ground = Ground::new(data, options, Recipe::TabM, false, observer)?;
    let Ground { started, chosen, encoder, goal, train, valid } = ground;
    let config = Config::new(options);
    let (members, batch, patience) = (config.members, config.batch(data.train_rows()), config.patience);
    let columns = Columns::fit(&encoder, &train.encoded, config.bins);
    let rows = |part: &Arc<Part>| Arc::new(Rows::new(Arc::clone(part), &columns));
    let (train_rows, valid_rows) = (rows(&train), rows(&valid));
    let layout = Arc::new(Layout::new(columns, &encoder.embedding_rows(), goal.head.outputs(), config.clone()));
    let theta = init::initial(&layout, options.seed);
    let fused = Fused::new(Arc::clone(&layout), Arc::clone(&train_rows), Arc::clone(&valid_rows), &theta)?;
    let graph = |device| Graph::new(Arc::clone(&layout), &train_rows, &valid_rows, &theta, device);
    let few = train.encoded.rows.min(16) as u32;
    let few: Vec<u32> = (0..members).flat_map(|_| 0..few).collect();
    let (mut engine, place) = place::engine(chosen, options, fused, graph, &few, observer)?;
    let seed = options.seed;
    let course = Course {
        family: Family::TabM,
        batch,
        members,
        rest: true,
        epochs: EPOCHS,
        patience: Some(patience),
        clock: Box::new(move |step, _| config.clock(seed, step)),
    };
    let scorer = Scorer::new(goal, members, &train, &valid, SCORED);
    let mut training = Training::new(course, options, data, scorer, theta);
    let feed = Feed::new(data, &encoder, goal);
    training.start(engine.as_mut(), feed, options, resume, started, observer)?;
    let speed = training.run(engine.as_mut(), feed, observer)?;

    let best = &training.best.theta;
    let zeros = vec![0.0; layout.total];
    engine.restore(State { theta: best.clone(), first: zeros.clone(), second: zeros, steps: 0 });
    let outputs = engine.outputs(true, 0..valid.encoded.rows)?;
    let kept = select::greedy(goal, members, &outputs, &valid.target);
    observer.log(&format!("{} of {members} members answer best together on the validation rows.", kept.len()));
    let net = layout.net(best, &kept).map_err(|_| diverged())?;
    let parameters = parameters(&training, &layout, kept.len(), &encoder, &place);
    let model = TabMModel::new(encoder, net, goal.head).map_err(misfit)?;
    Ok(fitted(data, Predictor::TabM(model), &training, started, speed, parameters))
}

/// For people.
fn parameters(
    training: &Training,
    layout: &Layout,
    kept: usize,
    encoder: &Encoder,
    device: &str,
) -> BTreeMap<String, String> {
    let columns = format!(
        "{} numbers (quantiles to normal scores, piecewise-linear embeddings of up to {} bins), {} columns as they are, {} \
         embedded",
        layout.columns.numbers.len(),
        layout.bins,
        layout.columns.plain.len(),
        encoder.embedding_rows().len()
    );
    let Config { members, width, dropout, decay, patience, rate, .. } = layout.config;
    let layers =
        if layout.depth() == 1 { "1 shared layer".to_owned() } else { format!("{} shared layers", layout.depth()) };
    [
        ("model", format!("TabM-mini: {members} members, {layers} of {width} neurons, ReLU, dropout {dropout}")),
        ("members", format!("{kept} of {members}")),
        ("optimiser", format!("AdamW (β 0.9, 0.999), weight decay {decay}, gradients held within length 1")),
        ("learning_rate", rate.to_string()),
        ("batch_size", format!("{}, of other rows for each member", training.course.batch)),
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
