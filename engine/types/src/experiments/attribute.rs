//! What every run has by itself.

use std::str::FromStr;

/// What every run has by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    Id,
    Name,
    State,
    Dataset,
    Version,
    Target,
    Task,
    Family,
    Model,
    Score,
    Verdict,
    Device,
    Seconds,
    CreatedBy,
    Created,
    /// The validation curve as a small drawing: a column, and nothing to filter or sort by.
    Curve,
    /// All tags: a column, and nothing to filter or sort by.
    Tags,
}

impl Attribute {
    pub const ALL: [Attribute; 17] = [
        Attribute::State,
        Attribute::Name,
        Attribute::Dataset,
        Attribute::Version,
        Attribute::Target,
        Attribute::Task,
        Attribute::Family,
        Attribute::Model,
        Attribute::Score,
        Attribute::Curve,
        Attribute::Verdict,
        Attribute::Device,
        Attribute::Seconds,
        Attribute::Tags,
        Attribute::CreatedBy,
        Attribute::Created,
        Attribute::Id,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Attribute::Id => "id",
            Attribute::Name => "name",
            Attribute::State => "state",
            Attribute::Dataset => "dataset",
            Attribute::Version => "version",
            Attribute::Target => "target",
            Attribute::Task => "task",
            Attribute::Family => "family",
            Attribute::Model => "model",
            Attribute::Score => "score",
            Attribute::Verdict => "verdict",
            Attribute::Device => "device",
            Attribute::Seconds => "seconds",
            Attribute::CreatedBy => "created_by",
            Attribute::Created => "created",
            Attribute::Curve => "curve",
            Attribute::Tags => "tags",
        }
    }

    /// As a column's head has it.
    pub fn title(self) -> &'static str {
        match self {
            Attribute::Id => "Id",
            Attribute::Name => "Name",
            Attribute::State => "State",
            Attribute::Dataset => "Data set",
            Attribute::Version => "Version",
            Attribute::Target => "Target",
            Attribute::Task => "Task",
            Attribute::Family => "Asked for",
            Attribute::Model => "Model",
            Attribute::Score => "Test score",
            Attribute::Verdict => "Verdict",
            Attribute::Device => "Device",
            Attribute::Seconds => "Took",
            Attribute::CreatedBy => "By",
            Attribute::Created => "When",
            Attribute::Curve => "Validation curve",
            Attribute::Tags => "Tags",
        }
    }

    /// Whether it is a number, an instant among them.
    pub fn is_number(self) -> bool {
        matches!(self, Attribute::Version | Attribute::Score | Attribute::Seconds | Attribute::Created)
    }

    /// Whether runs can be filtered and sorted by it.
    pub fn is_value(self) -> bool {
        !matches!(self, Attribute::Curve | Attribute::Tags)
    }
}

impl FromStr for Attribute {
    type Err = String;
    /// Takes MLflow's names besides: `run_name`, `status`, `start_time`, `user_id`, `run_id`.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text {
            "run_name" => "name",
            "status" => "state",
            "start_time" => "created",
            "user_id" => "created_by",
            "run_id" => "id",
            name => name,
        };
        Attribute::ALL.into_iter().find(|attribute| attribute.as_str() == name).ok_or_else(|| {
            let known: Vec<_> = Attribute::ALL.iter().map(|a| a.as_str()).collect();
            let short: String = text.chars().take(40).collect();
            format!(
                "A run has no '{short}'. Write metrics.NAME, params.NAME, tags.NAME or one of {}.",
                known.join(", ")
            )
        })
    }
}
