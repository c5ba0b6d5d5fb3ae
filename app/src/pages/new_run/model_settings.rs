//! Hyperparameters, for those who know better than the defaults.

use crate::{components::*, pages::split_fields::Unread};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    hyper::{self, Hyperparameter},
    run::{Family, TrainSettings},
};

/// What the folded part says: how many are set.
pub fn summary(settings: &TrainSettings) -> String {
    match settings.parameters.len() {
        0 => "the recipe's defaults".to_owned(),
        1 => "one set".to_owned(),
        n => format!("{n} set"),
    }
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
                    view! {
                        {several.then(|| view! { <h3>{group.title()}</h3> })}
                        <div class="form-row">{fields}</div>
                    }
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
) -> impl IntoView {
    let value = settings.with_untracked(|s| s.parameters.get(known.key).map_or_else(String::new, f64::to_string));
    let (kind, low, high) = (known.kind(), known.low, known.high);
    let hint = format!("{} A {kind} from {low} to {high}; default {}.", known.help, known.default);
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
    view! { <TextField name=known.key label=known.title value problem hint on_value=take/> }
}
