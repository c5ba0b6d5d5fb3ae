//! The verdict: a sentence, the rule that decided, and the numbers behind it.

use crate::{
    components::*,
    format::{count, measure, percent},
    pages::figure::metric_title,
};
use leptos::prelude::*;
use trainyard_types::{
    evaluation::{Ceiling, Fit, Verdict},
    hyper,
    run::{Family, RunView, Task},
};

/// What to do next: each a link to where it is done. `project` is its address.
pub fn next(fit: Fit, run: &RunView, trained: Family, project: &str) -> Vec<(&'static str, String)> {
    let again = |with: &str| format!("/p/{project}/runs/new?from={}{with}", run.summary.id);
    let rows = || ("Add rows", format!("/p/{project}/data/{}?tab=versions", run.summary.dataset));
    let columns = || ("Choose other columns", again(""));
    // Four times what it had, within what a run may take.
    let longer = (run.settings.budget_seconds.unwrap_or(60.0) * 4.0).min(86_400.0);
    let every = || (run.settings.family != Family::Auto).then(|| ("Try every family", again("&family=auto")));
    match fit {
        Fit::Good => Vec::new(),
        Fit::TooLittleData => vec![rows()],
        Fit::Overfit => {
            let less = regularised(run, trained).map(|(key, value)| {
                ("Regularise more", again(&format!("&family={}&set={key}:{value}", trained.as_str())))
            });
            let simpler = (trained != Family::Linear).then(|| ("Train a linear model", again("&family=linear")));
            less.into_iter().chain(simpler).chain([columns(), rows()]).collect()
        }
        Fit::Underfit => {
            let more = match trained {
                Family::Linear => None,
                _ => Some(("Train longer", again(&format!("&budget={longer:.0}")))),
            };
            every().into_iter().chain(more).chain([columns()]).collect()
        }
    }
}

/// The hyperparameter that holds the family's model back, and a value that does so more than this run's.
fn regularised(run: &RunView, trained: Family) -> Option<(&'static str, f64)> {
    let had = |key: &str| run.settings.parameters.get(key).copied();
    let told = |name: &str| run.result.as_ref()?.parameters.get(name)?.parse::<f64>().ok();
    let (key, value) = match trained {
        Family::Trees => ("trees.budget", (had("trees.budget").or(told("budget"))? * 0.6 * 100.0).round() / 100.0),
        Family::Boosting => {
            let key = "boosting.min_child_samples";
            (key, had(key).or(told("min_child_samples"))? * 3.0)
        }
        Family::Forest => {
            let key = "forest.min_samples_leaf";
            (key, had(key).or(told("min_samples_leaf"))? * 4.0 + 1.0)
        }
        Family::Linear => ("linear.l2", had("linear.l2").unwrap_or(1.0) * 10.0),
        Family::FtTransformer => {
            let key = "fttransformer.dropout";
            (key, ((had(key).unwrap_or(0.05) + 0.15) * 100.0).round() / 100.0)
        }
        _ => return None,
    };
    hyper::find(key)?.check(value).ok().map(|()| (key, value))
}

#[component]
pub fn VerdictCard(
    verdict: Verdict,
    ceiling: Option<Ceiling>,
    task: Task,
    next: Vec<(&'static str, String)>,
) -> impl IntoView {
    let Verdict {
        fit,
        sentence,
        rule,
        advice,
        metric,
        train,
        valid,
        gap,
        gap_low,
        gap_high,
        dummy,
        linear,
        learning_curve,
    } = verdict;
    let points = learning_curve
        .into_iter()
        .map(|p| view! { <tr><th scope="row" class="num">{percent(p.share)}</th><td class="num">{count(p.rows)}</td><td class="num">{measure(p.valid)}</td></tr> })
        .collect_view();
    let name = metric_title(&metric);
    let number = |term: &'static str, label: &'static str, value: f64| view! { <div><dt><Term name=term text=label/></dt><dd>{measure(value)}</dd></div> };
    let what = match task {
        Task::Regression => "guessing the mean",
        _ => "guessing by frequency",
    };
    view! {
        <section class="verdict" aria-label="Verdict">
            <div class="verdict-head">
                <FitBadge fit/>
                <p class="verdict-sentence">{sentence}</p>
            </div>
            <p class="verdict-advice">{advice}</p>
            {(!next.is_empty()).then(|| view! {
                <div class="verdict-next">
                    {next.into_iter().map(|(label, href)| view! { <LinkButton href label/> }).collect_view()}
                </div>
            })}
            {ceiling.map(|ceiling| view! {
                <details>
                    <summary>"How much better it could get"</summary>
                    {ceiling.sentences.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect_view()}
                </details>
            })}
            <details>
                <summary>"The rule and the numbers"</summary>
                <p>{rule}</p>
                <div class="verdict-numbers">
                    <dl class="facts">
                        {number("train", "Train", train)}
                        {number("validation", "Validation", valid)}
                        <div>
                            <dt><Term name="gap" text="Gap"/></dt>
                            <dd>{measure(gap)}<span class="muted">{format!(" ({} to {})", measure(gap_low), measure(gap_high))}</span></dd>
                        </div>
                        {number("dummy", what, dummy)}
                        {number("linear", "Linear baseline", linear)}
                    </dl>
                    <table class="table compact">
                        <caption>{format!("{name} on validation rows, by rows learned from")}</caption>
                        <thead><tr><th scope="col" class="num">"Share"</th><th scope="col" class="num">"Rows"</th><th scope="col" class="num">{name.clone()}</th></tr></thead>
                        <tbody>{points}</tbody>
                    </table>
                </div>
            </details>
        </section>
    }
    .into_any()
}
