//! Asking for a review.

use super::Of;
use crate::{api::labels::start_label_review, components::*, hooks::use_set_query};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    dataset::ColumnType,
    labels::{LabelOrder, LabelSettings},
    run::Family,
};

/// The settings, of which only the labels' column has no default.
#[component]
pub(super) fn Start(of: Of, reload: Callback<()>) -> impl IntoView {
    let fit = of.columns.iter().filter(|(_, kind)| *kind != ColumnType::Datetime);
    let targets: Vec<(String, String)> = fit.map(|(name, _)| (name.clone(), name.clone())).collect();
    let target = of.target.clone().or_else(|| targets.last().map(|(name, _)| name.clone())).unwrap_or_default();
    let mut groups = vec![(String::new(), "None".to_owned())];
    groups.extend(of.columns.iter().map(|(name, _)| (name.clone(), name.clone())));
    let group = of.group.clone().filter(|group| *group != target);
    let first = LabelSettings { groups: group.clone(), ..LabelSettings::for_target(target.clone()) };
    let settings = RwSignal::new(first);
    let (folds, most) = (RwSignal::new("5".to_owned()), RwSignal::new("1000".to_owned()));
    let unread: RwSignal<Option<Problem>> = RwSignal::new(None);
    let stored = StoredValue::new(of);
    let set_query = use_set_query();
    let act = Action::new(move |settings: &LabelSettings| {
        let (of, settings) = (stored.get_value(), settings.clone());
        start_label_review(of.project, of.version, settings)
    });
    Effect::new(move |_| {
        if let Some(Ok(review)) = act.value().get() {
            let review = Some(review.id.to_string());
            set_query(&[("review", review), ("given", None), ("suggested", None), ("state", None), ("page", None)]);
            reload.run(());
        }
    });
    let problem =
        Signal::derive(move || unread.get().or_else(|| act.value().get().and_then(Result::err).map(|error| error.0)));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        unread.set(None);
        let mut asked = settings.get_untracked();
        for (name, text, place) in [("folds", folds, &mut asked.folds), ("most", most, &mut asked.most)] {
            match text.get_untracked().trim().parse() {
                Ok(number) => *place = number,
                Err(_) => return unread.set(Some(Problem::field(name, "Write a whole number."))),
            }
        }
        act.dispatch(asked);
    };
    let families =
        vec![("trees".to_owned(), "Boosted trees".to_owned()), ("linear".to_owned(), "Linear model".to_owned())];
    let orders = vec![
        ("margin".to_owned(), "Margin between the labels".to_owned()),
        ("confidence".to_owned(), "Probability of the given label".to_owned()),
    ];
    let choose_family = Callback::new(move |text: String| {
        settings.update(|s| s.family = if text == "linear" { Family::Linear } else { Family::Trees });
    });
    let choose_order = Callback::new(move |text: String| {
        let order = if text == "confidence" { LabelOrder::SelfConfidence } else { LabelOrder::NormalizedMargin };
        settings.update(|s| s.order = order);
    });
    let general = move || {
        problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })
    };
    view! {
        <form class="split-form stack" on:submit=submit>
            <div class="form-row">
                <SelectField name="target" id="f-label-target" label="Labels" options=targets value=target problem=problem
                    hint="The column whose values are doubted." on_value=Callback::new(move |text| settings.update(|s| s.target = text))/>
                <SelectField name="family" id="f-label-family" label="Judged by" options=families value="trees" problem=problem
                    hint="Trees find most; a linear model takes seconds." on_value=choose_family/>
                <SelectField name="groups" id="f-label-groups" label="Keep together" options=groups value=group.unwrap_or_default() problem=problem
                    hint="Rows of one person or place must not judge each other." on_value=Callback::new(move |text: String| settings.update(|s| s.groups = (!text.is_empty()).then_some(text)))/>
            </div>
            <details class="fold">
                <summary>"Folds, order, length"</summary>
                <div class="form-row">
                    <TextField name="folds" id="f-label-folds" label="Folds" kind="number" value="5" problem=problem
                        hint="3 to 20. Each row is judged by the model of one." on_value=Callback::new(move |text| folds.set(text))/>
                    <SelectField name="order" id="f-label-order" label="Most suspicious by" options=orders value="margin" problem=problem
                        hint="Of classes only." on_value=choose_order/>
                    <TextField name="most" id="f-label-most" label="Rows kept at most" kind="number" value="1000" problem=problem
                        hint="All are counted." on_value=Callback::new(move |text| most.set(text))/>
                </div>
            </details>
            {general}
            <div class="button-row">
                <Submit label="Review the labels" busy="Looking at the labels …" glyph=Glyph::Play pending=act.pending()/>
            </div>
        </form>
    }
}
