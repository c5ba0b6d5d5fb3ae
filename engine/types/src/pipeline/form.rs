//! What a document is made of, in plain words: the server makes it from the schemas of the kinds of steps, and the form shows
//! it, so that the browser needs neither schemas nor YAML.

use crate::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a kind of step is, for the form and for who writes YAML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct StepKindView {
    /// As in YAML: `fill_missing`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    /// One sentence.
    pub help: String,
    /// `Data`, `Rows`, `Columns`, `Model`, `People`.
    pub group: String,
    /// Fewest and most inputs.
    pub inputs: (u32, u32),
    /// What other steps can take of it: empty for its table, else the part (`train`, `model`).
    pub gives: Vec<String>,
    pub fields: Vec<StepField>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct StepField {
    pub name: String,
    pub help: String,
    pub required: bool,
    /// What holds where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Option<Object>))]
    pub default: Option<Value>,
    /// What the texts in it name; of a map its keys.
    #[serde(default, skip_serializing_if = "Names::is_nothing")]
    pub names: Names,
    pub form: FieldForm,
}

/// What the texts of a setting name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Names {
    #[default]
    Nothing,
    /// Columns of the step's inputs.
    Columns,
    /// Data sets of the project.
    Datasets,
    /// Files, which only the command line has.
    Files,
}

impl Names {
    fn is_nothing(&self) -> bool {
        *self == Names::Nothing
    }
}

/// How a setting is filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum FieldForm {
    Text,
    /// SQL, over several lines.
    Sql,
    Number {
        whole: bool,
    },
    Boolean,
    /// One of a few texts.
    Choice {
        choices: Vec<Choice>,
    },
    List {
        #[cfg_attr(not(target_arch = "wasm32"), schema(no_recursion))]
        of: Box<FieldForm>,
    },
    /// Values by name.
    Map {
        #[cfg_attr(not(target_arch = "wasm32"), schema(no_recursion))]
        of: Box<FieldForm>,
    },
    Object {
        #[cfg_attr(not(target_arch = "wasm32"), schema(no_recursion))]
        fields: Vec<StepField>,
    },
    /// One of several objects; the setting `tag` says which.
    Tagged {
        tag: String,
        variants: Vec<Variant>,
    },
    /// Any of these forms; the value itself shows which.
    OneOf {
        #[cfg_attr(not(target_arch = "wasm32"), schema(no_recursion))]
        forms: Vec<FieldForm>,
    },
    /// Checks of data, as check suites have them.
    Checks,
    /// A text, a number, a boolean or, as YAML, anything else.
    Any,
}

/// A text to choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Choice {
    pub value: String,
    pub help: String,
}

/// One of several objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Variant {
    /// What the tag says.
    pub value: String,
    pub help: String,
    #[cfg_attr(not(target_arch = "wasm32"), schema(no_recursion))]
    pub fields: Vec<StepField>,
}

impl FieldForm {
    /// Whether a value can be shown and changed in this form without losing anything.
    pub fn shows(&self, value: &Value) -> bool {
        // A parameter stands for a value that is not known yet.
        let parameter = value.as_str().is_some_and(|text| text.starts_with("${"));
        match self {
            FieldForm::Text | FieldForm::Sql => value.is_string(),
            FieldForm::Number { .. } => value.is_number() || parameter,
            FieldForm::Boolean => value.is_boolean(),
            FieldForm::Choice { choices } => choices.iter().any(|choice| value == choice.value.as_str()),
            FieldForm::List { of } => value.as_array().is_some_and(|items| items.iter().all(|item| of.shows(item))),
            FieldForm::Map { of } => value.as_object().is_some_and(|map| map.values().all(|item| of.shows(item))),
            FieldForm::Object { fields } => value.as_object().is_some_and(|map| show(fields, map, None)),
            FieldForm::Tagged { tag, variants } => value.as_object().is_some_and(|map| {
                let kind = map.get(tag).and_then(Value::as_str);
                let variant = variants.iter().find(|variant| Some(variant.value.as_str()) == kind);
                variant.is_some_and(|variant| show(&variant.fields, map, Some(tag)))
            }),
            FieldForm::OneOf { forms } => forms.iter().any(|form| form.shows(value)),
            FieldForm::Checks => serde_json::from_value::<Vec<crate::checks::Check>>(value.clone()).is_ok(),
            FieldForm::Any => !value.is_null(),
        }
    }
}

/// Whether each key of an object has a field that shows it.
fn show(fields: &[StepField], map: &serde_json::Map<String, Value>, tag: Option<&str>) -> bool {
    map.iter()
        .filter(|(name, _)| Some(name.as_str()) != tag)
        .all(|(name, value)| fields.iter().any(|field| field.name == *name && field.form.shows(value)))
}

/// All that a form for documents has to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineForm {
    /// What is said of the pipeline as a whole: `schedule`, `parameters` …
    pub head: Vec<StepField>,
    /// What can be said of each step besides its inputs and its kind's settings: `retry`, `cache` …
    pub step: Vec<StepField>,
    pub kinds: Vec<StepKindView>,
    /// The project's data sets, by name.
    pub datasets: Vec<String>,
}

/// A document as the form and the text have it, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentForms {
    pub document: Value,
    pub yaml: String,
    /// Fields name what is at fault: `steps.parts.target`, `schedule`.
    pub problem: Option<Problem>,
    pub schedule: Option<ScheduleWords>,
}

/// A schedule in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleWords {
    /// "At 06:30 on Monday".
    pub words: String,
    /// The next ticks in the schedule's own time zone.
    pub next: Vec<String>,
}

/// A document to begin with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// In addresses: `clean`.
    pub key: String,
    pub title: String,
    pub help: String,
    pub document: Value,
}
