//! `user`, `token` and `verify-audit`.

use super::{Out, open, open_with_accounts};
use crate::config::Flags;
use clap::{Args, Subcommand};
use std::{io::Read, process::ExitCode};
use trainyard_service::{Actor, accounts, audit};
use trainyard_types::{
    Password, PersonName, Problem, ResourceName, Role, Slug, UserName,
    account::{NewToken, NewUser, NewUserView},
};

#[derive(Subcommand)]
pub(super) enum UserVerb {
    /// Make an account
    #[command(after_help = "Example:\n  trainyard user add ada --display-name 'Ada Lovelace' --role member")]
    Add(AddArgs),
    /// Give an account a new password, generated and shown once
    #[command(after_help = "Example:\n  trainyard user reset-password admin")]
    ResetPassword(ResetArgs),
}

#[derive(Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    flags: Flags,
    /// The name to sign in with
    name: String,
    /// How the person is shown [default: the name]
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// viewer, auditor, member, approver or admin
    #[arg(long, default_value = "member")]
    role: Role,
    /// Workspace of the role [default: main]
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,
    /// Make the person an admin of the whole instance
    #[arg(long)]
    instance_admin: bool,
    /// Read the password from standard input (otherwise one is generated and shown once)
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub(super) struct ResetArgs {
    #[command(flatten)]
    flags: Flags,
    /// The name to sign in with
    name: String,
}

#[derive(Subcommand)]
pub(super) enum TokenVerb {
    /// Make an API token, shown once
    #[command(after_help = "Example:\n  trainyard token create --user admin --json")]
    Create(TokenArgs),
}

#[derive(Args)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    flags: Flags,
    /// The account that the token stands for
    #[arg(long, value_name = "NAME")]
    user: String,
    /// What the token is for
    #[arg(long, default_value = "command line")]
    name: String,
    /// Days until it expires, 1 to 365 [default: 90]
    #[arg(long, value_name = "N")]
    days: Option<u32>,
}

pub(super) async fn user(verb: UserVerb, out: Out) -> Result<ExitCode, Problem> {
    match verb {
        UserVerb::Add(args) => add(args, out).await,
        UserVerb::ResetPassword(ResetArgs { flags, name }) => {
            let ctx = open_with_accounts(&flags).await?;
            let user = accounts::find_user(&ctx, &Actor::cli(), &name).await?;
            let view = accounts::reset_password(&ctx, &Actor::cli(), user.id).await?;
            show(&view, "has a new password", out)
        }
    }
}

async fn add(args: AddArgs, out: Out) -> Result<ExitCode, Problem> {
    let field = |name: &'static str| move |message: String| Problem::field(name, message);
    let input = NewUser {
        name: UserName::parse(&args.name).map_err(field("name"))?,
        display_name: PersonName::parse(args.display_name.as_deref().unwrap_or(&args.name))
            .map_err(field("display_name"))?,
        role: args.role,
        workspace: args.workspace.map(Slug::parse).transpose().map_err(field("workspace"))?,
        password: if args.password_stdin { Some(read_password()?) } else { None },
    };
    let ctx = open_with_accounts(&args.flags).await?;
    let mut view = accounts::create_user(&ctx, &Actor::cli(), input).await?;
    if args.instance_admin {
        view.user = accounts::set_instance_admin(&ctx, &Actor::cli(), view.user.id, true).await?;
    }
    show(&view, "can sign in", out)
}

fn show(view: &NewUserView, what: &str, out: Out) -> Result<ExitCode, Problem> {
    out.show(view, || match &view.generated_password {
        Some(password) => format!(
            "'{}' {what}:  {password}\nIt is shown this once and has to be changed at the first sign-in.",
            view.user.name
        ),
        None => format!("'{}' {what}.", view.user.name),
    })
}

fn read_password() -> Result<Password, Problem> {
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|error| Problem::invalid(format!("The password can't be read from standard input: {error}.")))?;
    Password::parse(text.trim_end_matches(['\r', '\n'])).map_err(|message| Problem::field("password", message))
}

pub(super) async fn token(verb: TokenVerb, out: Out) -> Result<ExitCode, Problem> {
    let TokenVerb::Create(args) = verb;
    let name = ResourceName::parse(&args.name).map_err(|message| Problem::field("name", message))?;
    let ctx = open_with_accounts(&args.flags).await?;
    let input = NewToken { name, days: args.days };
    let view = accounts::create_token_for(&ctx, &Actor::cli(), &args.user, input).await?;
    out.show(&view, || {
        format!("{}\nIt is shown this once and lasts until {}.", view.token, view.info.expires_at.to_iso())
    })
}

pub(super) async fn verify_audit(flags: &Flags, out: Out) -> Result<ExitCode, Problem> {
    let (ctx, _) = open(flags).await?;
    let report = audit::verify(&ctx, &Actor::cli()).await?;
    out.show(&report, || match &report.fault {
        None => format!("The chain of {} events is intact. Its head is {}.", report.events, report.head),
        Some(fault) => format!("The chain is broken at event {}: {}", fault.seq, fault.reason),
    })?;
    Ok(if report.intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
