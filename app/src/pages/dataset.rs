//! One data set: what a version holds, its rows, and the versions there are.

mod about;
pub mod checks;
mod labels;
pub mod minis;
mod preview;
mod profile;
mod relations;
mod splits;
mod standing;
mod target;
mod versions;

use crate::wire::{Resource, resource};
use crate::{
    AppError,
    api::{
        checks::{ChecksShown, dataset_checks},
        datasets::{
            Related, Standing, dataset_lineage, dataset_rows, dataset_version, dataset_versions, version_relations,
            version_standing,
        },
        labels::LabelsShown,
        sources::dataset_origin,
        splits::dataset_splits,
    },
    components::*,
    format::{bytes, count, counted},
    hooks::{may, use_address, use_param, use_project, use_query_param},
    pages::{lineage, parts::parse_id},
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use profile::ProfileTable;
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, Problem,
    catalog::Lineage,
    dataset::{DataWarning, RowsView, Severity, VersionSummary, VersionView},
    labels::LabelReviewView,
    source::DatasetSource,
    split::SplitView,
};

/// The open version and all there are, newest first.
type Loaded = (VersionView, Vec<VersionSummary>);

/// What some tabs load besides, made at the page's top.
#[derive(Clone, Copy)]
struct Extra {
    rows: Resource<Result<Option<RowsView>, AppError>>,
    standing: Resource<Result<Option<Standing>, AppError>>,
    lineage: Resource<Result<Option<Lineage>, AppError>>,
    relations: Resource<Result<Option<Related>, AppError>>,
    checks: Resource<Result<Option<ChecksShown>, AppError>>,
    splits: Resource<Result<Option<Vec<SplitView>>, AppError>>,
    origin: Resource<Result<Option<DatasetSource>, AppError>>,
    labels: labels::Loaded,
}

/// The version that is meant where none is named: the newest that no contract keeps back.
fn current(versions: &[VersionSummary]) -> Option<DatasetVersionId> {
    versions.iter().find(|v| !v.quarantined).or(versions.first()).map(|v| v.id)
}

/// The version that the address means, and all there are; without one, the current.
async fn resolve(
    project: String,
    dataset: &str,
    version: &str,
) -> Result<(DatasetVersionId, Vec<VersionSummary>), AppError> {
    let dataset: DatasetId = parse_id(dataset, "data set")?;
    let versions = dataset_versions(project, dataset).await?;
    let open = if version.is_empty() {
        current(&versions)
    } else {
        let wanted: DatasetVersionId = parse_id(version, "version")?;
        versions.iter().map(|v| v.id).find(|id| *id == wanted)
    };
    match open {
        Some(open) => Ok((open, versions)),
        None => {
            Err(Problem::not_found("This data set has no such version. Choose one in the list of versions.").into())
        }
    }
}

async fn load(project: String, dataset: String, version: String) -> Result<Loaded, AppError> {
    let (open, versions) = resolve(project.clone(), &dataset, &version).await?;
    Ok((dataset_version(project, open).await?, versions))
}

/// One page of rows, for the tab that shows them.
async fn load_rows(project: String, dataset: String, version: String, page: u64) -> Result<RowsView, AppError> {
    let (open, _) = resolve(project.clone(), &dataset, &version).await?;
    dataset_rows(project, open, (page - 1).saturating_mul(preview::PER_PAGE), preview::PER_PAGE).await
}

/// Whether there is enough data; nothing is asked of rows that were deleted.
async fn load_standing(project: String, dataset: String, version: String) -> Result<Standing, AppError> {
    let (open, versions) = resolve(project.clone(), &dataset, &version).await?;
    if versions.iter().any(|v| v.id == open && v.deleted.is_some()) {
        return Ok(Standing { sufficiency: None, groups: Vec::new() });
    }
    version_standing(project, open).await
}

