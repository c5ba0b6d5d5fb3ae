//! Saved views: opened, kept, shared, deleted.

use super::query::{changes, settings};
use crate::{
    AppError,
    api::experiments::{delete_run_view, keep_run_view},
    components::*,
    hooks::{may, use_address},
    wire::Resource,
};
use leptos::prelude::*;
use trainyard_types::{
    Action as Doing, Problem, ResourceName, SavedViewId,
    experiments::{NewSavedView, RunQuery, SavedView},
};

pub(super) type ViewsResource = Resource<Result<Vec<SavedView>, AppError>>;

/// The views that the person sees, and a form that keeps the present one.
#[component]
pub(super) fn Views(project: Memo<String>, query: Memo<RunQuery>, views: ViewsResource) -> impl IntoView {
    let toasts = use_toasts();
    let keep = Action::new(move |(place, view): &(Option<SavedViewId>, NewSavedView)| {
        keep_run_view(project.get_untracked(), *place, view.clone())
    });
    let delete = Action::new(move |view: &SavedViewId| delete_run_view(project.get_untracked(), *view));
    Effect::new(move |_| match keep.value().get() {
        Some(Ok(view)) => {
            toasts.say(format!("Saved the view '{}'.", view.name));
            views.refetch();
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    Effect::new(move |_| match delete.value().get() {
        Some(Ok(())) => views.refetch(),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let remove = Callback::new(move |view: SavedViewId| {
        delete.dispatch(view);
    });
    let save = Callback::new(move |input: (Option<SavedViewId>, NewSavedView)| {
        keep.dispatch(input);
    });
    let refused = Signal::derive(move || match keep.value().get() {
        Some(Err(error)) => Some(error.0),
        _ => None,
    });
    let listed = move |views: Vec<SavedView>| {
        let own: Vec<(String, SavedViewId)> =
            views.iter().filter(|view| view.mine).map(|view| (view.name.clone(), view.id)).collect();
        let none = views.is_empty();
        let list = views.into_iter().map(|view| entry(view, query, remove)).collect_view();
        view! {
            {none.then(|| view! { <p class="muted">"No view is saved yet. A view keeps search, filter, order and columns under a name."</p> })}
            <ul class="view-list">{list}</ul>
            <Save query own save refused/>
        }
        .into_any()
    };
    view! {
        <details class="take tool-take">
            <summary><Icon glyph=Glyph::Book/>"Views"</summary>
            <div class="take-body stack"><Load resource=views lines=3 view=listed/></div>
        </details>
    }
}

fn entry(view: SavedView, query: Memo<RunQuery>, remove: Callback<SavedViewId>) -> AnyView {
    let address = use_address();
    let change = changes(&view.settings);
    let href = move || address(&change);
    let kept = view.settings.clone();
    let current = move || (query.with(settings) == kept).then_some("true");
    let id = view.id;
    let deletable = view.mine || may(Doing::Administer);
    let whose = match (view.shared, view.mine) {
        (true, true) => "shared".to_owned(),
        (true, false) => format!("by {}", view.created_by),
        _ => String::new(),
    };
    let label = format!("Delete the view {}", view.name);
    view! {
        <li>
            <a href=href aria-current=current data-noscroll="true">{view.name}</a>
            <small class="muted">{whose}</small>
            {deletable.then(|| view! {
                <button type="button" class="button quiet small needs-script" aria-label=label on:click=move |_| remove.run(id)><Icon glyph=Glyph::Trash/></button>
            })}
        </li>
    }
    .into_any()
}

/// Keeps the present view. A name that the person has used already stands for that view.
#[component]
fn Save(
    query: Memo<RunQuery>,
    own: Vec<(String, SavedViewId)>,
    save: Callback<(Option<SavedViewId>, NewSavedView)>,
    refused: Signal<Option<Problem>>,
) -> impl IntoView {
    let (name, shared) = (RwSignal::new(String::new()), RwSignal::new(false));
    let wrong = RwSignal::new(None::<Problem>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match ResourceName::parse(name.get_untracked()) {
            Ok(word) => {
                wrong.set(None);
                let place = own.iter().find(|(known, _)| *known == word.to_string()).map(|(_, id)| *id);
                let settings = query.with_untracked(settings);
                save.run((place, NewSavedView { name: word, shared: shared.get_untracked(), settings }));
            }
            Err(message) => wrong.set(Some(Problem::field("name", message))),
        }
    };
    let problem = Signal::derive(move || wrong.get().or_else(|| refused.get()));
    view! {
        <form class="stack needs-script" on:submit=submit>
            <TextField name="name" label="Save this view as" id="f-view-name" problem on_value=Callback::new(move |text| name.set(text))/>
            {may(Doing::Write).then(|| view! {
                <CheckField name="shared" label="All members of the project see it" on_value=Callback::new(move |is| shared.set(is))/>
            })}
            <div class="button-row"><Submit label="Save view"/></div>
        </form>
    }
}
