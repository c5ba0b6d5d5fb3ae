//! People, workspaces, projects and API tokens.

use crate::{
    Password, PersonName, ProjectId, ResourceName, Role, Slug, Timestamp, TokenId, UserId, UserName, WorkspaceId,
};
use serde::{Deserialize, Serialize};

/// The person behind a request, as pages show them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Me {
    pub id: UserId,
    pub name: String,
    pub display_name: String,
    /// Admin of the whole instance.
    pub instance_admin: bool,
    /// The password was generated and has to be changed before anything else.
    pub must_change_password: bool,
    pub projects: Vec<ProjectView>,
}

/// A project with the caller's role in its workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ProjectView {
    pub id: ProjectId,
    /// Unique in the instance: it stands in addresses.
    pub slug: String,
    pub name: String,
    pub description: String,
    pub workspace: WorkspaceView,
    /// The caller's role.
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct WorkspaceView {
    pub id: WorkspaceId,
    pub slug: String,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SignIn {
    pub name: String,
    pub password: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ChangePassword {
    pub current: String,
    pub new: Password,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewUser {
    pub name: UserName,
    pub display_name: PersonName,
    /// Role in the workspace named; `None` in `workspace` means the default workspace.
    pub role: Role,
    #[serde(default)]
    pub workspace: Option<Slug>,
    /// Left out: one is generated and returned once.
    #[serde(default)]
    pub password: Option<Password>,
}

/// A new account; `generated_password` is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewUserView {
    pub user: UserView,
    pub generated_password: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct UserView {
    pub id: UserId,
    pub name: String,
    pub display_name: String,
    pub instance_admin: bool,
    pub disabled: bool,
    pub created_at: Timestamp,
    pub last_sign_in: Option<Timestamp>,
    pub roles: Vec<RoleView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RoleView {
    pub workspace: WorkspaceView,
    pub role: Role,
}

/// Gives a person a role in a workspace, or takes it away (`role` is `None`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SetRole {
    pub user: UserId,
    pub workspace: WorkspaceId,
    pub role: Option<Role>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewProject {
    pub name: ResourceName,
    #[serde(default)]
    pub description: String,
    /// Left out: made from the name.
    #[serde(default)]
    pub slug: Option<Slug>,
    /// Left out: the default workspace.
    #[serde(default)]
    pub workspace: Option<Slug>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewWorkspace {
    pub name: ResourceName,
    /// Left out: made from the name.
    #[serde(default)]
    pub slug: Option<Slug>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewToken {
    pub name: ResourceName,
    /// Days until it expires, 1 to 365. Left out: 90.
    #[serde(default)]
    pub days: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct TokenView {
    pub id: TokenId,
    pub name: String,
    /// The first characters, enough to recognise it.
    pub prefix: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// A new token; `token` is shown this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewTokenView {
    pub token: String,
    pub info: TokenView,
}
