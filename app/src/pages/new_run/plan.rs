//! What a run would do, before it is asked for.

use crate::{
    AppError,
    api::runs::plan_run,
    components::*,
    format::{bytes, count, counted, duration},
    pages::dataset::Warnings,
};
use leptos::prelude::*;
use std::{fmt::Write, time::Duration};
use trainyard_types::{
    DatasetVersionId,
    dataset::Severity,
    run::{Estimate, RunPlan, TrainSettings},
};

/// Follows the settings, a moment after the last change. `blocked` says whether something forbids the run.
#[component]
pub fn PlanPanel(
    project: StoredValue<String>,
    version: DatasetVersionId,
    settings: RwSignal<TrainSettings>,
    blocked: RwSignal<bool>,
) -> impl IntoView {
    // Asked for by the browser only: without script nothing can be chosen that would change it.
    let plan = RwSignal::new(None::<Result<RunPlan, AppError>>);
    let asked = StoredValue::new(0_u64);
    let handle = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |before: Option<()>| {
        let now = settings.get();
        let wait = Duration::from_millis(if before.is_some() { 300 } else { 0 });
        let ask = move || {
            // The page may have been left meanwhile.
            let Some(project) = project.try_get_value() else { return };
            let number = asked.try_update_value(|n| {
                *n += 1;
                *n
            });
            leptos::task::spawn_local(async move {
                let answer = plan_run(project, version, now).await;
                // An older question's answer may arrive after a newer one's.
                if number.is_some() && asked.try_get_value() == number {
                    if let Ok(plan) = &answer {
                        blocked.try_set(plan.warnings.iter().any(|w| w.severity == Severity::Critical));
                    }
                    plan.try_set(Some(answer));
                }
            });
        };
        let next = set_timeout_with_handle(ask, wait).ok();
        if let Some(old) = handle.try_update_value(|h| std::mem::replace(h, next)).flatten() {
            old.clear();
        }
    });
    view! {
        <section class="plan needs-script" aria-live="polite">
            <h2>"What will happen"</h2>
            {move || match plan.get() {
                None => view! { <Skeleton lines=6/> }.into_any(),
                Some(Ok(plan)) => shown(plan, settings.with_untracked(|s| s.target.is_empty())),
                Some(Err(error)) => view! { <ErrorPanel problem=error.0/> }.into_any(),
            }}
        </section>
    }
}

fn shown(plan: RunPlan, without_target: bool) -> AnyView {
    if without_target {
        return view! { <p class="muted">"Choose the column to predict: its task, the rows for each part and the time it takes then stand here."</p> }.into_any();
    }
    let queue = match plan.queued_before {
        0 => "Starts at once.".to_owned(),
        n => format!("Waits for {} first.", counted(n, "other run", "other runs")),
    };
    let rows = (plan.train_rows > 0).then(|| {
        let legend = [("Train", plan.train_rows), ("Validation", plan.valid_rows), ("Test", plan.test_rows)]
            .into_iter()
            .enumerate()
            .map(|(i, (name, rows))| {
                let class = format!("swatch part-{}", i + 1);
                view! { <li><span class=class></span>{name}<span class="num">{count(rows)}</span></li> }
            })
            .collect_view();
        view! {
            <div class="plan-split" inner_html=split_bar(&plan)></div>
            <ul class="plan-parts">{legend}</ul>
        }
    });
    let facts = (plan.train_rows > 0).then(|| {
        let features = counted(u64::from(plan.features), "feature", "features");
        view! { <p>{format!("{features}. {queue}")}</p> }
    });
    let estimate = plan.estimate.map(|estimate| {
        view! {
            <p>{taken(&estimate)}</p>
            <p class="muted">{reason(&estimate)}</p>
        }
    });
    view! {
        <p class="plan-summary"><Words text=plan.summary/></p>
        {rows}
        {facts}
        {estimate}
        <Warnings warnings=plan.warnings/>
    }
    .into_any()
}

/// Time and memory: "Takes 20 to 40 s and 200 to 300 MB of memory."
fn taken(estimate: &Estimate) -> String {
    let mib = |value: f64| bytes((value * 1_048_576.0) as u64);
    let time = match (estimate.seconds_low.ceil(), estimate.seconds_high.ceil()) {
        (low, high) if low == high => duration(low),
        (low, high) if high < 60.0 => format!("{low} to {high} s"),
        (low, high) => format!("{} to {}", duration(low), duration(high)),
    };
    format!("Takes {time} and {} to {} of memory.", mib(estimate.memory_mib_low), mib(estimate.memory_mib_high))
}

fn reason(estimate: &Estimate) -> String {
    match estimate.from_runs {
        0 if estimate.calibrated => {
            "By small fits that the workers were measured with: there are no three runs of about this size to go by yet."
                .to_owned()
        }
        0 => {
            "A rough rule for two processor cores: there are no three runs of about this size to go by yet.".to_owned()
        }
        n => format!("From {} of about this size here.", counted(u64::from(n), "past run", "past runs")),
    }
}

/// The three parts as one bar.
fn split_bar(plan: &RunPlan) -> String {
    let all = (plan.train_rows + plan.valid_rows + plan.test_rows).max(1) as f64;
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 300 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
    );
    let mut x = 0.0;
    for (i, rows) in [plan.train_rows, plan.valid_rows, plan.test_rows].into_iter().enumerate() {
        let width = rows as f64 / all * 300.0;
        let _ = write!(
            out,
            "<rect class=\"part-{}\" x=\"{x:.1}\" width=\"{:.1}\" height=\"8\"/>",
            i + 1,
            (width - 2.0).max(1.0)
        );
        x += width;
    }
    out.push_str("</svg>");
    out
}
