//! Everything about a run that has a default: columns, split, training, name.

use super::some;
use crate::{components::*, format::duration};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    dataset::{ColumnProfile, ColumnType, DataWarning},
    run::{DeviceChoice, SplitMethod, TrainSettings},
    split::Gap,
};

type Unread = RwSignal<Vec<(&'static str, String)>>;

#[component]
pub fn Advanced(
    columns: Vec<ColumnProfile>,
    warnings: Vec<DataWarning>,
    settings: RwSignal<TrainSettings>,
    name: RwSignal<String>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let dropped = move || some(settings.with(|s| s.drop.len()), "column", "columns");
    let split = move || settings.with(|s| s.split.in_words());
    let effort = move || {
        settings.with(|s| match (s.epochs, s.budget_seconds) {
            (Some(n), _) => format!("{n} epochs"),
            (None, seconds) => format!("{} of training", duration(seconds.unwrap_or(60.0))),
        })
    };
    let kinds = columns.clone();
    view! {
        <div class="advanced">
            <details class="fold">
                <summary>"Columns to leave out" <span class="fold-value">{dropped}</span></summary>
                <LeaveOut columns warnings settings/>
            </details>
            <details class="fold">
                <summary>"Split" <span class="fold-value">{split}</span></summary>
                <Split columns=kinds settings unread problem/>
            </details>
            <details class="fold">
                <summary>"Training" <span class="fold-value">{effort}</span></summary>
                <Training settings unread problem/>
            </details>
            <details class="fold">
                <summary>"Name" <span class="fold-value">{move || name.with(|n| if n.trim().is_empty() { "made from data set and model".to_owned() } else { n.clone() })}</span></summary>
                <TextField name="name" label="Name of the run" problem=problem on_value=Callback::new(move |text| name.set(text))/>
            </details>
        </div>
    }
    .into_any()
}

/// A box for each column but the target; what the profile found stands beside it.
#[component]
fn LeaveOut(
    columns: Vec<ColumnProfile>,
    warnings: Vec<DataWarning>,
    settings: RwSignal<TrainSettings>,
) -> impl IntoView {
    let boxes = columns
        .into_iter()
        .map(|c| {
            let found = warnings
                .iter()
                .filter(|w| w.column == c.name && matches!(w.kind.as_str(), "id_like" | "constant" | "high_cardinality" | "missing" | "mixed_types"))
                .map(|w| w.kind.replace('_', " ").replace("id like", "looks like an id"))
                .collect::<Vec<_>>()
                .join(", ");
            let (name, is_target, is_out) = (c.name.clone(), c.name.clone(), c.name.clone());
            let flip = move |event| {
                let on = event_target_checked(&event);
                settings.update(|s| {
                    s.drop.retain(|d| *d != name);
                    if on {
                        s.drop.push(name.clone());
                    }
                });
            };
            view! {
                <label class="check" hidden=move || settings.with(|s| s.target == is_target)>
                    <input type="checkbox" prop:checked=move || settings.with(|s| s.drop.contains(&is_out)) on:change=flip/>
                    <span>{c.name}" "<small class="muted">{c.kind.as_str()}</small>
                        {(!found.is_empty()).then(|| view! { " " <Badge tone=Tone::Warning glyph=Glyph::Warning text=found/> })}
                    </span>
                </label>
            }
        })
        .collect_view();
    view! {
        <div>
            <p class="muted">"Leave out ids, and everything that is known only after the target is."</p>
            <div class="check-columns">{boxes}</div>
        </div>
    }
}

/// Takes a text as a number into the settings, or remembers that it can't be read.
fn number<T: std::str::FromStr>(unread: Unread, field: &'static str, text: &str, wanted: &str, take: impl FnOnce(T)) {
    unread.update(|u| u.retain(|(f, _)| *f != field));
    match text.trim().parse() {
        Ok(value) => take(value),
        Err(_) => unread.update(|u| u.push((field, format!("'{}' can't be used here. Enter {wanted}.", text.trim())))),
    }
}

#[component]
fn Split(
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

#[component]
fn Training(settings: RwSignal<TrainSettings>, unread: Unread, problem: Signal<Option<Problem>>) -> impl IntoView {
    let by_epochs = RwSignal::new(settings.with_untracked(|s| s.epochs.is_some()));
    let first = settings.get_untracked();
    let switch = move |event| {
        let epochs = event_target_value(&event) == "epochs";
        by_epochs.set(epochs);
        unread.update(|u| u.retain(|(f, _)| *f != "epochs" && *f != "budget_seconds"));
        settings.update(|s| {
            s.epochs = epochs.then_some(256);
            s.budget_seconds = None;
        });
    };
    let epochs = Callback::new(move |text: String| {
        number(unread, "epochs", &text, "a whole number such as 256", |v: u32| settings.update(|s| s.epochs = Some(v)));
    });
    let budget = Callback::new(move |text: String| {
        number(unread, "budget_seconds", &text, "seconds such as 60", |v: f64| {
            settings.update(|s| s.budget_seconds = Some(v))
        });
    });
    let seed = Callback::new(move |text: String| {
        number(unread, "seed", &text, "a whole number such as 0", |v: u64| settings.update(|s| s.seed = v));
    });
    let device = Callback::new(move |text: String| {
        settings.update(|s| {
            s.device = match text.as_str() {
                "cpu" => DeviceChoice::Cpu,
                "gpu" => DeviceChoice::Gpu,
                _ => DeviceChoice::Auto,
            };
        });
    });
    let seconds = first.budget_seconds.unwrap_or(60.0).to_string();
    let passes = first.epochs.unwrap_or(256).to_string();
    let devices = [("auto", "A GPU if there is one"), ("cpu", "CPU"), ("gpu", "GPU, or fail")]
        .map(|(value, label)| (value.to_owned(), label.to_owned()))
        .to_vec();
    let chosen = match first.device {
        DeviceChoice::Auto => "auto",
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::Gpu => "gpu",
    };
    let on_epochs = by_epochs.get_untracked();
    view! {
        <div class="stack">
            <div class="form-row">
                <Field id="f-effort" name="effort" label="Train for">
                    <select id="f-effort" on:change=switch>
                        <option value="budget" selected=!on_epochs>"A time budget"</option>
                        <option value="epochs" selected=on_epochs>"A number of epochs"</option>
                    </select>
                </Field>
                {move || if by_epochs.get() {
                    view! { <TextField name="epochs" label="Epochs" kind="number" value=passes.clone() problem=problem hint="256 is the published recipe of RealMLP." on_value=epochs/> }.into_any()
                } else {
                    view! { <TextField name="budget_seconds" label="Seconds" kind="number" value=seconds.clone() problem=problem hint="Holds for RealMLP; the others take what they need." on_value=budget/> }.into_any()
                }}
            </div>
            <div class="form-row">
                <SelectField name="device" label="Device" options=devices value=chosen on_value=device/>
                <TextField name="seed" label="Seed" kind="number" value=first.seed.to_string() problem=problem
                    hint="The same seed on the CPU gives the same model." on_value=seed/>
            </div>
        </div>
    }
}
