//! How an uploaded file is read: shown, corrected, confirmed.

use crate::{
    AppError,
    api::datasets::{Committed, commit_upload, discard_upload, reinspect_upload},
    components::*,
    format::{bytes, count, counted},
    hooks::{use_project, use_set_query},
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use trainyard_types::{
    Problem, ResourceName,
    dataset::{BadRowReport, BadRows, ColumnSchema, ColumnType, CommitUpload, FileFormat, ReadFailure, ReadOptions, UploadView},
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

/// Shows how the file is read and takes corrections.
#[component]
pub fn Review(view: UploadView) -> impl IntoView {
    let project = use_project();
    let upload = view.id;
    let options = RwSignal::new(view.options.clone());
    let read = RwSignal::new((view.sample, view.notes));
    let name = RwSignal::new(stem(&view.file_name));
    let description = RwSignal::new(String::new());
    let policy = RwSignal::new(BadRows::Refuse);
    let set_query = use_set_query();
    let navigate = use_navigate();

    let inspect = Action::new(move |options: &ReadOptions| {
        let options = options.clone();
        async move {
            let answer = reinspect_upload(project.get_untracked(), upload, options).await;
            if let Ok(view) = &answer {
                crate::pages::parts::later(|| {
                    options_of(view, options_signal(), read_signal());
                });
            }
            answer
        }
    });
    let _ = inspect;
    ()
}
