//! Who may sign in, and with which role.

use crate::wire::resource;
use crate::{
    api::{
        admin::{CreateUser, ResetPassword, SetDisabled, SetRole, list_users},
        project::list_workspaces,
    },
    components::*,
    hooks::{use_form_problem, use_me, use_page_query},
};
use leptos::{form::ActionForm, prelude::*};
use trainyard_types::{
    Page, Role, UserId,
    account::{NewUserView, UserView, WorkspaceView},
};

/// What the rows of the table can do.
#[derive(Clone, Copy)]
struct Actions {
    role: ServerAction<SetRole>,
    disabled: ServerAction<SetDisabled>,
    reset: ServerAction<ResetPassword>,
}

/// `/admin/people`.
#[component]
pub fn PeoplePage() -> impl IntoView {
    let query = use_page_query();
    let create = ServerAction::<CreateUser>::new();
    let actions = Actions { role: ServerAction::new(), disabled: ServerAction::new(), reset: ServerAction::new() };
    let users = resource(
        move || (query.get(), create.version().get(), actions.role.version().get(), actions.disabled.version().get()),
        |(query, ..)| async move {
            let page = list_users(query).await?;
            Ok((page, list_workspaces().await?))
        },
    );
    let problem = Signal::derive(move || {
        problem_of(actions.role.value().get())
            .or_else(|| problem_of(actions.disabled.value().get()))
            .or_else(|| problem_of(actions.reset.value().get()))
    });
    let role_problem = use_form_problem(actions.role);
    let states = [("", "All"), ("active", "Active"), ("disabled", "Disabled")];
    let states = states.into_iter().map(|(v, t)| (v.to_owned(), t.to_owned())).collect::<Vec<_>>();
    view! {
        <PageHead title="People" state="Who may sign in, and what their role lets them do."/>
        <FormProblem problem=Signal::derive(move || problem.get().or_else(|| role_problem.get()))/>
        {move || actions.reset.value().get().and_then(Result::ok).map(|made| view! { <NewPassword made/> })}
        {move || create.value().get().and_then(Result::ok).map(|made| view! { <NewPassword made/> })}
        <ListTools search="Search people" states/>
        <Load resource=users lines=8 view=move |(page, workspaces)| view! {
            <UsersTable page=page.clone() workspaces=workspaces.clone() actions/>
            <Pager total=page.total page=page.page per_page=page.per_page noun="people"/>
            <AddPerson create workspaces/>
            <Roles/>
        }.into_any()/>
    }
}

/// The generated password, this once.
#[component]
fn NewPassword(made: NewUserView) -> impl IntoView {
    let name = made.user.name;
    made.generated_password.map(|password| {
        view! {
            <div class="secret" role="status">
                <strong>{format!("Hand this password to '{name}' now: it is not shown again.")}</strong>
                <CodeBlock code=password label="password"/>
                <p>"They have to choose their own at the first sign-in."</p>
            </div>
        }
    })
}

#[component]
fn UsersTable(page: Page<UserView>, workspaces: Vec<WorkspaceView>, actions: Actions) -> impl IntoView {
    let me = use_me();
    if page.items.is_empty() {
        return view! { <EmptyState glyph=Glyph::Person title="Nobody fits" text="Take words away from the search, or choose another state."/> }.into_any();
    }
    let columns = vec![
        Column::text("Person").sorted("name"),
        Column::text("Role").term("role"),
        Column::text("State"),
        Column::text("Last sign-in").sorted("last_sign_in"),
        Column::text("Made").sorted("created_at"),
        Column::text("Actions"),
    ];
    let instance_admin = me.as_ref().is_some_and(|me| me.instance_admin);
    let my_id = me.map(|me| me.id);
    view! {
        <DataTable caption="People" columns>
            {page.items.into_iter().map(|user| {
                let mine = my_id == Some(user.id);
                let (held, acted) = (user.clone(), user.clone());
                let workspaces = workspaces.clone();
                view! {
                    <Row>
                        <Cell label="Person" main=true>{user.display_name}<br/><small class="muted">{user.name}{mine.then_some(", you")}</small></Cell>
                        <Cell label="Role"><RoleForms user=held workspaces action=actions.role/></Cell>
                        <Cell label="State">
                            {if user.disabled {
                                view! { <Badge tone=Tone::Neutral glyph=Glyph::Stop text="Disabled"/> }.into_any()
                            } else {
                                view! { <Badge tone=Tone::Ok glyph=Glyph::Check text="Active"/> }.into_any()
                            }}
                        </Cell>
                        <Cell label="Last sign-in"><MaybeTime at=user.last_sign_in/></Cell>
                        <Cell label="Made"><RelativeTime at=user.created_at/></Cell>
                        <Cell label="">{(instance_admin && !mine).then(|| view! { <UserActions user=acted actions/> })}</Cell>
                    </Row>
                }
            }).collect_view()}
        </DataTable>
    }
    .into_any()
}

