//! The projects that the person sees, and making one.

use crate::wire::resource;
use crate::{
    api::project::{CreateProject, list_projects, list_workspaces},
    components::*,
    hooks::{use_form_problem, use_me, use_page_query},
};
use leptos::{form::ActionForm, prelude::*};
use trainyard_types::{
    Action, Page,
    account::{ProjectView, WorkspaceView},
};

/// `/admin/projects`.
#[component]
pub fn ProjectsPage() -> impl IntoView {
    let query = use_page_query();
    let projects = resource(
        move || query.get(),
        |query| async move {
            let page = list_projects(query).await?;
            Ok((page, list_workspaces().await?))
        },
    );
    view! {
        <PageHead title="Projects" state="A project holds data sets, runs and models. Roles are held in its workspace."/>
        <ListTools search="Search projects"/>
        <Load resource=projects lines=6 view=|(page, workspaces)| {
            let me = use_me();
            let may_make = me.is_some_and(|me| me.instance_admin || me.projects.iter().any(|p| p.role.allows(Action::Administer)));
            view! {
                <ProjectsTable page=page.clone()/>
                <Pager total=page.total page=page.page per_page=page.per_page noun="projects"/>
                {may_make.then(|| view! { <NewProjectForm workspaces/> })}
            }.into_any()
        }/>
    }
}

#[component]
fn ProjectsTable(page: Page<ProjectView>) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <EmptyState title="No project" text="Nothing fits the search, or you have no role in any workspace yet. An admin gives roles."/> }.into_any();
    }
    let columns = vec![
        Column::text("Project"),
        Column::text("Address"),
        Column::text("Workspace").term("workspace"),
        Column::text("Your role").term("role"),
        Column::text("Description"),
    ];
    view! {
        <DataTable caption="Projects" columns>
            {page.items.into_iter().map(|p| (format!("/p/{}", p.slug), format!("/p/{}", p.slug), p)).map(|(href, address, p)| view! {
                <Row>
                    <Cell label="Project" main=true><a href=href>{p.name}</a></Cell>
                    <Cell label="Address"><code>{address}</code></Cell>
                    <Cell label="Workspace">{p.workspace.name}</Cell>
                    <Cell label="Your role">{p.role.to_string()}</Cell>
                    <Cell label="Description">{p.description}</Cell>
                </Row>
            }).collect_view()}
        </DataTable>
    }
    .into_any()
}

#[component]
fn NewProjectForm(workspaces: Vec<WorkspaceView>) -> impl IntoView {
    let create = ServerAction::<CreateProject>::new();
    let problem = use_form_problem(create);
    let options = workspaces.into_iter().map(|w| (w.slug, w.name)).collect::<Vec<_>>();
    view! {
        <Section title="Make a project">
            <FormProblem problem/>
            <ActionForm action=create attr:class="form-row">
                <TextField name="name" label="Name" required=true placeholder="Credit risk" problem/>
                <TextField name="slug" label="Address" hint="a-z, 0-9 and '-'. Left out: made from the name." problem/>
                <SelectField name="workspace" label="Workspace" options problem/>
                <TextField name="description" label="Description" problem/>
                <div class="button-row"><Submit label="Make project" pending=create.pending() glyph=Glyph::Plus/></div>
            </ActionForm>
        </Section>
    }
}
