//! What the steps of pipelines' runs say.

use crate::{
    Store, StoreError, Tx,
    entity::{pipeline_log, pipeline_run},
    logs::{clean_line, level_from, level_text},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use trainyard_types::{
    PipelineRunId, Timestamp,
    job::LogLevel,
    pipeline::{StepId, StepLogLine},
};

/// Rows of one INSERT: well below SQLite's 32,766 and PostgreSQL's 65,535 parameters.
const INSERT_ROWS: usize = 1000;
/// Runs whose logs go in one transaction.
const SWEPT_AT_ONCE: u64 = 100;

/// Writes lines, numbered from the one after `before`.
pub(super) async fn write(
    tx: &Tx,
    run: PipelineRunId,
    lines: &[(Timestamp, StepId, LogLevel, String)],
    before: i64,
) -> Result<(), StoreError> {
    let mut seq = before;
    for chunk in lines.chunks(INSERT_ROWS) {
        let models: Vec<_> = chunk
            .iter()
            .map(|(at, step, level, line)| {
                seq += 1;
                pipeline_log::ActiveModel {
                    run_id: Set(run.to_string()),
                    seq: Set(seq),
                    at: Set(at.0),
                    step: Set(step.to_string()),
                    level: Set(level_text(*level).to_owned()),
                    line: Set(clean_line(line)),
                }
            })
            .collect();
        pipeline_log::Entity::insert_many(models).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// Log lines after the one numbered `after`, oldest first.
///
/// # Errors
/// The database failed.
pub async fn read(
    db: &impl ConnectionTrait,
    run: PipelineRunId,
    after: i64,
    limit: u64,
) -> Result<Vec<StepLogLine>, StoreError> {
    let models = pipeline_log::Entity::find()
        .filter(pipeline_log::Column::RunId.eq(run.to_string()))
        .filter(pipeline_log::Column::Seq.gt(after))
        .order_by_asc(pipeline_log::Column::Seq)
        .limit(limit)
        .all(db)
        .await?;
    models
        .into_iter()
        .map(|model| {
            Ok(StepLogLine {
                seq: model.seq,
                at: Timestamp(model.at),
                step: StepId::parse(&model.step).map_err(StoreError::Corrupt)?,
                level: level_from(&model.level),
                line: model.line,
            })
        })
        .collect()
}

/// Deletes the lines of runs that ended before `before`; the runs and their steps' states stay. Answers of how many runs.
///
/// # Errors
/// The database failed; what was done before stands.
pub async fn sweep(store: &Store, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    use pipeline_run::Column;
    let mut swept = 0;
    loop {
        let old: Vec<String> = pipeline_run::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::LogDeletedAt.is_null())
            .filter(Column::EndedAt.lt(before.0))
            .limit(SWEPT_AT_ONCE)
            .into_tuple()
            .all(store.db())
            .await?;
        if old.is_empty() {
            return Ok(swept);
        }
        let tx = store.begin().await?;
        // Seen again in the UPDATE: somebody may have retried a run meanwhile.
        let marked = pipeline_run::Entity::update_many()
            .col_expr(Column::LogDeletedAt, Expr::value(now.0))
            .filter(Column::Id.is_in(old))
            .filter(Column::EndedAt.lt(before.0))
            .exec_with_returning(&*tx)
            .await?;
        let gone = marked.iter().map(|run| run.id.as_str());
        pipeline_log::Entity::delete_many().filter(pipeline_log::Column::RunId.is_in(gone)).exec(&*tx).await?;
        tx.commit().await?;
        swept += marked.iter().filter(|run| run.log_seq > 0).count() as u64;
    }
}
