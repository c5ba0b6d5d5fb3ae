//! What changed between two versions of a data set.

use super::dataset::minis::{bars, value};
use crate::wire::resource;
use crate::{
    api::datasets::compare_versions,
    components::*,
    format::{count, measure, percent},
    hooks::{use_param, use_project, use_query_param},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use trainyard_types::{
    DatasetVersionId,
    catalog::{ColumnChange, ColumnDiff, ColumnSide, RowDiff, VersionDiff},
};

/// `/p/:project/data/:dataset_id/compare?before=…&after=…`.
#[component]
pub fn VersionDiffPage() -> impl IntoView {
    let project = use_project();
    let dataset = use_param("dataset_id");
    let (before, after) = (use_query_param("before"), use_query_param("after"));
    let diff = resource(
        move || (project.get(), before.get(), after.get()),
        |(project, before, after)| async move {
            let before: DatasetVersionId = parse_id(&before, "version")?;
            let after: DatasetVersionId = parse_id(&after, "version")?;
            compare_versions(project, before, after).await
        },
    );
    view! {
        <Load resource=diff lines=14 view=move |diff: VersionDiff| page(&project.get_untracked(), &dataset.get_untracked(), diff)/>
    }
}

fn page(project: &str, dataset: &str, diff: VersionDiff) -> AnyView {
    let home = format!("/p/{project}/data/{dataset}");
    let crumbs = vec![
        ("Data".to_owned(), format!("/p/{project}/data")),
        ("Data set".to_owned(), home.clone()),
        ("Versions".to_owned(), format!("{home}?tab=versions")),
    ];
    let title = format!("Version {} against version {}", diff.after_number, diff.before_number);
    let sentence = diff.sentence.replace('`', "");
    view! {
        <PageHead title state=sentence crumbs/>
        {rows(&diff.rows)}
        {columns(diff.columns)}
        {examples("Rows that came", &diff.rows.columns, &diff.rows.added_examples, diff.rows.added)}
        {examples("Rows that went", &diff.rows.columns, &diff.rows.removed_examples, diff.rows.removed)}
    }
    .into_any()
}

fn rows(rows: &RowDiff) -> AnyView {
    if !rows.compared {
        return view! {
            <Note>{format!("{} rows before, {} after. They are too many to compare one by one, or no column is in both versions.", count(rows.before), count(rows.after))}</Note>
        }
        .into_any();
    }
    let [before, common, added, removed, after] =
        [rows.before, rows.common, rows.added, rows.removed, rows.after].map(count);
    view! {
        <Stats>
            <StatTile label="Before" value=before/>
            <StatTile label="In both" value=common/>
            <StatTile label="Came" value=added/>
            <StatTile label="Went" value=removed/>
            <StatTile label="After" value=after/>
        </Stats>
    }
    .into_any()
}

fn columns(columns: Vec<ColumnDiff>) -> AnyView {
    let heads = vec![
        Column::text("Column"),
        Column::text("Change"),
        Column::text("Before"),
        Column::text("After"),
        Column::number("PSI").term("psi"),
        Column::number("KS").term("ks"),
        Column::text("Drift").term("evidently"),
        Column::number("Missing"),
        Column::number("Mean"),
        Column::number("Distinct"),
    ];
    let rows = columns.into_iter().map(row).collect_view();
    view! {
        <Section title="Columns" lead="Removed, added and retyped ones first, then those whose values moved most. Bars show the same bins on both sides.">
            <DataTable caption="Columns" columns=heads>{rows}</DataTable>
        </Section>
    }
    .into_any()
}

fn row(column: ColumnDiff) -> AnyView {
    let (tone, word) = match column.change {
        ColumnChange::Removed => (Tone::Critical, "removed"),
        ColumnChange::Added => (Tone::Accent, "added"),
        ColumnChange::Retyped => (Tone::Warning, "other type"),
        ColumnChange::Changed => match column.shift.as_ref().map(|shift| (shift.psi, shift.words())) {
            Some((psi, words)) if psi >= 0.1 => (Tone::Warning, words),
            _ => (Tone::Neutral, "stable"),
        },
        ColumnChange::Same => (Tone::Neutral, "the same"),
    };
    let kind = column.after.as_ref().or(column.before.as_ref()).map(|side| side.kind);
    let both = |get: &dyn Fn(&ColumnSide) -> Option<String>| {
        let of = |side: &Option<ColumnSide>| side.as_ref().and_then(get);
        match (of(&column.before), of(&column.after)) {
            (Some(before), Some(after)) if before == after => before,
            (Some(before), Some(after)) => format!("{before} → {after}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => String::new(),
        }
    };
    let missing = both(&|side| Some(percent(side.missing)));
    let missing = match column.gap() {
        Some(_) => view! { <Badge tone=Tone::Warning glyph=Glyph::Warning text=missing/> }.into_any(),
        None => missing.into_any(),
    };
    let drift = column.drift.as_ref().map(|test| {
        let tone = if test.drifted { Tone::Warning } else { Tone::Neutral };
        let word = if test.drifted { "drifted" } else { "none" };
        view! { <Badge tone text=word/> " " <span class="muted">{test.in_words()}</span> }
    });
    let mean = both(&|side| side.mean.map(|mean| kind.map_or_else(String::new, |kind| mean_of(kind, mean))));
    let distinct = both(&|side| Some(count(side.distinct)));
    let drawing = |side: &Option<ColumnSide>| match side {
        Some(side) if !side.counts.is_empty() => {
            let svg = bars(&side.counts, 96.0, 24.0, 1.0);
            view! { <span class="mini" inner_html=svg></span> }.into_any()
        }
        Some(side) => view! { <span class="kind">{side.kind.as_str()}</span> }.into_any(),
        None => ().into_any(),
    };
    let (before, after) = (drawing(&column.before), drawing(&column.after));
    let (psi, ks) = column.shift.as_ref().map_or((String::new(), String::new()), |shift| {
        (format!("{:.3}", shift.psi), shift.ks.map_or(String::new(), |ks| format!("{ks:.3}")))
    });
    view! {
        <Row>
            <Cell label="Column" main=true><code>{column.name}</code></Cell>
            <Cell label="Change"><Badge tone text=word/></Cell>
            <Cell label="Before">{before}</Cell>
            <Cell label="After">{after}</Cell>
            <Cell label="PSI" numeric=true>{psi}</Cell>
            <Cell label="KS" numeric=true>{ks}</Cell>
            <Cell label="Drift">{drift}</Cell>
            <Cell label="Missing" numeric=true>{missing}</Cell>
            <Cell label="Mean" numeric=true>{mean}</Cell>
            <Cell label="Distinct" numeric=true>{distinct}</Cell>
        </Row>
    }
    .into_any()
}

fn mean_of(kind: trainyard_types::dataset::ColumnType, mean: f64) -> String {
    if kind.is_numeric() { measure(mean) } else { value(kind, mean) }
}

fn examples(title: &'static str, columns: &[String], rows: &[Vec<Option<String>>], all: u64) -> AnyView {
    if rows.is_empty() {
        return ().into_any();
    }
    let heads = columns.iter().map(|name| view! { <th scope="col">{name.clone()}</th> }).collect_view();
    let body = rows
        .iter()
        .map(|row| {
            let cells = row
                .iter()
                .map(|cell| match cell {
                    Some(text) => view! { <td>{text.clone()}</td> }.into_any(),
                    None => view! { <td><span class="missing-value">"missing"</span></td> }.into_any(),
                })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    let lead = format!("The first {} of {}.", rows.len(), count(all));
    view! {
        <Section title lead>
            <div class="table-wrap preview" tabindex="0" role="region" aria-label=title>
                <table class="table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>
            </div>
        </Section>
    }
    .into_any()
}
