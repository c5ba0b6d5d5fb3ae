//! What can be decided about a row, as one choice.

use super::Of;
use crate::{api::labels::keep_label_decision, components::*};
use leptos::prelude::*;
use trainyard_types::{
    LabelReviewId,
    labels::{DecideLabels, LabelDecision, LabelFinding},
};

/// A choice's value that sets a label: the label follows.
const SET: &str = "set:";

/// Decides, and says what went wrong. Reloads the list after.
#[derive(Clone, Copy)]
pub(super) struct Decider {
    act: Action<DecideLabels, Result<(), crate::AppError>>,
    /// Ranks that wait for a label to be written.
    asking: RwSignal<Vec<u32>>,
    open: RwSignal<bool>,
}

impl Decider {
    pub(super) fn new(of: &Of, review: LabelReviewId, reload: Callback<()>) -> Self {
        let project = of.project.clone();
        let act = Action::new(move |input: &DecideLabels| keep_label_decision(project.clone(), review, input.clone()));
        let toasts = use_toasts();
        Effect::new(move |_| match act.value().get() {
            Some(Ok(())) => reload.run(()),
            Some(Err(error)) => toasts.fail(error.0.message),
            None => {}
        });
        Self { act, asking: RwSignal::default(), open: RwSignal::new(false) }
    }

    pub(super) fn pending(self) -> Memo<bool> {
        self.act.pending()
    }

    /// Does what a choice says about these findings.
    pub(super) fn choose(self, ranks: Vec<u32>, choice: &str) {
        let (decision, label) = match choice.strip_prefix(SET) {
            Some("") => {
                self.asking.set(ranks);
                self.open.set(true);
                return;
            }
            Some(label) => (Some(LabelDecision::Set), Some(label.to_owned())),
            None => (choice.parse().ok(), None),
        };
        self.act.dispatch(DecideLabels { ranks, decision, label });
    }
}

/// Value and words of each choice, the present one of a finding first of all chosen.
pub(super) fn choices(classes: &[String], finding: Option<&LabelFinding>) -> Vec<(String, String)> {
    let word = |decision: LabelDecision| decision.as_str().to_owned();
    let suggestion = finding.map_or_else(|| "Use the suggestions".to_owned(), |f| format!("Use {}", f.suggested));
    let mut all = vec![
        (String::new(), "Undecided".to_owned()),
        (word(LabelDecision::Right), LabelDecision::Right.title().to_owned()),
        (word(LabelDecision::Suggestion), suggestion),
    ];
    let other = |class: &&String| finding.is_none_or(|f| **class != f.given && **class != f.suggested);
    all.extend(classes.iter().filter(other).map(|class| (format!("{SET}{class}"), format!("Set to {class}"))));
    if classes.is_empty() {
        let set = finding.and_then(|f| f.label.clone());
        all.extend(set.map(|label| (format!("{SET}{label}"), format!("Set to {label}"))));
        all.push((SET.to_owned(), "Set to …".to_owned()));
    }
    all.push((word(LabelDecision::LeaveOut), "Leave the row out".to_owned()));
    all
}

/// The choice that a finding stands at.
pub(super) fn chosen(finding: &LabelFinding) -> String {
    match (finding.decision, &finding.label) {
        (None, _) => String::new(),
        (Some(LabelDecision::Set), Some(label)) => format!("{SET}{label}"),
        (Some(decision), _) => decision.as_str().to_owned(),
    }
}

/// Asks for the label that numbers are set to.
#[component]
pub(super) fn AskLabel(decider: Decider) -> impl IntoView {
    let label = RwSignal::new(String::new());
    let confirm = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        decider.open.set(false);
        decider.choose(decider.asking.get_untracked(), &format!("{SET}{}", label.get_untracked().trim()));
    };
    view! {
        <Dialog open=decider.open title="Set to another value">
            <form class="stack" on:submit=confirm>
                <TextField name="label" id="f-set-label" label="Value" required=true on_value=Callback::new(move |text| label.set(text))/>
                <div class="button-row end"><Submit label="Set it"/></div>
            </form>
        </Dialog>
    }
}
