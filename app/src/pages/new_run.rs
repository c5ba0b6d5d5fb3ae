//! Sets up a run: three decisions, the rest has defaults, and a panel says what will happen.

mod advanced;
mod deciding;
mod directions;
mod loss;
mod model_settings;
mod plan;

use crate::pages::leakage::LeakPanel;
use crate::wire::resource;
use crate::{
    AppError,
    api::{
        datasets::{dataset_version, dataset_versions, list_datasets},
        runs::{create_run, get_run},
        splits::dataset_splits,
    },
    components::*,
    format::{count, counted},
    hooks::{may, use_project, use_query_param, use_set_query},
    pages::parts::{DemoButton, parse_id},
};
use advanced::Advanced;
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use plan::PlanPanel;
use trainyard_types::{
    Action as May, DatasetVersionId, PageQuery, Problem, ResourceName, RunId,
    catalog::ColumnFlag,
    dataset::{DatasetView, VersionSummary, VersionView},
    hyper,
    run::{Family, NewRun, RunView, SplitMethod, TrainSettings},
    split::{PARTS, SplitView, UsedSplit},
};

/// What there is to choose from, and what is chosen.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Loaded {
    datasets: Vec<DatasetView>,
    /// Versions of the chosen data set, newest first.
    versions: Vec<VersionSummary>,
    open: Option<VersionView>,
    /// Stored splits of the version.
    splits: Vec<SplitView>,
    /// The run whose settings are taken over.
    from: Option<RunView>,
}

async fn load(project: String, version: String, from: String) -> Result<Loaded, AppError> {
    let query = PageQuery { per_page: 500, ..PageQuery::default() };
    let datasets = list_datasets(project.clone(), query).await?.items;
    let from = match from.as_str() {
        "" => None,
        id => Some(get_run(project.clone(), parse_id::<RunId>(id, "run")?).await?),
    };
    let wanted = match version.as_str() {
        "" => from.as_ref().map(|run| run.dataset_version_id).or_else(|| datasets.first().map(|d| d.latest.id)),
        id => Some(parse_id::<DatasetVersionId>(id, "version")?),
    };
    let Some(id) = wanted else {
        return Ok(Loaded { datasets, versions: Vec::new(), open: None, splits: Vec::new(), from });
    };
    let open = dataset_version(project.clone(), id).await?;
    let mut splits = dataset_splits(project.clone(), open.dataset).await?;
    splits.retain(|split| split.version == id);
    let versions = dataset_versions(project, open.dataset).await?;
    Ok(Loaded { datasets, versions, open: Some(open), splits, from })
}

/// Sets up a run.
#[component]
pub fn NewRunPage() -> impl IntoView {
    let project = use_project();
    let version = use_query_param("version");
    let from = use_query_param("from");
    let loaded = resource(
        move || (project.get(), version.get(), from.get()),
        |(project, version, from)| load(project, version, from),
    );
    let crumbs = move || vec![("Experiments".to_owned(), format!("/p/{}/runs", project.get_untracked()))];
    view! {
        <PageHead title="New run" state="Choose what to learn from and what to predict. Everything else has a default." crumbs=crumbs()/>
        <Load resource=loaded lines=14 view=move |loaded: Loaded| form(project.get_untracked(), loaded)/>
    }
}

fn form(project: String, loaded: Loaded) -> AnyView {
    if !may(May::Write) {
        return view! {
            <EmptyState glyph=Glyph::Shield title="Your role does not train models" text="Members of this project do. An admin can give you that role."/>
        }
        .into_any();
    }
    let Loaded { datasets, versions, open, splits, from } = loaded;
    let Some(open) = open else {
        let upload = format!("/p/{project}/data/upload");
        return view! {
            <EmptyState glyph=Glyph::Data title="There is no data to learn from" text="Upload a table first, or load the demo project.">
                <LinkButton href=upload label="Add data" kind=ButtonKind::Primary glyph=Glyph::Upload/>
                <DemoButton/>
            </EmptyState>
        }
        .into_any();
    };
    view! { <Form project datasets versions open splits from/> }.into_any()
}

fn used(split: &SplitView) -> UsedSplit {
    UsedSplit { id: split.id, division: PARTS.to_owned(), name: split.name.clone(), hash: split.summary.hash.clone() }
}

/// What the notes on the columns mean for a run: what to predict, what is no feature, how rows belong together.
fn noted(open: &VersionView) -> TrainSettings {
    let flagged = |flag: ColumnFlag| {
        let columns = open.profile.columns.iter().map(|column| column.name.clone());
        columns.filter(move |name| open.details.columns.get(name).is_some_and(|notes| notes.flags.contains(&flag)))
    };
    let mut settings = TrainSettings::for_target(flagged(ColumnFlag::Target).next().unwrap_or_default());
    settings.drop = flagged(ColumnFlag::Identifier).filter(|name| *name != settings.target).collect();
    if let Some(column) = flagged(ColumnFlag::Group).next() {
        settings.split.method = SplitMethod::Group { column };
    } else if let Some(column) = flagged(ColumnFlag::Time).next() {
        settings.split.method = SplitMethod::Time { column };
    }
    settings
}

