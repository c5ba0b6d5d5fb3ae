//! One row for a model: from its signature to a form's texts, to JSON, to the calls that a person copies.

use serde_json::{Map, Value, json};
use trainyard_types::{
    Timestamp,
    dataset::ColumnType,
    export::onnx_inputs,
    model::{InputColumn, Signature},
};

/// What a form shows first: the median, the most frequent value, the latest instant.
pub fn default_text(input: &InputColumn) -> String {
    match input.kind {
        ColumnType::Integer => input.median.or(input.min).map_or(String::new(), |v| format!("{:.0}", v)),
        ColumnType::Float => input.median.or(input.min).map_or(String::new(), short),
        ColumnType::Boolean | ColumnType::Text => input.categories.first().cloned().unwrap_or_default(),
        ColumnType::Datetime => input.max.map_or(String::new(), |ms| local_datetime(ms as i64)),
    }
}

/// A float as one would type it: six significant figures at most.
fn short(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (5 - value.abs().log10().floor() as i32).clamp(0, 12) as usize };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `2026-11-23T17:20:31`, as `<input type="datetime-local">` wants it; in UTC.
pub fn local_datetime(milliseconds: i64) -> String {
    Timestamp(milliseconds).to_iso().trim_end_matches('Z').to_owned()
}

/// The text of a field as JSON; empty is missing. The error says what to enter.
pub fn to_json(input: &InputColumn, text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match input.kind {
        ColumnType::Integer => match text.parse::<i64>() {
            Ok(value) => Ok(json!(value)),
            Err(_) => Err(format!("'{text}' is no whole number. Enter one, such as {}.", or(default_text(input), "0"))),
        },
        ColumnType::Float => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(json!(value)),
            _ => Err(format!("'{text}' is no number. Enter one, such as {}.", or(default_text(input), "0.5"))),
        },
        ColumnType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(json!(true)),
            "false" => Ok(json!(false)),
            _ => Err("Choose true or false.".to_owned()),
        },
        ColumnType::Text => Ok(json!(text)),
        ColumnType::Datetime => {
            // The browser leaves out seconds that are zero.
            let whole =
                if text.len() == 16 { format!("{text}:00Z") } else { format!("{}Z", text.trim_end_matches('Z')) };
            Ok(json!(whole))
        }
    }
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { text }
}

/// Whether the value lies outside of what the model was trained on; then in words.
pub fn outside(input: &InputColumn, text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return (!input.had_missing).then(|| "The training rows always had a value here.".to_owned());
    }
    match input.kind {
        ColumnType::Integer | ColumnType::Float => {
            let value: f64 = text.parse().ok()?;
            let (min, max) = (input.min?, input.max?);
            (value < min || value > max).then(|| format!("Outside of the training rows' {}.", range(input)))
        }
        ColumnType::Text if !input.categories.is_empty() && input.categories.len() < 200 => {
            (!input.categories.iter().any(|c| c == text)).then(|| "The training rows never had this value.".to_owned())
        }
        _ => None,
    }
}

/// The range in the training rows, in words; empty where there is none.
pub fn range(input: &InputColumn) -> String {
    match (input.min, input.max, input.kind) {
        (Some(min), Some(max), ColumnType::Datetime) => {
            format!("{} to {}", crate::format::date(Timestamp(min as i64)), crate::format::date(Timestamp(max as i64)))
        }
        (Some(min), Some(max), _) => format!("{} to {}", crate::format::plain(min), crate::format::plain(max)),
        _ => String::new(),
    }
}

/// A whole row of default values.
pub fn example(signature: &Signature) -> Map<String, Value> {
    signature
        .inputs
        .iter()
        .map(|input| (input.name.clone(), to_json(input, &default_text(input)).unwrap_or(Value::Null)))
        .collect()
}

/// `curl` for rows as plain JSON.
pub fn rows_call(origin: &str, model: &str, row: &Map<String, Value>) -> String {
    let body = serde_json::to_string_pretty(&json!({ "rows": [row] })).unwrap_or_default();
    call(&format!("{origin}/api/v1/models/{model}/predict"), &body)
}

/// `curl` for the Open Inference Protocol: one tensor a column.
pub fn tensors_call(origin: &str, model: &str, signature: &Signature, row: &Map<String, Value>) -> String {
    let inputs: Vec<String> = signature
        .inputs
        .iter()
        .map(|input| {
            let datatype = match input.kind {
                ColumnType::Integer => "INT64",
                ColumnType::Float => "FP64",
                ColumnType::Boolean => "BOOL",
                ColumnType::Text | ColumnType::Datetime => "BYTES",
            };
            let value = row.get(&input.name).cloned().unwrap_or(Value::Null);
            json!({ "name": input.name, "shape": [1], "datatype": datatype, "data": [value] }).to_string()
        })
        .collect();
    call(&format!("{origin}/v2/models/{model}/infer"), &format!("{{\"inputs\": [\n  {}\n]}}", inputs.join(",\n  ")))
}

