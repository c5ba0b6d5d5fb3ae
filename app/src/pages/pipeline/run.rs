//! A run as it goes: its steps, what they say, and what a person has to decide.

use super::{document::table, drawing::drawing, run_badge};
use crate::wire::resource;
use crate::{
    api::pipelines::{decide_step, one_pipeline_run, retry_pipeline_run, stop_pipeline_run},
    components::*,
    format::instant,
    hooks::{may, use_param, use_project},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    Action as Doing, Timestamp,
    job::LogLevel,
    pipeline::{Decide, PipelineRunState, PipelineRunUpdate, StepId, StepLogLine, StepState},
};

/// `/p/:project/pipeline-runs/:run_id`.
#[component]
pub fn PipelineRunPage() -> impl IntoView {
    let project = use_project();
    let id = use_param("run_id");
    let shown = resource(
        move || (project.get(), id.get()),
        |(project, id)| async move { one_pipeline_run(project, parse_id(&id, "run")?).await },
    );
    let reload = Callback::new(move |()| shown.refetch());
    Effect::new(move |_| {
        let again = move || {
            let over = shown.with_untracked(|shown| {
                shown.as_ref().is_some_and(|shown| shown.as_ref().is_ok_and(|s| s.run.summary.state.is_final()))
            });
            if !over {
                shown.refetch();
            }
        };
        let handle = set_interval_with_handle(again, std::time::Duration::from_secs(1));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    });
    view! {
        <Load resource=shown lines=12 view=move |update| view! { <Shown project=project.get_untracked() update reload/> }.into_any()/>
    }
}

#[component]
fn Shown(project: String, update: PipelineRunUpdate, reload: Callback<()>) -> impl IntoView {
    let PipelineRunUpdate { run, log } = update;
    let summary = run.summary.clone();
    let crumbs = vec![
        ("Pipelines".to_owned(), format!("/p/{project}/pipelines")),
        (summary.pipeline_name.clone(), format!("/p/{project}/pipelines/{}?tab=runs", summary.pipeline)),
    ];
    let of = StoredValue::new(project.clone());
    let toasts = use_toasts();
    let id = summary.id;
    let stop = Action::new(move |(): &()| stop_pipeline_run(of.get_value(), id));
    let retry = Action::new(move |(): &()| retry_pipeline_run(of.get_value(), id));
    Effect::new(move |_| {
        for value in [stop.value().get(), retry.value().get()].into_iter().flatten() {
            match value {
                Ok(_) => reload.run(()),
                Err(error) => toasts.fail(error.0.message),
            }
        }
    });
    let state = summary.state;
    let may_write = may(Doing::Write);
    let can_stop = may_write && !state.is_final() && !run.cancel_requested;
    let can_retry = may_write && matches!(state, PipelineRunState::Failed | PipelineRunState::Cancelled);
    let waiting: Vec<StepId> = match state {
        PipelineRunState::Waiting => {
            run.steps.iter().filter(|step| step.state == StepState::Waiting).map(|step| step.id.clone()).collect()
        }
        _ => Vec::new(),
    };
    let asked: Vec<AnyView> = waiting
        .into_iter()
        .map(|step| {
            let message = run
                .document
                .step(step.as_str())
                .and_then(|step| step.with.get("message").and_then(|m| m.as_str().map(str::to_owned)));
            view! { <Ask project=project.clone() run=id step message reload/> }.into_any()
        })
        .collect();
    let title = format!("{} #{}", summary.pipeline_name, summary.number);
    let words = format!(
        "{} of {} steps done. Cause: {}. Asked for by {}.",
        summary.steps_done, summary.steps, summary.cause, summary.created_by
    );
    let problem = run.problem.clone().map(|problem| view! { <Note tone=Tone::Critical>{problem.message}</Note> });
    let wrote = run
        .wrote
        .iter()
        .map(|wrote| {
            let href = format!("/p/{project}/data?q={}", crate::format::encode(&wrote.dataset));
            let (name, words) = (wrote.dataset.clone(), format!(" version {}, by step {}", wrote.number, wrote.step));
            view! { <li><A href=href>{name}</A>{words}</li> }
        })
        .collect_view();
    let decided = run
        .approvals
        .iter()
        .map(|approval| {
            let verb = if approval.approved { "approved" } else { "refused" };
            let words = format!("{} {verb} step {}: {}", approval.decided_by, approval.step, approval.reason);
            let at = approval.decided_at;
            view! { <li>{words}" "<span class="muted"><RelativeTime at/></span></li> }
        })
        .collect_view();
    let parameters = (!run.values.is_empty()).then(|| {
        let items = run
            .values
            .iter()
            .map(|(name, value)| {
                let (name, value) = (name.clone(), value.to_string());
                view! { <li><code>{name}</code>" = "<code>{value}</code></li> }
            })
            .collect_view();
        view! { <Section title="Parameters"><ul class="plain-list">{items}</ul></Section> }
    });
    view! {
        <PageHead title state=words crumbs>
            {run_badge(state)}
            {can_stop.then(|| view! { <Button label="Cancel".to_owned() glyph=Glyph::Stop disabled=stop.pending() on_press=move |()| { stop.dispatch(()); }/> })}
            {can_retry.then(|| view! { <Button label="Go on from where it stopped".to_owned() kind=ButtonKind::Primary glyph=Glyph::Retry disabled=retry.pending() on_press=move |()| { retry.dispatch(()); }/> })}
        </PageHead>
        {problem}
        {asked}
        {drawing(&run.document, &run.steps)}
        {table(&run.document, &run.steps)}
        {(!run.wrote.is_empty()).then(|| view! { <Section title="Written"><ul class="plain-list">{wrote}</ul></Section> })}
        {(!run.approvals.is_empty()).then(|| view! { <Section title="Decisions"><ul class="plain-list">{decided}</ul></Section> })}
        {parameters}
        <Section title="Log">{lines(&log, run.log_deleted_at)}</Section>
    }
}

