//! Schemas in plain words, for the form, and documents that the form hands over.

use crate::kind::{StepKind, inline};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use trainyard_types::{
    FieldProblem, Problem,
    pipeline::{Choice, FieldForm, Names, Pipeline, Step, StepField, StepKindView, Variant},
};

/// A kind of step as the form shows it.
pub(crate) fn view(kind: &dyn StepKind) -> StepKindView {
    let about = kind.about();
    let schema = kind.schema(&mut inline()).to_value();
    let mut fields = fields(&schema);
    for field in fields.iter_mut().filter(|field| about.sql.contains(&field.name.as_str())) {
        as_sql(&mut field.form);
    }
    StepKindView {
        kind: about.kind.into(),
        title: about.title.into(),
        help: about.help.into(),
        group: about.group.into(),
        inputs: about.inputs,
        gives: kind.gives().iter().map(|part| (*part).to_owned()).collect(),
        fields,
    }
}

/// What is said of a pipeline as a whole; its steps are left out.
pub fn head() -> Vec<StepField> {
    let mut all = of::<Pipeline>();
    all.retain(|field| field.name != "steps");
    all
}

/// What can be said of every step besides its name, kind, inputs and the kind's settings.
pub fn common() -> Vec<StepField> {
    let mut all = of::<Step>();
    all.retain(|field| matches!(field.name.as_str(), "retry" | "timeout_seconds" | "cache"));
    all
}

fn of<T: JsonSchema>() -> Vec<StepField> {
    fields(&inline().root_schema_for::<T>().to_value())
}

fn as_sql(form: &mut FieldForm) {
    match form {
        FieldForm::Text => *form = FieldForm::Sql,
        FieldForm::List { of } | FieldForm::Map { of } => as_sql(of),
        _ => {}
    }
}

/// The settings of an object's schema.
pub(crate) fn fields(schema: &Value) -> Vec<StepField> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| StepField {
            name: name.clone(),
            help: words(property),
            required: required.contains(&name.as_str()),
            default: property.get("default").filter(|default| !default.is_null()).cloned(),
            names: match property["x-names"].as_str() {
                Some("columns") => Names::Columns,
                Some("datasets") => Names::Datasets,
                Some("files") => Names::Files,
                _ => Names::Nothing,
            },
            form: form(property),
        })
        .collect()
}

fn words(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ")
}

fn is_null(schema: &Value) -> bool {
    schema["type"] == "null"
}

fn form(schema: &Value) -> FieldForm {
    if schema["x-form"] == "checks" {
        return FieldForm::Checks;
    }
    if let Some(choices) = choices(schema) {
        return FieldForm::Choice { choices };
    }
    let some = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(variants) = some {
        let variants: Vec<&Value> = variants.iter().filter(|variant| !is_null(variant)).collect();
        return one_of(&variants);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    };
    match kinds.as_slice() {
        ["string"] => FieldForm::Text,
        ["integer"] => FieldForm::Number { whole: true },
        ["number"] => FieldForm::Number { whole: false },
        ["boolean"] => FieldForm::Boolean,
        ["array"] => FieldForm::List { of: Box::new(form(&schema["items"])) },
        ["object"] if schema["properties"].is_object() => FieldForm::Object { fields: fields(schema) },
        ["object"] => FieldForm::Map { of: Box::new(form(&schema["additionalProperties"])) },
        _ => FieldForm::Any,
    }
}

/// The texts that a schema allows, where it allows nothing else.
fn choices(schema: &Value) -> Option<Vec<Choice>> {
    let choice = |value: &Value, help: String| value.as_str().map(|text| Choice { value: text.to_owned(), help });
    if let Some(texts) = schema["enum"].as_array() {
        return texts.iter().filter(|text| !text.is_null()).map(|text| choice(text, String::new())).collect();
    }
    if !schema["const"].is_null() {
        return choice(&schema["const"], words(schema)).map(|only| vec![only]);
    }
    let variants = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())?;
    let lists: Option<Vec<_>> = variants.iter().filter(|variant| !is_null(variant)).map(choices).collect();
    lists.map(|lists| lists.into_iter().flatten().collect())
}

fn one_of(variants: &[&Value]) -> FieldForm {
    if let [only] = variants {
        return form(only);
    }
    if let Some(tagged) = tagged(variants) {
        return tagged;
    }
    let mut texts = Vec::new();
    let mut forms = Vec::new();
    for variant in variants {
        match choices(variant) {
            Some(more) => texts.extend(more),
            None => forms.push(form(variant)),
        }
    }
    if !texts.is_empty() {
        forms.insert(0, FieldForm::Choice { choices: texts });
    }
    FieldForm::OneOf { forms }
}

