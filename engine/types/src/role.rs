//! Who may do what. A role is held per workspace; an instance admin holds `Admin` everywhere.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// In rising order of rights to change things; an auditor reads more than a viewer and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Managers: read projects, data sets' descriptions, runs, models.
    Viewer,
    /// A viewer who also reads the audit trail and verifies it.
    Auditor,
    /// Engineers and data owners: upload, train, register, predict.
    Member,
    /// A member who also decides what is champion and which rows go.
    Approver,
    /// All of it, and people, roles and projects.
    Admin,
}

/// What is asked of a workspace. Each use case in `service` names exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See projects, data sets, runs, models.
    Read,
    /// Look at rows of a data set.
    ReadRows,
    /// Read and verify the audit trail.
    ReadAudit,
    /// Upload data, train, cancel, register, load the demo.
    Write,
    /// Ask a model for predictions.
    Predict,
    /// Move the champion alias, delete rows, waive a failed check.
    Approve,
    /// People, roles, projects.
    Administer,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Viewer, Role::Auditor, Role::Member, Role::Approver, Role::Admin];

    /// The whole permission matrix.
    pub fn allows(self, action: Action) -> bool {
        use Action::*;
        match self {
            Role::Viewer => matches!(action, Read | Predict),
            Role::Auditor => matches!(action, Read | ReadRows | ReadAudit),
            Role::Member => matches!(action, Read | ReadRows | Write | Predict),
            Role::Approver => matches!(action, Read | ReadRows | Write | Predict | Approve | ReadAudit),
            Role::Admin => true,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Auditor => "auditor",
            Role::Member => "member",
            Role::Approver => "approver",
            Role::Admin => "admin",
        }
    }

    /// What the role is for, in a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Role::Viewer => "Reads results and asks models for predictions.",
            Role::Auditor => "Reads everything, rows and audit trail included, and changes nothing.",
            Role::Member => "Uploads data, trains and registers models.",
            Role::Approver => "A member who also decides which version is champion.",
            Role::Admin => "Manages people, roles and projects besides.",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("'{text}' is no role. Use viewer, auditor, member, approver or admin."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_approvers_and_admins_approve_and_auditors_change_nothing() {
        for role in Role::ALL {
            assert_eq!(role.allows(Action::Approve), matches!(role, Role::Approver | Role::Admin));
            assert_eq!(role.allows(Action::Administer), role == Role::Admin);
        }
        for action in [Action::Write, Action::Approve, Action::Administer, Action::Predict] {
            assert!(!Role::Auditor.allows(action));
        }
        assert!(!Role::Viewer.allows(Action::ReadRows));
    }
}