/// One small form a workspace: choose a role, then change it.
#[component]
fn RoleForms(user: UserView, workspaces: Vec<WorkspaceView>, action: ServerAction<SetRole>) -> impl IntoView {
    if user.instance_admin {
        return view! { <Badge tone=Tone::Accent glyph=Glyph::Shield text="Admin of everything"/> }.into_any();
    }
    let many = workspaces.len() > 1;
    workspaces
        .into_iter()
        .map(|workspace| {
            let held = user.roles.iter().find(|r| r.workspace.id == workspace.id).map(|r| r.role);
            let label = format!("Role of {} in {}", user.name, workspace.name);
            view! {
                <ActionForm action attr:class="inline-form">
                    <input type="hidden" name="user" value=user.id.to_string()/>
                    <input type="hidden" name="workspace" value=workspace.id.to_string()/>
                    {many.then(|| view! { <span class="muted small">{workspace.name}</span> })}
                    <select name="role" aria-label=label>
                        <option value="" selected=held.is_none()>"no role"</option>
                        {Role::ALL.into_iter().map(|role| view! {
                            <option value=role.as_str() selected=held == Some(role)>{role.as_str()}</option>
                        }).collect_view()}
                    </select>
                    <button type="submit" class="button quiet small">"Set"</button>
                </ActionForm>
            }
        })
        .collect_view()
        .into_any()
}

#[component]
fn UserActions(user: UserView, actions: Actions) -> impl IntoView {
    let id: UserId = user.id;
    let name = user.name.clone();
    let reset_text = format!(
        "'{name}' gets a new generated password, shown to you once, and is signed out. The old one stops working."
    );
    let disable_text = format!(
        "'{name}' is signed out at once and can't sign in or use tokens until you enable the account again. Nothing of theirs is deleted."
    );
    view! {
        <div class="row">
            <ConfirmButton label="Reset password" title="Reset the password" text=reset_text kind=ButtonKind::Quiet
                on_confirm=move |()| { actions.reset.dispatch(ResetPassword { user: id }); }/>
            {if user.disabled {
                view! {
                    <Button label="Enable" kind=ButtonKind::Quiet on_press=move |()| { actions.disabled.dispatch(SetDisabled { user: id, disabled: false }); }/>
                }.into_any()
            } else {
                view! {
                    <ConfirmButton label="Disable" title="Disable this account" text=disable_text kind=ButtonKind::Quiet typed=Signal::stored(name)
                        on_confirm=move |()| { actions.disabled.dispatch(SetDisabled { user: id, disabled: true }); }/>
                }.into_any()
            }}
        </div>
    }
}

#[component]
fn AddPerson(create: ServerAction<CreateUser>, workspaces: Vec<WorkspaceView>) -> impl IntoView {
    let problem = use_form_problem(create);
    let roles = Role::ALL.into_iter().map(|r| (r.as_str().to_owned(), r.as_str().to_owned())).collect::<Vec<_>>();
    let options = workspaces.into_iter().map(|w| (w.slug, w.name)).collect::<Vec<_>>();
    view! {
        <Section title="Add a person" lead="A password is generated and shown to you once.">
            <FormProblem problem/>
            <ActionForm action=create attr:class="form-row">
                <TextField name="name" label="Sign-in name" required=true hint="Letters, digits, . _ - @ +" problem/>
                <TextField name="display_name" label="Full name" problem/>
                <SelectField name="role" label="Role" options=roles value="member" problem/>
                <SelectField name="workspace" label="Workspace" options problem/>
                <div class="button-row"><Submit label="Add person" pending=create.pending() glyph=Glyph::Plus/></div>
            </ActionForm>
        </Section>
    }
}

/// What each role may do, from the one permission matrix.
#[component]
fn Roles() -> impl IntoView {
    view! {
        <Section title="What the roles may do">
            <DataTable caption="Roles" columns=vec![Column::text("Role"), Column::text("What it is for")]>
                {Role::ALL.into_iter().map(|role| view! {
                    <Row>
                        <Cell label="Role" main=true>{role.as_str()}</Cell>
                        <Cell label="">{role.describe()}</Cell>
                    </Row>
                }).collect_view()}
            </DataTable>
        </Section>
    }
}
