#![allow(clippy::unwrap_used)]
use super::*;
use crate::tests::{Recorder, data, options, table};
use trainyard_infer::Predictions;
use trainyard_types::run::Task;

#[test]
fn temp() {
    for task in [Task::Binary, Task::Multiclass, Task::Regression] {
        let (train, target) = table(task, 400, 1);
        let classes: Vec<String> = (0..if task == Task::Multiclass { 3 } else { 2 }).map(|i| i.to_string()).collect();
        let fitted = fit(&data(&train, &target, &train, &target, task, &classes), &FitOptions { epochs: None, ..options() }, None, &mut Recorder::default()).unwrap();
        let Predictor::Linear(model) = &fitted.model.predictor else { panic!() };
        println!("{task:?} {:?} {:?}", fitted.parameters, model.encoder().output_names());
        println!("{:?} {:?}", model.weights(), model.bias());
        let _: Predictions = fitted.model.predict(&train).unwrap();
    }
}
