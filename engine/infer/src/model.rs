//! A model with its signature: the unit that is stored, served and audited.

use crate::{
    decision::Decision,
    dummy::DummyModel,
    error::{LoadError, PredictError},
    frame::{Column, Frame, MISSING, Values},
    net::{FtTransformerModel, LinearModel, RealMlpModel, TabMModel},
    signature,
    target::Predictions,
    tensors::{Stored, TensorBag},
    text::Texts,
    trees::TreesModel,
};
use serde::{Deserialize, Serialize};
use trainyard_types::{model::Signature, run::Family};

/// The newest file format that this code reads: that of a model with [`Texts`].
const FORMAT: u32 = 3;
/// The format of a model with a [`Decision`], and of one with neither, which older programs read as well.
const DECIDING: u32 = 2;
const PLAIN: u32 = 1;
/// The key of the JSON header in the safetensors metadata.
const KEY: &str = "trainyard";

/// A fitted model. It takes raw columns: all preprocessing is part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub signature: Signature,
    /// What was trained; [`Family::Auto`] for the dummy baseline, which is of no family.
    pub family: Family,
    /// The free texts that the predictor sees as numbers.
    pub texts: Texts,
    pub predictor: Predictor,
    /// What is made of the predictor's answers.
    pub decision: Decision,
}

/// The part that differs between families.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // One exists per loaded model.
pub enum Predictor {
    Linear(LinearModel),
    RealMlp(RealMlpModel),
    TabM(TabMModel),
    FtTransformer(FtTransformerModel),
    Trees(TreesModel),
    Dummy(DummyModel),
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    family: Family,
    signature: Signature,
    predictor: Kind,
    body: serde_json::Value,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    texts: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Linear,
    RealMlp,
    TabM,
    FtTransformer,
    Trees,
    Dummy,
}

impl Model {
    pub fn new(signature: Signature, predictor: Predictor) -> Self {
        let family = match predictor {
            Predictor::Linear(_) => Family::Linear,
            Predictor::RealMlp(_) => Family::RealMlp,
            Predictor::TabM(_) => Family::TabM,
            Predictor::FtTransformer(_) => Family::FtTransformer,
            Predictor::Trees(_) => Family::Trees,
            Predictor::Dummy(_) => Family::Auto,
        };
        Self { signature, family, texts: Texts::default(), predictor, decision: Decision::default() }
    }

    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// One answer for each row of the frame. Columns are matched by name and extra ones ignored; a column of another type is
    /// converted where all its values allow it. Missing values and unseen categories are handled as the model learned to.
    /// Probabilities are calibrated where the model's decision says how.
    pub fn predict(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        Ok(self.calibrated(self.uncalibrated(frame)?))
    }

    /// The predictor's answers as calibration makes them.
    pub fn calibrated(&self, mut predictions: Predictions) -> Predictions {
        if let (Some(calibration), Predictions::Probabilities { classes, values }) =
            (&self.decision.calibration, &mut predictions)
        {
            calibration.apply(*classes, values);
        }
        predictions
    }

    /// As [`Model::predict`], before calibration.
    pub fn uncalibrated(&self, frame: &Frame) -> Result<Predictions, PredictError> {
        let frame = self.texts.expand(signature::align(&self.signature, frame)?);
        match &self.predictor {
            Predictor::Linear(model) => model.predict(&frame),
            Predictor::RealMlp(model) => model.predict(&frame),
            Predictor::TabM(model) => model.predict(&frame),
            Predictor::FtTransformer(model) => model.predict(&frame),
            Predictor::Trees(model) => model.predict(&frame),
            Predictor::Dummy(model) => model.predict(&frame),
        }
    }

