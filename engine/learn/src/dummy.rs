//! The baseline that looks at no feature.

use crate::{FitError, FitOptions, Fitted, Observer, TrainData, scale::level};
use std::{collections::BTreeMap, time::Instant};
use trainyard_infer::{Predictor, Target, dummy::DummyModel};
use trainyard_types::loss::Loss;

/// "Fits" the class shares of the train rows, or the one number at which the loss is least: their mean, their median for the
/// absolute error, their quantile for the pinball loss. Takes no time worth reporting. `options` and `resume` change nothing.
pub fn fit(
    data: &TrainData<'_>,
    _options: &FitOptions,
    _resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    if observer.cancelled() {
        return Err(FitError::Cancelled);
    }
    let start = Instant::now();
    let model = match (data.train_target, data.loss) {
        (Target::Values(values), Some(Loss::Absolute)) => DummyModel::Constant(level(values, 0.5)),
        (Target::Values(values), Some(Loss::Quantile(share))) => DummyModel::Constant(level(values, share)),
        (target, _) => DummyModel::fit(target, data.classes.len()),
    };
    Ok(Fitted {
        unseen: None,
        model: data.model(Predictor::Dummy(model)),
        epochs: 1,
        rows_per_second: 0.0,
        seconds: start.elapsed().as_secs_f64(),
        parameters: BTreeMap::new(),
    })
}
