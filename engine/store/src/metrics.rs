//! A run's curves: written in batches, read thinned.

use crate::{
    StoreError, Tx,
    entity::run_metric,
    query::{all, pick_all, signed, unsigned},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Func, OnConflict, Order, Query, SelectStatement},
};
use std::collections::{BTreeMap, HashMap};
use trainyard_types::{
    RunId,
    run::{MetricPoint, MetricSeries},
};

/// A curve is thinned to at most this many points.
pub const MAX_POINTS: usize = 1500;
/// Rows read at a time.
const PAGE: u64 = 20_000;
/// Rows of one INSERT: well below SQLite's 32,766 and PostgreSQL's 65,535 parameters.
const INSERT_ROWS: usize = 1000;

/// The points that can be kept: finite, each step of a curve once (the last value counts).
pub(crate) fn writable(points: &[MetricPoint]) -> Vec<&MetricPoint> {
    let mut last = BTreeMap::new();
    for (index, point) in points.iter().enumerate().filter(|(_, point)| point.value.is_finite()) {
        last.insert((point.key.as_str(), point.part.as_str(), point.step), index);
    }
    let mut indices: Vec<usize> = last.into_values().collect();
    indices.sort_unstable();
    indices.into_iter().map(|index| &points[index]).collect()
}

/// Inserts or overwrites points: a run that goes on from a checkpoint says some steps again. They are numbered from
/// `before + 1`.
pub(crate) async fn write(tx: &Tx, run: RunId, points: &[&MetricPoint], before: i64) -> Result<(), StoreError> {
    use run_metric::Column;
    let mut seq = before;
    for chunk in points.chunks(INSERT_ROWS) {
        let models: Vec<_> = chunk
            .iter()
            .map(|point| {
                seq += 1;
                run_metric::ActiveModel {
                    run_id: Set(run.to_string()),
                    key: Set(point.key.clone()),
                    part: Set(point.part.clone()),
                    step: Set(signed(point.step)),
                    value: Set(point.value),
                    seq: Set(seq),
                }
            })
            .collect();
        let overwrite = OnConflict::columns([Column::RunId, Column::Key, Column::Part, Column::Step])
            .update_columns([Column::Value, Column::Seq])
            .to_owned();
        run_metric::Entity::insert_many(models).on_conflict(overwrite).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// Points written after the one numbered `after`, in the order in which they were written, `limit` at most, and the last
/// one's number.
///
/// # Errors
/// The database failed.
pub async fn since(
    db: &impl ConnectionTrait,
    run: RunId,
    after: i64,
    limit: u64,
) -> Result<(Vec<MetricPoint>, i64), StoreError> {
    let models = run_metric::Entity::find()
        .filter(run_metric::Column::RunId.eq(run.to_string()))
        .filter(run_metric::Column::Seq.gt(after))
        .order_by_asc(run_metric::Column::Seq)
        .limit(limit)
        .all(db)
        .await?;
    let last = models.last().map_or(after, |model| model.seq);
    let points = models
        .into_iter()
        .map(|model| MetricPoint { key: model.key, part: model.part, step: unsigned(model.step), value: model.value })
        .collect();
    Ok((points, last))
}

#[derive(FromQueryResult)]
struct Extent {
    key: String,
    part: String,
    n: i64,
    first: i64,
    last: i64,
}

/// All curves of a run, each thinned to [`MAX_POINTS`] points that keep its first and last value and the lowest and
/// highest of each stretch, so that a spike never disappears. Reads a bounded number of rows at a time.
///
/// # Errors
/// The database failed.
pub async fn curves(db: &impl ConnectionTrait, run: RunId) -> Result<Vec<MetricSeries>, StoreError> {
    read(db, run, Which::default()).await
}

/// The curves of one part, `train` or `valid`, as [`curves`] thins them.
///
/// # Errors
/// The database failed.
pub async fn part(db: &impl ConnectionTrait, run: RunId, part: &str) -> Result<Vec<MetricSeries>, StoreError> {
    read(db, run, Which { part: Some(part), key: None }).await
}

/// One curve, as [`curves`] thins it; `None` where the run has none of that name.
///
/// # Errors
/// The database failed.
pub async fn curve(
    db: &impl ConnectionTrait,
    run: RunId,
    key: &str,
    part: &str,
) -> Result<Option<MetricSeries>, StoreError> {
    Ok(read(db, run, Which { part: Some(part), key: Some(key) }).await?.pop())
}

/// Which curves of a run.
#[derive(Clone, Copy, Default)]
struct Which<'a> {
    part: Option<&'a str>,
    key: Option<&'a str>,
}

impl Which<'_> {
    fn narrow(self, select: &mut SelectStatement) {
        if let Some(part) = self.part {
            select.and_where(run_metric::Column::Part.eq(part));
        }
        if let Some(key) = self.key {
            select.and_where(run_metric::Column::Key.eq(key));
        }
    }
}

