//! The project's connections: where data is fetched from, with secrets that are never shown again.

mod form;

use crate::wire::resource;
use crate::{
    api::sources::{all_connections, drop_connection, try_connection},
    components::*,
    format::count,
    hooks::{may, use_project},
};
use form::{Edited, Form};
use leptos::prelude::*;
use trainyard_types::{
    Action as Doing, ConnectionId,
    source::{ConnectionSettings, ConnectionTest, ConnectionView},
};

/// `/p/:project/data/connections`.
#[component]
pub fn ConnectionsPage() -> impl IntoView {
    let project = use_project();
    let list = resource(move || project.get(), all_connections);
    let reload = Callback::new(move |()| list.refetch());
    let crumbs = vec![("Data".to_owned(), format!("/p/{}/data", project.get_untracked()))];
    view! {
        <PageHead title="Connections" state="Where data is fetched from. Passwords and keys are encrypted and never shown again." crumbs/>
        <Load resource=list lines=6 view=move |list| view! { <Connections list reload/> }.into_any()/>
    }
}

/// What became of trying a connection.
type Tried = (String, Result<ConnectionTest, crate::AppError>);

#[component]
fn Connections(list: Vec<ConnectionView>, reload: Callback<()>) -> impl IntoView {
    let project = use_project();
    let toasts = use_toasts();
    let may_write = may(Doing::Write);
    let edited = RwSignal::new(Edited::Nothing);
    let tried = RwSignal::new(None::<Tried>);
    let test = Action::new(move |(id, name): &(ConnectionId, String)| {
        let (id, name) = (*id, name.clone());
        async move { tried.set(Some((name, try_connection(project.get_untracked(), id).await))) }
    });
    let remove = Action::new(move |id: &ConnectionId| drop_connection(project.get_untracked(), *id));
    Effect::new(move |_| match remove.value().get() {
        Some(Ok(())) => {
            toasts.say("The connection and its secret are gone. Data sets that came through it stay.");
            reload.run(());
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let on_done = Callback::new(move |()| {
        edited.set(Edited::Nothing);
        reload.run(());
    });
    let make = move |()| edited.set(Edited::New);
    let pending = test.pending();
    let empty = list.is_empty();
    let rows = list
        .into_iter()
        .map(|view| {
            let (id, name) = (view.id, view.name.clone());
            let asked = (id, name.clone());
            let press = move |()| { test.dispatch(asked.clone()); };
            let text = match view.datasets {
                0 => format!("'{name}' and its secret are removed for good. No data set is fetched through it."),
                n => format!(
                    "'{name}' and its secret are removed for good. Data sets that came through it stay ({}), but can't be \
                     fetched again.",
                    count(n)
                ),
            };
            let copy = view.clone();
            let buttons = may_write.then(|| {
                view! {
                    <div class="button-row">
                        <Button label="Test".to_owned() kind=ButtonKind::Quiet disabled=pending on_press=press/>
                        <Button label="Change".to_owned() kind=ButtonKind::Quiet on_press=move |()| edited.set(Edited::This(copy.clone()))/>
                        <ConfirmButton label="Remove" title="Remove the connection" text=text kind=ButtonKind::Quiet
                            on_confirm=Callback::new(move |()| { remove.dispatch(id); })/>
                    </div>
                }
            });
            let secret = match (&view.settings, view.has_secret) {
                (ConnectionSettings::Sqlite { .. }, _) => "Needs none",
                (_, true) => "Kept, encrypted",
                (_, false) => "None",
            };
            let (kind, place) = (form::kind_label(view.settings.kind()), view.settings.place());
            view! {
                <Row>
                    <Cell label="Name" main=true>{view.name}</Cell>
                    <Cell label="Kind">{kind}</Cell>
                    <Cell label="Leads to">{place}</Cell>
                    <Cell label="Secret">{secret}</Cell>
                    <Cell label="Data sets" numeric=true>{count(view.datasets)}</Cell>
                    <Cell label="Made"><RelativeTime at=view.created_at/>" by "{view.created_by}</Cell>
                    <Cell label="Actions">{buttons}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Name"),
        Column::text("Kind"),
        Column::text("Leads to"),
        Column::text("Secret"),
        Column::number("Data sets"),
        Column::text("Made"),
        Column::text("Actions"),
    ];
    view! {
        {if empty {
            (move || (edited.get() == Edited::Nothing).then(|| view! {
                <EmptyState glyph=Glyph::Data title="No connections yet" text="A connection leads to a bucket of S3, a PostgreSQL server or a SQLite file. Tables and objects become data sets through it, and can be fetched again.">
                    {may_write.then(|| view! { <Button label="New connection".to_owned() kind=ButtonKind::Primary glyph=Glyph::Plus on_press=make/> })}
                </EmptyState>
            })).into_any()
        } else {
            view! {
                {may_write.then(|| view! {
                    <div class="button-row"><Button label="New connection".to_owned() kind=ButtonKind::Primary glyph=Glyph::Plus on_press=make/></div>
                })}
                {move || tried.get().map(outcome)}
                <DataTable caption="Connections" columns>{rows}</DataTable>
            }.into_any()
        }}
        {move || match edited.get() {
            Edited::Nothing => ().into_any(),
            what => view! { <Form what on_done on_leave=Callback::new(move |()| edited.set(Edited::Nothing))/> }.into_any(),
        }}
    }
}

fn outcome((name, outcome): Tried) -> AnyView {
    match outcome {
        Err(error) => {
            let text = format!("{name}: {}", error.0.message);
            view! { <Note tone=Tone::Critical>{text}</Note> }.into_any()
        }
        Ok(test) => {
            let more =
                if test.found.is_empty() { String::new() } else { format!(" It holds {}.", test.found.join(", ")) };
            let text = format!("{name}: {}{more}", test.message);
            view! { <Note tone=Tone::Ok>{text}</Note> }.into_any()
        }
    }
}
