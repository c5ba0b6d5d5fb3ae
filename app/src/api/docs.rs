//! The API's description, cut down on the server to what the page shows.

use crate::{AppError, wire::Json};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The page `/docs/api`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiDocs {
    pub title: String,
    pub version: String,
    pub description: String,
    pub groups: Vec<ApiGroup>,
}

/// Operations with the same tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiGroup {
    pub name: String,
    pub operations: Vec<Operation>,
}

/// One method of one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Stands in the page's address, after `#`.
    pub id: String,
    /// In capitals.
    pub method: String,
    pub path: String,
    pub summary: String,
    pub description: String,
    pub parameters: Vec<ApiField>,
    /// The body's media type, empty where it takes none.
    pub body_type: String,
    pub body: Vec<ApiField>,
    /// Status and meaning.
    pub responses: Vec<(String, String)>,
    /// A call to copy, with the server's address.
    pub curl: String,
}

/// A parameter, or a field of a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiField {
    pub name: String,
    /// `path`, `query`, `body`.
    pub place: String,
    pub kind: String,
    pub required: bool,
    pub description: String,
}

/// The REST interface, as its OpenAPI description has it.
#[server(prefix = "/api/fn", endpoint = "api_docs", output = Json)]
pub async fn fetch_api_docs() -> Result<ApiDocs, AppError> {
    super::caller()?;
    let json = use_context::<crate::OpenApiJson>().ok_or_else(|| {
        trainyard_types::Problem::internal("The API's description is missing from this server's set-up.")
    })?;
    super::done(parse::docs(&json.0, &crate::browser::origin()))
}

#[cfg(feature = "ssr")]
mod parse {
    use super::{ApiDocs, ApiField, ApiGroup, Operation};
    use serde_json::Value;
    use trainyard_types::Problem;

