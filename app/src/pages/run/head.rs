//! A run's head: its name, how it stands in words, and what can be done with it.

use super::{
    RunContext,
    register::RegisterButton,
    verdict::{self, VerdictCard},
};
use crate::pages::leakage::Caution;
use crate::{
    api::runs::{cancel_run, pause_run, retry_run},
    browser,
    components::*,
    format::{ago, duration, eta},
    hooks::{may, use_now},
    pages::runs::position_words,
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use trainyard_types::{
    Action as May, Timestamp,
    job::{JobState, JobView},
};

/// How a job stands, in one line.
fn state_words(job: &JobView, device: Option<&str>, now: Timestamp) -> String {
    let on = device.map_or(String::new(), |d| format!(" on {d}"));
    let took = match (job.started_at, job.ended_at) {
        (Some(start), Some(end)) => format!(" after {}", duration(end.seconds_since(start).max(0.0))),
        _ => String::new(),
    };
    let ended = job.ended_at.map_or(String::new(), |at| format!(" {}", ago(at, now)));
    let again =
        if job.attempt > 1 { format!(" Attempt {} of {}.", job.attempt, job.max_attempts) } else { String::new() };
    match job.state {
        JobState::Queued if job.paused => "Paused. Resume it to let it go on from its last checkpoint.".to_owned(),
        JobState::Queued => {
            let place = job.queue_position.map_or("in the queue".to_owned(), position_words);
            let start = job
                .queue_eta_seconds
                .map_or(String::new(), |s| format!("; {} before it starts", eta(s).replace(" left", "")));
            format!("Waiting, {place}{start}.{again}")
        }
        JobState::Running if job.paused => "Pausing: it ends after its next checkpoint.".to_owned(),
        JobState::Running if job.cancel_requested => "Stopping: it ends at the next safe point.".to_owned(),
        JobState::Running => match job.started_at {
            Some(at) => format!("Training{on}, started {}.{again}", ago(at, now)),
            None => format!("Training{on}.{again}"),
        },
        JobState::Succeeded => format!("Finished{ended}{took}{on}."),
        JobState::Failed => format!("Failed{ended}{took}{on}.{again}"),
        JobState::Cancelled => format!("Cancelled{ended}{took}."),
    }
}

/// What the browser's tab says: the state first, since only the start can be read there.
fn tab_words(job: &JobView, name: &str) -> String {
    match job.state {
        JobState::Queued => format!("… {name}"),
        JobState::Running => {
            let percent = job.progress.as_ref().map_or(0.0, |p| p.fraction * 100.0);
            format!("{percent:.0} % {name}")
        }
        JobState::Succeeded => format!("✓ {name}"),
        JobState::Failed => format!("✗ {name}"),
        JobState::Cancelled => format!("– {name}"),
    }
}

/// The colour of the mark in the browser's tab.
fn tab_colour(state: JobState) -> &'static str {
    match state {
        JobState::Queued | JobState::Running => "b26a00",
        JobState::Succeeded => "1a7f37",
        JobState::Failed => "c62828",
        JobState::Cancelled => "6e7681",
    }
}

