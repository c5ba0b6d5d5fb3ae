//! The audit chain. Each event's SHA-256 covers all its fields and the hash of the event before, so that no event can
//! be changed, removed or slipped in without breaking the chain; the head row tells when events are cut off its end.

use crate::{
    Store, StoreError, Tx,
    entity::audit::{audit_event, audit_head},
    like_pattern, now,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, LikeExpr},
};
use sha2::{Digest, Sha256};
use trainyard_types::{
    Page, PageQuery, Timestamp,
    audit::{AuditEventView, ChainFault, ChainReport},
};

/// Events read at a time while the chain is checked.
const VERIFY_PAGE: u64 = 1000;

/// What a use case says about the change it makes.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// The account's sign-in name, or `system`.
    pub actor: String,
    /// `browser`, `token:<prefix>`, `cli`, `system`.
    pub via: String,
    /// The caller's address, or empty.
    pub from: String,
    /// `dataset.create` …
    pub action: String,
    /// `dataset/<id>` …
    pub subject: String,
    /// The project's slug, or empty.
    pub project: String,
    /// One sentence for a reader.
    pub summary: String,
    /// [`state_hash`] of the subject before, or empty.
    pub before: String,
    /// [`state_hash`] of the subject after, or empty.
    pub after: String,
}

impl NewEvent {
    /// Within the project with this slug.
    #[must_use]
    pub fn in_project(mut self, slug: &str) -> Self {
        slug.clone_into(&mut self.project);
        self
    }
    /// What the subject was.
    #[must_use]
    pub fn before<T: serde::Serialize>(mut self, state: &T) -> Self {
        self.before = state_hash(state);
        self
    }
    /// What the subject is now.
    #[must_use]
    pub fn after<T: serde::Serialize>(mut self, state: &T) -> Self {
        self.after = state_hash(state);
        self
    }
}

/// SHA-256, hex, of a state's JSON: what `before` and `after` hold. Struct fields keep their order, so that the same
/// state gives the same hash.
pub fn state_hash<T: serde::Serialize>(state: &T) -> String {
    match serde_json::to_vec(state) {
        Ok(bytes) => hex(&Sha256::digest(&bytes)),
        Err(_) => String::new(),
    }
}

/// Adds an event to the chain within the caller's transaction: it stands if and only if the change does. Make this the
/// transaction's last statement (see the crate's page).
///
/// # Errors
/// The database failed.
pub async fn append(tx: &Tx, event: NewEvent) -> Result<AuditEventView, StoreError> {
    // This UPDATE takes the head row's lock, which is held until the commit: writers follow one another.
    let head = audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Seq, Expr::col(audit_head::Column::Seq).add(1))
        .filter(audit_head::Column::Id.eq(1))
        .exec_with_returning(&**tx)
        .await?
        .pop()
        .ok_or_else(|| StoreError::Corrupt("the audit chain has no head".to_owned()))?;
    let mut view = AuditEventView {
        seq: head.seq,
        at: now(),
        actor: event.actor,
        via: event.via,
        from: event.from,
        action: event.action,
        subject: event.subject,
        project: event.project,
        summary: event.summary,
        before: event.before,
        after: event.after,
        previous: head.hash,
        hash: String::new(),
    };
    view.hash = event_hash(&view);
    audit_event::ActiveModel {
        seq: Set(view.seq),
        at: Set(view.at.0),
        actor: Set(view.actor.clone()),
        via: Set(view.via.clone()),
        from_address: Set(view.from.clone()),
        action: Set(view.action.clone()),
        subject: Set(view.subject.clone()),
        project: Set(view.project.clone()),
        summary: Set(view.summary.clone()),
        before: Set(view.before.clone()),
        after: Set(view.after.clone()),
        previous: Set(view.previous.clone()),
        hash: Set(view.hash.clone()),
    }
    .insert(&**tx)
    .await?;
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Hash, Expr::value(view.hash.clone()))
        .filter(audit_head::Column::Id.eq(1))
        .exec(&**tx)
        .await?;
    Ok(view)
}

/// Takes the chain's lock without adding to it: until the transaction ends no other change is committed.
///
/// # Errors
/// The database failed.
pub async fn hold(tx: &Tx) -> Result<(), StoreError> {
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Seq, Expr::col(audit_head::Column::Seq))
        .filter(audit_head::Column::Id.eq(1))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// SHA-256, hex, over a canonical encoding of all fields but `hash`: a version tag, then each text as its length in