/// What a person is asked.
#[component]
fn Ask(
    project: String,
    run: trainyard_types::PipelineRunId,
    step: StepId,
    message: Option<String>,
    reload: Callback<()>,
) -> impl IntoView {
    let of = StoredValue::new((project, step.clone()));
    let toasts = use_toasts();
    let decide = Action::new(move |(approve, reason): &(bool, String)| {
        let (project, step) = of.get_value();
        decide_step(project, run, step, Decide { approve: *approve, reason: reason.clone() })
    });
    Effect::new(move |_| match decide.value().get() {
        Some(Ok(_)) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let text = message.unwrap_or_else(|| "The run waits for a decision.".to_owned());
    let heading = format!("Step '{step}' waits for an approver");
    if !may(Doing::Approve) {
        return view! { <Note tone=Tone::Warning><p><strong>{heading}</strong></p><p>{text}</p></Note> }.into_any();
    }
    let refusing = RwSignal::new(false);
    view! {
        <Note tone=Tone::Warning>
            <p><strong>{heading}</strong></p>
            <p>{text}</p>
            <div class="button-row">
                <Button label="Approve".to_owned() kind=ButtonKind::Primary disabled=decide.pending() on_press=move |()| { decide.dispatch((true, String::new())); }/>
                <Button label="Refuse".to_owned() on_press=move |()| refusing.set(true)/>
            </div>
        </Note>
        <Dialog open=refusing title="Refuse">
            <Refusal decide/>
        </Dialog>
    }
    .into_any()
}

#[component]
fn Refusal(
    decide: Action<(bool, String), Result<trainyard_types::pipeline::PipelineRunView, crate::AppError>>,
) -> impl IntoView {
    let reason = RwSignal::new(String::new());
    view! {
        <TextAreaField name="reason" id="refusal" label="Why" hint="Stands in the audit trail." on_value=Callback::new(move |text| reason.set(text))/>
        <div class="button-row">
            <Button label="Refuse and end the run".to_owned() kind=ButtonKind::Primary disabled=decide.pending() on_press=move |()| { decide.dispatch((false, reason.get_untracked())); }/>
        </div>
    }
}

fn lines(log: &[StepLogLine], deleted: Option<Timestamp>) -> AnyView {
    if let Some(at) = deleted {
        return view! { <p class="muted">"The log was deleted "<RelativeTime at/>": logs are kept for as long as this instance is set to. What the steps did is above."</p> }.into_any();
    }
    if log.is_empty() {
        return view! { <p class="muted">"Nothing was said yet."</p> }.into_any();
    }
    let mut text = String::new();
    for line in log {
        let mark = match line.level {
            LogLevel::Info => "",
            LogLevel::Warning => "warning: ",
            LogLevel::Error => "error: ",
        };
        text.push_str(&format!("{}  {}  {mark}{}\n", instant(line.at), line.step, line.line));
    }
    view! { <CodeBlock code=text label="log"/> }.into_any()
}
