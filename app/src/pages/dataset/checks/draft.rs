//! One check as a form writes it: every setting is a text.

use std::collections::BTreeMap;
use trainyard_types::{
    Problem,
    checks::{Check, Expectation, Scalar},
    dataset::Severity,
};

/// The texts of a form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) kind: String,
    /// By the setting's name.
    pub(super) fields: BTreeMap<String, String>,
    pub(super) mostly: String,
    pub(super) filter: String,
    pub(super) severity: Severity,
    pub(super) description: String,
}

impl Draft {
    pub(super) fn of(check: &Check) -> Self {
        let value = serde_json::to_value(&check.expectation).unwrap_or_default();
        let kind = check.expectation.type_name().to_owned();
        let fields = Expectation::fields(&kind)
            .iter()
            .map(|(name, form)| ((*name).to_owned(), written(form, value.get(*name))))
            .collect();
        Self {
            kind,
            fields,
            mostly: check.mostly.to_string(),
            filter: check.filter.clone().unwrap_or_default(),
            severity: check.severity,
            description: check.description.clone(),
        }
    }

    /// Takes another type; settings of the same name stay.
    pub(super) fn retype(&mut self, kind: &str, column: &str) {
        let Some(blank) = Expectation::blank(kind, column) else { return };
        let mut fields = Draft::of(&Check::new(blank)).fields;
        for (name, text) in &mut fields {
            if let Some(kept) = self.fields.get(name) {
                text.clone_from(kept);
            }
        }
        self.fields = fields;
        kind.clone_into(&mut self.kind);
    }

    /// # Errors
    /// Names the field that does not read as what it has to be.
    pub(super) fn check(&self) -> Result<Check, Problem> {
        let mut object = serde_json::Map::new();
        object.insert("type".into(), self.kind.clone().into());
        for (name, form) in Expectation::fields(&self.kind) {
            let text = self.fields.get(*name).map(String::as_str).unwrap_or_default();
            if let Some(value) = read(form, text).map_err(|message| Problem::field(*name, message))? {
                object.insert((*name).to_owned(), value);
            }
        }
        let expectation: Expectation = serde_json::from_value(object.into())
            .map_err(|error| Problem::invalid(format!("The settings do not fit together: {error}.")))?;
        let mostly = match self.mostly.trim() {
            "" => 1.0,
            text => text
                .parse::<f64>()
                .ok()
                .filter(|share| (0.0..=1.0).contains(share))
                .ok_or_else(|| Problem::field("mostly", "Use a share from 0 to 1, such as 0.99."))?,
        };
        let filter = Some(self.filter.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(Check {
            expectation,
            mostly,
            filter,
            severity: self.severity,
            description: self.description.trim().to_owned(),
        })
    }
}

/// A setting as text; lists have one item a line.
fn written(form: &str, value: Option<&serde_json::Value>) -> String {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        // A needed number that is not written down is the one by default, which is 0.
        return if form == "f64" { "0".into() } else { String::new() };
    };
    match (form, value) {
        ("Vec<QuantileRange>" | "Partition", value) => serde_json::to_string(value).unwrap_or_default(),
        (form, serde_json::Value::Array(items)) => {
            items.iter().map(|item| single(form, item)).collect::<Vec<_>>().join("\n")
        }
        (form, value) => single(form, value),
    }
}

fn single(form: &str, value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) if form.contains("Scalar") && !matches!(scalar(text), Scalar::Text(_)) => {
            format!("\"{text}\"")
        }
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// A number, a yes or no, or a text; double quotes make a text of anything.
fn scalar(text: &str) -> Scalar {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Scalar::Text(inner.to_owned());
    }
    match text {
        "true" => Scalar::Boolean(true),
        "false" => Scalar::Boolean(false),
        text => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Scalar::Number(number),
            _ => Scalar::Text(text.to_owned()),
        },
    }
}

fn read(form: &str, text: &str) -> Result<Option<serde_json::Value>, String> {
    let json = |scalar: Scalar| serde_json::to_value(scalar).unwrap_or_default();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let text = text.trim();
    let number = || {
        text.parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(|number| Some(number.into()))
            .ok_or_else(|| "Use a number.".to_owned())
    };
    match form {
        "Option<f64>" | "Option<u32>" | "Option<Scalar>" | "OutlierMethod" | "MatchOn" if text.is_empty() => Ok(None),
        "f64" | "Option<f64>" => number(),
        "Option<u32>" => text.parse::<u32>().map(|n| Some(n.into())).map_err(|_| "Use a whole number.".to_owned()),
        "Option<Scalar>" => Ok(Some(json(scalar(text)))),
        "bool" => Ok(Some((text == "true").into())),
        "Vec<Scalar>" => Ok(Some(lines().map(|line| json(scalar(line))).collect::<Vec<_>>().into())),
        "Vec<String>" | "Vec<ColumnType>" => Ok(Some(lines().map(str::to_owned).collect::<Vec<_>>().into())),
        "Vec<QuantileRange>" | "Partition" => {
            serde_json::from_str(text).map(Some).map_err(|error| format!("This is not JSON: {error}."))
        }
        _ if text.is_empty() => Err("This is needed.".to_owned()),
        _ => Ok(Some(text.into())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_type_goes_through_the_form_and_back() {
        for (kind, _) in Expectation::TYPES {
            let check = Check::new(Expectation::blank(kind, "age").unwrap());
            assert_eq!(Draft::of(&check).check().unwrap(), check, "{kind}");
        }
    }

    #[test]
    fn texts_that_look_like_numbers_stay_texts() {
        let values =
            vec![Scalar::Text("1".into()), Scalar::Number(1.0), Scalar::Text("a b".into()), Scalar::Boolean(true)];
        let check = Check::new(Expectation::BeInSet { column: "x".into(), values });
        let draft = Draft::of(&check);
        assert_eq!(draft.fields["values"], "\"1\"\n1.0\na b\ntrue");
        assert_eq!(draft.check().unwrap(), check);
    }

    #[test]
    fn another_type_keeps_what_both_have() {
        let check = Check::new(Expectation::MeanToBeBetween {
            column: "age".into(),
            min: Some(Scalar::Number(3.0)),
            max: None,
        });
        let mut draft = Draft::of(&check);
        draft.retype("be_between", "other");
        assert_eq!((draft.fields["column"].as_str(), draft.fields["min"].as_str()), ("age", "3.0"));
        draft.fields.insert("strict".into(), "true".into());
        let expected =
            Expectation::BeBetween { column: "age".into(), min: Some(Scalar::Number(3.0)), max: None, strict: true };
        assert_eq!(draft.check().unwrap().expectation, expected);
        draft.mostly = "2".into();
        assert_eq!(draft.check().unwrap_err().fields[0].field, "mostly");
        draft.retype("value_z_scores_to_be_less_than", "age");
        draft.fields.insert("threshold".into(), "many".into());
        assert_eq!(draft.check().unwrap_err().fields[0].field, "threshold");
    }
}
