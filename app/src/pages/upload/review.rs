//! How an uploaded file is read: shown, corrected, confirmed.

use crate::{
    AppError,
    api::datasets::{Committed, discard_upload, keep_upload, reinspect_upload},
    components::*,
    format::{bytes, count, counted},
    hooks::{use_project, use_set_query},
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use trainyard_types::{
    Problem, ResourceName,
    dataset::{
        BadRowReport, BadRows, ColumnSchema, ColumnType, CommitMode, CommitUpload, FileFormat, ReadFailure,
        ReadOptions, UploadView,
    },
};

/// Columns whose types can be corrected on the page; the ones after these are read as inferred.
const MOST_COLUMNS: usize = 300;
/// Rows of the file that are shown beside the types.
const SAMPLE_ROWS: usize = 5;

const ENCODINGS: [(&str, &str); 7] = [
    ("utf-8", "UTF-8"),
    ("windows-1252", "Windows-1252 (Western)"),
    ("iso-8859-2", "ISO 8859-2 (Central European)"),
    ("iso-8859-15", "ISO 8859-15 (Western, with €)"),
    ("utf-16le", "UTF-16, little-endian"),
    ("utf-16be", "UTF-16, big-endian"),
    ("shift_jis", "Shift JIS"),
];

const DELIMITERS: [(char, &str); 5] =
    [(',', "Comma"), (';', "Semicolon"), ('\t', "Tab"), ('|', "Vertical bar"), (' ', "Space")];

/// The file name without folder and ending, as a first name for the data set.
fn stem(file_name: &str) -> String {
    let base = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_owned()
}

/// Texts for "missing", one after the other, from what a person typed.
fn missing_tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for token in text.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        if !out.iter().any(|t| t == token) {
            out.push(token.to_owned());
        }
    }
    out
}

