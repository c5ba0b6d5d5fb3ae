//! The state of a training between two epochs, as bytes.

use super::engine::State;
use serde::{Deserialize, Serialize};
use trainyard_infer::{LoadError, TensorBag};
use trainyard_types::{hyper::Hyperparameters, run::Family};

const FORMAT: u32 = 2;
const KEY: &str = "trainyard_checkpoint";

/// Everything that the next epoch depends on, besides the data and the options.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub plan: Plan,
    pub best: Best,
    pub state: State,
}

/// What was fixed at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub format: u32,
    /// The family's name.
    pub family: String,
    /// Epochs in all; chosen by the time that the first steps took, or asked for.
    pub epochs: u32,
    /// Epochs done.
    pub done: u32,
    pub seed: u64,
    pub rows: usize,
    pub valid_rows: usize,
    pub parameters: usize,
    /// The family's hyperparameters that are set: `realmlp.dropout=0.3 realmlp.layers=2`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub settings: String,
    /// Buffers of a pass where the train rows are streamed, each of which counts as an epoch; else 0.
    #[serde(default)]
    pub buffers: usize,
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// 0 before the first.
    pub epoch: u32,
    /// Class error or a number's metric on the validation rows.
    pub score: f64,
    pub theta: Vec<f32>,
}

impl Plan {
    pub fn new(family: Family, seed: u64, rows: usize, valid_rows: usize, parameters: usize) -> Self {
        let family = family.as_str().to_owned();
        let settings = String::new();
        Self { format: FORMAT, family, epochs: 0, done: 0, seed, rows, valid_rows, parameters, settings, buffers: 0 }
    }

    /// With what is set of the family's hyperparameters.
    pub fn with_settings(mut self, set: &Hyperparameters) -> Self {
        let own = set.iter().filter(|(key, _)| key.split_once('.').is_some_and(|(family, _)| family == self.family));
        let settings: Vec<String> = own.map(|(key, value)| format!("{key}={value}")).collect();
        self.settings = settings.join(" ");
        self
    }
}

impl Checkpoint {
    pub fn to_bytes(&self) -> Result<Vec<u8>, LoadError> {
        let mut bag = TensorBag::default();
        let length = [self.plan.parameters];
        bag.put("theta", &length, self.state.theta.clone());
        bag.put("first", &length, self.state.first.clone());
        bag.put("second", &length, self.state.second.clone());
        bag.put("best", &length, self.best.theta.clone());
        bag.put("score", &[1], vec![self.best.score]);
        bag.put("counts", &[3], vec![self.best.epoch, self.state.steps as u32, (self.state.steps >> 32) as u32]);
        bag.to_bytes(Some((KEY.to_owned(), serde_json::to_string(&self.plan)?)))
    }

    /// # Errors
    /// If the bytes are no whole checkpoint of this format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let (mut bag, metadata) = TensorBag::from_bytes(bytes)?;
        let header = metadata.get(KEY).ok_or_else(|| LoadError::not_a_model("it holds no checkpoint of a net"))?;
        let plan: Plan = serde_json::from_str(header)?;
        if plan.format != FORMAT {
            return Err(LoadError::Newer { found: plan.format, known: FORMAT });
        }
        let length = [plan.parameters];
        let counts = bag.take_shaped::<u32>("counts", &[3])?;
        let score = bag.take_shaped::<f64>("score", &[1])?[0];
        Ok(Self {
            best: Best { epoch: counts[0], score, theta: bag.take_shaped("best", &length)? },
            state: State {
                theta: bag.take_shaped("theta", &length)?,
                first: bag.take_shaped("first", &length)?,
                second: bag.take_shaped("second", &length)?,
                steps: u64::from(counts[1]) | u64::from(counts[2]) << 32,
            },
            plan,
        })
    }
}
