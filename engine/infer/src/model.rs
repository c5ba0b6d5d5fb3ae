//! A model with its signature: the unit that is stored, served and audited.

use crate::{
    decision::Decision,
    error::{LoadError, PredictError},
    frame::{Column, Frame, MISSING, Values},
    predictor::{Kind, Predictor},
    signature,
    target::Predictions,
    tensors::{Stored, TensorBag},
    text::Texts,
};
use serde::{Deserialize, Serialize};
use trainyard_types::{loss::Loss, model::Signature, run::Family};

/// The newest file format that this code reads: that of what came after decisions, [`Model::is_new`] says what.
const FORMAT: u32 = 3;
/// The format of a model with a [`Decision`], and of one without, which older programs read as well.
const DECIDED: u32 = 2;
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

impl Model {
    pub fn new(signature: Signature, predictor: Predictor) -> Self {
        let family = predictor.family();
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
        self.predictor.predict(&frame)
    }

    /// The model as one safetensors file: arrays, and everything else as JSON under `trainyard` in its metadata. The same
    /// model gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LoadError> {
        let mut bag = TensorBag::default();
        let (predictor, body) = self.predictor.store(&mut bag)?;
        let decision = if self.decision.is_empty() { None } else { Some(self.decision.store(&mut bag)?) };
        let format = match &decision {
            _ if self.is_new() => FORMAT,
            Some(_) => DECIDED,
            None => PLAIN,
        };
        let (signature, texts) = (self.signature.clone(), self.texts.clone());
        let header = Header { format, family: self.family, signature, predictor, body, texts, decision };
        bag.to_bytes(Some((KEY.to_owned(), serde_json::to_string(&header)?)))
    }

    /// Whether it holds what programs that know formats up to 2 would read wrongly: free texts, families that came later, normal
    /// scores of numbers, answers of the Poisson loss, which are powers.
    fn is_new(&self) -> bool {
        self.predictor.is_new() || !self.texts.is_empty() || self.signature.loss == Some(Loss::Poisson)
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
        let predictor = Predictor::restore(header.predictor, header.body, &mut bag)?;
        let decision = match header.decision {
            Some(decision) => Decision::restore(decision, &mut bag)?,
            None => Decision::default(),
        };
        decision.check(&header.signature)?;
        header.texts.check()?;
        if let Some(name) = bag.names().next() {
            return Err(LoadError::part(format!("the array '{name}' belongs to nothing")));
        }
        let (signature, family, texts) = (header.signature, header.family, header.texts);
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
    use crate::{
        dummy::DummyModel,
        net::{Head, LinearModel},
        preprocess::{Encoder, Recipe},
    };
    use trainyard_types::{dataset::ColumnType, run::Task};

    fn dummy() -> Model {
        let signature = Signature {
            inputs: Vec::new(),
            target: "y".into(),
            task: Task::Binary,
            classes: vec!["no".into(), "yes".into()],
            loss: None,
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
    fn normal_scores_are_told_to_older_programs() {
        let values = Values::Numbers((0..60).map(|i| f64::from(i * i)).collect());
        let table = Frame { columns: vec![Column { name: "x".into(), kind: ColumnType::Float, values }], rows: 60 };
        let signature = signature::fit(&table, "y", Task::Regression, &[]);
        let head = Head::Value { mean: 0.0, scale: 1.0, low: -9.0, high: 9.0 };
        let scaled = Encoder::fit(&table, Recipe::Linear).unwrap();
        let scored = scaled.clone().with_normal_scores(&table).unwrap();
        for (encoder, format) in [(scaled, PLAIN), (scored, FORMAT)] {
            let linear = LinearModel::new(encoder, head, vec![0.5], vec![0.1]).unwrap();
            let model = Model::new(signature.clone(), Predictor::Linear(linear));
            let bytes = model.to_bytes().unwrap();
            let (_, metadata) = TensorBag::from_bytes(&bytes).unwrap();
            let header: Header = serde_json::from_str(&metadata[KEY]).unwrap();
            assert_eq!(header.format, format);
            assert_eq!(Model::from_bytes(&bytes).unwrap(), model);
        }
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
        assert_eq!(Model::from_bytes(&newer), Err(LoadError::Newer { found: 9, known: FORMAT }));
    }
}
