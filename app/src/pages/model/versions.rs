//! A model's versions, and which of them is champion.

use crate::{api::models::move_champion, components::*, format::measure, hooks::may, pages::figure::metric_title};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    Action as May, Problem, ResourceName,
    model::{ModelVersionView, ModelView, MoveAlias},
};

#[component]
pub fn Versions(
    project: String,
    model: ModelView,
    versions: Vec<ModelVersionView>,
    reload: Callback<()>,
) -> impl IntoView {
    let may_approve = may(May::Approve);
    let may_take = may(May::ReadRows);
    let chosen = RwSignal::new(None::<i32>);
    let open = RwSignal::new(false);
    let champion = model.champion;
    let several = versions.len() > 1;
    let rows = versions.into_iter().map(|v| row(v, &project, (may_approve, may_take), chosen, open)).collect_view();
    let columns = vec![
        Column::text("Version"),
        Column::text("Alias").term("champion"),
        Column::number("Test score").term("bootstrap_interval"),
        Column::text("Verdict").term("verdict"),
        Column::text("Model"),
        Column::text("Learned from"),
        Column::text("Run"),
        Column::text("Registered"),
        Column::text("Download"),
        Column::text("Champion"),
    ];
    view! {
        {(champion.is_none() && !may_approve).then(|| view! {
            <Note tone=Tone::Warning>"An approver of this workspace can make a version champion; until then it answers nothing."</Note>
        })}
        <DataTable caption="Versions" columns>{rows}</DataTable>
        {(several && !may_approve).then(|| view! { <p class="muted">"Which version is champion is decided by an approver."</p> })}
        {may_approve.then(|| view! { <Promote model=model.name champion chosen open reload/> })}
    }
    .into_any()
}

fn row(
    v: ModelVersionView,
    project: &str,
    (may_approve, may_take): (bool, bool),
    chosen: RwSignal<Option<i32>>,
    open: RwSignal<bool>,
) -> AnyView {
    let run = format!("/p/{project}/runs/{}", v.run);
    let is_champion = v.aliases.iter().any(|a| a == "champion");
    let number = v.number;
    let aliases = v
        .aliases
        .iter()
        .map(|alias| {
            let tone = if alias == "champion" { Tone::Ok } else { Tone::Neutral };
            view! { <Badge tone glyph=Glyph::Crown text=alias.clone()/> }
        })
        .collect_view();
    let score = v.test.first().map(|m| view! {
        <span class="score">{measure(m.value)}<small class="muted">{metric_title(&m.name)}<br/>{format!("{} to {}", measure(m.low), measure(m.high))}</small></span>
    });
    let promote = (may_approve && !is_champion).then(|| {
        let press = move |()| {
            chosen.set(Some(number));
            open.set(true);
        };
        view! { <Button label="Make champion".to_owned() on_press=press/> }
    });
    view! {
        <Row>
            <Cell label="Version" main=true>{format!("Version {number}")}</Cell>
            <Cell label="Alias">{aliases}</Cell>
            <Cell label="Test score" numeric=true>{score}</Cell>
            <Cell label="Verdict"><FitBadge fit=v.verdict.fit/></Cell>
            <Cell label="Model">{v.family.title()}</Cell>
            <Cell label="Learned from">{format!("{} v{}", v.dataset_name, v.dataset_version)}</Cell>
            <Cell label="Run"><A href=run>{v.run_name}</A></Cell>
            <Cell label="Registered"><RelativeTime at=v.created_at/>" by "{v.created_by}</Cell>
            <Cell label="Download">{may_take.then(|| downloads(&v.model, number))}</Cell>
            <Cell label="Champion">{promote}</Cell>
        </Row>
    }
    .into_any()
}

/// The version as files for other programs.
fn downloads(model: &str, number: i32) -> AnyView {
    let link = |format: &str, label: &'static str| {
        let href = format!("/api/v1/models/{model}/versions/{number}/export?format={format}");
        view! { <li><a href=href rel="external" download="">{label}</a></li> }
    };
    view! {
        <details class="take">
            <summary aria-label=format!("Download version {number}")><Icon glyph=Glyph::Download/>"Download"</summary>
            <ul>
                {link("onnx", "ONNX, with preprocessing")}
                {link("safetensors", "Model file (safetensors)")}
                {link("json", "Its description (JSON)")}
            </ul>
        </details>
    }
    .into_any()
}

/// Asks for the reason and moves the alias. What answers from then on is said before.
#[component]
fn Promote(
    model: String,
    champion: Option<i32>,
    chosen: RwSignal<Option<i32>>,
    open: RwSignal<bool>,
    reload: Callback<()>,
) -> impl IntoView {
    let model = StoredValue::new(model);
    let reason = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<Problem>);
    let toasts = use_toasts();
    let act = Action::new(move |to: &MoveAlias| {
        let to = to.clone();
        async move { move_champion(model.get_value(), to).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(())) = act.value().get() {
            open.set(false);
            let number = chosen.get_untracked().unwrap_or_default();
            toasts.say(format!("Version {number} answers from now on."));
            reload.run(());
        }
    });
    let problem = Signal::derive(move || wrong.get().or_else(|| problem_of(act.value().get())));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(version) = chosen.get_untracked() else { return };
        match ResourceName::parse(reason.get_untracked()) {
            Ok(reason) => {
                wrong.set(None);
                act.dispatch(MoveAlias { version, reason: Some(reason) });
            }
            Err(_) => {
                wrong.set(Some(Problem::field("reason", "Say in a few words why; it stands in the audit trail.")))
            }
        }
    };
    let words = move || {
        let next = chosen.get().unwrap_or_default();
        match champion {
            Some(now) => format!(
                "Requests are answered by version {next} instead of version {now} at once. You can move it back in the same way."
            ),
            None => format!("Requests are answered by version {next} at once."),
        }
    };
    let pending = act.pending();
    view! {
        <Dialog open title="Make champion">
            <form class="stack" on:submit=submit>
                <p>{words}</p>
                <TextField name="reason" label="Reason" id="champion-reason" required=true problem=problem
                    hint="Stands in the audit trail." on_value=Callback::new(move |text| reason.set(text))/>
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row end">
                    <Button label="Keep it as it is".to_owned() on_press=move |()| open.set(false)/>
                    <Submit label="Make champion" pending=pending/>
                </div>
            </form>
        </Dialog>
    }
}