/// A program in Python that asks the exported file for one row.
pub fn onnx_call(model: &str, version: i32, signature: &Signature) -> String {
    let quoted = |text: &str| json!(text).to_string();
    let rows: Vec<String> = onnx_inputs(signature)
        .iter()
        .zip(&signature.inputs)
        .map(|(name, input)| {
            let text = default_text(input);
            let array = match input.kind {
                ColumnType::Integer | ColumnType::Float => {
                    format!("np.array([[{}]], dtype=np.float64)", or(text, "np.nan"))
                }
                ColumnType::Datetime => {
                    let instant = if text.is_empty() { "NaT".to_owned() } else { text };
                    format!("milliseconds([[{}]])", quoted(&instant))
                }
                ColumnType::Boolean | ColumnType::Text => format!("np.array([[{}]], dtype=object)", quoted(&text)),
            };
            format!("    {}: {array},", quoted(name))
        })
        .collect();
    let instants = if signature.inputs.iter().any(|input| input.kind == ColumnType::Datetime) {
        "\ndef milliseconds(instants):\n    instants = np.array(instants, dtype=\"datetime64[ms]\")\n    \
         return np.where(np.isnat(instants), np.nan, instants.astype(np.float64))\n\n"
    } else {
        ""
    };
    let answers = if signature.classes.is_empty() { "value," } else { "probabilities, label" };
    let shown = if signature.classes.is_empty() { "value[0, 0]" } else { "label[0], probabilities[0]" };
    format!(
        "# pip install onnxruntime numpy\nimport numpy as np\nimport onnxruntime as ort\n{instants}\n\
         model = ort.InferenceSession(\"{model}-{version}.onnx\")\nrows = {{\n{}\n}}\n\
         {answers} = model.run(None, rows)\nprint({shown})",
        rows.join("\n")
    )
}

fn call(url: &str, body: &str) -> String {
    format!(
        "curl {url} \\\n  -H \"Authorization: Bearer $TRAINYARD_TOKEN\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{}'",
        body.replace('\'', "'\\''")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::run::Task;

    fn input(name: &str, kind: ColumnType) -> InputColumn {
        InputColumn {
            name: name.into(),
            kind,
            min: Some(17.0),
            max: Some(90.0),
            median: Some(37.333_333_3),
            categories: Vec::new(),
            free_text: false,
            had_missing: false,
        }
    }

    #[test]
    fn a_field_becomes_json_of_its_type_or_says_what_to_enter() {
        let age = input("age", ColumnType::Integer);
        assert_eq!(to_json(&age, " 40 "), Ok(json!(40)));
        assert_eq!(to_json(&age, ""), Ok(Value::Null));
        assert_eq!(to_json(&age, "4.5"), Err("'4.5' is no whole number. Enter one, such as 37.".to_owned()));
        assert!(to_json(&input("rate", ColumnType::Float), "NaN").is_err());
        assert_eq!(to_json(&input("at", ColumnType::Datetime), "2026-01-02T03:04"), Ok(json!("2026-01-02T03:04:00Z")));
        assert_eq!(default_text(&input("rate", ColumnType::Float)), "37.3333");
    }

    #[test]
    fn what_training_never_saw_is_said() {
        let age = input("age", ColumnType::Integer);
        assert_eq!(outside(&age, "120").as_deref(), Some("Outside of the training rows' 17 to 90."));
        assert_eq!(outside(&age, "30"), None);
        assert!(outside(&age, "").is_some());
    }

    #[test]
    fn a_call_can_be_pasted_into_a_shell() {
        let mut city = input("city", ColumnType::Text);
        city.categories = vec!["L'Aquila".into()];
        let signature = Signature {
            inputs: vec![city],
            target: "y".into(),
            task: Task::Regression,
            classes: Vec::new(),
            loss: None,
        };
        let row = example(&signature);
        let call = rows_call("http://host:3000", "prices", &row);
        assert!(call.contains("http://host:3000/api/v1/models/prices/predict"));
        assert!(call.contains("L'\\''Aquila"), "{call}");
        assert!(tensors_call("http://host:3000", "prices", &signature, &row).contains("\"datatype\":\"BYTES\""));
    }

    #[test]
    fn a_program_names_the_columns_as_the_file_does() {
        let mut city = input("city", ColumnType::Text);
        city.categories = vec!["L\"Aquila".into()];
        let inputs = vec![input("value", ColumnType::Float), city, input("at", ColumnType::Datetime)];
        let signature =
            Signature { inputs, target: "y".into(), task: Task::Regression, classes: Vec::new(), loss: None };
        let program = onnx_call("prices", 3, &signature);
        for part in [
            "InferenceSession(\"prices-3.onnx\")",
            "\"value_in\": np.array([[37.3333]], dtype=np.float64)",
            "\"city\": np.array([[\"L\\\"Aquila\"]], dtype=object)",
            "\"at\": milliseconds([[\"1970-01-01T00:00:00\"]])",
            "value, = model.run(None, rows)",
        ] {
            assert!(program.contains(part), "{part} in\n{program}");
        }
    }
}
