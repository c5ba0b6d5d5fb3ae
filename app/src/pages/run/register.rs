//! Registers a finished run's model under a name.

use super::RunContext;
use crate::{api::models::register, components::*};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use trainyard_types::{Problem, Slug, model::RegisterModel};

/// The button and its dialog. A run that is registered already says so and can be registered again.
#[component]
pub fn RegisterButton(context: RunContext) -> impl IntoView {
    let RunContext { project, run, .. } = context;
    let open = RwSignal::new(false);
    let first = run.with_value(|r| r.registered.is_empty());
    let kind = if first { ButtonKind::Primary } else { ButtonKind::Plain };
    let proposal = run.with_value(|r| {
        r.registered.first().map(|v| v.model.clone()).or_else(|| {
            Slug::from_text(&format!("{}-{}", r.summary.dataset_name, r.summary.target)).map(|s| s.to_string())
        })
    });
    let name = RwSignal::new(proposal.unwrap_or_default());
    let description = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<Problem>);
    let id = run.with_value(|r| r.summary.id);
    let register = Action::new(move |name: &Slug| {
        let model =
            RegisterModel { run: id, name: name.clone(), description: description.get_untracked().trim().to_owned() };
        async move { register(project.get_value(), model).await }
    });
    let navigate = StoredValue::new(use_navigate());
    let toasts = use_toasts();
    Effect::new(move |_| {
        if let Some(Ok(version)) = register.value().get() {
            open.set(false);
            toasts.say(format!("Registered as {} version {}.", version.model, version.number));
            let to = format!("/p/{}/models/{}", project.get_value(), version.model);
            // Leaving disposes of this page's signals; the dialog that closes just now still reads them.
            request_animation_frame(move || {
                navigate.try_with_value(|navigate| navigate(&to, NavigateOptions::default()));
            });
        }
    });
    let problem = Signal::derive(move || wrong.get().or_else(|| problem_of(register.value().get())));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match Slug::parse(name.get_untracked()) {
            Ok(slug) => {
                wrong.set(None);
                register.dispatch(slug);
            }
            Err(message) => wrong.set(Some(Problem::field("name", message))),
        }
    };
    let pending = register.pending();
    view! {
        <Button label=if first { "Register model" } else { "Register again" }.to_owned() kind glyph=Glyph::Model on_press=move |()| open.set(true)/>
        <Dialog open title="Register this model">
            <form class="stack" on:submit=submit>
                <p class="muted">"A registered model has a name, versions and an address that answers predictions. The first version becomes champion; later ones wait for an approver."</p>
                <TextField name="name" label="Model name" id="register-name" required=true problem=problem value=name.get_untracked()
                    hint="Part of its address. A known name gets a further version."
                    on_value=Callback::new(move |text| name.set(text))/>
                <TextAreaField name="description" label="What it is for" id="register-description"
                    on_value=Callback::new(move |text| description.set(text))/>
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row end">
                    <Button label="Not now".to_owned() on_press=move |()| open.set(false)/>
                    <Submit label="Register model" pending=pending/>
                </div>
            </form>
        </Dialog>
    }
    .into_any()
}