/// Shows how the file is read, takes corrections, and makes the data set.
#[component]
pub fn Review(view: UploadView) -> impl IntoView {
    let project = use_project();
    let upload = view.id;
    let size = view.bytes;
    let file_name = view.file_name.clone();
    let options = RwSignal::new(view.options);
    let sample = RwSignal::new(view.sample);
    let notes = RwSignal::new(view.notes);
    let name = RwSignal::new(stem(&file_name));
    let description = RwSignal::new(String::new());
    let why = RwSignal::new(String::new());
    let policy = RwSignal::new(BadRows::Refuse);
    let mode = RwSignal::new(CommitMode::Replace);
    let set_query = use_set_query();
    let navigate = StoredValue::new(use_navigate());

    let inspect = Action::new(move |wanted: &ReadOptions| {
        let wanted = wanted.clone();
        async move { reinspect_upload(project.get_untracked(), upload, wanted).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(view)) = inspect.value().get() {
            options.set(view.options);
            sample.set(view.sample);
            notes.set(view.notes);
        }
    });
    // Another delimiter or header makes other columns: they are found anew.
    let reread = Callback::new(move |change: ReadOptions| {
        options.set(change.clone());
        inspect.dispatch(ReadOptions { columns: Vec::new(), ..change });
    });

    let commit = Action::new(move |(name, policy): &(ResourceName, BadRows)| {
        let commit = CommitUpload {
            name: name.clone(),
            description: description.get_untracked().trim().to_owned(),
            options: Some(options.get_untracked()),
            bad_rows: *policy,
            mode: mode.get_untracked(),
            why: why.get_untracked().trim().to_owned(),
        };
        async move { keep_upload(project.get_untracked(), upload, commit).await }
    });
    let refused = RwSignal::new(None::<Problem>);
    let send = move |policy: BadRows| {
        refused.set(None);
        match ResourceName::parse(name.get_untracked()) {
            Ok(name) => {
                commit.dispatch((name, policy));
            }
            Err(message) => refused.set(Some(Problem::field("name", message))),
        }
    };
    Effect::new(move |_| {
        if let Some(Ok(Committed::Stored { dataset, .. })) = commit.value().get() {
            let to = format!("/p/{}/data/{dataset}", project.get_untracked());
            navigate
                .with_value(|navigate| navigate(&to, NavigateOptions { replace: true, ..NavigateOptions::default() }));
        }
    });
    let failure = move || match commit.value().get() {
        Some(Ok(Committed::Refused(failure))) => Some(failure),
        Some(Err(AppError(problem))) => Some(ReadFailure { problem, report: BadRowReport::default() }),
        _ => None,
    };
    let problem = Signal::derive(move || refused.get().or_else(|| failure().map(|f| f.problem)));
    let discard = Action::new(move |()| async move { discard_upload(project.get_untracked(), upload).await });
    Effect::new(move |_| {
        if let Some(Ok(())) = discard.value().get() {
            set_query(&[("upload", None), ("fetch", None)]);
        }
    });
    let pending = commit.pending();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        send(policy.get_untracked());
    };

    view! {
        <form class="review" on:submit=submit>
            <p class="review-file"><Icon glyph=Glyph::Table/><strong>{file_name}</strong><span class="muted">{bytes(size)}</span></p>
            {move || notes.get().into_iter().map(|note| view! { <Note>{note}</Note> }).collect_view()}
            <Section title="How to read it" lead="Found in the file. Correct what is wrong; the rows below follow.">
                <ReadForm options reread/>
                <div role="alert">
                    {move || match inspect.value().get() {
                        Some(Err(error)) => Some(view! { <Note tone=Tone::Critical>{error.0.message}</Note> }),
                        _ => None,
                    }}
                </div>
            </Section>
            <Section title="Columns" lead="Types decide how models use a column: numbers are scaled, texts become categories.">
                <div class:pending=move || inspect.pending().get()>
                    <ColumnTypes options sample/>
                </div>
            </Section>
            <Section title="Keep it as">
                <div class="form-row">
                    <TextField name="name" label="Name" value=name.get_untracked() required=true problem=problem
                        hint="A known name makes a new version of that data set."
                        on_value=Callback::new(move |text| name.set(text))/>
                    <TextField name="description" label="Description" value=String::new()
                        hint="What a row stands for and where it comes from."
                        on_value=Callback::new(move |text| description.set(text))/>
                    <TextField name="why" label="Why this version" value=String::new()
                        hint="Optional; stands beside the version." on_value=Callback::new(move |text| why.set(text))/>
                </div>
                <fieldset class="choices">
                    <legend>"If there is a data set of that name"</legend>
                    <label class="check">
                        <input type="radio" name="mode" value="replace" checked=true on:change=move |_| mode.set(CommitMode::Replace)/>
                        <span>"Its next version holds these rows alone"</span>
                    </label>
                    <label class="check">
                        <input type="radio" name="mode" value="append" on:change=move |_| mode.set(CommitMode::Append)/>
                        <span>"Its next version holds its rows and these after them"</span>
                    </label>
                </fieldset>
                <fieldset class="choices">
                    <legend>"Rows that can't be read as typed"</legend>
                    <label class="check">
                        <input type="radio" name="bad_rows" value="refuse" checked=true on:change=move |_| policy.set(BadRows::Refuse)/>
                        <span>"Refuse the file and list them"</span>
                    </label>
                    <label class="check">
                        <input type="radio" name="bad_rows" value="skip" on:change=move |_| policy.set(BadRows::Skip)/>
                        <span>"Leave them out and count them"</span>
                    </label>
                </fieldset>
            </Section>
            {move || failure().map(|failure| view! {
                <Failure failure pending=pending on_skip=Callback::new(move |()| send(BadRows::Skip))/>
            })}
            <div class="button-row">
                <Submit label="Create data set" busy="Reading and storing the rows …" pending=pending/>
                <Button label="Discard the file".to_owned() on_press=move |()| { discard.dispatch(()); }/>
            </div>
        </form>
    }
}

