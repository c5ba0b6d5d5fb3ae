//! Typed identifiers. All are UUIDs (version 7, so that they sort by creation time).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl $name {
            /// The last eight hex digits: what a page shows where the whole id would be noise.
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[text.len() - 8..].to_owned()
            }
        }
    )*};
}

ids! {
    /// A person's account.
    UserId;
    /// A team.
    WorkspaceId;
    /// A project within a workspace.
    ProjectId;
    /// An API token.
    TokenId;
    /// A file that was uploaded and waits for its column types to be confirmed.
    UploadId;
    /// A named data set.
    DatasetId;
    /// One immutable version of a data set.
    DatasetVersionId;
    /// One stored split of a version.
    SplitId;
    /// One run of a data set's checks.
    CheckRunId;
    /// One review of a version's labels.
    LabelReviewId;
    /// One training run.
    RunId;
    /// A pipeline.
    PipelineId;
    /// One run of a pipeline.
    PipelineRunId;
    /// One unit of work in the queue.
    JobId;
    /// A registered model (a name with versions).
    ModelId;
    /// One version of a registered model.
    ModelVersionId;
    /// A stored way to a source outside.
    ConnectionId;
    /// One fetching of a source.
    FetchId;
    /// A saved view of the runs table.
    SavedViewId;
    /// A message to people.
    NoticeId;
    /// A process that claims jobs.
    WorkerId;
}
