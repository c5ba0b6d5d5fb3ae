//! What fitting minimises.

use crate::{components::*, pages::split_fields::Unread};
use leptos::prelude::*;
use trainyard_types::{Problem, loss::Loss, run::TrainSettings};

/// Names and what they are good for; nothing is the task's own.
const CHOICES: [(&str, &str); 6] = [
    ("", "The usual: squared error of numbers, log loss of classes"),
    ("absolute", "Numbers: the absolute error, for the median"),
    ("huber", "Numbers: squared, but large errors count less (Huber)"),
    ("quantile", "Numbers: a quantile, such as what 90 % stay below"),
    ("poisson", "Numbers: counts and rates (Poisson)"),
    ("focal", "Classes: hard rows count more (focal loss)"),
];

/// The loss with the number that it needs.
#[component]
pub fn LossFields(
    settings: RwSignal<TrainSettings>,
    unread: Unread,
    problem: Signal<Option<Problem>>,
) -> impl IntoView {
    let name = Memo::new(move |_| settings.with(|s| shown(s.loss)));
    let choose = Callback::new(move |text: String| {
        unread.update(|u| u.retain(|(field, _)| *field != "loss"));
        settings.update(|s| s.loss = usual(&text));
    });
    // Read as its text is, so that the range is checked in one place.
    let take = move |name: &'static str, parts: f64| {
        Callback::new(move |text: String| {
            unread.update(|u| u.retain(|(field, _)| *field != "loss"));
            let read = text.trim().parse::<f64>().map_err(|_| format!("'{}' is no number.", text.trim()));
            match read.and_then(|value| format!("{name}={}", value / parts).parse::<Loss>()) {
                Ok(loss) => settings.update(|s| s.loss = Some(loss)),
                Err(message) => unread.update(|u| u.push(("loss", message))),
            }
        })
    };
    let number = move || {
        name.track();
        match settings.with_untracked(|s| s.loss) {
            Some(Loss::Quantile(level)) => view! {
                <TextField name="loss_level" label="So many stay below, %" kind="number" value=crate::format::plain(level * 100.0)
                    problem=problem on_value=take("quantile", 100.0)/>
            }
            .into_any(),
            Some(Loss::Focal(gamma)) => view! {
                <TextField name="loss_gamma" label="γ, above 0 and up to 10" kind="number" value=gamma.to_string()
                    problem=problem hint="More of it looks at hard rows only. The paper's choice is 2." on_value=take("focal", 1.0)/>
            }
            .into_any(),
            _ => ().into_any(),
        }
    };
    let options = CHOICES.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    view! {
        <div class="form-row">
            <SelectField name="loss" label="Make small" options value=name.get_untracked() problem=problem
                hint="The model is chosen and judged by it as well." on_value=choose/>
            {number}
        </div>
    }
    .into_any()
}

/// The choice's value; the task's own losses are nothing special.
fn shown(loss: Option<Loss>) -> &'static str {
    match loss {
        None | Some(Loss::Squared | Loss::LogLoss) => "",
        Some(loss) => loss.name(),
    }
}

/// The loss of that name, with its usual number.
fn usual(name: &str) -> Option<Loss> {
    let text = match name {
        "quantile" => "quantile=0.9",
        "focal" => "focal=2",
        other => other,
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_leads_back() {
        for (name, _) in CHOICES {
            assert_eq!(shown(usual(name)), name);
        }
        assert_eq!((usual(""), usual("quantile")), (None, Some(Loss::Quantile(0.9))));
        assert_eq!(shown(Some(Loss::Squared)), "");
    }
}
