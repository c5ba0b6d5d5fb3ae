//! A run's news as server-sent events.

use crate::web::{
    auth::Caller,
    errors::{ApiError, Path, Query},
    state::AppState,
};
use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use http::HeaderMap;
use std::{convert::Infallible, time::Duration};
use tokio::sync::watch;
use trainyard_service::{Actor, Ctx, runs};
use trainyard_types::{
    RunId, Slug,
    run::{RunCursor, RunUpdate},
};

/// How often the store is asked for news.
const EVERY: Duration = Duration::from_millis(500);
/// News without points or lines (progress, queue position) are told so often at most.
const QUIET: u32 = 4;

/// Where a stream is.
struct Reader {
    ctx: Ctx,
    actor: Actor,
    project: Slug,
    run: RunId,
    cursor: RunCursor,
    stopping: watch::Receiver<bool>,
    /// Rounds since the last event.
    quiet: u32,
    ended: bool,
}

/// What is new in a run, as it comes: each event `update` holds a `RunUpdate`; the last one has `ended` set. An event's id
/// is a cursor: a browser that connects again goes on after it.
#[utoipa::path(get, path = "/api/v1/projects/{project}/runs/{run}/events", tag = "runs",
    params(("project" = Slug, Path), ("run" = RunId, Path), RunCursor),
    responses((status = 200, body = RunUpdate, content_type = "text/event-stream")))]
pub(super) async fn stream_run(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Path((project, run)): Path<(Slug, RunId)>,
    Query(asked): Query<RunCursor>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let cursor = resumed.unwrap_or(asked);
    // Refuses with a status of its own while that is still possible.
    let (first, next) = runs::updates(&state.ctx, &actor, &project, run, cursor).await?;
    let ended = first.ended;
    let stopping = state.web.stopping.clone();
    let reader = Reader { ctx: state.ctx, actor, project, run, cursor: next, stopping, quiet: 0, ended };
    let rest = stream::unfold(reader, |reader| async move { reader.next().await });
    let events = stream::StreamExt::chain(stream::iter([Ok(event(&first, next))]), rest);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Reader {
    /// Waits for news. `None` after the run's last event, when the server stops, and when the caller may not read on.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if self.ended {
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = self.stopping.wait_for(|stop| *stop) => return None,
            }
            let news = runs::updates(&self.ctx, &self.actor, &self.project, self.run, self.cursor).await;
            let (update, next) = news.ok()?;
            self.quiet += 1;
            let loud = !update.points.is_empty() || !update.log.is_empty() || update.ended;
            if loud || self.quiet >= QUIET {
                self.quiet = 0;
                self.cursor = next;
                self.ended = update.ended;
                return Some((Ok(event(&update, next)), self));
            }
        }
    }
}

fn event(update: &RunUpdate, cursor: RunCursor) -> Event {
    let event = Event::default().event("update").id(cursor.to_string());
    // A view is plain data and can always be JSON.
    event.json_data(update).unwrap_or_default()
}