/// One data set.
#[component]
pub fn DatasetPage() -> impl IntoView {
    let project = use_project();
    let dataset = use_param("dataset_id");
    let version = use_query_param("version");
    let loaded = resource(
        move || (project.get(), dataset.get(), version.get()),
        |(project, dataset, version)| load(project, dataset, version),
    );
    // Made here, not inside the page's view, where it would have no fixed place in the server's answer.
    let tab = use_tab("overview");
    let page_number = use_query_param("page");
    let rows = resource(
        move || {
            let page = page_number.get().parse::<u64>().unwrap_or(1).max(1);
            (tab.get() == "preview").then(|| (project.get(), dataset.get(), version.get(), page))
        },
        |wanted| async move {
            match wanted {
                Some((project, dataset, version, page)) => load_rows(project, dataset, version, page).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let standing = resource(
        move || (tab.get() == "overview").then(|| (project.get(), dataset.get(), version.get())),
        |wanted| async move {
            match wanted {
                Some((project, dataset, version)) => load_standing(project, dataset, version).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let lineage = resource(
        move || (tab.get() == "lineage").then(|| (project.get(), dataset.get())),
        |wanted| async move {
            match wanted {
                Some((project, dataset)) => dataset_lineage(project, parse_id(&dataset, "data set")?).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let target = use_query_param("target");
    let relations = resource(
        move || (tab.get() == "relations").then(|| (project.get(), dataset.get(), version.get(), target.get())),
        |wanted| async move {
            match wanted {
                Some((project, dataset, version, target)) => {
                    let (open, _) = resolve(project.clone(), &dataset, &version).await?;
                    version_relations(project, open, target).await.map(Some)
                }
                None => Ok(None),
            }
        },
    );
    let check_run = use_query_param("run");
    let checks = resource(
        move || (tab.get() == "checks").then(|| (project.get(), dataset.get(), version.get(), check_run.get())),
        |wanted| async move {
            match wanted {
                Some((project, dataset, version, run)) => {
                    let (open, _) = resolve(project.clone(), &dataset, &version).await?;
                    let run = if run.is_empty() { None } else { Some(parse_id(&run, "run of checks")?) };
                    dataset_checks(project, parse_id(&dataset, "data set")?, open, run).await.map(Some)
                }
                None => Ok(None),
            }
        },
    );
    let splits = resource(
        move || (tab.get() == "splits").then(|| (project.get(), dataset.get())),
        |wanted| async move {
            match wanted {
                Some((project, dataset)) => dataset_splits(project, parse_id(&dataset, "data set")?).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let origin = resource(
        move || (tab.get() == "versions").then(|| (project.get(), dataset.get())),
        |wanted| async move {
            match wanted {
                Some((project, dataset)) => dataset_origin(project, parse_id(&dataset, "data set")?).await,
                None => Ok(None),
            }
        },
    );
    let labels = labels::load(project, dataset, version, tab);
    let extra = Extra { rows, standing, lineage, relations, checks, splits, origin, labels };
    let reload = Callback::new(move |()| {
        loaded.refetch();
        checks.refetch();
        splits.refetch();
    });
    view! {
        <Load resource=loaded lines=14 view=move |loaded: Loaded| page(project.get_untracked(), loaded, extra, reload)/>
    }
}

fn page(project: String, (version, versions): Loaded, extra: Extra, reload: Callback<()>) -> AnyView {
    let tab = use_tab("overview");
    let id = version.summary.id;
    let summary = version.summary.clone();
    let name = version.dataset_name.clone();
    let state = format!(
        "Version {}: {}, {}, {} as Parquet. From {}.",
        summary.number,
        counted(summary.rows, "row", "rows"),
        counted(u64::from(summary.columns), "column", "columns"),
        bytes(summary.bytes),
        summary.source_name
    );
    let train = format!("/p/{project}/runs/new?version={id}");
    let crumbs = vec![("Data".to_owned(), format!("/p/{project}/data"))];
    let tabs = vec![
        Tab::new("overview", "Overview"),
        Tab::new("relations", "Relations"),
        Tab::new("checks", "Checks"),
        Tab::new("labels", "Labels"),
        Tab::new("splits", "Splits"),
        Tab::new("preview", "Preview"),
        Tab::new("versions", "Versions").count(versions.len() as u64),
        Tab::new("lineage", "Lineage"),
        Tab::new("about", "About"),
    ];
    let may_write = may(Action::Write);
    let may_rows = may(Action::ReadRows);
    let picker = versions.clone();
    let body = StoredValue::new((project, version, versions));
    view! {
        <PageHead title=name state=state crumbs=crumbs>
            <VersionPicker versions=picker open=id/>
            {may_write.then(|| view! { <LinkButton href=train label="Train model" kind=ButtonKind::Primary glyph=Glyph::Play/> })}
        </PageHead>
        <Tabs label="Data set" tabs/>
        {move || {
            let (project, version, versions) = body.get_value();
            match tab.get().as_str() {
                "preview" if may_rows => view! { <Load resource=extra.rows lines=20 view=shown_rows/> }.into_any(),
                "preview" => view! {
                    <EmptyState glyph=Glyph::Shield title="Rows are not shown to your role" text="A viewer sees what a data set looks like, not its rows. An admin can give you the role of a member or an auditor."/>
                }.into_any(),
                "versions" => {
                    let (of, dataset) = (project.clone(), version.dataset);
                    let show = move |found: Option<DatasetSource>| {
                        found.map_or_else(|| ().into_any(), |found| versions::origin(of.clone(), dataset, found))
                    };
                    view! {
                        <Load resource=extra.origin lines=2 view=show/>
                        <versions::Versions project version versions reload/>
                    }.into_any()
                }
                "lineage" => {
                    let show = move |graph: Option<Lineage>| graph.map_or_else(|| ().into_any(), |g| lineage::graph(&project, g));
                    view! { <Load resource=extra.lineage lines=12 view=show/> }.into_any()
                }
                "relations" => {
                    let show = move |found: Option<Related>| {
                        found.map_or_else(|| ().into_any(), |found| relations::shown(found, &version.profile))
                    };
                    view! { <Load resource=extra.relations lines=14 view=show/> }.into_any()
                }
                "checks" => {
                    let of = checks::Of {
                        project,
                        dataset: version.dataset,
                        version: version.summary.id,
                        number: version.summary.number,
                        columns: version.profile.columns.iter().map(|column| column.name.clone()).collect(),
                        deleted: version.summary.deleted.is_some(),
                    };
                    let show = move |found: Option<ChecksShown>| {
                        found.map_or_else(|| ().into_any(), |found| checks::shown(of.clone(), found, reload))
                    };
                    view! { <Load resource=extra.checks lines=10 view=show/> }.into_any()
                }
                "labels" => {
                    let of = labels::Of::new(project, &version);
                    let again = Callback::new(move |()| extra.labels.shown.refetch());
                    let show = move |found: Option<LabelsShown>| {
                        found.map_or_else(|| ().into_any(), |found| labels::shown(of.clone(), found, again))
                    };
                    view! { <Load resource=extra.labels.shown lines=10 view=show/> }.into_any()
                }
                "splits" => {
                    let show = move |found: Option<Vec<SplitView>>| {
                        found.map_or_else(|| ().into_any(), |found| splits::shown(project.clone(), &version, found, reload))
                    };
                    view! { <Load resource=extra.splits lines=10 view=show/> }.into_any()
                }
                "about" => view! { <about::About project version/> }.into_any(),
                _ => overview(project, version, extra),
            }
        }}
    }
    .into_any()
}

fn shown_rows(rows: Option<RowsView>) -> AnyView {
    rows.map_or_else(|| ().into_any(), preview::table)
}

/// A select that opens another version; links in the Versions tab do the same without script.
#[component]
fn VersionPicker(versions: Vec<VersionSummary>, open: DatasetVersionId) -> impl IntoView {
    let navigate = use_navigate();
    let address = use_address();
    let newest = current(&versions);
    let choose = move |event| {
        let chosen = event_target_value(&event);
        let version = (newest.map(|id| id.to_string()).as_ref() != Some(&chosen)).then_some(chosen);
        navigate(
            &address(&[("version", version), ("column", None), ("page", None), ("run", None), ("review", None)]),
            NavigateOptions::default(),
        );
    };
    (versions.len() > 1).then(|| {
        let options = versions
            .into_iter()
            .map(|v| {
                let kept_back = if v.quarantined { " · quarantined" } else { "" };
                let text = format!("Version {} · {}{kept_back}", v.number, counted(v.rows, "row", "rows"));
                view! { <option value=v.id.to_string() selected=v.id == open>{text}</option> }
            })
            .collect_view();
        view! { <select class="version-picker needs-script" aria-label="Version" on:change=choose>{options}</select> }
    })
}

fn overview(project: String, version: VersionView, extra: Extra) -> AnyView {
    let profile = version.profile;
    let mut warnings = profile.warnings.clone();
    warnings.sort_by_key(|w| std::cmp::Reverse(w.severity));
    let skipped = (version.bad_rows.count > 0).then(|| {
        format!(
            "{} of the file could not be read and left out when this version was made.",
            counted(version.bad_rows.count, "row", "rows")
        )
    });
    let duplicates = (profile.duplicate_rows > 0 && !warnings.iter().any(|w| w.kind == "duplicates")).then(|| {
        format!(
            "{} of an earlier row.",
            counted(profile.duplicate_rows, "row is an exact copy", "rows are exact copies")
        )
    });
    let deleted = version.summary.deleted.map(|deletion| {
        let text = format!(
            "The rows of this version were deleted by {}: {} What stands below is what may still be told of them.",
            deletion.by, deletion.reason
        );
        view! { <Note tone=Tone::Warning>{text}" ("<RelativeTime at=deletion.at/>")"</Note> }
    });
    let checked = version.summary.checks.map(|standing| {
        let kept_back =
            version.summary.quarantined.then_some(" Its contract keeps it back: the version before stays current.");
        view! { <p class="check-lead">{checks::standing_badge(standing)}<span>{kept_back}</span></p> }
    });
    let standing = move |found: Option<Standing>| found.map_or_else(|| ().into_any(), standing::shown);
    let reviewed = move |found: Option<LabelReviewView>| {
        found.map_or_else(|| ().into_any(), |found| labels::warned(&project, found))
    };
    view! {
        {deleted}
        {checked}
        <Warnings warnings/>
        <Load resource=extra.labels.standing lines=1 view=reviewed/>
        {skipped.map(|text| view! { <Note tone=Tone::Warning>{text}</Note> })}
        {duplicates.map(|text| view! { <Note>{text}</Note> })}
        <ProfileTable profile/>
        <Load resource=extra.standing lines=2 view=standing/>
        <p class="muted provenance">
            "blake3 " <Hash whole=version.summary.hash/>
            " · stored " <RelativeTime at=version.summary.created_at/> " by " {version.summary.created_by}
        </p>
    }
    .into_any()
}

/// Warnings in words: the gravest in full, the rest folded away.
#[component]
pub fn Warnings(warnings: Vec<DataWarning>) -> impl IntoView {
    const OPEN: usize = 4;
    let line =
        |w: DataWarning| view! { <li><SeverityBadge severity=w.severity/><span><Words text=w.message/></span></li> };
    let rest: Vec<_> = warnings.iter().skip(OPEN).cloned().collect();
    let grave = warnings.iter().any(|w| w.severity == Severity::Critical);
    (!warnings.is_empty()).then(|| {
        let class = if grave { "warnings critical" } else { "warnings" };
        let first = warnings.into_iter().take(OPEN).map(line).collect_view();
        let more = (!rest.is_empty()).then(|| {
            let words = format!("{} more", count(rest.len() as u64));
            view! {
                <details>
                    <summary>{words}</summary>
                    <ul>{rest.into_iter().map(line).collect_view()}</ul>
                </details>
            }
        });
        view! { <div class=class role="region" aria-label="Warnings"><ul>{first}</ul>{more}</div> }
    })
}
