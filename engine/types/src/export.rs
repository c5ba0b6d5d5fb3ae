//! Models as files for other programs.

use crate::model::Signature;
use serde::{Deserialize, Serialize};

/// Names that the exported graph's outputs have.
pub const ONNX_OUTPUTS: [&str; 3] = ["probabilities", "label", "value"];

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// The whole model as an ONNX graph: raw columns in, answers out.
    Onnx,
    /// The model file itself.
    Safetensors,
    /// What the arrays of the model file are, and how they make a prediction.
    Json,
}

impl ExportFormat {
    pub const ALL: [ExportFormat; 3] = [ExportFormat::Onnx, ExportFormat::Safetensors, ExportFormat::Json];

    pub fn as_str(self) -> &'static str {
        match self {
            ExportFormat::Onnx => "onnx",
            ExportFormat::Safetensors => "safetensors",
            ExportFormat::Json => "json",
        }
    }
}

impl std::str::FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| format!("'{text}' is no format. Use onnx, safetensors or json."))
    }
}

/// What the exported graph calls each of the signature's columns: as they are called, but for names that the graph can't
/// have (none at all, or an output's).
pub fn onnx_inputs(signature: &Signature) -> Vec<String> {
    let columns: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
    let mut names: Vec<String> = Vec::with_capacity(columns.len());
    for column in &columns {
        let mut name = if column.is_empty() { "column".to_owned() } else { (*column).to_owned() };
        while ONNX_OUTPUTS.contains(&name.as_str())
            || names.contains(&name)
            || (name != *column && columns.contains(&name.as_str()))
        {
            name.push_str("_in");
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::ColumnType, model::InputColumn, run::Task};

    #[test]
    fn names_are_kept_where_the_graph_can_have_them() {
        let input = |name: &str| InputColumn {
            name: name.to_owned(),
            kind: ColumnType::Float,
            min: None,
            max: None,
            median: None,
            categories: Vec::new(),
            free_text: false,
            had_missing: false,
        };
        let inputs = ["value", "age", "", "value_in", "capital-gain"].map(input).to_vec();
        let signature =
            Signature { inputs, target: "y".into(), task: Task::Regression, classes: Vec::new(), loss: None };
        assert_eq!(onnx_inputs(&signature), ["value_in_in", "age", "column", "value_in", "capital-gain"]);
    }
}
