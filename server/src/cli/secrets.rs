//! `secrets`.

use super::{Out, open};
use crate::config::Flags;
use clap::Subcommand;
use std::process::ExitCode;
use trainyard_service::{Actor, sources};
use trainyard_types::Problem;

#[derive(Subcommand)]
pub(super) enum SecretsVerb {
    /// Encrypt all passwords of connections anew: under a new key in the file of keys, or under the first of `secret_key`.
    /// Servers that run go on without a restart where the keys are in a file
    #[command(after_help = "Example:\n  trainyard secrets rotate --data-dir /var/lib/trainyard")]
    Rotate(Flags),
}

pub(super) async fn secrets(verb: SecretsVerb, out: Out) -> Result<ExitCode, Problem> {
    let SecretsVerb::Rotate(flags) = verb;
    let (ctx, _) = open(&flags).await?;
    let secrets = sources::secrets::rotate(&ctx, &Actor::cli()).await?;
    out.show(&serde_json::json!({ "secrets": secrets }), || {
        format!("{} encrypted anew.", trainyard_types::words::counted(secrets, "secret was", "secrets were"))
    })
}