/// Format, and for delimited text its delimiter, encoding, header and words for "missing".
#[component]
fn ReadForm(options: RwSignal<ReadOptions>, reread: Callback<ReadOptions>) -> impl IntoView {
    let change = move |edit: &dyn Fn(&mut ReadOptions)| {
        let mut next = options.get_untracked();
        edit(&mut next);
        if next != options.get_untracked() {
            reread.run(next);
        }
    };
    let is_csv = Memo::new(move |_| options.with(|o| o.format == FileFormat::Csv));
    let format = move |event| {
        let chosen = match event_target_value(&event).as_str() {
            "json_lines" => FileFormat::JsonLines,
            "parquet" => FileFormat::Parquet,
            _ => FileFormat::Csv,
        };
        change(&|o| o.format = chosen);
    };
    let delimiter = move |event| {
        if let Some(chosen) = event_target_value(&event).chars().next() {
            change(&|o| o.delimiter = chosen);
        }
    };
    let encoding = move |event| {
        let chosen = event_target_value(&event);
        change(&|o| o.encoding = chosen.clone());
    };
    let header = move |event| {
        let chosen = event_target_checked(&event);
        change(&|o| o.has_header = chosen);
    };
    let missing = move |event| {
        let chosen = missing_tokens(&event_target_value(&event));
        change(&|o| o.missing = chosen.clone());
    };
    let csv_fields = move || {
        is_csv.get().then(|| {
            let now = options.get();
            let mut delimiters: Vec<(char, String)> = DELIMITERS.iter().map(|(c, word)| (*c, (*word).to_owned())).collect();
            if !delimiters.iter().any(|(c, _)| *c == now.delimiter) {
                delimiters.push((now.delimiter, now.delimiter.to_string()));
            }
            let delimiters = delimiters
                .into_iter()
                .map(|(c, word)| view! { <option value=c.to_string() selected=c == now.delimiter>{word}</option> })
                .collect_view();
            view! {
                <Field id="read-delimiter" name="delimiter" label="Delimiter">
                    <select id="read-delimiter" on:change=delimiter>{delimiters}</select>
                </Field>
                <label class="check"><input type="checkbox" checked=now.has_header on:change=header/><span>"The first line names the columns"</span></label>
            }
        })
    };
    let text_fields = move || {
        options.with(|o| o.format != FileFormat::Parquet).then(|| {
            let now = options.get();
            let mut encodings: Vec<(String, String)> = ENCODINGS.iter().map(|(l, w)| ((*l).to_owned(), (*w).to_owned())).collect();
            if !encodings.iter().any(|(label, _)| *label == now.encoding.to_lowercase()) {
                encodings.push((now.encoding.clone(), now.encoding.clone()));
            }
            let chosen = now.encoding.to_lowercase();
            let encodings = encodings
                .into_iter()
                .map(|(label, word)| {
                    let selected = label.to_lowercase() == chosen;
                    view! { <option value=label selected=selected>{word}</option> }
                })
                .collect_view();
            view! {
                <Field id="read-encoding" name="encoding" label="Encoding">
                    <select id="read-encoding" on:change=encoding>{encodings}</select>
                </Field>
                <Field id="read-missing" name="missing" label="Also means missing" hint="Separated by commas; the empty text always does.">
                    <input id="read-missing" type="text" value=now.missing.join(", ") on:change=missing aria-describedby="read-missing-hint"/>
                </Field>
            }
        })
    };
    let kind = options.with_untracked(|o| o.format);
    view! {
        <div class="form-row read-form">
            <Field id="read-format" name="format" label="Format">
                <select id="read-format" on:change=format>
                    <option value="csv" selected=kind == FileFormat::Csv>"Delimited text (CSV, TSV)"</option>
                    <option value="json_lines" selected=kind == FileFormat::JsonLines>"JSON Lines"</option>
                    <option value="parquet" selected=kind == FileFormat::Parquet>"Parquet"</option>
                </select>
            </Field>
            {csv_fields}
            {text_fields}
        </div>
    }
}

