//! A document as a form: the drawing, the list of steps, and what can be said of the one that is chosen.

mod add;
mod checks;
mod control;
mod model;
mod step;

use super::drawing::clickable;
use crate::{
    api::pipelines::{step_columns, turn_document},
    components::*,
};
use add::AddStep;
use control::{Around, label, setting};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use serde_json::Value;
use std::time::Duration;
use step::StepPanel;
use trainyard_types::{
    Problem,
    pipeline::{DocumentForms, PipelineForm, ScheduleWords},
};

/// The document under the pencil and all that the form shows beside it.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    pub(super) project: StoredValue<String>,
    pub(super) form: StoredValue<PipelineForm>,
    pub(super) document: RwSignal<Value>,
    pub(super) problem: RwSignal<Option<Problem>>,
    schedule: RwSignal<Option<ScheduleWords>>,
    /// The step that is shown; none for the pipeline itself.
    chosen: RwSignal<Option<usize>>,
    columns: RwSignal<Vec<String>>,
}

impl Draft {
    pub(super) fn new(project: String, form: PipelineForm, forms: &DocumentForms) -> Self {
        let some = !model::steps(&forms.document).is_empty();
        Self {
            project: StoredValue::new(project),
            form: StoredValue::new(form),
            document: RwSignal::new(forms.document.clone()),
            problem: RwSignal::new(forms.problem.clone()),
            schedule: RwSignal::new(forms.schedule.clone()),
            chosen: RwSignal::new(some.then_some(0)),
            columns: RwSignal::new(Vec::new()),
        }
    }

    /// Takes what the server made of the document.
    pub(super) fn take(&self, forms: &DocumentForms) {
        self.document.set(forms.document.clone());
        self.problem.set(forms.problem.clone());
        self.schedule.set(forms.schedule.clone());
        let steps = model::steps(&forms.document).len();
        self.chosen.update(|chosen| *chosen = chosen.filter(|at| *at < steps).or((steps > 0).then_some(0)));
    }

    /// The document as JSON.
    pub(super) fn text(&self) -> String {
        self.document.with_untracked(Value::to_string)
    }

    /// Faults of what lies under `path`, without it: `steps.parts.target` becomes `target`.
    fn faults(self, path: impl Fn() -> String + Send + Sync + 'static) -> Signal<Option<Problem>> {
        Signal::derive(move || {
            let path = path();
            let mut problem = self.problem.get()?;
            problem.fields.retain_mut(|fault| {
                let Some(rest) = fault.field.strip_prefix(path.as_str()) else { return false };
                let within = path.is_empty() || rest.is_empty() || rest.starts_with('.');
                fault.field = rest.trim_start_matches('.').to_owned();
                within
            });
            (!problem.fields.is_empty()).then_some(problem)
        })
    }

