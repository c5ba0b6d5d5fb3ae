//! Leaks, found before a run or beside its result: why each matters, and what removes it.

use crate::{AppError, api::runs::find_leaks, components::*, format::counted};
use leptos::prelude::*;
use trainyard_types::{
    DatasetVersionId,
    dataset::Severity,
    leakage::{Finding, LeakageReport},
    run::TrainSettings,
};

/// Looks on demand; a fix changes the settings. What was found is put away when the target or the split changes.
#[component]
pub fn LeakPanel(
    project: StoredValue<String>,
    version: DatasetVersionId,
    settings: RwSignal<TrainSettings>,
) -> impl IntoView {
    let look = Action::new(move |settings: &TrainSettings| {
        let settings = settings.clone();
        async move { find_leaks(project.get_value(), version, settings).await }
    });
    let basis = Memo::new(move |_| {
        settings.with(|s| (s.target.clone(), s.split.clone(), s.drop.clone(), s.distinct, s.kept_split.clone()))
    });
    Effect::new(move |before: Option<()>| {
        basis.track();
        if before.is_some() {
            look.value().set(None);
        }
    });
    let press = move |()| {
        look.dispatch(settings.get_untracked());
    };
    let label = Signal::derive(move || if look.pending().get() { "Looking …" } else { "Look for leaks" }.to_owned());
    let idle = Signal::derive(move || look.pending().get() || basis.with(|(target, ..)| target.is_empty()));
    view! {
        <section class="plan leaks needs-script" aria-live="polite">
            <h2>"Leaks"</h2>
            {move || match look.value().get() {
                None => view! {
                    <p class="muted">"Does a column give the target away? Are test rows copies of train rows? Look before you trust a test figure."</p>
                }.into_any(),
                Some(Ok(report)) => view! { <Found report settings/> }.into_any(),
                Some(Err(AppError(problem))) => view! { <Note tone=Tone::Critical>{problem.message}</Note> }.into_any(),
            }}
            <div class="button-row"><Button label glyph=Glyph::Search disabled=idle on_press=press/></div>
        </section>
    }
}

#[component]
fn Found(report: LeakageReport, settings: RwSignal<TrainSettings>) -> impl IntoView {
    if report.findings.is_empty() {
        return view! {
            <Note tone=Tone::Ok>{format!("Nothing was found in {}.", counted(report.train_rows + report.test_rows, "row", "rows"))}</Note>
        }
        .into_any();
    }
    let items = report
        .findings
        .into_iter()
        .map(|finding| {
            let fix = finding.fix.clone();
            let can = fix.apply(&mut settings.get_untracked());
            let label = fix.label();
            let press = move |()| settings.update(|s| _ = fix.apply(s));
            let fix = match can {
                true => view! { <Button label on_press=press/> }.into_any(),
                false => view! { <p class="muted">{label}"."</p> }.into_any(),
            };
            view! { <li>{item(&finding)}{fix}</li> }
        })
        .collect_view();
    view! { <ul class="leak-list">{items}</ul> }.into_any()
}

fn item(finding: &Finding) -> AnyView {
    let (severity, title, why) = (finding.severity, finding.kind.title(), finding.why.clone());
    view! {
        <p class="leak-head"><SeverityBadge severity/><strong>{title}</strong></p>
        <p><Words text=why/></p>
    }
    .into_any()
}

/// What was known when the run trained: beside its verdict.
#[component]
pub fn Caution(report: LeakageReport) -> impl IntoView {
    let worst = report.findings.first().map(|finding| finding.severity)?;
    if worst == Severity::Info {
        return None;
    }
    let tone = if worst == Severity::Critical { Tone::Critical } else { Tone::Warning };
    let lead = match worst {
        Severity::Critical => "Don't trust the test figures yet.",
        _ => "Read the test figures with care.",
    };
    let items = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| view! { <li>{item(finding)}</li> })
        .collect_view();
    Some(view! {
        <Note tone>
            <p><strong>{lead}</strong></p>
            <ul class="leak-list">{items}</ul>
        </Note>
    })
}
