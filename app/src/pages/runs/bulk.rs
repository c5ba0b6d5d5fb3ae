//! What is done with the runs that are chosen.

use crate::{
    AppError,
    api::experiments::{act_on_runs, set_run_marks},
    components::*,
    format::counted,
};
use leptos::prelude::*;
use leptos_router::components::A;
use std::collections::BTreeSet;
use trainyard_types::{
    RunId,
    experiments::{BulkAction, BulkReply, BulkRuns, MOST_COMPARED, MarkRun, RunQuery},
};

/// The chosen runs, and what acts on runs. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Acts {
    pub(super) selected: RwSignal<BTreeSet<RunId>>,
    /// The run that was chosen last, from which a shift-click reaches.
    pub(super) anchor: RwSignal<Option<RunId>>,
    bulk: Action<BulkRuns, Result<BulkReply, AppError>>,
    mark: Action<(RunId, MarkRun), Result<(), AppError>>,
}

impl Acts {
    /// `reload` shows the table anew after something was done.
    pub(super) fn new(project: Memo<String>, reload: Callback<()>) -> Self {
        let toasts = use_toasts();
        let selected = RwSignal::new(BTreeSet::new());
        let bulk = Action::new(move |input: &BulkRuns| act_on_runs(project.get_untracked(), input.clone()));
        let mark =
            Action::new(move |(run, marks): &(RunId, MarkRun)| set_run_marks(project.get_untracked(), *run, *marks));
        Effect::new(move |_| match bulk.value().get() {
            Some(Ok(reply)) => {
                let done = counted(reply.done, "run", "runs");
                match reply.skipped.first() {
                    None => toasts.say(format!("Done for {done}.")),
                    Some(skip) => {
                        let others = reply.skipped.len() as u64;
                        toasts.fail(format!(
                            "Done for {done}; left out {}: {}",
                            counted(others, "run", "runs"),
                            skip.reason
                        ));
                    }
                }
                selected.set(BTreeSet::new());
                reload.run(());
            }
            Some(Err(error)) => toasts.fail(error.0.message),
            None => {}
        });
        Effect::new(move |_| match mark.value().get() {
            Some(Ok(())) => reload.run(()),
            Some(Err(error)) => toasts.fail(error.0.message),
            None => {}
        });
        Self { selected, anchor: RwSignal::new(None), bulk, mark }
    }

    pub(super) fn mark(self, run: RunId, marks: MarkRun) {
        self.mark.dispatch((run, marks));
    }

    fn act(self, action: BulkAction) {
        let runs = self.selected.get_untracked().into_iter().collect();
        self.bulk.dispatch(BulkRuns { runs, action });
    }

    /// Chooses one run, or with shift all from the one chosen last. `order` is that of the rows.
    pub(super) fn choose(self, run: RunId, chosen: bool, shift: bool, order: &[RunId]) {
        let place = |run: RunId| order.iter().position(|known| *known == run);
        let from = self.anchor.get_untracked().filter(|_| shift).and_then(place);
        self.anchor.set(Some(run));
        self.selected.update(|selected| {
            let reach = match (from, place(run)) {
                (Some(a), Some(b)) => &order[a.min(b)..=a.max(b)],
                _ => &[run],
            };
            for run in reach {
                if chosen {
                    selected.insert(*run);
                } else {
                    selected.remove(run);
                }
            }
        });
    }
}

/// The bar that appears while runs are chosen.
#[component]
pub(super) fn BulkBar(acts: Acts, project: Memo<String>, query: Memo<RunQuery>, writes: bool) -> impl IntoView {
    let selected = acts.selected;
    let chosen = Memo::new(move |_| selected.with(BTreeSet::len));
    let compare = move || {
        let ids: Vec<String> = selected.with(|runs| runs.iter().map(RunId::to_string).collect());
        format!("/p/{}/runs/compare?runs={}", project.get(), ids.join(","))
    };
    let compare = Signal::derive(compare);
    let fits = move || (2..=MOST_COMPARED).contains(&chosen.get());
    let tagging = RwSignal::new(false);
    let pending = acts.bulk.pending();
    let words = move || format!("{} chosen", counted(chosen.get() as u64, "run", "runs"));
    let about = Signal::derive(move || {
        format!("{} will stop where they wait or run. What they have learned so far is lost.", words())
    });
    let put_away = Signal::derive(move || {
        format!("{} will leave the lists. Nothing is deleted: you find them under Archived.", words())
    });
    view! {
        <Show when=move || (chosen.get() > 0)>
            <div class="bulk-bar needs-script" role="region" aria-label="Chosen runs">
                <span role="status">{words}</span>
                {move || match fits() {
                    true => view! { <A href=compare.get() attr:class="button primary"><Icon glyph=Glyph::Chart/><span>"Compare"</span></A> }.into_any(),
                    false => view! { <span class="button" aria-disabled="true" title=format!("Choose 2 to {MOST_COMPARED} runs")>"Compare"</span> }.into_any(),
                }}
                {writes.then(|| view! {
                    <Button label="Tag".to_owned() glyph=Glyph::Tag disabled=pending on_press=move |()| tagging.set(true)/>
                    <ConfirmButton label="Cancel runs" title="Cancel the chosen runs" text=about glyph=Glyph::Stop disabled=pending on_confirm=move |()| acts.act(BulkAction::Cancel)/>
                    {move || if query.with(|query| query.archived) {
                        view! { <Button label="Restore".to_owned() glyph=Glyph::Retry disabled=pending on_press=move |()| acts.act(BulkAction::Restore)/> }.into_any()
                    } else {
                        view! { <ConfirmButton label="Archive" title="Archive the chosen runs" text=put_away danger=false glyph=Glyph::Archive disabled=pending on_confirm=move |()| acts.act(BulkAction::Archive)/> }.into_any()
                    }}
                })}
                <Button label="Choose none".to_owned() kind=ButtonKind::Quiet on_press=move |()| selected.set(BTreeSet::new())/>
            </div>
        </Show>
        <TagDialog acts open=tagging/>
    }
}

/// Gives a tag to the chosen runs, or takes one away.
#[component]
fn TagDialog(acts: Acts, open: RwSignal<bool>) -> impl IntoView {
    let (key, value) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let named = Signal::derive(move || key.with(|key| key.trim().is_empty()));
    let name = move || key.get_untracked().trim().to_owned();
    let give = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        open.set(false);
        acts.act(BulkAction::Tag { key: name(), value: value.get_untracked().trim().to_owned() });
    };
    let take = move |()| {
        open.set(false);
        acts.act(BulkAction::Untag { key: name() });
    };
    view! {
        <Dialog open title="Tag the chosen runs">
            <form class="stack" on:submit=give>
                <TextField name="tag" label="Tag" hint="A word such as reviewed, or a name that takes a value, such as stage." on_value=Callback::new(move |text| key.set(text))/>
                <TextField name="tag-value" label="Value (may stay empty)" on_value=Callback::new(move |text| value.set(text))/>
                <div class="button-row end">
                    <Button label="Take the tag away".to_owned() kind=ButtonKind::Danger disabled=named on_press=take/>
                    <Submit label="Give the tag" disabled=named/>
                </div>
            </form>
        </Dialog>
    }
}