    /// The model as one safetensors file: arrays, and everything else as JSON under `trainyard` in its metadata. The same
    /// model gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LoadError> {
        let mut bag = TensorBag::default();
        let (predictor, body) = match &self.predictor {
            Predictor::Linear(model) => (Kind::Linear, model.store(&mut bag)?),
            Predictor::RealMlp(model) => (Kind::RealMlp, model.store(&mut bag)?),
            Predictor::TabM(model) => (Kind::TabM, model.store(&mut bag)?),
            Predictor::FtTransformer(model) => (Kind::FtTransformer, model.store(&mut bag)?),
            Predictor::Trees(model) => (Kind::Trees, model.store(&mut bag)?),
            Predictor::Dummy(model) => (Kind::Dummy, model.store(&mut bag)?),
        };
        let decision = if self.decision.is_empty() { None } else { Some(self.decision.store(&mut bag)?) };
        let format = match (self.texts.is_empty(), decision.is_some()) {
            (false, _) => FORMAT,
            (true, true) => DECIDING,
            (true, false) => PLAIN,
        };
        let (signature, texts) = (self.signature.clone(), self.texts.clone());
        let header = Header { format, family: self.family, signature, predictor, body, texts, decision };
        bag.to_bytes(Some((KEY.to_owned(), serde_json::to_string(&header)?)))
    }

    /// Reads [`Model::to_bytes`]. The bytes may come from anyone: whatever they hold, the answer is a model whose
    /// [`Model::predict`] does not panic, or an error.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, LoadError> {
        let (mut bag, metadata) = TensorBag::from_bytes(bytes)?;
        let text = metadata
            .get(KEY)
            .ok_or_else(|| LoadError::not_a_model("it is a safetensors file without Trainyard's header"))?;
        // Read the number first: a newer format may have other fields.
        let value: serde_json::Value = serde_json::from_str(text)?;
        let found = value.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
        if found == 0 {
            return Err(LoadError::part("its header names no format"));
        }
        if found > u64::from(FORMAT) {
            return Err(LoadError::Newer { found: u32::try_from(found).unwrap_or(u32::MAX), known: FORMAT });
        }
        let header: Header = serde_json::from_value(value)?;
        let predictor = match header.predictor {
            Kind::Linear => Predictor::Linear(LinearModel::restore(header.body, &mut bag)?),
            Kind::RealMlp => Predictor::RealMlp(RealMlpModel::restore(header.body, &mut bag)?),
            Kind::TabM => Predictor::TabM(TabMModel::restore(header.body, &mut bag)?),
            Kind::FtTransformer => Predictor::FtTransformer(FtTransformerModel::restore(header.body, &mut bag)?),
            Kind::Trees => Predictor::Trees(TreesModel::restore(header.body, &mut bag)?),
            Kind::Dummy => Predictor::Dummy(DummyModel::restore(header.body, &mut bag)?),
        };
        let decision = match header.decision {
            Some(decision) => Decision::restore(decision, &mut bag)?,
            None => Decision::default(),
        };
        decision.check(&header.signature)?;
        header.texts.check()?;
        if let Some(name) = bag.names().next() {
            return Err(LoadError::part(format!("the array '{name}' belongs to nothing")));
        }
        let Header { signature, family, texts, .. } = header;
        let model = Model { signature, family, texts, predictor, decision };
        model.probe()?;
        Ok(model)
    }

    /// Predicts one row of missing values, to see that signature and predictor belong together.
    fn probe(&self) -> Result<(), LoadError> {
        let columns = self
            .signature
            .inputs
            .iter()
            .map(|input| Column {
                name: input.name.clone(),
                kind: input.kind,
                values: if signature::is_categorical(input.kind) {
                    Values::Categories { codes: vec![MISSING], levels: Vec::new() }
                } else {
                    Values::Numbers(vec![f64::NAN])
                },
            })
            .collect();
        let answer = self
            .predict(&Frame { columns, rows: 1 })
            .map_err(|error| LoadError::part(format!("its parts do not fit its signature ({error})")))?;
        let sound = match answer {
            Predictions::Probabilities { classes, values } => {
                self.signature.task.is_classification()
                    && classes == self.signature.classes.len()
                    && values.len() == classes
            }
            Predictions::Values(values) => !self.signature.task.is_classification() && values.len() == 1,
        };
        sound.then_some(()).ok_or_else(|| LoadError::part("its answers do not fit its signature"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use trainyard_types::run::Task;

    fn dummy() -> Model {
        let signature = Signature {
            inputs: Vec::new(),
            target: "y".into(),
            task: Task::Binary,
            classes: vec!["no".into(), "yes".into()],
        };
        Model::new(signature, Predictor::Dummy(DummyModel::Shares(vec![0.75, 0.25])))
    }

    #[test]
    fn survives_the_round_trip() {
        let bytes = dummy().to_bytes().unwrap();
        assert_eq!(bytes, dummy().to_bytes().unwrap());
        assert_eq!(Model::from_bytes(&bytes).unwrap(), dummy());
    }

    #[test]
    fn refuses_what_is_no_model() {
        assert!(matches!(Model::from_bytes(b""), Err(LoadError::NotAModel(_))));
        assert!(matches!(Model::from_bytes(b"\x89PNG\r\n\x1a\n0000000000000000"), Err(LoadError::NotAModel(_))));
        let other = TensorBag::default().to_bytes(None).unwrap();
        assert!(matches!(Model::from_bytes(&other), Err(LoadError::NotAModel(_))));
        let bytes = dummy().to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(Model::from_bytes(&bytes[..end]).is_err());
        }
        let mut wrong = dummy();
        wrong.predictor = Predictor::Dummy(DummyModel::Mean(1.0));
        assert!(matches!(Model::from_bytes(&wrong.to_bytes().unwrap()), Err(LoadError::Damaged(_))));
        let mut extra = TensorBag::default();
        extra.put("more", &[1], vec![1.0f32]);
        let header = serde_json::json!({"format": 9});
        let newer = extra.to_bytes(Some((KEY.into(), header.to_string()))).unwrap();
        assert_eq!(Model::from_bytes(&newer), Err(LoadError::Newer { found: 9, known: 3 }));
    }
}
