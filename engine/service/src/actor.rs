//! Who is behind a request.

use std::fmt;
use trainyard_store::audit::NewEvent;
use trainyard_types::UserId;

/// How a caller came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    Browser,
    /// With an API token; its first characters.
    Token(String),
    /// With the command line on the server's machine.
    Cli,
    /// Trainyard itself.
    System,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Via::Browser => f.write_str("browser"),
            Via::Token(prefix) => write!(f, "token:{prefix}"),
            Via::Cli => f.write_str("cli"),
            Via::System => f.write_str("system"),
        }
    }
}

/// The caller of a use case. Roles aren't in it: they are looked up when they are needed, so that taking a role away
/// works at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub user: UserId,
    /// The sign-in name.
    pub name: String,
    pub via: Via,
    /// The caller's address, or empty.
    pub from: String,
    /// Holds `Admin` in every workspace.
    pub instance_admin: bool,
    /// May do nothing but change the password.
    pub must_change_password: bool,
}

impl Actor {
    /// Trainyard itself: start-up, workers, schedules.
    pub fn system() -> Self {
        Self::internal(Via::System)
    }

    /// The person at the server's own command line, who has the database at hand anyway.
    pub fn cli() -> Self {
        Self::internal(Via::Cli)
    }

    fn internal(via: Via) -> Self {
        Self {
            user: UserId(Default::default()),
            name: "system".to_owned(),
            via,
            from: String::new(),
            instance_admin: true,
            must_change_password: false,
        }
    }

    /// Whether there is an account behind it.
    pub fn is_person(&self) -> bool {
        matches!(self.via, Via::Browser | Via::Token(_))
    }

    /// The beginning of an audit event: who, how and from where; action, subject and one sentence for a reader.
    pub fn event(&self, action: &str, subject: impl Into<String>, summary: impl Into<String>) -> NewEvent {
        NewEvent {
            actor: self.name.clone(),
            via: self.via.to_string(),
            from: self.from.clone(),
            action: action.to_owned(),
            subject: subject.into(),
            summary: summary.into(),
            ..NewEvent::default()
        }
    }
}
