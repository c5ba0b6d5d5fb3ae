//! The JSON schema of documents, for editors: built from the kinds that are registered.

use crate::kind::{Registry, inline};
pub use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};
use trainyard_types::pipeline::{Pipeline, Step};

/// JSON Schema (2020-12) of a document. In an editor with YAML support, name it in the first line:
/// `# yaml-language-server: $schema=http://HOST/api/v1/schemas/pipeline`.
pub fn schema(registry: &Registry) -> Value {
    let mut generator = inline();
    let mut document = generator.root_schema_for::<Pipeline>().to_value();
    let common = generator.root_schema_for::<Step>().to_value();
    let steps: Vec<Value> = registry
        .iter()
        .map(|kind| {
            let about = kind.about();
            let own = kind.schema(&mut generator).to_value();
            let mut properties = common["properties"].clone();
            if let (Some(all), Some(own)) = (properties.as_object_mut(), own["properties"].as_object()) {
                all.extend(own.iter().map(|(name, property)| (name.clone(), or_parameter(property))));
                all.insert("type".into(), json!({ "const": about.kind }));
                if about.inputs.1 == 0 {
                    all.remove("input");
                }
            }
            let mut required = vec![json!("id"), json!("type")];
            if about.inputs.0 > 0 {
                required.push(json!("input"));
            }
            required.extend(own["required"].as_array().into_iter().flatten().cloned());
            json!({
                "title": about.title,
                "description": about.help,
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            })
        })
        .collect();
    document["title"] = json!("Trainyard pipeline");
    document["properties"]["steps"] = json!({
        "type": "array",
        "minItems": 1,
        "items": { "oneOf": steps },
    });
    document
}

/// Numbers and booleans may be a parameter as well.
fn or_parameter(property: &Value) -> Value {
    let texts = property["type"] == "string" || property["type"] == "object" || property["type"] == "array";
    if texts || property["type"].is_null() {
        return property.clone();
    }
    json!({ "description": property["description"], "anyOf": [property, { "type": "string", "pattern": r"^\$\{[a-z][a-z0-9_]*\}$" }] })
}