    /// Reads an OpenAPI 3.1 document. `origin` is `https://host:port` for the snippets.
    pub fn docs(json: &str, origin: &str) -> Result<ApiDocs, Problem> {
        let root: Value = serde_json::from_str(json)
            .map_err(|error| Problem::internal(format!("The API's description can't be read: {error}.")))?;
        let mut groups: Vec<ApiGroup> = Vec::new();
        let paths = root["paths"].as_object().into_iter().flatten();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                    continue;
                }
                let name = operation["tags"][0].as_str().unwrap_or("Other").to_owned();
                let parsed = read_operation(&root, path, method, operation, origin);
                match groups.iter_mut().find(|g| g.name == name) {
                    Some(group) => group.operations.push(parsed),
                    None => groups.push(ApiGroup { name, operations: vec![parsed] }),
                }
            }
        }
        Ok(ApiDocs {
            title: text(&root["info"]["title"]),
            version: text(&root["info"]["version"]),
            description: text(&root["info"]["description"]),
            groups,
        })
    }

    fn read_operation(root: &Value, path: &str, method: &str, operation: &Value, origin: &str) -> Operation {
        let parameters: Vec<ApiField> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|p| ApiField {
                name: text(&p["name"]),
                place: text(&p["in"]),
                kind: kind(root, &p["schema"]),
                required: p["required"].as_bool().unwrap_or(false),
                description: text(&p["description"]),
            })
            .collect();
        let content = operation["requestBody"]["content"].as_object().and_then(|c| c.iter().next());
        let (body_type, schema) =
            content.map_or((String::new(), &Value::Null), |(media, c)| (media.clone(), &c["schema"]));
        let body = fields(root, schema);
        let responses = operation["responses"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(status, r)| (status.clone(), text(&r["description"])))
            .collect();
        let curl = curl(root, origin, path, method, &parameters, &body_type, schema);
        Operation {
            id: format!("{method}-{}", path.trim_matches('/').replace(['/', '{', '}'], "-")),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            parameters,
            body_type,
            body,
            responses,
            curl,
        }
    }

    fn text(value: &Value) -> String {
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Follows one `$ref` into the components.
    fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
            Some(pointer) => root.pointer(pointer).unwrap_or(&Value::Null),
            None => schema,
        }
    }

    /// The present alternative of a nullable schema, or the schema itself.
    fn present<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
        let alternatives = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
        match alternatives.and_then(|all| all.iter().find(|s| s["type"] != "null")) {
            Some(some) => resolve(root, some),
            None => resolve(root, schema),
        }
    }

    /// A type in words: `string`, `integer`, `list of string`, `viewer | auditor`, or a component's name.
    fn kind(root: &Value, schema: &Value) -> String {
        if schema.is_null() {
            return String::new();
        }
        let resolved = present(root, schema);
        if let Some(values) = resolved["enum"].as_array() {
            return values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
        }
        let name = match &resolved["type"] {
            Value::String(name) => name.clone(),
            Value::Array(names) => {
                names.iter().filter_map(Value::as_str).find(|n| *n != "null").unwrap_or("any").to_owned()
            }
            _ => schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()).unwrap_or("any").to_owned(),
        };
        if name == "array" { format!("list of {}", kind(root, &resolved["items"])) } else { name }
    }

    fn fields(root: &Value, schema: &Value) -> Vec<ApiField> {
        let resolved = present(root, schema);
        let required: Vec<&str> =
            resolved["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        resolved["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, property)| ApiField {
                name: name.clone(),
                place: "body".to_owned(),
                kind: kind(root, property),
                required: required.contains(&name.as_str()),
                description: text(&property["description"]).lines().next().unwrap_or_default().to_owned(),
            })
            .collect()
    }

    /// An example of a schema, to three levels, so that the snippet shows the form.
    fn example(root: &Value, schema: &Value, depth: u8) -> Value {
        let resolved = present(root, schema);
        if let Some(example) = resolved.get("example") {
            return example.clone();
        }
        if let Some(first) = resolved["enum"].as_array().and_then(|v| v.first()) {
            return first.clone();
        }
        let name = match &resolved["type"] {
            Value::Array(names) => names.iter().filter_map(Value::as_str).find(|n| *n != "null").unwrap_or("object"),
            other => other.as_str().unwrap_or("object"),
        };
        match name {
            "string" => Value::from("…"),
            "integer" | "number" => Value::from(0),
            "boolean" => Value::from(false),
            "array" if depth > 0 => Value::Array(vec![example(root, &resolved["items"], depth - 1)]),
            "array" => Value::Array(Vec::new()),
            _ if depth == 0 => Value::Object(serde_json::Map::new()),
            _ => {
                let required: Vec<&str> =
                    resolved["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let properties = resolved["properties"].as_object().into_iter().flatten();
                Value::Object(
                    properties
                        .filter(|(name, _)| required.contains(&name.as_str()))
                        .map(|(name, property)| (name.clone(), example(root, property, depth - 1)))
                        .collect(),
                )
            }
        }
    }

    fn curl(
        root: &Value,
        origin: &str,
        path: &str,
        method: &str,
        parameters: &[ApiField],
        body_type: &str,
        schema: &Value,
    ) -> String {
        let address = path.replace('{', "$").replace('}', "");
        let query: Vec<String> =
            parameters.iter().filter(|p| p.place == "query" && p.required).map(|p| format!("{}=…", p.name)).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let mut out = String::from("curl");
        if method != "get" {
            out.push_str(&format!(" -X {}", method.to_uppercase()));
        }
        out.push_str(&format!(" \"{origin}{address}{query}\" \\\n  -H \"Authorization: Bearer $TRAINYARD_TOKEN\""));
        if body_type.contains("json") {
            let body = serde_json::to_string(&example(root, schema, 3)).unwrap_or_default().replace('\'', "'\\''");
            out.push_str(&format!(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{body}'"));
        } else if !body_type.is_empty() {
            out.push_str(" \\\n  --data-binary @data.csv");
        }
        out
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]

        #[test]
        fn an_operation_is_shown_with_its_fields_and_a_call() {
            let json = r##"{"info":{"title":"T","version":"1"},"paths":{"/api/v1/projects/{project}/runs":{"post":{
                "tags":["Runs"],"summary":"Train","parameters":[{"name":"project","in":"path","required":true,"schema":{"type":"string"}}],
                "requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/NewRun"}}}},
                "responses":{"201":{"description":"Made"}}}}},
                "components":{"schemas":{"NewRun":{"type":"object","required":["seed"],"properties":{"seed":{"type":"integer"},
                "name":{"type":["string","null"]}}}}}}"##;
            let docs = super::docs(json, "http://127.0.0.1:3000").unwrap();
            let operation = &docs.groups[0].operations[0];
            assert_eq!(
                operation.body.iter().map(|f| (f.name.as_str(), f.kind.as_str(), f.required)).collect::<Vec<_>>(),
                [("name", "string", false), ("seed", "integer", true)]
            );
            assert!(operation.curl.contains("http://127.0.0.1:3000/api/v1/projects/$project/runs"));
            assert!(operation.curl.contains(r#"{"seed":0}"#));
        }
    }
}
