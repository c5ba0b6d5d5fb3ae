//! Lists as JSON pages or as one CSV file.

use super::errors::ApiError;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    future::Future,
};
use trainyard_types::{Page, PageQuery, Problem};

/// Rows of a downloaded list at most.
const LONGEST: u64 = 100_000;
/// Items fetched at a time for a download.
const STEP: u64 = 500;

/// `?format=csv` asks for the whole list as a file; left out: a page as JSON.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Format {
    /// `json` or `csv`.
    pub format: String,
}

/// Answers a list: the page asked for as JSON, or all of it as `NAME.csv`.
///
/// # Errors
/// What `fetch` says, or an unknown format.
pub async fn list<T, F, Fut>(name: &str, format: &Format, query: PageQuery, fetch: F) -> Result<Response, ApiError>
where
    T: Serialize,
    F: Fn(PageQuery) -> Fut,
    Fut: Future<Output = Result<Page<T>, Problem>>,
{
    match format.format.as_str() {
        "" | "json" => Ok(Json(fetch(query).await?).into_response()),
        "csv" => {
            let mut rows = Vec::new();
            for page in 1..=LONGEST / STEP {
                let step = fetch(PageQuery { page, per_page: STEP, ..query.clone() }).await?;
                let last = page * STEP >= step.total;
                for item in step.items {
                    rows.push(node(&item).map_err(|e| trainyard_store::error::internal(&e))?);
                }
                if last {
                    break;
                }
            }
            Ok(file(name, "text/csv; charset=utf-8", csv(rows)))
        }
        other => Err(Problem::field("format", format!("'{other}' is no format. Use json or csv.")).into()),
    }
}

/// An answer that browsers save.
pub fn file(name: &str, content_type: &'static str, text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// RFC 4180, with these heads and one line for each row.
pub fn table(heads: &[String], rows: &[Vec<Value>]) -> String {
    let line = |cells: Vec<String>| cells.join(",");
    let mut text = line(heads.iter().map(|head| quoted(&harmless(head))).collect());
    for row in rows {
        text.push_str("\r\n");
        text.push_str(&line(row.iter().map(cell).collect()));
    }
    text.push_str("\r\n");
    text
}

/// One value of a row, fields in the order in which its type declares them (`serde_json::Map` sorts them).
#[derive(Deserialize)]
#[serde(untagged)]
enum Node {
    Fields(Fields),
    Leaf(Value),
}

struct Fields(Vec<(String, Node)>);

fn node(row: &impl Serialize) -> serde_json::Result<Node> {
    serde_json::from_str(&serde_json::to_string(row)?)
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// RFC 4180, columns in the order of the rows' fields. Fields of nested objects become columns of their own, `job.state`;
/// lists stay JSON.
fn csv(rows: Vec<Node>) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let rows: Vec<HashMap<String, Value>> = rows
        .into_iter()
        .map(|row| {
            let mut flat = Vec::new();
            flatten(String::new(), row, &mut flat);
            for (name, _) in &flat {
                if seen.insert(name.clone()) {
                    names.push(name.clone());
                }
            }
            flat.into_iter().collect()
        })
        .collect();
    // A nested object that is missing in some row left a column of nothing.
    let nested =
        |name: &str| seen.iter().any(|other| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    names.retain(|name| !nested(name));
    let mut out = String::new();
    let mut line = |cells: Vec<String>| {
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    line(names.iter().map(|name| quoted(&harmless(name))).collect());
    for row in &rows {
        line(names.iter().map(|name| row.get(name).map_or(String::new(), cell)).collect());
    }
    out
}

fn flatten(name: String, node: Node, flat: &mut Vec<(String, Value)>) {
    match node {
        Node::Fields(Fields(fields)) => {
            for (field, node) in fields {
                flatten(if name.is_empty() { field } else { format!("{name}.{field}") }, node, flat);
            }
        }
        Node::Leaf(value) => flat.push((name, value)),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(&harmless(text)),
        nested => quoted(&nested.to_string()),
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection").
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text.to_owned() }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn rows(text: &[&str]) -> Vec<Node> {
        text.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    #[test]
    fn a_table_keeps_the_order_of_its_columns() {
        let heads = ["z".to_owned(), "a,b".to_owned()];
        let rows = [vec![json!(0.5), json!("=1")], vec![Value::Null, json!("x")]];
        assert_eq!(table(&heads, &rows), "z,\"a,b\"\r\n0.5,'=1\r\n,x\r\n");
    }

    #[test]
    fn formulas_are_disarmed_and_numbers_kept() {
        let rows = rows(&[r#"{"b": "=HYPERLINK(\"x\")", "a": -1.5, "c": "x,y", "d": null, "e": ["@"], "=f": 0}"#]);
        assert_eq!(csv(rows), "b,a,c,d,e,'=f\r\n\"'=HYPERLINK(\"\"x\"\")\",-1.5,\"x,y\",,\"[\"\"@\"\"]\",0\r\n");
    }

    #[test]
    fn nested_fields_are_columns_of_their_own_in_the_order_of_the_type() {
        #[derive(Serialize)]
        struct Row {
            name: &'static str,
            at: Option<At>,
        }
        #[derive(Serialize)]
        struct At {
            x: u8,
            a: u8,
        }
        let rows = [Row { name: "n", at: None }, Row { name: "m", at: Some(At { x: 1, a: 2 }) }];
        assert_eq!(csv(rows.iter().map(|row| node(row).unwrap()).collect()), "name,at.x,at.a\r\nn,,\r\nm,1,2\r\n");
        assert_eq!(csv(Vec::new()), "\r\n");
    }
}