async fn read(db: &impl ConnectionTrait, run: RunId, which: Which<'_>) -> Result<Vec<MetricSeries>, StoreError> {
    use run_metric::Column;
    let mut extents = Query::select();
    which.narrow(&mut extents);
    extents
        .columns([Column::Key, Column::Part])
        .expr_as(Func::count(Expr::cust("*")), "n")
        .expr_as(Func::min(Expr::col(Column::Step)), "first")
        .expr_as(Func::max(Expr::col(Column::Step)), "last")
        .from(run_metric::Entity)
        .and_where(Column::RunId.eq(run.to_string()))
        .group_by_col(Column::Key)
        .group_by_col(Column::Part);
    let extents: Vec<Extent> = all(db, &extents).await?;
    // The two databases sort keys differently; steps rise within each curve on both.
    let mut thinners: HashMap<String, HashMap<String, Thinner>> = HashMap::new();
    for Extent { key, part, n, first, last } in extents {
        thinners.entry(key).or_default().insert(part, Thinner::new(unsigned(n), first, last));
    }
    let mut reader = Reader { run, which, after: None, last: false };
    while let Some(page) = reader.next(db).await? {
        for point in page {
            // A curve that began between the two queries is left for the next look.
            let thinner = thinners.get_mut(&point.key).and_then(|parts| parts.get_mut(&point.part));
            if let Some(thinner) = thinner {
                thinner.push(point.step, point.value);
            }
        }
    }
    let mut curves: Vec<MetricSeries> = thinners
        .into_iter()
        .flat_map(|(key, parts)| parts.into_iter().map(move |(part, thinner)| (key.clone(), part, thinner)))
        .map(|(key, part, thinner)| {
            let (steps, values) = thinner.finish();
            MetricSeries { key, part, steps, values }
        })
        .collect();
    curves.sort_by(|a, b| (&a.key, &a.part).cmp(&(&b.key, &b.part)));
    Ok(curves)
}

/// All points of a run by curve and step, read a page at a time.
struct Reader<'a> {
    run: RunId,
    which: Which<'a>,
    after: Option<(String, String, i64)>,
    /// The last page was read.
    last: bool,
}

impl Reader<'_> {
    async fn next(&mut self, db: &impl ConnectionTrait) -> Result<Option<Vec<run_metric::Model>>, StoreError> {
        use run_metric::Column;
        if self.last {
            return Ok(None);
        }
        let mut select = Query::select();
        select
            .from(run_metric::Entity)
            .and_where(Column::RunId.eq(self.run.to_string()))
            .order_by(Column::Key, Order::Asc)
            .order_by(Column::Part, Order::Asc)
            .order_by(Column::Step, Order::Asc)
            .limit(PAGE);
        self.which.narrow(&mut select);
        if let Some((key, part, step)) = &self.after {
            let place = Expr::tuple([Expr::col(Column::Key), Expr::col(Column::Part), Expr::col(Column::Step)]);
            let read = Expr::tuple([Expr::value(key.as_str()), Expr::value(part.as_str()), Expr::value(*step)]);
            select.and_where(place.gt(read));
        }
        pick_all(&mut select, run_metric::Entity, "");
        let page: Vec<run_metric::Model> = all(db, &select).await?;
        self.last = (page.len() as u64) < PAGE;
        self.after = page.last().map(|point| (point.key.clone(), point.part.clone(), point.step));
        Ok(Some(page))
    }
}