/// bytes (64-bit big-endian) and its UTF-8, each number as 64-bit big-endian two's complement.
pub fn event_hash(event: &AuditEventView) -> String {
    let mut hasher = Sha256::new();
    let mut text = |value: &str| {
        hasher.update((value.len() as u64).to_be_bytes());
        hasher.update(value.as_bytes());
    };
    text("trainyard audit event 1");
    text(&event.previous);
    for value in [
        &event.actor,
        &event.via,
        &event.from,
        &event.action,
        &event.subject,
        &event.project,
        &event.summary,
        &event.before,
        &event.after,
    ] {
        text(value);
    }
    hasher.update(event.seq.to_be_bytes());
    hasher.update(event.at.0.to_be_bytes());
    hex(&hasher.finalize())
}

/// Checks the chain from its first event to its last, a page at a time. Events appended meanwhile are left for the next
/// check.
///
/// # Errors
/// The database failed; a broken chain is no error but a report.
pub async fn verify(store: &Store) -> Result<ChainReport, StoreError> {
    let db = store.db();
    let last: Option<i64> = audit_event::Entity::find()
        .select_only()
        .column_as(audit_event::Column::Seq.max(), "last")
        .into_tuple::<Option<i64>>()
        .one(db)
        .await?
        .flatten();
    let head = audit_head::Entity::find_by_id(1).one(db).await?;
    let checked_at = now();
    let Some(head) = head else {
        return Ok(broken(1, "The chain's head is missing.", 0, "", checked_at));
    };
    let (mut seq, mut previous) = (0_i64, "0".repeat(64));
    loop {
        let page = audit_event::Entity::find()
            .filter(audit_event::Column::Seq.gt(seq))
            .filter(audit_event::Column::Seq.lte(head.seq))
            .order_by_asc(audit_event::Column::Seq)
            .limit(VERIFY_PAGE)
            .all(db)
            .await?;
        if page.is_empty() {
            break;
        }
        for model in page {
            let event = view(model);
            let fault = if event.seq != seq + 1 {
                Some((seq + 1, "This event is missing.".to_owned()))
            } else if event.previous != previous {
                Some((event.seq, "It does not follow from the event before.".to_owned()))
            } else if event.hash != event_hash(&event) {
                Some((event.seq, "Its content was changed after it was written.".to_owned()))
            } else {
                None
            };
            if let Some((at, reason)) = fault {
                return Ok(broken(at, &reason, seq, &previous, checked_at));
            }
            (seq, previous) = (event.seq, event.hash);
        }
    }
    if seq < head.seq {
        return Ok(broken(seq + 1, "Events were cut off the end of the chain.", seq, &previous, checked_at));
    }
    if previous != head.hash {
        return Ok(broken(seq, "The chain's head does not match its last event.", seq, &previous, checked_at));
    }
    if last.unwrap_or(0) > head.seq {
        return Ok(broken(head.seq + 1, "There are events past the end of the chain.", seq, &previous, checked_at));
    }
    Ok(ChainReport { intact: true, events: seq, head: previous, checked_at, fault: None })
}

fn broken(seq: i64, reason: &str, events: i64, head: &str, checked_at: Timestamp) -> ChainReport {
    let fault = Some(ChainFault { seq, reason: reason.to_owned() });
    ChainReport { intact: false, events, head: head.to_owned(), checked_at, fault }
}

/// Events, newest first. `q` looks in actor, action, subject, project and summary; `sort` takes `seq` or `-seq`.
/// `projects`: only events within projects with these slugs.
///
/// # Errors
/// The database failed.
pub async fn list(
    store: &Store,
    projects: Option<&[String]>,
    query: &PageQuery,
) -> Result<Page<AuditEventView>, StoreError> {
    use audit_event::Column;
    let mut select = audit_event::Entity::find();
    if let Some(slugs) = projects {
        select = select.filter(Column::Project.is_in(slugs.iter().cloned()));
    }
    if !query.q.trim().is_empty() {
        let pattern = like_pattern(query.q.trim());
        let mut any = Condition::any();
        for column in [Column::Actor, Column::Action, Column::Subject, Column::Project, Column::Summary] {
            any = any.add(
                Expr::expr(Func::lower(Expr::col((audit_event::Entity, column))))
                    .like(LikeExpr::new(pattern.clone()).escape('\\')),
            );
        }
        select = select.filter(any);
    }
    let total = select.clone().count(store.db()).await?;
    let select = match query.sort.as_str() {
        "seq" => select.order_by_asc(Column::Seq),
        _ => select.order_by_desc(Column::Seq),
    };
    let models = select.offset(query.offset()).limit(query.limit()).all(store.db()).await?;
    Ok(Page::new(models.into_iter().map(view).collect(), total, query))
}

fn view(model: audit_event::Model) -> AuditEventView {
    AuditEventView {
        seq: model.seq,
        at: Timestamp(model.at),
        actor: model.actor,
        via: model.via,
        from: model.from_address,
        action: model.action,
        subject: model.subject,
        project: model.project,
        summary: model.summary,
        before: model.before,
        after: model.after,
        previous: model.previous,
        hash: model.hash,
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
