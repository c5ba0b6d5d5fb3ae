//! One data set: what a version holds, its rows, and the versions there are.

mod minis;
mod preview;
mod profile;

use crate::{
    AppError,
    api::datasets::{dataset_rows, dataset_version, dataset_versions},
    components::*,
    format::{bytes, count, counted},
    hooks::{may, use_address, use_param, use_project, use_query_param},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, components::A, hooks::use_navigate};
use profile::ProfileTable;
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, Problem,
    dataset::{DataWarning, RowsView, Severity, VersionSummary, VersionView},
};

/// The open version and all there are, newest first.
type Loaded = (VersionView, Vec<VersionSummary>);

type RowsResource = Resource<Result<Option<RowsView>, AppError>>;

/// The version that the address means, and all there are; without one, the newest.
async fn resolve(
    project: String,
    dataset: &str,
    version: &str,
) -> Result<(DatasetVersionId, Vec<VersionSummary>), AppError> {
    let dataset: DatasetId = parse_id(dataset, "data set")?;
    let versions = dataset_versions(project, dataset).await?;
    let open = if version.is_empty() {
        versions.first().map(|v| v.id)
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

/// One data set.
#[component]
pub fn DatasetPage() -> impl IntoView {
    let project = use_project();
    let dataset = use_param("dataset_id");
    let version = use_query_param("version");
    let loaded = Resource::new(
        move || (project.get(), dataset.get(), version.get()),
        |(project, dataset, version)| load(project, dataset, version),
    );
    // Made here, not inside the page's view, where it would have no fixed place in the server's answer.
    let tab = use_tab("overview");
    let page_number = use_query_param("page");
    let rows = Resource::new(
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
    view! {
        <Load resource=loaded lines=14 view=move |loaded: Loaded| page(project.get_untracked(), loaded, rows)/>
    }
}

fn page(project: String, (version, versions): Loaded, rows: RowsResource) -> AnyView {
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
        Tab::new("preview", "Preview"),
        Tab::new("versions", "Versions").count(versions.len() as u64),
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
                "preview" if may_rows => view! { <Load resource=rows lines=20 view=shown_rows/> }.into_any(),
                "preview" => view! {
                    <EmptyState glyph=Glyph::Shield title="Rows are not shown to your role" text="A viewer sees what a data set looks like, not its rows. An admin can give you the role of a member or an auditor."/>
                }.into_any(),
                "versions" => versions_table(project, version.dataset, versions, id),
                _ => overview(version),
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
    let newest = versions.first().map(|v| v.id);
    let choose = move |event| {
        let chosen = event_target_value(&event);
        let version = (newest.map(|id| id.to_string()).as_ref() != Some(&chosen)).then_some(chosen);
        navigate(&address(&[("version", version), ("column", None), ("page", None)]), NavigateOptions::default());
    };
    (versions.len() > 1).then(|| {
        let options = versions
            .into_iter()
            .map(|v| {
                let text = format!("Version {} · {}", v.number, counted(v.rows, "row", "rows"));
                view! { <option value=v.id.to_string() selected=v.id == open>{text}</option> }
            })
            .collect_view();
        view! { <select class="version-picker needs-script" aria-label="Version" on:change=choose>{options}</select> }
    })
}

fn overview(version: VersionView) -> AnyView {
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
    view! {
        <Warnings warnings/>
        {skipped.map(|text| view! { <Note tone=Tone::Warning>{text}</Note> })}
        {duplicates.map(|text| view! { <Note>{text}</Note> })}
        <ProfileTable profile/>
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

fn versions_table(
    project: String,
    dataset: DatasetId,
    versions: Vec<VersionSummary>,
    open: DatasetVersionId,
) -> AnyView {
    let columns = vec![
        Column::number("Version"),
        Column::number("Rows"),
        Column::number("Columns"),
        Column::number("Size"),
        Column::text("Warnings"),
        Column::text("Hash"),
        Column::text("File"),
        Column::text("Stored"),
        Column::text("By"),
    ];
    let rows = versions
        .into_iter()
        .map(|v| {
            let href = format!("/p/{project}/data/{dataset}?version={}", v.id);
            let here = (v.id == open).then(|| view! { " " <Badge text="shown"/> });
            view! {
                <Row>
                    <Cell label="Version" main=true><A href=href>{format!("Version {}", v.number)}</A>{here}</Cell>
                    <Cell label="Rows" numeric=true>{count(v.rows)}</Cell>
                    <Cell label="Columns" numeric=true>{count(u64::from(v.columns))}</Cell>
                    <Cell label="Size" numeric=true>{bytes(v.bytes)}</Cell>
                    <Cell label="Warnings">{count(u64::from(v.warnings))}</Cell>
                    <Cell label="Hash"><Hash whole=v.hash/></Cell>
                    <Cell label="File">{v.source_name}</Cell>
                    <Cell label="Stored"><RelativeTime at=v.created_at/></Cell>
                    <Cell label="By">{v.created_by}</Cell>
                </Row>
            }
        })
        .collect_view();
    view! { <DataTable caption="Versions" columns>{rows}</DataTable> }.into_any()
}
