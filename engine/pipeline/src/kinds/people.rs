//! Steps that a person or the store has a part in.

use crate::kind::{About, Made, StepContext, StepKind, Stop, read};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::marker::PhantomData;
use trainyard_types::Problem;

/// Waits for a person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ApprovalSettings {
    /// What is asked of the person.
    #[serde(default)]
    message: String,
}

/// The kind `approval`.
pub struct Approval;

impl StepKind for Approval {
    fn about(&self) -> About {
        About {
            kind: "approval",
            title: "Approval",
            help: "Waits until an approver says yes; what comes after is not done before.",
            group: "People",
            inputs: (0, 8),
            version: 1,
            sql: &[],
        }
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<ApprovalSettings>()
    }
    fn gives(&self) -> &'static [&'static str] {
        &[]
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        read::<ApprovalSettings>(with).map(drop)
    }
    fn cacheable(&self, _: &Map<String, Value>) -> bool {
        false
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        let settings: ApprovalSettings = step.settings()?;
        if step.sample.is_none() && !step.approved {
            if !settings.message.is_empty() {
                step.log(settings.message);
            }
            return Err(Stop::Waiting);
        }
        Ok(Made::default())
    }
}

/// Settings of a kind whose work the store does.
pub trait Work: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    const ABOUT: About;
    /// # Errors
    /// What is wrong with the settings by themselves.
    fn check(&self) -> Result<(), Problem>;
}

/// A [`Work`] as a kind.
pub struct Effectful<T>(PhantomData<fn() -> T>);

impl<T> Default for Effectful<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Work> StepKind for Effectful<T> {
    fn about(&self) -> About {
        T::ABOUT
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.root_schema_for::<T>()
    }
    fn gives(&self) -> &'static [&'static str] {
        &[]
    }
    fn check(&self, with: &Map<String, Value>) -> Result<(), Problem> {
        read::<T>(with)?.check()
    }
    fn cacheable(&self, _: &Map<String, Value>) -> bool {
        false
    }
    fn run(&self, step: &mut StepContext<'_>) -> Result<Made, Stop> {
        step.settings::<T>()?.check()?;
        if step.places.base.is_some() {
            let kind = T::ABOUT.kind;
            step.warn(format!("A step of type '{kind}' does nothing on the command line; on the server it does."));
            return Ok(Made::default());
        }
        Ok(Made { effect: true, ..Made::default() })
    }
}

/// Registers a model.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The model's name; it gets a new version.
    model: String,
}

impl Work for Register {
    const ABOUT: About = About {
        kind: "register",
        title: "Register",
        help: "Makes a trained model (TRAIN.model and, as second input, TRAIN.result) a version of a registered one.",
        group: "Model",
        inputs: (2, 2),
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.model.trim().is_empty() { Err(Problem::invalid("Name the 'model'.")) } else { Ok(()) }
    }
}

/// Tells people.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// What everyone in the project is told.
    message: String,
}

impl Work for Notify {
    const ABOUT: About = About {
        kind: "notify",
        title: "Notify",
        help: "Puts a message into the inbox of everyone in the project.",
        group: "People",
        inputs: (0, 8),
        version: 1,
        sql: &[],
    };
    fn check(&self) -> Result<(), Problem> {
        if self.message.trim().is_empty() { Err(Problem::invalid("Write the 'message'.")) } else { Ok(()) }
    }
}
