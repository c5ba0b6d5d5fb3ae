//! The part of a model that differs between families.

use crate::{
    blend::Blend,
    dummy::DummyModel,
    error::{LoadError, PredictError},
    frame::Frame,
    net::{FtTransformerModel, LinearModel, RealMlpModel, TabMModel},
    target::Predictions,
    tensors::{Stored, TensorBag},
    trees::TreesModel,
};
use serde::{Deserialize, Serialize};
use trainyard_types::run::Family;

#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // One exists per loaded model.
pub enum Predictor {
    Linear(LinearModel),
    RealMlp(RealMlpModel),
    TabM(TabMModel),
    FtTransformer(FtTransformerModel),
    Trees(TreesModel),
    Boosting(TreesModel),
    Forest(TreesModel),
    Blend(Blend),
    Dummy(DummyModel),
}

/// The kind's name in a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Linear,
    RealMlp,
    TabM,
    FtTransformer,
    Trees,
    Boosting,
    Forest,
    Blend,
    Dummy,
}

impl Predictor {
    /// What was trained; [`Family::Auto`] for the dummy baseline, which is of no family.
    pub fn family(&self) -> Family {
        match self {
            Predictor::Linear(_) => Family::Linear,
            Predictor::RealMlp(_) => Family::RealMlp,
            Predictor::TabM(_) => Family::TabM,
            Predictor::FtTransformer(_) => Family::FtTransformer,
            Predictor::Trees(_) => Family::Trees,
            Predictor::Boosting(_) => Family::Boosting,
            Predictor::Forest(_) => Family::Forest,
            Predictor::Blend(_) => Family::Blend,
            Predictor::Dummy(_) => Family::Auto,
        }
    }

    /// One answer for each row; see [`crate::Model::predict`], which calibrates besides.
    ///
    /// # Errors
    /// The frame's columns are not those that were learned from.
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        match self {
            Predictor::Linear(model) => model.predict(frame),
            Predictor::RealMlp(model) => model.predict(frame),
            Predictor::TabM(model) => model.predict(frame),
            Predictor::FtTransformer(model) => model.predict(frame),
            Predictor::Trees(model) | Predictor::Boosting(model) | Predictor::Forest(model) => model.predict(frame),
            Predictor::Blend(blend) => blend.predict(frame),
            Predictor::Dummy(model) => model.predict(frame),
        }
    }

    /// Whether programs that know file formats up to 2 would read it wrongly, or not at all.
    pub(crate) fn is_new(&self) -> bool {
        match self {
            Predictor::Linear(model) => model.encoder().has_normal_scores(),
            Predictor::RealMlp(model) => model.nets().len() > 1 || model.encoder().has_normal_scores(),
            Predictor::FtTransformer(_) | Predictor::Boosting(_) | Predictor::Forest(_) | Predictor::Blend(_) => true,
            _ => false,
        }
    }

    pub(crate) fn store(&self, bag: &mut TensorBag) -> Result<(Kind, serde_json::Value), LoadError> {
        Ok(match self {
            Predictor::Linear(model) => (Kind::Linear, model.store(bag)?),
            Predictor::RealMlp(model) => (Kind::RealMlp, model.store(bag)?),
            Predictor::TabM(model) => (Kind::TabM, model.store(bag)?),
            Predictor::FtTransformer(model) => (Kind::FtTransformer, model.store(bag)?),
            Predictor::Trees(model) => (Kind::Trees, model.store(bag)?),
            Predictor::Boosting(model) => (Kind::Boosting, model.store(bag)?),
            Predictor::Forest(model) => (Kind::Forest, model.store(bag)?),
            Predictor::Blend(blend) => (Kind::Blend, blend.store(bag)?),
            Predictor::Dummy(model) => (Kind::Dummy, model.store(bag)?),
        })
    }

    pub(crate) fn restore(kind: Kind, body: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError> {
        Ok(match kind {
            Kind::Linear => Predictor::Linear(LinearModel::restore(body, bag)?),
            Kind::RealMlp => Predictor::RealMlp(RealMlpModel::restore(body, bag)?),
            Kind::TabM => Predictor::TabM(TabMModel::restore(body, bag)?),
            Kind::FtTransformer => Predictor::FtTransformer(FtTransformerModel::restore(body, bag)?),
            Kind::Trees => Predictor::Trees(TreesModel::restore(body, bag)?),
            Kind::Boosting => Predictor::Boosting(TreesModel::restore(body, bag)?),
            Kind::Forest => Predictor::Forest(TreesModel::restore(body, bag)?),
            Kind::Blend => Predictor::Blend(Blend::restore(body, bag)?),
            Kind::Dummy => Predictor::Dummy(DummyModel::restore(body, bag)?),
        })
    }
}