/// Each column with its type to choose and its first values.
#[component]
fn ColumnTypes(options: RwSignal<ReadOptions>, sample: RwSignal<Vec<Vec<Option<String>>>>) -> impl IntoView {
    // Choosing a type must not draw the table anew: only names and the sample do.
    let names = Memo::new(move |_| options.with(|o| o.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>()));
    let set = move |index: usize, text: String| {
        if let Some(kind) = ColumnType::ALL.into_iter().find(|k| k.as_str() == text) {
            options.update(|o| {
                if let Some(column) = o.columns.get_mut(index) {
                    column.kind = kind;
                }
            });
        }
    };
    let rows = move || {
        let names = names.get();
        let sample = sample.get();
        names
            .iter()
            .take(MOST_COLUMNS)
            .enumerate()
            .map(|(index, name)| {
                let kind = options.with_untracked(|o| o.columns.get(index).map(|c: &ColumnSchema| c.kind));
                let choices = ColumnType::ALL
                    .into_iter()
                    .map(|k| view! { <option value=k.as_str() selected=Some(k) == kind>{k.as_str()}</option> })
                    .collect_view();
                let values = sample
                    .iter()
                    .take(SAMPLE_ROWS)
                    .map(|row| match row.get(index).cloned().flatten() {
                        Some(text) => view! { <td class="sample" title=text.clone()>{text.clone()}</td> }.into_any(),
                        None => view! { <td class="sample"><span class="missing-value">"missing"</span></td> }.into_any(),
                    })
                    .collect_view();
                view! {
                    <tr>
                        <th scope="row">{name.clone()}</th>
                        <td>
                            <select aria-label=format!("Type of {name}") on:change=move |event| set(index, event_target_value(&event))>{choices}</select>
                        </td>
                        {values}
                    </tr>
                }
            })
            .collect_view()
    };
    let heads = move || {
        let shown = sample.with(|s| s.len().min(SAMPLE_ROWS));
        (1..=shown).map(|n| view! { <th scope="col">{format!("Row {n}")}</th> }).collect_view()
    };
    let more = move || {
        names.with(|n| n.len().checked_sub(MOST_COLUMNS)).filter(|n| *n > 0).map(|n| {
            view! { <p class="muted">{format!("{} are read as inferred.", counted(n as u64, "further column", "further columns"))}</p> }
        })
    };
    view! {
        <div class="table-wrap" tabindex="0" role="region" aria-label="Columns and their types">
            <table class="table types">
                <thead><tr><th scope="col">"Column"</th><th scope="col">"Type"</th>{heads}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {more}
    }
}

/// Why the file was refused: where, which value, and the way on.
#[component]
fn Failure(failure: ReadFailure, #[prop(into)] pending: Signal<bool>, on_skip: Callback<()>) -> impl IntoView {
    let BadRowReport { count: bad, first } = failure.report;
    let shown = first.len() as u64;
    let rows = first
        .into_iter()
        .map(|row| {
            let column = if row.column.is_empty() { "(whole row)".to_owned() } else { row.column };
            view! {
                <tr>
                    <th scope="row" class="num">{count(row.line)}</th>
                    <td>{column}</td>
                    <td><code>{row.value}</code></td>
                    <td>{row.reason}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="failure" role="alert">
            <Note tone=Tone::Critical>{failure.problem.message}</Note>
            {(bad > 0).then(|| view! {
                <div class="table-wrap" tabindex="0">
                    <table class="table">
                        <caption>{if bad > shown { format!("The first {} of {}", count(shown), counted(bad, "bad row", "bad rows")) } else { counted(bad, "bad row", "bad rows") }}</caption>
                        <thead><tr><th scope="col" class="num">"Line"</th><th scope="col">"Column"</th><th scope="col">"Value"</th><th scope="col">"Reason"</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                <p class="muted">"Correct the file and upload it again, read the column as text above, or leave these rows out."</p>
                <Button label=format!("Leave out {}", counted(bad, "row", "rows")) disabled=pending on_press=move |()| on_skip.run(())/>
            })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_is_the_files() {
        assert_eq!(stem("C:\\data\\adult.train.csv"), "adult.train");
        assert_eq!(stem("loans"), "loans");
    }

    #[test]
    fn missing_words_are_taken_once() {
        assert_eq!(missing_tokens(" NA, ?,NA,, - "), ["NA", "?", "-"]);
    }
}
