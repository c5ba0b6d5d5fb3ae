//! What a run of checks found, and letting a critical failure pass.

use super::settings;
use crate::{
    api::checks::waive_failure,
    components::*,
    format::{count, counted, percent},
    hooks::may,
};
use leptos::prelude::*;
use trainyard_types::{
    Action as Doing, CheckRunId, Problem,
    checks::{CheckResult, CheckRunView, CheckStanding},
};

/// How a version stands: tone and icon with the word.
pub fn standing_badge(standing: CheckStanding) -> AnyView {
    let (tone, glyph) = match standing {
        CheckStanding::Passed => (Tone::Ok, Glyph::Check),
        CheckStanding::Info => (Tone::Neutral, Glyph::Info),
        CheckStanding::Warning | CheckStanding::Waived => (Tone::Warning, Glyph::Warning),
        CheckStanding::Critical => (Tone::Critical, Glyph::Cross),
    };
    view! { <Badge tone glyph=glyph text=standing.title()/> }.into_any()
}

/// Failed checks in full, passed ones folded away.
pub(super) fn found(project: String, run: CheckRunView, reload: Callback<()>) -> AnyView {
    let summary = run.summary;
    let (failed, passed): (Vec<_>, Vec<_>) = run.result.results.into_iter().partition(|result| !result.passed);
    let mut failed = failed;
    failed.sort_by_key(|result| std::cmp::Reverse(result.check.severity));
    let lead = format!(
        "{} of {} passed on {} of version {}, in {:.2} s.",
        count(u64::from(summary.passed)),
        counted(u64::from(summary.passed + summary.failed), "check", "checks"),
        counted(run.result.rows, "row", "rows"),
        summary.number,
        summary.seconds
    );
    let waived = summary.waiver.clone().map(|waiver| {
        let text = format!("{} let the critical failure pass: {} ", waiver.by, waiver.reason);
        view! { <Note tone=Tone::Warning>{text}"("<RelativeTime at=waiver.at/>")"</Note> }
    });
    let critical = summary.standing == CheckStanding::Critical;
    let blocked = critical.then(|| {
        let button = may(Doing::Approve).then(|| view! { <Waive project run=summary.id reload/> });
        view! {
            <Note tone=Tone::Critical>
                <p>"This version can't be trained on: a critical check failed. Mend the data and upload it anew, or let an approver waive it."</p>
                {button}
            </Note>
        }
    });
    let (passes, cards) = (passed.len() as u64, failed.into_iter().map(card).collect_view());
    let rest = passed.into_iter().map(line).collect_view();
    view! {
        <p class="check-lead">{standing_badge(summary.standing)}<span>{lead}</span><span class="muted"><RelativeTime at=summary.at/>" by "{summary.by}</span></p>
        {blocked}
        {waived}
        {(summary.failed > 0).then(|| view! { <ul class="check-list">{cards}</ul> })}
        {(passes > 0).then(|| view! {
            <details class="as-table"><summary>{format!("{} passed", counted(passes, "check", "checks"))}</summary><ul class="check-list passed">{rest}</ul></details>
        })}
    }
    .into_any()
}

fn head(result: &CheckResult) -> AnyView {
    let columns = result.check.expectation.columns().join(", ");
    let about = result.check.expectation.about();
    let rest = settings(&result.check);
    view! {
        {(!columns.is_empty()).then(|| view! { <code>{columns}</code>" " })}
        <strong>{about}</strong>
        {(!rest.is_empty()).then(|| view! { " "<span class="muted">{rest}</span> })}
    }
    .into_any()
}

fn line(result: CheckResult) -> AnyView {
    view! { <li><p>{head(&result)}</p><p class="muted"><Words text=result.observed.words/></p></li> }.into_any()
}

fn card(result: CheckResult) -> AnyView {
    let share = (result.unexpected > 0)
        .then(|| format!("{} fail ({}).", counted(result.unexpected, "row", "rows"), percent(result.unexpected_share)));
    let columns: Vec<String> = result.check.expectation.columns().into_iter().map(str::to_owned).collect();
    let sample = (!result.failing.is_empty()).then(|| {
        let heads = columns.iter().map(|name| view! { <th scope="col">{name.clone()}</th> }).collect_view();
        let rows = result
            .failing
            .iter()
            .map(|row| {
                let cells = row
                    .values
                    .iter()
                    .map(|value| match value {
                        Some(text) => view! { <td>{text.clone()}</td> }.into_any(),
                        None => view! { <td><span class="missing-value">"missing"</span></td> }.into_any(),
                    })
                    .collect_view();
                view! { <tr><th scope="row">{count(row.row)}</th>{cells}</tr> }
            })
            .collect_view();
        view! {
            <details class="as-table">
                <summary>"The first failing rows"</summary>
                <div class="table-wrap"><table class="table compact"><thead><tr><th scope="col">"Row"</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>
            </details>
        }
    });
    view! {
        <li>
            <p class="leak-head"><SeverityBadge severity=result.check.severity/><span>{head(&result)}</span></p>
            <p><Words text=result.observed.words.clone()/>" "{share}</p>
            {(!result.check.description.is_empty()).then(|| view! { <p class="muted">{result.check.description.clone()}</p> })}
            {sample}
        </li>
    }
    .into_any()
}

/// Asks for the reason.
#[component]
fn Waive(project: String, run: CheckRunId, reload: Callback<()>) -> impl IntoView {
    let project = StoredValue::new(project);
    let open = RwSignal::new(false);
    let reason = RwSignal::new(String::new());
    let toasts = use_toasts();
    let act = Action::new(move |reason: &String| {
        let reason = reason.clone();
        async move { waive_failure(project.get_value(), run, reason).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(_)) = act.value().get() {
            open.set(false);
            toasts.say("Waived. The audit trail has your reason.".to_owned());
            reload.run(());
        }
    });
    let problem: Signal<Option<Problem>> = Signal::derive(move || problem_of(act.value().get()));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        act.dispatch(reason.get_untracked());
    };
    view! {
        <div class="button-row"><Button label="Waive …".to_owned() on_press=move |()| open.set(true)/></div>
        <Dialog open title="Let the critical failure pass">
            <form class="stack" on:submit=submit>
                <p>"The version may then be trained on. Later runs of the checks are judged anew."</p>
                <TextAreaField name="reason" id="waive-reason" label="Reason" problem=problem hint="Stands in the audit trail under your name."
                    on_value=Callback::new(move |text| reason.set(text))/>
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row end">
                    <Button label="Keep it blocked".to_owned() on_press=move |()| open.set(false)/>
                    <Submit label="Waive" kind=ButtonKind::Danger pending=act.pending()/>
                </div>
            </form>
        </Dialog>
    }
}
