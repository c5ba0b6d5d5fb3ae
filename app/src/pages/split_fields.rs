//! How rows are divided, as fields of a form.

use crate::components::*;
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    dataset::{ColumnProfile, ColumnType},
    run::{SplitMethod, TrainSettings},
    split::Gap,
};

/// Texts that can't be read, by their fields.
pub type Unread = RwSignal<Vec<(&'static str, String)>>;

/// Takes a text as a number into the settings, or remembers that it can't be read.
pub fn number<T: std::str::FromStr>(
    unread: Unread,
    field: &'static str,
    text: &str,
    wanted: &str,
    take: impl FnOnce(T),
) {
    unread.update(|u| u.retain(|(f, _)| *f != field));
    match text.trim().parse() {
        Ok(value) => take(value),
        Err(_) => unread.update(|u| u.push((field, format!("'{}' can't be used here. Enter {wanted}.", text.trim())))),
    }
}

/// Method, column, gap, shares and seed of a run's split.
#[component]
pub fn SplitFields(
    columns: Vec<ColumnProfile>,
    settings: RwSignal<TrainSettings>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let kind = Memo::new(move |_| settings.with(|s| s.split.method.kind()));
    let columns = StoredValue::new(columns);
    // Columns that can decide: an order in time needs dates or numbers.
    let fit = move |kind: &str| {
        columns.with_value(|all| {
            let mut names: Vec<String> = all
                .iter()
                .filter(|c| match kind {
                    "time" => c.kind == ColumnType::Datetime || c.kind.is_numeric(),
                    "given" => c.kind == ColumnType::Text && c.distinct <= 10,
                    _ => true,
                })
                .map(|c| c.name.clone())
                .collect();
            if kind == "time" {
                names.sort_by_key(|name| !all.iter().any(|c| &c.name == name && c.kind == ColumnType::Datetime));
            }
            names
        })
    };
    let choose = move |event| {
        let chosen = event_target_value(&event);
        let column = fit(&chosen).into_iter().next().unwrap_or_default();
        settings.update(|s| {
            s.split.method = SplitMethod::of(&chosen, &column);
            s.split.gap = None;
        });
    };
    let choose_column = move |event| {
        let column = event_target_value(&event);
        settings.update(|s| s.split.method = SplitMethod::of(kind.get_untracked(), &column));
    };
    let column_field = move || {
        (kind.get() != "random").then(|| {
            let now = settings.with_untracked(|s| s.split.method.column().map(str::to_owned));
            let options = fit(kind.get())
                .into_iter()
                .map(|name| view! { <option value=name.clone() selected=Some(&name) == now.as_ref()>{name.clone()}</option> })
                .collect_view();
            view! {
                <Field id="f-split-column" name="split" label="Column" problem=problem>
                    <select id="f-split-column" on:change=choose_column>{options}</select>
                </Field>
            }
        })
    };
    let hint = move || match kind.get() {
        "time" => {
            "The oldest rows train and the newest test, as it will be in use. Choose this where rows follow each other in time."
        }
        "group" => {
            "All rows with the same value stay in one part. Choose this where several rows belong to one person, device or place."
        }
        "given" => "The column says train, valid or test.",
        "hash" => {
            "A row's part follows from this key alone and stays the same when rows are added. Choose this for data that grows."
        }
        _ => "Shuffled; classes keep their proportions in each part.",
    };
    let first = settings.with_untracked(|s| (s.split.valid, s.split.test, s.split.seed));
    let percent = |share: f64| format!("{:.0}", share * 100.0);
    let valid = Callback::new(move |text: String| {
        number(unread, "valid", &text, "a share such as 20", |v: f64| settings.update(|s| s.split.valid = v / 100.0));
    });
    let test = Callback::new(move |text: String| {
        number(unread, "test", &text, "a share such as 20", |v: f64| settings.update(|s| s.split.test = v / 100.0));
    });
    let seed = Callback::new(move |text: String| {
        number(unread, "split_seed", &text, "a whole number such as 0", |v: u64| settings.update(|s| s.split.seed = v));
    });
    let gap = Callback::new(move |text: String| {
        let change = |gap: Option<Gap>| settings.update(|s| s.split.gap = gap);
        match text.trim() {
            "" => {
                unread.update(|u| u.retain(|(field, _)| *field != "gap"));
                change(None);
            }
            _ => {
                number(unread, "gap", &text, "rows such as 500, or a duration such as 7d", |gap: Gap| change(Some(gap)))
            }
        }
    });
    let gap_field = move || {
        let first = settings.with_untracked(|s| s.split.gap.map_or_else(String::new, |gap| gap.to_string()));
        (kind.get() == "time").then(|| {
            view! {
                <TextField name="gap" label="Gap between parts" value=first problem=problem on_value=gap
                    hint="Left out before validation and test: rows such as 500, or 12h, 7d. Empty: none."/>
            }
        })
    };
    let at_first = kind.get_untracked();
    view! {
        <div class="stack">
            <div class="form-row">
                <Field id="f-split" name="split_method" label="Divide rows">
                    <select id="f-split" on:change=choose>
                        <option value="random" selected=at_first == "random">"At random"</option>
                        <option value="time" selected=at_first == "time">"By time"</option>
                        <option value="group" selected=at_first == "group">"By group"</option>
                        <option value="hash" selected=at_first == "hash">"By a key's hash"</option>
                        <option value="given" selected=at_first == "given">"As a column says"</option>
                    </select>
                </Field>
                {column_field}
                {gap_field}
            </div>
            <p class="muted">{hint}</p>
            <div class="form-row">
                <TextField name="valid" label="Validation, %" kind="number" value=percent(first.0) problem=problem on_value=valid/>
                <TextField name="test" label="Test, %" kind="number" value=percent(first.1) problem=problem on_value=test/>
                <TextField name="split_seed" label="Seed of the split" kind="number" value=first.2.to_string() problem=problem on_value=seed/>
            </div>
        </div>
    }
}
