//! Passwords and keys of connections: encrypted with XChaCha20-Poly1305 under keys that are not in the database.
//!
//! A sealed text is `v1:KEY:DATA`: the first 8 hexadecimal digits of the key's blake3, and base64 of a nonce of 24 bytes
//! with what it encrypts. The connection's id is authenticated with it, so that no secret can be moved to another one.

use crate::{Actor, Ctx};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use trainyard_sources::Secret;
use trainyard_store::{self as store, audit};
use trainyard_types::{Code, ConnectionId, Problem};

/// Where the keys are.
#[derive(Clone, Default)]
pub struct KeyPlace {
    /// Keys as 64 hexadecimal digits each, separated by commas. They win over the file.
    pub texts: Option<String>,
    /// A file with a key a line. `None`: `secret.key` in the data folder.
    pub file: Option<PathBuf>,
}

impl std::fmt::Debug for KeyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPlace").field("texts", &self.texts.is_some()).field("file", &self.file).finish()
    }
}

type Key = [u8; 32];

/// The first encrypts, all decrypt. They are read when they are needed, so that a rotation needs no restart.
struct Keys(Vec<Key>);

fn file(ctx: &Ctx) -> PathBuf {
    ctx.settings().keys.file.clone().unwrap_or_else(|| ctx.data_dir().join("secret.key"))
}

impl Keys {
    fn read(ctx: &Ctx) -> Result<Self, Problem> {
        if let Some(texts) = &ctx.settings().keys.texts {
            return Self::parse(texts, "'secret_key'");
        }
        let path = file(ctx);
        match fs::read_to_string(&path) {
            Ok(texts) => Self::parse(&texts, &path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(Vec::new())),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }

    fn parse(texts: &str, from: &str) -> Result<Self, Problem> {
        let keys = texts.split([',', '\n']).map(str::trim).filter(|text| !text.is_empty()).map(|text| {
            key_of(text).ok_or_else(|| {
                Problem::invalid(format!(
                    "{from} holds a key that is not 64 hexadecimal digits. Correct it, or make one with \
                     'openssl rand -hex 32'."
                ))
            })
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// The key to encrypt with; the first one is made when it is first needed.
    fn first(ctx: &Ctx) -> Result<Key, Problem> {
        if let Some(key) = Self::read(ctx)?.0.first() {
            return Ok(*key);
        }
        if ctx.settings().keys.texts.is_some() {
            return Err(Problem::invalid("'secret_key' is empty. Give it 64 hexadecimal digits, or leave it out."));
        }
        let path = file(ctx);
        match write_keys(&path, &[fresh_key()?], false) {
            // Another process was faster: its key counts.
            Ok(()) | Err(Problem { code: Code::Conflict, .. }) => {}
            Err(problem) => return Err(problem),
        }
        Self::read(ctx)?.0.first().copied().ok_or_else(|| lost(""))
    }

    fn named(&self, name: &str) -> Option<&Key> {
        self.0.iter().find(|key| name_of(key) == name)
    }
}

fn key_of(text: &str) -> Option<Key> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}

fn fresh_key() -> Result<Key, Problem> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| store::error::internal(&error))?;
    Ok(key)
}

fn name_of(key: &Key) -> String {
    blake3::hash(key).to_hex().chars().take(8).collect()
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Code::Unavailable,
        format!("The file of keys {} can't be used: {error}. Give this process the right to it.", path.display()),
    )
}

/// Writes a file of keys that only its owner reads, as a whole or not at all. Without `replace` it must not be there.
fn write_keys(path: &Path, keys: &[Key], replace: bool) -> Result<(), Problem> {
    let refuse = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Problem::conflict("The file of keys is there already."),
        _ => unreadable(path, &error),
    };
    let mut text = String::new();
    for key in keys {
        for byte in key {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(refuse)?;
    draft.write_all(text.as_bytes()).and_then(|()| draft.as_file().sync_all()).map_err(refuse)?;
    if replace {
        draft.persist(path).map_err(|error| refuse(error.error))?;
    } else {
        draft.persist_noclobber(path).map_err(|error| refuse(error.error))?;
    }
    Ok(())
}

fn lost(name: &str) -> Problem {
    Problem::new(
        Code::Unavailable,
        format!(
            "The key {name} that this secret is encrypted under is not there. Restore the file of keys, or type the secret \
             again."
        ),
    )
}

fn seal_with(key: &Key, connection: ConnectionId, text: &str) -> Result<String, Problem> {
    let mut nonce = [0_u8; 24];
    getrandom::fill(&mut nonce).map_err(|error| store::error::internal(&error))?;
    let about = connection.to_string();
    let payload = Payload { msg: text.as_bytes(), aad: about.as_bytes() };
    let hidden = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Problem::internal("The secret could not be encrypted."))?;
    let mut data = nonce.to_vec();
    data.extend(hidden);
    Ok(format!("v1:{}:{}", name_of(key), STANDARD.encode(data)))
}