/// Objects that a setting with one fixed text tells apart.
fn tagged(variants: &[&Value]) -> Option<FieldForm> {
    let first = variants.first()?["properties"].as_object()?;
    let (tag, _) = first.iter().find(|(_, property)| property["const"].is_string())?;
    let variants: Option<Vec<Variant>> = variants
        .iter()
        .map(|variant| {
            let value = variant["properties"][tag]["const"].as_str()?.to_owned();
            let mut fields = fields(variant);
            fields.retain(|field| field.name != *tag);
            Some(Variant { value, help: words(variant), fields })
        })
        .collect();
    Some(FieldForm::Tagged { tag: tag.clone(), variants: variants? })
}

/// Which of an object's keys keeps it from being read as a `T`, and why; `None` where it can be read.
pub(crate) fn blame<T: DeserializeOwned>(object: &Map<String, Value>) -> Option<(String, String)> {
    let fault = |object: Map<String, Value>| {
        serde_json::from_value::<T>(Value::Object(object)).map(drop).err().map(|error| error.to_string())
    };
    let error = fault(object.clone())?;
    let lacking = error.split_once("missing field `").and_then(|(_, rest)| rest.split('`').next());
    if let Some(key) = lacking.filter(|key| !object.contains_key(*key)) {
        // It lacks here, and not deeper down, where something in its place changes the fault.
        let mut with = object.clone();
        with.insert(key.to_owned(), Value::Null);
        let other = fault(with);
        if other.as_ref() != Some(&error) && other.is_none_or(|other| !other.contains("unknown field")) {
            return Some((key.to_owned(), error));
        }
    }
    // Otherwise the key at fault is the one without which there is another fault, or none.
    let guilty = object.keys().find(|key| {
        let mut without = object.clone();
        without.remove(*key);
        fault(without).as_ref() != Some(&error)
    });
    Some((guilty.cloned().unwrap_or_default(), error))
}

/// The setting that a fault of a step of this kind is about, as far as its words say: the first that they name, else the
/// only one that is needed.
pub(crate) fn guilty(kind: &dyn StepKind, message: &str) -> Option<String> {
    let mut fields = view(kind).fields;
    // What names a file has a twin that names a data set.
    fields.retain(|field| field.names != Names::Files);
    let quoted = message.split(['\'', '`']).skip(1).step_by(2);
    let named = quoted.filter_map(|word| fields.iter().find(|field| field.name == word)).next();
    let mut needed = fields.iter().filter(|field| field.required);
    let only = || needed.next().filter(|_| needed.next().is_none());
    named.or_else(only).map(|field| field.name.clone())
}

/// Reads a document as the form has it, which may still be incomplete.
///
/// # Errors
/// All that can't be read, each as a field: `name`, `schedule`, `steps.people.retry`.
pub fn document(value: &Value) -> Result<Pipeline, Problem> {
    if let Ok(document) = serde_json::from_value(value.clone()) {
        return Ok(document);
    }
    let Some(whole) = value.as_object() else { return Err(Problem::invalid("A document is an object.")) };
    let mut faults = Vec::new();
    let mut fault = |field: String, what: &str, error: String| {
        let message = match error.split_once("missing field `") {
            Some((_, rest)) => format!("{what}: '{}' is needed.", rest.split('`').next().unwrap_or_default()),
            None => format!("{what}: {}.", error.trim_end_matches('.')),
        };
        faults.push(FieldProblem { field, message });
    };
    let steps = whole.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    for step in steps {
        let id = step["id"].as_str().unwrap_or_default();
        let Some(object) = step.as_object() else { continue };
        if let Some((key, error)) = blame::<Step>(object) {
            fault(format!("steps.{id}.{key}"), &format!("Step '{id}'"), error);
        }
    }
    let mut head = whole.clone();
    head.insert("steps".into(), Value::Array(Vec::new()));
    let mut told = Vec::new();
    while let Some((key, error)) = blame::<Pipeline>(&head) {
        if told.contains(&key) {
            break;
        }
        fault(key.clone(), "The pipeline", error);
        head.remove(&key);
        told.push(key);
    }
    let mut problem = Problem::invalid(
        faults.first().map_or_else(|| "The document can't be read.".to_owned(), |first| first.message.clone()),
    );
    problem.fields = faults;
    Err(problem)
}
