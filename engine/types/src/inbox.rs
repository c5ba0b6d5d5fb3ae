//! Messages to people: what happened that they should know of. A message belongs to a project and leads to a page of it.

use crate::{
    DatasetId, DatasetVersionId, FetchId, NoticeId, PipelineRunId, RunId, Timestamp,
    dataset::Severity,
    evaluation::{TestMetric, Verdict},
    pipeline::StepId,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest title, characters.
pub const MAX_TITLE: usize = 500;
/// Longest detail, characters.
pub const MAX_DETAIL: usize = 1_000;

/// What a message is about; a person may mute each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    ApprovalWaiting,
    PipelineMessage,
    PipelineFailed,
    TrainingDone,
    TrainingFailed,
    VersionQuarantined,
    FetchFailed,
}

impl NoticeKind {
    pub const ALL: [NoticeKind; 7] = [
        NoticeKind::ApprovalWaiting,
        NoticeKind::PipelineMessage,
        NoticeKind::PipelineFailed,
        NoticeKind::TrainingDone,
        NoticeKind::TrainingFailed,
        NoticeKind::VersionQuarantined,
        NoticeKind::FetchFailed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::ApprovalWaiting => "approval_waiting",
            NoticeKind::PipelineMessage => "pipeline_message",
            NoticeKind::PipelineFailed => "pipeline_failed",
            NoticeKind::TrainingDone => "training_done",
            NoticeKind::TrainingFailed => "training_failed",
            NoticeKind::VersionQuarantined => "version_quarantined",
            NoticeKind::FetchFailed => "fetch_failed",
        }
    }

    /// As a page names it.
    pub fn title(self) -> &'static str {
        match self {
            NoticeKind::ApprovalWaiting => "Approvals that wait for me",
            NoticeKind::PipelineMessage => "Messages that pipelines send",
            NoticeKind::PipelineFailed => "Pipelines of mine that failed",
            NoticeKind::TrainingDone => "Training runs of mine that are done",
            NoticeKind::TrainingFailed => "Training runs of mine that failed",
            NoticeKind::VersionQuarantined => "Versions that a contract quarantined",
            NoticeKind::FetchFailed => "Fetches of mine that failed",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            NoticeKind::PipelineMessage | NoticeKind::TrainingDone => Severity::Info,
            NoticeKind::ApprovalWaiting | NoticeKind::VersionQuarantined => Severity::Warning,
            NoticeKind::PipelineFailed | NoticeKind::TrainingFailed | NoticeKind::FetchFailed => Severity::Critical,
        }
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NoticeKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NoticeKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("'{text}' is no kind of message."))
    }
}

/// A message as its reader sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NoticeView {
    pub id: NoticeId,
    pub kind: NoticeKind,
    pub severity: Severity,
    /// What happened, in a sentence.
    pub title: String,
    /// More of it; may be empty.
    pub detail: String,
    /// The project's address and name.
    pub project: String,
    pub project_name: String,
    /// The page within the project that it leads to, such as `runs/…`.
    pub path: String,
    pub at: Timestamp,
    pub read_at: Option<Timestamp>,
}

/// Which messages have been read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ReadNotices {
    /// These, 500 at most. Left out: all.
    pub ids: Option<Vec<NoticeId>>,
    /// Only those that came up to this instant: a message that came since is not read unseen.
    pub until: Option<Timestamp>,
}

/// How many messages became read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ReadCount {
    pub read: u64,
}

/// Kinds of messages that a person does not want. What is muted when it happens never comes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mutes {
    pub muted: Vec<NoticeKind>,
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub kind: NoticeKind,
    pub title: String,
    pub detail: String,
    pub path: String,
}

impl Notice {
    fn new(kind: NoticeKind, title: &str, detail: &str, path: String) -> Self {
        let cut = |text: &str, most: usize| text.trim().chars().take(most).collect();
        Self { kind, title: cut(title, MAX_TITLE), detail: cut(detail, MAX_DETAIL), path }
    }