/// The settings that the page begins with: another run's, or what the data set's notes and the address say.
fn first_settings(open: &VersionView, from: Option<&RunView>, target: &str, family: &str) -> TrainSettings {
    let columns = &open.profile.columns;
    let mut settings = from.map_or_else(|| noted(open), |run| run.settings.clone());
    if columns.iter().any(|c| c.name == target) {
        settings.target = target.to_owned();
    }
    if let Ok(family) = family.parse() {
        settings.family = family;
    }
    // Another version may lack columns of the run that settings were taken from.
    settings.drop.retain(|name| columns.iter().any(|c| &c.name == name));
    settings.weight_column = settings.weight_column.take().filter(|name| columns.iter().any(|c| &c.name == name));
    settings.protected.retain(|name| columns.iter().any(|c| &c.name == name));
    settings.monotone.retain(|name, _| columns.iter().any(|c| &c.name == name && c.kind.is_numeric()));
    if !columns.iter().any(|c| c.name == settings.target) {
        settings.target.clear();
    }
    settings
}

#[component]
fn Form(
    project: String,
    datasets: Vec<DatasetView>,
    versions: Vec<VersionSummary>,
    open: VersionView,
    splits: Vec<SplitView>,
    from: Option<RunView>,
) -> impl IntoView {
    let set_query = use_set_query();
    let columns = open.profile.columns.clone();
    let version = open.summary.id;
    let (target, family) = (use_query_param("target").get_untracked(), use_query_param("family").get_untracked());
    let mut first = first_settings(&open, from.as_ref(), &target, &family);
    if let Ok(seconds) = use_query_param("budget").get_untracked().parse::<f64>() {
        (first.epochs, first.budget_seconds) = (None, Some(seconds.clamp(1.0, 86_400.0)));
    }
    // `trees.budget:0.5`, as the links of a verdict say it.
    if let Some((key, value)) = use_query_param("set").get_untracked().split_once(':')
        && let (Some(known), Ok(value)) = (hyper::find(key), value.parse())
        && known.check(value).is_ok()
    {
        first.parameters.insert(key.to_owned(), value);
    }
    first.parameters.retain(|key, _| hyper::of(first.family).any(|known| known.key == key.as_str()));
    let split = use_query_param("split").get_untracked();
    if let Some(kept) = splits.iter().find(|kept| kept.id.to_string() == split) {
        first.split = kept.plan.spec.clone();
        first.kept_split = Some(used(kept));
    }
    // A stored split belongs to one version.
    if first.kept_split.as_ref().is_some_and(|kept| !splits.iter().any(|known| known.id == kept.id)) {
        first.kept_split = None;
    }
    let settings = RwSignal::new(first);
    let name = RwSignal::new(String::new());
    // Texts that can't be read; a run is not sent while there is one.
    let unread = RwSignal::new(Vec::<(&'static str, String)>::new());
    let blocked = RwSignal::new(false);
    let project = StoredValue::new(project);

    let create = Action::new(move |new: &NewRun| {
        let new = new.clone();
        async move { create_run(project.get_value(), new).await }
    });
    let navigate = use_navigate();
    Effect::new(move |_| {
        if let Some(Ok(run)) = create.value().get() {
            navigate(&format!("/p/{}/runs/{run}", project.get_value()), NavigateOptions::default());
        }
    });
    let wrong = RwSignal::new(None::<Problem>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let settings = settings.get_untracked();
        let given = name.get_untracked();
        let name = match given.trim() {
            "" => Ok(None),
            text => ResourceName::parse(text).map(Some),
        };
        let problem = match (&name, unread.with_untracked(|u| u.first().cloned())) {
            _ if settings.target.is_empty() => Some(Problem::field("target", "Choose the column to predict.")),
            (_, Some((field, message))) => Some(Problem::field(field, message)),
            (Err(message), None) => Some(Problem::field("name", message)),
            _ => None,
        };
        wrong.set(problem.clone());
        if let (None, Ok(name)) = (problem, name) {
            create.dispatch(NewRun { name, dataset_version: version, settings });
        }
    };
    let problem = Signal::derive(move || wrong.get().or_else(|| problem_of(create.value().get())));
    let pending = create.pending();

    let queries = (set_query.clone(), set_query.clone());
    let choose_target = move |event| {
        let chosen = event_target_value(&event);
        settings.update(|s| {
            s.drop.retain(|d| *d != chosen);
            s.monotone.remove(&chosen);
            s.target.clone_from(&chosen);
            s.task = None;
        });
        queries.0(&[("target", Some(chosen))]);
    };
    let choose_family = move |family: Family| {
        settings.update(|s| s.family = family);
        queries.1(&[("family", (family != Family::Auto).then(|| family.as_str().to_owned()))]);
    };
    let chosen = settings.with_untracked(|s| s.target.clone());
    let options = columns
        .iter()
        .map(|c| {
            let text = format!("{} ({}, {})", c.name, c.kind.as_str(), counted(c.distinct, "value", "values"));
            view! { <option value=c.name.clone() selected=c.name == chosen>{text}</option> }
        })
        .collect_view();
    let copied = from.map(|run| view! { <Note>{format!("Settings are those of the run {}. Change what you like.", run.summary.name)}</Note> });

    view! {
        <form class="new-run" on:submit=submit>
            <div class="new-run-form">
                {copied}
                <fieldset class="decision">
                    <legend><span class="step">"1"</span>"Learn from"</legend>
                    <DataChoice datasets versions open=open.clone()/>
                </fieldset>
                <fieldset class="decision">
                    <legend><span class="step">"2"</span>"Predict"</legend>
                    <Field id="f-target" name="target" label="Target column" problem=problem>
                        <select id="f-target" name="target" required=true on:change=choose_target
                            aria-invalid=move || problem.get().filter(|p| p.fields.iter().any(|f| f.field == "target")).map(|_| "true")>
                            <option value="" selected=chosen.is_empty() disabled=true>"Choose a column"</option>
                            {options}
                        </select>
                    </Field>
                </fieldset>
                <fieldset class="decision">
                    <legend><span class="step">"3"</span>"With"</legend>
                    <FamilyChoice settings choose=Callback::new(choose_family)/>
                </fieldset>
                <Advanced columns warnings=open.profile.warnings settings name unread splits problem/>
            </div>
            <aside class="new-run-side" aria-label="What will happen">
                <PlanPanel project version settings blocked/>
                <LeakPanel project version settings/>
                {move || problem.get().map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <Submit label="Train model" busy="Sending …" glyph=Glyph::Play pending=pending disabled=blocked/>
            </aside>
        </form>
    }
}

/// Data set and version; choosing another loads its columns.
#[component]
fn DataChoice(datasets: Vec<DatasetView>, versions: Vec<VersionSummary>, open: VersionView) -> impl IntoView {
    let set_query = use_set_query();
    let go = move |event| set_query(&[("version", Some(event_target_value(&event))), ("target", None), ("from", None)]);
    let again = go.clone();
    let data = datasets
        .into_iter()
        .map(|d| view! { <option value=d.latest.id.to_string() selected=d.id == open.dataset>{d.name}</option> })
        .collect_view();
    let numbers = versions
        .into_iter()
        .map(|v| {
            let text = format!("Version {} · {}", v.number, counted(v.rows, "row", "rows"));
            view! { <option value=v.id.to_string() selected=v.id == open.summary.id>{text}</option> }
        })
        .collect_view();
    let words = format!(
        "{} and {}.",
        counted(open.summary.rows, "row", "rows"),
        counted(u64::from(open.summary.columns), "column", "columns")
    );
    view! {
        <div class="form-row">
            <Field id="f-dataset" name="dataset" label="Data set" hint=words>
                <select id="f-dataset" on:change=go aria-describedby="f-dataset-hint">{data}</select>
            </Field>
            <Field id="f-version" name="dataset_version" label="Version">
                <select id="f-version" on:change=again>{numbers}</select>
            </Field>
        </div>
    }
}

/// The families, each with what it is good for.
#[component]
fn FamilyChoice(settings: RwSignal<TrainSettings>, choose: Callback<Family>) -> impl IntoView {
    let cards = Family::ALL
        .into_iter()
        .map(|family| {
            let words = match family {
                Family::Auto => "Trains several and keeps what is best on validation rows: one, or a blend.",
                Family::Linear => "One weight a column. Quick and easy to explain.",
                Family::RealMlp => "A neural network for tables. Often the most accurate.",
                Family::TabM => "Sixteen neural networks in one. Accurate, and slower to train.",
                Family::FtTransformer => "Columns look at each other. For up to some 10,000 rows and few columns; slow.",
                Family::Trees => "Many small decision trees. Strong on mixed columns.",
                Family::Boosting => "Trees as LightGBM grows them. Quick, and strong on mixed columns.",
                Family::Forest => "Deep trees on samples of the rows, averaged. Hard to get wrong.",
                Family::Blend => "Several that answer together.",
            };
            view! {
                <label class="option-card">
                    <input type="radio" name="family" value=family.as_str()
                        checked=settings.with_untracked(|s| s.family == family)
                        prop:checked=move || settings.with(|s| s.family == family)
                        on:change=move |_| choose.run(family)/>
                    <span class="option-text"><strong>{family.title()}</strong><small class="muted">{words}</small></span>
                </label>
            }
        })
        .collect_view();
    view! { <div class="option-cards" role="radiogroup" aria-label="Model">{cards}</div> }
}

/// A number with its noun, for summaries of folded parts.
fn some(n: usize, one: &str, many: &str) -> String {
    if n == 0 { "none".to_owned() } else { format!("{} {}", count(n as u64), if n == 1 { one } else { many }) }
}
