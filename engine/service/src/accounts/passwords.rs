//! Passwords: argon2id with its crate's defaults (19 MiB, two passes, one lane: OWASP's first recommendation), away
//! from the async threads.

use crate::Ctx;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use trainyard_store::error::internal;
use trainyard_types::Problem;

/// Longer ones are wrong without a look: no password here has more than 256 characters.
const LONGEST: usize = 2048;
/// No letters or digits that are taken for one another; 32 of them, so that a byte gives one without bias.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Hashes a new password to its PHC string.
pub(super) async fn hash(ctx: &Ctx, password: &str) -> Result<String, Problem> {
    let _permit = ctx.hashing().acquire().await.map_err(|error| internal(&error))?;
    let password = password.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        let hash: Result<PasswordHash, _> = Argon2::default().hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string())
    });
    hashed.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))
}

/// Whether the password is the one that was hashed.
pub(super) async fn matches(ctx: &Ctx, password: &str, hash: &str) -> Result<bool, Problem> {
    let _permit = ctx.hashing().acquire().await.map_err(|error| internal(&error))?;
    let too_long = password.len() > LONGEST;
    let password = if too_long { String::new() } else { password.to_owned() };
    let hash = hash.to_owned();
    let checked = tokio::task::spawn_blocking(move || {
        let parsed = PasswordHash::new(&hash)?;
        match Argon2::default().verify_password(password.as_bytes(), &parsed) {
            Ok(()) => Ok(true),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error),
        }
    });
    let same = checked.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    Ok(same && !too_long)
}

/// Takes as long as [`matches`] takes for a known name.
pub(super) async fn pretend(ctx: &Ctx, password: &str) -> Result<(), Problem> {
    let decoy = ctx.decoy().get_or_try_init(|| async { hash(ctx, &generate(24)?).await }).await?;
    matches(ctx, password, decoy).await.map(|_| ())
}

/// A random text of `length` letters and digits: 5 bits each, from the operating system.
pub(super) fn generate(length: usize) -> Result<String, Problem> {
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes).map_err(|error| internal(&error))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}
