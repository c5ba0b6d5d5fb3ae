//! The same run with other seeds: how much of its score is chance.

use super::{Extra, RunContext};
use crate::{
    api::runs::repeat_run,
    components::*,
    format::{counted, measure},
    hooks::may,
    pages::figure::metric_title,
};
use leptos::prelude::*;
use trainyard_types::{Action as May, RunId, job::JobState, seeds::SeedsView};

/// Further seeds of one press.
const MORE: u32 = 4;

#[component]
pub fn Seeds(context: RunContext) -> impl IntoView {
    let RunContext { project, run, more, .. } = context;
    let extra = more.extra;
    let id = run.with_value(|r| r.summary.id);
    let toasts = use_toasts();
    let repeat = Action::new(move |()| async move { repeat_run(project.get_value(), id, MORE).await });
    Effect::new(move |_| match repeat.value().get() {
        Some(Ok(runs)) => {
            toasts.say(format!("{} asked for.", counted(runs as u64, "run", "runs")));
            extra.refetch();
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let drawn = move |extra: Extra| match extra {
        Extra::Overview(seeds, _) => shown(&seeds, &project.get_value(), id),
        _ => ().into_any(),
    };
    view! {
        <Section title="How far to trust the score" lead="Runs that differ from this one in the seed alone: what they score apart is chance, not a better model.">
            <Load resource=extra lines=3 view=drawn/>
            {may(May::Write).then(|| view! {
                <div class="button-row">
                    <Button label=format!("Repeat with {MORE} other seeds") glyph=Glyph::Retry disabled=repeat.pending()
                        on_press=move |()| { repeat.dispatch(()); }/>
                </div>
            })}
        </Section>
    }
    .into_any()
}

fn shown(seeds: &SeedsView, project: &str, id: RunId) -> AnyView {
    let metric = seeds.metric.as_deref().map_or_else(|| "Score".to_owned(), metric_title);
    let words = match (seeds.mean, seeds.std) {
        (Some(mean), Some(std)) => {
            let n = seeds.runs.iter().filter(|run| run.score.is_some()).count() as u64;
            format!("{metric} over {}: {} on average, standard deviation {}.", counted(n, "run", "runs"), measure(mean), measure(std))
        }
        _ => "This is the only run of its kind that has ended: how far its score would move with another seed is not known.".to_owned(),
    };
    let looks = match seeds.test_looks {
        0 | 1 => "The test rows behind these scores were looked at once in this project: by this run.".to_owned(),
        n => format!(
            "The test rows behind these scores were looked at {n} times in this project, once by each run on the same split. Whoever picks the best of many reports too good a score: choose by the validation score."
        ),
    };
    if seeds.runs.len() < 2 {
        return view! { <p>{words}</p><p>{looks}</p> }.into_any();
    }
    let rows = seeds
        .runs
        .iter()
        .map(|run| {
            let href = format!("/p/{project}/runs/{}", run.run);
            let score = match (run.score, run.state) {
                (Some(score), _) => measure(score),
                (None, JobState::Succeeded) => "–".to_owned(),
                (None, state) => state.as_str().to_owned(),
            };
            let name = if run.run == id { format!("{} (this run)", run.seed) } else { run.seed.to_string() };
            view! {
                <Row>
                    <Cell label="Seed" main=true><a href=href>{name}</a></Cell>
                    <Cell label="Score" numeric=true>{score}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![Column::text("Seed"), Column::number("Score")];
    view! {
        <p>{words}</p>
        <p>{looks}</p>
        <DataTable caption="The same run with other seeds" columns>{rows}</DataTable>
    }
    .into_any()
}
