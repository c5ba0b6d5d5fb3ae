//! What a person marks: pinned runs and the baseline; and what is archived.

use crate::{
    StoreError, Tx,
    entity::{run, run_mark},
    parse,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};
use trainyard_types::{ProjectId, RunId, Timestamp, UserId};

/// A person's marks in a project, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub pinned: Vec<RunId>,
    pub baseline: Option<RunId>,
}

fn of(user: UserId, project: ProjectId) -> Condition {
    Condition::all()
        .add(run_mark::Column::UserId.eq(user.to_string()))
        .add(run_mark::Column::ProjectId.eq(project.to_string()))
}

/// # Errors
/// The database failed.
pub async fn read(db: &impl ConnectionTrait, user: UserId, project: ProjectId) -> Result<Marks, StoreError> {
    let models = run_mark::Entity::find()
        .filter(of(user, project))
        .order_by_asc(run_mark::Column::MarkedAt)
        .order_by_asc(run_mark::Column::RunId)
        .all(db)
        .await?;
    let mut marks = Marks::default();
    for model in models {
        let run = parse("run_marks.run_id", &model.run_id)?;
        if model.pinned {
            marks.pinned.push(run);
        }
        if model.baseline {
            marks.baseline = Some(run);
        }
    }
    Ok(marks)
}

/// Marks a run for a person. Where it becomes the baseline, another one ceases to be it.
///
/// # Errors
/// The database failed.
pub async fn set(
    tx: &Tx,
    user: UserId,
    project: ProjectId,
    run: RunId,
    (pinned, baseline): (bool, bool),
    now: Timestamp,
) -> Result<(), StoreError> {
    if baseline {
        run_mark::Entity::update_many()
            .col_expr(run_mark::Column::Baseline, Expr::value(false))
            .filter(of(user, project))
            .exec(&**tx)
            .await?;
    }
    let row = run_mark::ActiveModel {
        user_id: Set(user.to_string()),
        project_id: Set(project.to_string()),
        run_id: Set(run.to_string()),
        pinned: Set(pinned),
        baseline: Set(baseline),
        marked_at: Set(now.0),
    };
    let again = OnConflict::columns([run_mark::Column::UserId, run_mark::Column::ProjectId, run_mark::Column::RunId])
        .update_columns([run_mark::Column::Pinned, run_mark::Column::Baseline])
        .to_owned();
    run_mark::Entity::insert(row).on_conflict(again).exec_without_returning(&**tx).await?;
    run_mark::Entity::delete_many()
        .filter(of(user, project))
        .filter(run_mark::Column::Pinned.eq(false))
        .filter(run_mark::Column::Baseline.eq(false))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Archives a run of the project, or brings it back with `None`. `false` where that is how it stands, or there is no such
/// run.
///
/// # Errors
/// The database failed.
pub async fn archive(tx: &Tx, project: ProjectId, run: RunId, at: Option<Timestamp>) -> Result<bool, StoreError> {
    let stands = match at {
        Some(_) => run::Column::ArchivedAt.is_null(),
        None => run::Column::ArchivedAt.is_not_null(),
    };
    let done = run::Entity::update_many()
        .col_expr(run::Column::ArchivedAt, Expr::value(at.map(|at| at.0)))
        .filter(run::Column::Id.eq(run.to_string()))
        .filter(run::Column::ProjectId.eq(project.to_string()))
        .filter(stands)
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected > 0)
}