fn open_with(keys: &Keys, connection: ConnectionId, sealed: &str) -> Result<String, Problem> {
    let damaged = || Problem::internal("A stored secret is damaged. Type it again.");
    let mut parts = sealed.splitn(3, ':');
    let (Some("v1"), Some(name), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(damaged());
    };
    let key = keys.named(name).ok_or_else(|| lost(name))?;
    let data = STANDARD.decode(data).map_err(|_| damaged())?;
    let (nonce, hidden) = data.split_first_chunk::<24>().ok_or_else(damaged)?;
    let about = connection.to_string();
    let payload = Payload { msg: hidden, aad: about.as_bytes() };
    let text = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), payload).map_err(|_| damaged())?;
    String::from_utf8(text).map_err(|_| damaged())
}

/// # Errors
/// There are no keys and none can be made.
pub(super) fn seal(ctx: &Ctx, connection: ConnectionId, text: &str) -> Result<String, Problem> {
    seal_with(&Keys::first(ctx)?, connection, text)
}

/// # Errors
/// The key is not there, or the sealed text was changed.
pub(super) fn open(ctx: &Ctx, connection: ConnectionId, sealed: &str) -> Result<Secret, Problem> {
    Ok(Secret::new(open_with(&Keys::read(ctx)?, connection, sealed)?))
}

/// Encrypts every stored secret anew. With a file of keys, under a new key that is put first; the one before stays in the
/// file until the next rotation, for a process that is just using it, and older ones go. With keys in the configuration,
/// under the first of them. Gives the number of secrets.
///
/// # Errors
/// A secret can't be decrypted (nothing is changed), or the file can't be written.
pub async fn rotate(ctx: &Ctx, actor: &Actor) -> Result<u64, Problem> {
    if !actor.instance_admin {
        return Err(Problem::forbidden("Only an admin rotates keys."));
    }
    let mut keys = Keys::read(ctx)?;
    let secrets = store::sources::connections::sealed(ctx.store().db()).await?;
    // Before anything changes: what is lost must be known.
    for (connection, sealed) in &secrets {
        open_with(&keys, *connection, sealed)?;
    }
    let in_file = ctx.settings().keys.texts.is_none();
    let path = file(ctx);
    if in_file {
        keys.0.insert(0, fresh_key()?);
        write_keys(&path, &keys.0, true)?;
    }
    let Some(key) = keys.0.first().copied() else {
        return Err(Problem::invalid("'secret_key' is empty. Give it 64 hexadecimal digits, or leave it out."));
    };
    let tx = ctx.store().begin().await?;
    let mut done = 0;
    for (connection, sealed) in store::sources::connections::sealed(&*tx).await? {
        let anew = seal_with(&key, connection, &open_with(&keys, connection, &sealed)?)?;
        if store::sources::connections::reseal(&tx, connection, &sealed, &anew).await? {
            done += 1;
        }
    }
    let words = format!("Encrypted {done} secrets anew under key {}.", name_of(&key));
    audit::append(&tx, actor.event("secrets.rotate", "secrets".to_owned(), words)).await?;
    tx.commit().await?;
    if in_file {
        keys.0.truncate(2);
        write_keys(&path, &keys.0, true)?;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_opens_under_its_key_for_its_connection_only() {
        let (one, two) = (fresh_key().unwrap(), fresh_key().unwrap());
        let (a, b) = (ConnectionId(store::fresh_id()), ConnectionId(store::fresh_id()));
        let sealed = seal_with(&one, a, "hunter2").unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_eq!(open_with(&Keys(vec![two, one]), a, &sealed).unwrap(), "hunter2");
        assert!(open_with(&Keys(vec![one]), b, &sealed).unwrap_err().message.contains("damaged"));
        assert!(open_with(&Keys(vec![two]), a, &sealed).unwrap_err().message.contains("not there"));
        let mut changed = sealed.clone();
        let last = if changed.ends_with("A=") { "B=" } else { "A=" };
        changed.replace_range(changed.len() - 2.., last);
        assert!(open_with(&Keys(vec![one]), a, &changed).is_err());
    }

    #[test]
    fn keys_are_64_hexadecimal_digits() {
        let text = "00".repeat(31) + "fF";
        assert_eq!(Keys::parse(&format!("{text}\n\n{text}"), "").unwrap().0.len(), 2);
        for wrong in ["ab", &"zz".repeat(32), &"é".repeat(32)] {
            assert!(Keys::parse(wrong, "x").is_err());
        }
    }
}