    /// The steps that something is wrong with.
    fn faulty(self) -> Vec<String> {
        let fields: Vec<String> =
            self.problem.get().map_or(Vec::new(), |p| p.fields.into_iter().map(|fault| fault.field).collect());
        let of = |id: &str| {
            let path = format!("steps.{id}");
            fields
                .iter()
                .any(|f| f.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        self.document.with(|document| {
            model::steps(document).iter().map(model::id).filter(|id| of(id)).map(str::to_owned).collect()
        })
    }
}

/// The form's face of a document.
#[component]
pub(super) fn FormFace(draft: Draft) -> impl IntoView {
    keep_checked(draft);
    keep_columns(draft);
    let datasets = draft.form.with_value(|form| form.datasets.clone());
    let choose = Callback::new(move |id: String| {
        let at =
            draft.document.with_untracked(|document| model::steps(document).iter().position(|s| model::id(s) == id));
        draft.chosen.set(at);
    });
    let drawing = move || {
        let faulty = draft.faulty();
        draft.document.with(|document| {
            let chosen =
                draft.chosen.get().and_then(|at| model::steps(document).get(at)).map(model::id).unwrap_or_default();
            let drawn = model::drawn(document).filter(|drawn| !drawn.steps.is_empty());
            drawn.map(|drawn| clickable(&drawn, chosen, &faulty, choose))
        })
    };
    let panel = move || match draft.chosen.get() {
        Some(at) => view! { <StepPanel draft at/> }.into_any(),
        None => view! { <HeadPanel draft/> }.into_any(),
    };
    view! {
        <datalist id="form-columns">{move || draft.columns.get().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}</datalist>
        <datalist id="form-datasets">{datasets.into_iter().map(|name| view! { <option value=name></option> }).collect_view()}</datalist>
        {drawing}
        <div class="pipeline-form">
            <div class="pipeline-steps">
                <StepList draft/>
                <AddStep draft/>
            </div>
            <div class="pipeline-panel">{panel}</div>
        </div>
    }
}

/// Has the document checked when it has not changed for a moment.
fn keep_checked(draft: Draft) {
    let check = Action::new(move |text: &String| turn_document(draft.project.get_value(), text.clone(), String::new()));
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move |before: Option<()>| {
        draft.document.track();
        if before.is_none() {
            return;
        }
        waiting.update_value(|handle| {
            if let Some(handle) = handle.take() {
                handle.clear();
            }
            let ask = move || drop(check.dispatch(draft.text()));
            *handle = set_timeout_with_handle(ask, Duration::from_millis(300)).ok();
        });
    });
    on_cleanup(move || {
        if let Some(Some(handle)) = waiting.try_update_value(Option::take) {
            handle.clear();
        }
    });
    Effect::new(move |_| {
        if let Some(answer) = check.value().get() {
            match answer {
                Ok(forms) => {
                    draft.problem.set(forms.problem);
                    draft.schedule.set(forms.schedule);
                }
                Err(error) => draft.problem.set(Some(error.0)),
            }
        }
    });
}

/// Knows the columns of what the chosen step takes, where a preview of that can be made.
fn keep_columns(draft: Draft) {
    let ask = Action::new(move |step: &String| step_columns(draft.project.get_value(), draft.text(), step.clone()));
    let taken = Memo::new(move |_| {
        let at = draft.chosen.get()?;
        draft.document.with(|document| {
            let step = model::steps(document).get(at)?;
            Some((model::id(step).to_owned(), model::inputs(step)))
        })
    });
    let asked = StoredValue::new(Vec::new());
    Effect::new(move |_| match taken.get() {
        Some((id, inputs)) if !inputs.is_empty() => {
            if asked.get_value() != inputs {
                asked.set_value(inputs);
                draft.columns.set(Vec::new());
                ask.dispatch(id);
            }
        }
        _ => {
            asked.set_value(Vec::new());
            draft.columns.set(Vec::new());
        }
    });
    Effect::new(move |_| {
        if let Some(Ok(columns)) = ask.value().get() {
            draft.columns.set(columns.into_iter().map(|column| column.name).collect());
        }
    });
}

/// The pipeline and its steps, to choose from.
#[component]
fn StepList(draft: Draft) -> impl IntoView {
    let head = move || draft.chosen.get().is_none().then_some("true");
    let steps = move || {
        let faulty = draft.faulty();
        let chosen = draft.chosen.get();
        draft.document.with(|document| {
            model::steps(document)
                .iter()
                .enumerate()
                .map(|(at, step)| {
                    let (id, kind) = (model::id(step).to_owned(), label(model::kind(step)));
                    let wrong = faulty.contains(&id);
                    let current = (chosen == Some(at)).then_some("true");
                    view! {
                        <li><button type="button" class="step-button" aria-current=current on:click=move |_| draft.chosen.set(Some(at))>
                            <code>{id}</code><span class="muted">{kind}</span>
                            {wrong.then(|| view! { <span class="step-wrong"><Icon glyph=Glyph::Warning/><span class="visually-hidden">"has a fault"</span></span> })}
                        </button></li>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <h2 class="visually-hidden">"Steps"</h2>
        <button type="button" class="step-button" aria-current=head on:click=move |_| draft.chosen.set(None)>
            <strong>"Pipeline"</strong><span class="muted">"Name, schedule, parameters"</span>
        </button>
        <ol class="step-list">{steps}</ol>
    }
}

/// What is said of the pipeline as a whole.
#[component]
fn HeadPanel(draft: Draft) -> impl IntoView {
    let mut fields = draft.form.with_value(|form| form.head.clone());
    let around = Around { columns: draft.columns, faults: draft.faults(String::new) };
    let order = ["name", "description", "schedule", "triggers", "parameters", "partitions", "concurrency"];
    let place = |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
    fields.sort_by_key(|field| place(&field.name));
    let views = fields
        .into_iter()
        .map(|field| {
            let name = field.name.clone();
            let scheduled = name == "schedule";
            let value = draft.document.with_untracked(|document| document.get(&name).cloned());
            let set = Callback::new(move |new: Option<Value>| {
                draft.document.update(|document| model::set(document, &name, new))
            });
            view! {
                {setting(field, value, "head", around, set)}
                {scheduled.then(|| view! { <NextTicks draft/> })}
            }
        })
        .collect_view();
    view! { <h2>"The pipeline"</h2>{views} }
}

/// The schedule in words, and when it ticks next.
#[component]
fn NextTicks(draft: Draft) -> impl IntoView {
    move || {
        draft.schedule.get().map(|schedule| {
            let next = schedule.next.into_iter().map(|tick| view! { <li>{tick}</li> }).collect_view();
            view! { <div class="next-ticks"><p>{schedule.words}</p><p class="muted">"Runs next:"</p><ol class="plain-list">{next}</ol></div> }
        })
    }
}
