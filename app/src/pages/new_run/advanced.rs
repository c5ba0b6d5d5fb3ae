//! Everything about a run that has a default: columns, split, training, name.

use super::{
    deciding::{self, Deciding},
    directions::{self, Directions},
    loss::LossFields,
    model_settings::{self, ModelSettings},
    some,
};
use crate::{
    components::*,
    format::duration,
    pages::split_fields::{SplitFields, Unread, number},
};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    dataset::{ColumnProfile, DataWarning},
    run::{DeviceChoice, Family, TrainSettings},
    split::{PARTS, SplitView, UsedSplit},
};

#[component]
pub fn Advanced(
    columns: Vec<ColumnProfile>,
    warnings: Vec<DataWarning>,
    settings: RwSignal<TrainSettings>,
    name: RwSignal<String>,
    unread: Unread,
    splits: Vec<SplitView>,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let dropped = move || some(settings.with(|s| s.drop.len()), "column", "columns");
    let split = move || {
        settings.with(|s| {
            let copies = if s.distinct { ", copies left out" } else { "" };
            match &s.kept_split {
                Some(kept) => format!("the stored split {}{copies}", kept.name),
                None => format!("{}{copies}", s.split.in_words()),
            }
        })
    };
    let distinct = move |event| settings.update(|s| s.distinct = event_target_checked(&event));
    let effort = move || {
        settings.with(|s| {
            let loss = s.loss.map_or_else(String::new, |loss| format!(", makes {} small", loss.in_words()));
            match (s.epochs, s.budget_seconds) {
                (Some(n), _) => format!("{n} epochs{loss}"),
                (None, seconds) => format!("{} of training{loss}", duration(seconds.unwrap_or(60.0))),
            }
        })
    };
    let kinds = columns.clone();
    let weights = columns.clone();
    let numbers = columns.clone();
    // What can't be read is told at its field at once, not only when the run is sent.
    let wrong = Signal::derive(move || match unread.with(|u| u.first().cloned()) {
        Some((field, message)) => Some(Problem::field(field, message)),
        None => problem.get(),
    });
    view! {
        <div class="advanced">
            <details class="fold">
                <summary>"Columns to leave out" <span class="fold-value">{dropped}</span></summary>
                <LeaveOut columns warnings settings/>
            </details>
            <details class="fold">
                <summary>"Split" <span class="fold-value">{split}</span></summary>
                <StoredSplit splits settings/>
                <label class="check">
                    <input type="checkbox" prop:checked=move || settings.with(|s| s.distinct) on:change=distinct/>
                    <span>"Leave out copies of rows "<small class="muted">"Of equal rows the first one is used."</small></span>
                </label>
                {move || settings.with(|s| s.kept_split.is_none()).then(|| view! { <SplitFields columns=kinds.clone() settings unread problem/> })}
            </details>
            <details class="fold">
                <summary>"Training" <span class="fold-value">{effort}</span></summary>
                <Training settings unread problem/>
            </details>
            <details class="fold">
                <summary>"Deciding" <span class="fold-value">{move || settings.with(deciding::summary)}</span></summary>
                <Deciding columns=weights settings unread problem/>
            </details>
            <details class="fold">
                <summary>"Directions" <span class="fold-value">{move || settings.with(directions::summary)}</span></summary>
                <Directions columns=numbers settings problem/>
            </details>
            <details class="fold">
                <summary>"Model settings" <span class="fold-value">{move || settings.with(model_settings::summary)}</span></summary>
                <ModelSettings settings unread problem=wrong/>
            </details>
            <details class="fold">
                <summary>"Name" <span class="fold-value">{move || name.with(|n| if n.trim().is_empty() { "made from data set and model".to_owned() } else { n.clone() })}</span></summary>
                <TextField name="name" label="Name of the run" problem=problem on_value=Callback::new(move |text| name.set(text))/>
            </details>
        </div>
    }
    .into_any()
}

/// A split that was made before instead of one made now.
#[component]
fn StoredSplit(splits: Vec<SplitView>, settings: RwSignal<TrainSettings>) -> impl IntoView {
    if splits.is_empty() {
        return ().into_any();
    }
    let kept = StoredValue::new(splits.clone());
    let mut options = vec![(String::new(), "Made for this run".to_owned())];
    for split in &splits {
        // A run needs all three parts; plain folds have no test rows.
        for division in split.summary.divisions.iter().filter(|d| d.parts().iter().all(|(_, part)| part.rows > 0)) {
            let text = match division.name.as_str() {
                PARTS => split.name.clone(),
                fold => format!("{}: {}", split.name, fold.replace('_', " ")),
            };
            options.push((format!("{}/{}", split.id, division.name), text));
        }
    }
    let chosen = settings.with_untracked(|s| {
        s.kept_split.as_ref().map_or_else(String::new, |kept| format!("{}/{}", kept.id, kept.division))
    });
    let choose = move |key: String| {
        let found = kept.with_value(|splits| {
            let (id, division) = key.split_once('/')?;
            let split = splits.iter().find(|split| split.id.to_string() == id)?;
            let (name, hash) = (split.name.clone(), split.summary.hash.clone());
            Some((UsedSplit { id: split.id, division: division.to_owned(), name, hash }, split.plan.spec.clone()))
        });
        settings.update(|s| match found {
            Some((used, spec)) => {
                s.kept_split = Some(used);
                s.split = spec;
            }
            None => s.kept_split = None,
        });
    };
    view! {
        <SelectField name="kept_split" label="Use the split" options value=chosen on_value=Callback::new(choose)
            hint="Runs with the same stored split are judged on the same rows."/>
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
    let single = move |event| settings.update(|s| s.single = event_target_checked(&event));
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
                    view! { <TextField name="epochs" label="Epochs" kind="number" value=passes.clone() problem=problem hint="256 is the published recipe of RealMLP. TabM and FT-Transformer end by themselves." on_value=epochs/> }.into_any()
                } else {
                    view! { <TextField name="budget_seconds" label="Seconds" kind="number" value=seconds.clone() problem=problem hint="Holds for the neural networks and random forests; the others take what they need." on_value=budget/> }.into_any()
                }}
            </div>
            <div class="form-row">
                <SelectField name="device" label="Device" options=devices value=chosen on_value=device/>
                <TextField name="seed" label="Seed" kind="number" value=first.seed.to_string() problem=problem
                    hint="The same seed on the CPU gives the same model." on_value=seed/>
            </div>
            <LossFields settings unread problem/>
            {move || settings.with(|s| s.family == Family::Auto).then(|| view! {
                <label class="check">
                    <input type="checkbox" prop:checked=move || settings.with(|s| s.single) on:change=single/>
                    <span>"Keep a single model "<small class="muted">"Otherwise a blend may be kept, where that is better: it answers more slowly."</small></span>
                </label>
            })}
        </div>
    }
}
