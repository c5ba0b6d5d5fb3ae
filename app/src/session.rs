//! What the browser's session and cookies hold. Server only; REST handlers sign in and out with the same functions.

use http::HeaderMap;
use tower_sessions::Session;
use trainyard_service::{
    Actor, Ctx,
    accounts::{self, SignedIn},
};
use trainyard_types::Problem;

/// The session's one entry.
const KEY: &str = "account";

/// Signs a person in: a new session id (so that a planted one is worth nothing), then whose session it is. The epoch
/// in it makes the session void once the person signs out everywhere or changes the password.
///
/// # Errors
/// `Unavailable` where the session can't be stored.
pub async fn open(session: &Session, signed_in: SignedIn) -> Result<(), Problem> {
    session.cycle_id().await.map_err(unavailable)?;
    session.insert(KEY, signed_in).await.map_err(unavailable)
}

/// Signs out: the session and all it holds are gone.
///
/// # Errors
/// `Unavailable` where the store can't be reached.
pub async fn close(session: &Session) -> Result<(), Problem> {
    session.flush().await.map_err(unavailable)
}

/// Who the session belongs to; `None` where nobody is signed in, or the account was disabled or signed out everywhere.
///
/// # Errors
/// The store's, where it can't be asked.
pub async fn actor(session: &Session, ctx: &Ctx, from: &str) -> Result<Option<Actor>, Problem> {
    let Some(held) = session.get::<SignedIn>(KEY).await.map_err(unavailable)? else { return Ok(None) };
    accounts::actor_for_user(ctx, held, from).await
}

/// The person's theme out of the cookie: `light`, `dark`, or `system`.
pub fn theme(headers: &HeaderMap) -> &'static str {
    match cookie(headers, "theme").as_deref() {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "system",
    }
}

/// Whether the navigation is folded to its icons: `folded` or `open`.
pub fn nav(headers: &HeaderMap) -> &'static str {
    if cookie(headers, "nav").as_deref() == Some("folded") { "folded" } else { "open" }
}

/// The value of a cookie of the request.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

fn unavailable(error: tower_sessions::session::Error) -> Problem {
    tracing::error!(%error, "the session store failed");
    Problem::new(trainyard_types::Code::Unavailable, "The session can't be stored now. Try again in a moment.")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_theme_is_one_of_three_whatever_the_cookie_says() {
        let mut headers = HeaderMap::new();
        assert_eq!(theme(&headers), "system");
        headers.insert("cookie", "id=x; theme=dark".parse().unwrap());
        assert_eq!(theme(&headers), "dark");
        headers.insert("cookie", "theme=\"><script>".parse().unwrap());
        assert_eq!(theme(&headers), "system");
    }
}
