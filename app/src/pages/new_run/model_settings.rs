//! Hyperparameters, for those who know better than the defaults.

use crate::{components::*, pages::split_fields::Unread};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    hyper::{self, Hyperparameter, Scale},
    run::{Family, TrainSettings},
};

/// What the folded part says: how many are set.
pub fn summary(settings: &TrainSettings) -> String {
    summary_of(settings.parameters.len())
}

fn summary_of(set: usize) -> String {
    match set {
        0 => "the recipe's defaults".to_owned(),
        1 => "one set".to_owned(),
        n => format!("{n} set"),
    }
}

/// Whether the hyperparameter of this key is the family's.
fn belongs(key: &str, family: Family) -> bool {
    hyper::find(key).is_some_and(|known| known.family == family)
}

/// Fields of the chosen family, or of every family where all are tried. An empty field leaves the default.
#[component]
pub fn ModelSettings(
    settings: RwSignal<TrainSettings>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let family = Memo::new(move |_| settings.with(|s| s.family));
    // What another family had set would refuse the run.
    Effect::new(move |before: Option<Family>| {
        let now = family.get();
        if before.is_some_and(|before| before != now) {
            unread.update(|u| u.retain(|(field, _)| hyper::find(field).is_none()));
            settings.update(|s| s.parameters.retain(|key, _| hyper::of(now).any(|known| known.key == key.as_str())));
        }
        now
    });
    view! {
        <p class="muted">"Empty fields keep the defaults, which were chosen on many tables. Change one thing at a time, and compare runs."</p>
        {move || {
            let groups: Vec<Family> = Family::ALL.into_iter().filter(|f| hyper::of(family.get()).any(|known| known.family == *f)).collect();
            let several = groups.len() > 1;
            groups
                .into_iter()
                .map(|group| {
                    let fields = hyper::of(group).map(|known| field(known, settings, unread, problem)).collect_view();
                    let fields = view! { <div class="form-row">{fields}</div> };
                    if !several {
                        return fields.into_any();
                    }
                    let set = move || settings.with(|s| summary_of(s.parameters.keys().filter(|key| belongs(key, group)).count()));
                    // Where something is set that may be wrong, it is seen.
                    let open = settings.with_untracked(|s| s.parameters.keys().any(|key| belongs(key, group)));
                    view! {
                        <details class="fold" open=open>
                            <summary>{group.title()} " " <span class="fold-value">{set}</span></summary>
                            {fields}
                        </details>
                    }
                    .into_any()
                })
                .collect_view()
        }}
    }
    .into_any()
}

fn field(
    known: &'static Hyperparameter,
    settings: RwSignal<TrainSettings>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> AnyView {
    let value = settings.with_untracked(|s| s.parameters.get(known.key).map_or_else(String::new, f64::to_string));
    let take = Callback::new(move |text: String| {
        unread.update(|u| u.retain(|(field, _)| *field != known.key));
        let text = text.trim().to_owned();
        if text.is_empty() {
            settings.update(|s| {
                s.parameters.remove(known.key);
            });
            return;
        }
        let read = text.parse::<f64>().map_err(|_| format!("'{text}' is no number."));
        match read.and_then(|value| known.check(value).map(|()| value)) {
            Ok(value) => settings.update(|s| {
                s.parameters.insert(known.key.to_owned(), value);
            }),
            Err(message) => unread.update(|u| u.push((known.key, message))),
        }
    });
    if known.scale == Scale::Switch {
        let options = [("", "default"), ("1", "yes"), ("0", "no")];
        let options = options.map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec();
        let hint = format!("{} Default {}.", known.help, known.default);
        return view! { <SelectField name=known.key label=known.title options value problem hint on_value=take/> }
            .into_any();
    }
    let hint = format!("{} Takes {}; default {}.", known.help, known.range(), known.default);
    view! { <TextField name=known.key label=known.title value problem hint on_value=take/> }.into_any()
}
