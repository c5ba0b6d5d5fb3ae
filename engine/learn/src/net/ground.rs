//! How the fit of every net begins and ends.

use super::{Part, feed, nothing_to_learn, training::Training};
use crate::{
    FitError, FitOptions, Fitted, Observer, TrainData,
    device::{self, ChosenDevice},
    goal::Goal,
};
use std::{collections::BTreeMap, sync::Arc, time::Instant};
use trainyard_infer::{
    LoadError, Predictor,
    preprocess::{Encoder, Recipe},
};
use trainyard_types::Problem;

/// The device, the encoder as fitted on the train rows, and both parts as it encodes them.
pub struct Ground {
    pub started: Instant,
    pub chosen: ChosenDevice,
    pub encoder: Encoder,
    pub goal: Goal,
    pub train: Arc<Part>,
    pub valid: Arc<Part>,
}

impl Ground {
    /// `quantile`: whether numbers go in as normal scores by their quantiles.
    ///
    /// # Errors
    /// No column varies, the target can't be learned, or the device that was asked for is not there.
    pub fn new(
        data: &TrainData<'_>,
        options: &FitOptions,
        recipe: Recipe,
        quantile: bool,
        observer: &mut dyn Observer,
    ) -> Result<Self, FitError> {
        let started = Instant::now();
        observer.progress(0.0, "Preparing columns", None);
        let chosen = device::choose(options.device)?;
        let encoder = encoder(data, recipe, quantile)?;
        if encoder.width() == 0 && encoder.embedding_rows().is_empty() {
            return Err(nothing_to_learn().into());
        }
        let goal = Goal::new(data)?;
        let weights = data.weights;
        let train = Part::new(&encoder, data.train, data.train_target, goal, weights.map(|weights| weights.train))?;
        let valid = Part::new(&encoder, data.valid, data.valid_target, goal, weights.map(|weights| weights.valid))?;
        Ok(Self { started, chosen, encoder, goal, train, valid })
    }
}

/// The encoder as fitted on the train rows, to which numbers may be normal scores by their quantiles.
///
/// # Errors
/// The frame's columns are not as long as it says.
pub fn encoder(data: &TrainData<'_>, recipe: Recipe, quantile: bool) -> Result<Encoder, Problem> {
    let encoder = Encoder::fit(data.train, recipe)?;
    Ok(if quantile { encoder.with_normal_scores(data.train)? } else { encoder })
}

/// The model with what its training tells of it. `speed`: train rows a second.
pub fn fitted(
    data: &TrainData<'_>,
    predictor: Predictor,
    training: &Training,
    started: Instant,
    speed: f64,
    mut parameters: BTreeMap<String, String>,
) -> Fitted {
    let mut epochs = training.best.epoch;
    if let Some(stream) = data.stream {
        // A buffer counts as an epoch of the training.
        epochs = epochs.div_ceil(u32::try_from(stream.buffers()).unwrap_or(u32::MAX).max(1));
        parameters.remove("epochs");
        parameters.remove("best_epoch");
        let entries = [
            ("rows_seen", feed::seen(stream, training.plan.done.into())),
            ("rows_seen_best", feed::seen(stream, training.best.epoch.into())),
            ("buffers", format!("{} of up to {} rows", training.plan.done, stream.largest())),
            ("buffers_of_a_pass", stream.buffers().to_string()),
        ];
        parameters.extend(entries.map(|(key, value)| (key.to_owned(), value)));
    }
    Fitted {
        unseen: None,
        model: data.model(predictor),
        epochs: u64::from(epochs),
        rows_per_second: speed,
        seconds: started.elapsed().as_secs_f64(),
        parameters,
    }
}

/// A net that does not take the encoder's columns: a fault of the program.
pub fn misfit(error: LoadError) -> Problem {
    Problem::internal(format!("The trained net does not fit its columns: {error}"))
}