#[component]
pub fn RunHead(context: RunContext, reload: Callback<()>) -> impl IntoView {
    let RunContext { project, run, live, .. } = context;
    let summary = run.with_value(|r| r.summary.clone());
    let now = use_now();
    let name = StoredValue::new(summary.name.clone());
    let words = Signal::derive(move || {
        live.job.with(|job| {
            live.device.with(|d| state_words(job, d.as_ref().map(|(device, _)| device.as_str()), now.get()))
        })
    });
    let tab = Signal::derive(move || live.job.with(|job| name.with_value(|name| tab_words(job, name))));
    let crumbs = vec![("Experiments".to_owned(), format!("/p/{}/runs", project.get_value()))];
    let state = live.state();
    Effect::new(move |_| browser::set_tab_colour(tab_colour(state.get())));
    on_cleanup(|| {
        #[cfg(feature = "hydrate")]
        browser::set_tab_colour(browser::TAB_COLOUR);
    });
    let may_write = may(May::Write);
    let id = summary.id;
    let problem = run.with_value(|r| r.problem.clone());
    let reason = move || live.job.with(|j| j.reason.clone()).filter(|_| live.running().get());

    view! {
        <PageHead title=summary.name.clone() state=words tab=tab crumbs=crumbs>
            {move || view! { <JobBadge state=state.get()/> }}
            {move || may_write.then(|| view! { <Actions context id state=state.get() reload/> })}
        </PageHead>
        {move || (state.get() == JobState::Running).then(|| view! { <RunProgress context/> })}
        {move || reason().map(|text| view! { <Note tone=Tone::Warning>{text}</Note> })}
        {problem.map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
        {run.with_value(|r| r.result.as_ref().map(|result| view! {
            <VerdictCard verdict=result.verdict.clone() ceiling=result.ceiling.clone() task=result.task
                next=if may_write { verdict::next(result.verdict.fit, r, result.family, &project.get_value()) } else { Vec::new() }/>
            {result.leakage.clone().map(|report| view! { <Caution report/> })}
        }))}
    }
    .into_any()
}

/// Stage, bar, time left and speed, as the stream tells.
#[component]
fn RunProgress(context: RunContext) -> impl IntoView {
    let job = context.live.job;
    let fraction = Signal::derive(move || job.with(|j| j.progress.as_ref().map_or(0.0, |p| p.fraction)));
    let stage = move || job.with(|j| j.progress.as_ref().map_or("Starting".to_owned(), |p| p.stage.clone()));
    let rest = move || {
        job.with(|j| {
            let progress = j.progress.as_ref()?;
            let mut words = progress.eta_seconds.map_or("time left is not known yet".to_owned(), eta);
            if let Some(speed) = progress.rows_per_second.filter(|s| *s > 0.0) {
                words.push_str(&format!(" · {} rows a second", crate::format::measure(speed)));
            }
            Some(words)
        })
    };
    let connected = context.live.connected;
    view! {
        <div class="run-progress">
            <div class="run-progress-words">
                <span class="run-stage">{stage}</span>
                <span class="muted">{rest}</span>
                <span class="live-mark muted">
                    {move || if connected.get() { view! { <span class="live-dot"></span>"Live" }.into_any() } else { view! { "Connecting" }.into_any() }}
                </span>
            </div>
            <ProgressBar fraction label="Progress of the run"/>
        </div>
    }
}

#[component]
fn Actions(context: RunContext, id: trainyard_types::RunId, state: JobState, reload: Callback<()>) -> impl IntoView {
    let RunContext { project, live, .. } = context;
    let toasts = use_toasts();
    let navigate = StoredValue::new(use_navigate());
    let cancel = Action::new(move |()| async move { cancel_run(project.get_value(), id).await });
    let retry = Action::new(move |()| async move { retry_run(project.get_value(), id).await });
    Effect::new(move |_| match cancel.value().get() {
        Some(Ok(())) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    Effect::new(move |_| match retry.value().get() {
        Some(Ok(next)) if next == id => reload.run(()),
        Some(Ok(next)) => {
            let to = format!("/p/{}/runs/{next}", project.get_value());
            navigate.with_value(|navigate| navigate(&to, NavigateOptions::default()));
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let again = format!("/p/{}/runs/new?from={id}", project.get_value());
    let requested = Signal::derive(move || live.job.with(|j| j.cancel_requested));
    let paused = Memo::new(move |_| live.job.with(|j| j.paused));
    let pause = Action::new(move |on: &bool| {
        let on = *on;
        async move { pause_run(project.get_value(), id, on).await }
    });
    Effect::new(move |_| match pause.value().get() {
        Some(Ok(())) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let busy = Signal::derive(move || requested.get() || pause.pending().get());
    match state {
        JobState::Queued | JobState::Running => view! {
            {move || match paused.get() {
                true => view! { <Button label="Resume" glyph=Glyph::Play disabled=busy on_press=move |()| { pause.dispatch(false); }/> },
                false => view! { <Button label="Pause" glyph=Glyph::Clock disabled=busy on_press=move |()| { pause.dispatch(true); }/> },
            }}
            <ConfirmButton
                label="Cancel run" title="Cancel this run?" glyph=Glyph::Stop disabled=requested
                text="Training stops at the next safe point. The curves and the log stay; there will be no model. You can start it again from the beginning."
                on_confirm=Callback::new(move |()| { cancel.dispatch(()); })
            />
        }
        .into_any(),
        JobState::Succeeded => view! {
            <LinkButton href=again label="Change and train again" glyph=Glyph::Retry/>
            <RegisterButton context/>
        }
        .into_any(),
        JobState::Failed | JobState::Cancelled => view! {
            <LinkButton href=again label="Change and train again"/>
            <Button label="Try again".to_owned() kind=ButtonKind::Primary glyph=Glyph::Retry disabled=retry.pending() on_press=move |()| { retry.dispatch(()); }/>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::{JobId, job::Progress};

    fn job(state: JobState) -> Option<JobView> {
        Some(JobView {
            id: "01890000-0000-7000-8000-000000000000".parse::<JobId>().ok()?,
            state,
            attempt: 1,
            max_attempts: 3,
            queue_position: Some(2),
            queue_eta_seconds: Some(120.0),
            cancel_requested: false,
            paused: false,
            progress: Some(Progress {
                stage: "Training".into(),
                fraction: 0.42,
                eta_seconds: None,
                rows_per_second: None,
            }),
            worker: None,
            queued_at: Timestamp(0),
            started_at: Some(Timestamp(1_000)),
            ended_at: Some(Timestamp(43_000)),
            reason: None,
        })
    }

    #[test]
    fn the_line_says_how_it_stands() {
        let now = Timestamp(103_000);
        let words = |state| job(state).map(|j| state_words(&j, Some("CPU"), now)).unwrap_or_default();
        assert_eq!(words(JobState::Queued), "Waiting, number 2 in the queue; about 2 min before it starts.");
        assert_eq!(words(JobState::Succeeded), "Finished 1 min ago after 42\u{a0}s on CPU.");
        let held =
            |state| job(state).map(|j| state_words(&JobView { paused: true, ..j }, None, now)).unwrap_or_default();
        assert_eq!(held(JobState::Queued), "Paused. Resume it to let it go on from its last checkpoint.");
        assert_eq!(held(JobState::Running), "Pausing: it ends after its next checkpoint.");
        assert_eq!(words(JobState::Running), "Training on CPU, started 1 min ago.");
        assert_eq!(job(JobState::Running).map(|j| tab_words(&j, "loans")).as_deref(), Some("42 % loans"));
    }
}