/// Thins one curve as it is read, steps rising.
struct Thinner {
    /// Width of a stretch in steps; `None`: few enough points to keep all.
    width: Option<f64>,
    first: i64,
    kept: Vec<(i64, f64)>,
    stretch: i64,
    low: Option<(i64, f64)>,
    high: Option<(i64, f64)>,
    newest: Option<(i64, f64)>,
}

impl Thinner {
    fn new(count: u64, first: i64, last: i64) -> Self {
        // Two points a stretch, the first and the last point besides.
        let stretches = (MAX_POINTS / 2 - 1) as f64;
        let width = (count > MAX_POINTS as u64).then(|| ((last - first + 1) as f64 / stretches).max(1.0));
        Self { width, first, kept: Vec::new(), stretch: 0, low: None, high: None, newest: None }
    }

    fn push(&mut self, step: i64, value: f64) {
        let Some(width) = self.width else {
            self.kept.push((step, value));
            return;
        };
        if self.newest.is_none() {
            self.kept.push((step, value));
        }
        self.newest = Some((step, value));
        let stretch = ((step - self.first) as f64 / width) as i64;
        if stretch != self.stretch {
            self.flush();
            self.stretch = stretch;
        }
        if self.low.is_none_or(|(_, low)| value < low) {
            self.low = Some((step, value));
        }
        if self.high.is_none_or(|(_, high)| value > high) {
            self.high = Some((step, value));
        }
    }

    fn flush(&mut self) {
        let mut pair: Vec<_> = self.low.take().into_iter().chain(self.high.take()).collect();
        pair.sort_by_key(|(step, _)| *step);
        for point in pair {
            self.keep(point);
        }
    }

    fn keep(&mut self, point: (i64, f64)) {
        if self.kept.last().is_none_or(|(step, _)| *step < point.0) {
            self.kept.push(point);
        }
    }

    fn finish(mut self) -> (Vec<u64>, Vec<f64>) {
        self.flush();
        if let Some(newest) = self.newest {
            self.keep(newest);
        }
        self.kept.into_iter().map(|(step, value)| (unsigned(step), value)).unzip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thin(values: &[f64]) -> (Vec<u64>, Vec<f64>) {
        let mut thinner = Thinner::new(values.len() as u64, 0, values.len() as i64 - 1);
        for (step, value) in values.iter().enumerate() {
            thinner.push(step as i64, *value);
        }
        thinner.finish()
    }

    #[test]
    fn short_curves_are_kept_whole() {
        let values: Vec<f64> = (0..1500).map(f64::from).collect();
        assert_eq!(thin(&values).1, values);
    }

    #[test]
    fn long_curves_keep_spikes_ends_and_order() {
        let mut values: Vec<f64> = (0..100_000).map(|i| (f64::from(i) / 5000.0).sin()).collect();
        values[77_777] = 50.0;
        values[12_345] = -50.0;
        let (steps, kept) = thin(&values);
        assert!(steps.len() <= MAX_POINTS, "{}", steps.len());
        assert!(steps.len() > MAX_POINTS / 2);
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((steps.first(), steps.last()), (Some(&0), Some(&99_999)));
        assert!(kept.contains(&50.0) && kept.contains(&-50.0));
    }

    #[test]
    fn the_last_value_of_a_step_counts_and_nan_is_left_out() {
        let point = |step, value| MetricPoint { key: "loss".into(), part: "train".into(), step, value };
        let points = [point(1, 0.5), point(2, f64::NAN), point(1, 0.25), point(3, f64::INFINITY)];
        let kept: Vec<f64> = writable(&points).iter().map(|p| p.value).collect();
        assert_eq!(kept, [0.25]);
    }
}
