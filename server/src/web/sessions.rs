//! tower-sessions' store on our own tables.

use std::{collections::HashMap, time::Duration};
use tower_sessions::{
    Expiry, SessionManagerLayer, SessionStore,
    cookie::{SameSite, time},
    session::{Id, Record},
    session_store::{Error, Result},
};
use trainyard_store::{Store, StoreError, sessions};
use trainyard_types::Timestamp;

/// A session ends after so many days without a sign-in.
const DAYS: i64 = 7;
/// How often expired sessions are removed.
const SWEEP: Duration = Duration::from_secs(3600);

/// Sessions in the database; it holds hashes of their ids only.
#[derive(Clone, Debug)]
pub struct DatabaseSessions(pub Store);

fn backend(error: StoreError) -> Error {
    Error::Backend(error.to_string())
}

fn packed(record: &Record) -> Result<(String, Timestamp)> {
    let data = serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
    Ok((data, Timestamp(record.expiry_date.unix_timestamp().saturating_mul(1000))))
}

#[async_trait::async_trait]
impl SessionStore for DatabaseSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let (data, expires) = packed(record)?;
        loop {
            match sessions::create(self.0.db(), &record.id.to_string(), &data, expires).await {
                Err(error) if error.is_duplicate() => record.id = Id::default(),
                outcome => return outcome.map_err(backend),
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (data, expires) = packed(record)?;
        sessions::save(self.0.db(), &record.id.to_string(), &data, expires).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((data, expires)) = sessions::load(self.0.db(), &id.to_string()).await.map_err(backend)? else {
            return Ok(None);
        };
        let data: HashMap<String, serde_json::Value> =
            serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(expires.0 / 1000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sessions::delete(self.0.db(), &id.to_string()).await.map_err(backend)
    }
}

/// Reads and writes the session cookie: not for scripts, not sent along from other sites, over TLS only where there is
/// TLS.
pub fn layer(store: Store, https: bool) -> SessionManagerLayer<DatabaseSessions> {
    // The prefix makes browsers refuse the cookie from anywhere but this very host over TLS.
    let name = if https { "__Host-trainyard" } else { "trainyard" };
    SessionManagerLayer::new(DatabaseSessions(store))
        .with_name(name)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(https)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(time::Duration::days(DAYS)))
}

/// Removes expired sessions now and every hour, for as long as it is polled.
pub async fn sweep(store: Store) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tick.tick().await;
        if let Err(error) = sessions::delete_expired(store.db()).await {
            tracing::warn!(%error, "expired sessions could not be removed");
        }
    }
}
