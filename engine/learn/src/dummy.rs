//! The baseline that looks at no feature.

use crate::{FitError, FitOptions, Fitted, Observer, TrainData};
use std::{collections::BTreeMap, time::Instant};
use trainyard_infer::{Model, Predictor, dummy::DummyModel, signature};

/// "Fits" the class shares or the mean of the train rows; takes no time worth reporting. `options` and `resume` change
/// nothing.
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
    let model = DummyModel::fit(data.train_target, data.classes.len());
    let signature = signature::fit(data.train, data.target_name, data.task, data.classes);
    Ok(Fitted {
        unseen: None,
        model: Model::new(signature, Predictor::Dummy(model)),
        epochs: 1,
        rows_per_second: 0.0,
        seconds: start.elapsed().as_secs_f64(),
        parameters: BTreeMap::new(),
    })
}