    /// What a pipeline's step `notify` says.
    pub fn pipeline_message(message: &str, pipeline: &str, number: i32, step: &StepId, run: PipelineRunId) -> Self {
        let detail = format!("Pipeline '{pipeline}' #{number}, step '{step}'.");
        Self::new(NoticeKind::PipelineMessage, message, &detail, format!("pipeline-runs/{run}"))
    }

    /// `why` is the run's problem.
    pub fn pipeline_failed(pipeline: &str, number: i32, why: &str, run: PipelineRunId) -> Self {
        let title = format!("Pipeline '{pipeline}' #{number} failed");
        Self::new(NoticeKind::PipelineFailed, &title, why, format!("pipeline-runs/{run}"))
    }

    /// `asked` are the steps that wait, with what they ask.
    pub fn approval_waiting(pipeline: &str, number: i32, asked: &[(StepId, String)], run: PipelineRunId) -> Self {
        let title = format!("Pipeline '{pipeline}' #{number} waits for an approval");
        let asked: Vec<String> = asked
            .iter()
            .map(|(step, message)| match message.as_str() {
                "" => format!("Step '{step}'."),
                message => format!("Step '{step}': {message}"),
            })
            .collect();
        Self::new(NoticeKind::ApprovalWaiting, &title, &asked.join(" "), format!("pipeline-runs/{run}"))
    }

    pub fn training_done(name: &str, score: Option<&TestMetric>, verdict: &Verdict, run: RunId) -> Self {
        let score = score.map(|score| {
            format!(
                "{} {:.3} on the test rows (95 %: {:.3} to {:.3}). ",
                score.name, score.value, score.low, score.high
            )
        });
        let detail = format!("{}{}.", score.unwrap_or_default(), verdict.fit.title());
        Self::new(NoticeKind::TrainingDone, &format!("Run '{name}' is done"), &detail, format!("runs/{run}"))
    }

    pub fn training_failed(name: &str, why: &str, run: RunId) -> Self {
        Self::new(NoticeKind::TrainingFailed, &format!("Run '{name}' failed"), why, format!("runs/{run}"))
    }

    /// `found` is what the contract says of it.
    pub fn version_quarantined(
        name: &str,
        number: i32,
        found: &str,
        dataset: DatasetId,
        version: DatasetVersionId,
    ) -> Self {
        let title = format!("Version {number} of '{name}' is quarantined");
        let path = format!("data/{dataset}?version={version}&tab=checks");
        Self::new(NoticeKind::VersionQuarantined, &title, found, path)
    }

    /// `dataset` is the one that was to be fetched again.
    pub fn fetch_failed(source: &str, why: &str, fetch: FetchId, dataset: Option<DatasetId>) -> Self {
        let path = dataset.map_or_else(|| format!("data/upload?fetch={fetch}"), |id| format!("data/{id}?tab=versions"));
        Self::new(NoticeKind::FetchFailed, &format!("Fetching {source} failed"), why, path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn kinds_have_names_of_their_own() {
        for kind in NoticeKind::ALL {
            assert_eq!(kind.as_str().parse::<NoticeKind>().unwrap(), kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert!("mail".parse::<NoticeKind>().is_err());
    }

    #[test]
    fn long_words_are_cut() {
        let run = PipelineRunId(Default::default());
        let notice = Notice::pipeline_failed("p", 3, &"é".repeat(2_000), run);
        assert_eq!((notice.title.as_str(), notice.detail.chars().count()), ("Pipeline 'p' #3 failed", MAX_DETAIL));
        let asked =
            [(StepId::parse("ok").unwrap(), "Is it fine?".to_owned()), (StepId::parse("b").unwrap(), "".into())];
        let notice = Notice::approval_waiting("p", 3, &asked, run);
        assert_eq!(notice.detail, "Step 'ok': Is it fine? Step 'b'.");
    }
}
