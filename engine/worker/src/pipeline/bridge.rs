//! What the service asks of pipelines, answered by the crate that runs them.

use super::registry;
use std::{path::Path, sync::Arc};
use trainyard_pipeline::{Registry, kind::Places, partitions, preview, schedule::Times, schema};
use trainyard_service::pipelines::engine::{Engine, PreviewOrder};
use trainyard_types::{
    Problem, Timestamp,
    pipeline::{Partitions, Pipeline, Schedule, StepKindView, StepPreview, Values},
};

/// All kinds of steps, for the service.
pub fn engine() -> Arc<dyn Engine> {
    Arc::new(Bridge(registry()))
}

struct Bridge(Registry);

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.names()).finish()
    }
}

impl Engine for Bridge {
    fn read(&self, text: &str) -> Result<Pipeline, Problem> {
        trainyard_pipeline::read(text, &self.0)
    }
    fn print(&self, document: &Pipeline) -> Result<String, Problem> {
        trainyard_pipeline::print(document)
    }
    fn kinds(&self) -> Vec<StepKindView> {
        self.0.views()
    }
    fn schema(&self) -> serde_json::Value {
        schema::schema(&self.0)
    }
    fn ticks(
        &self,
        schedule: &Schedule,
        last: Timestamp,
        now: Timestamp,
    ) -> Result<(Vec<Timestamp>, Option<Timestamp>), Problem> {
        let times = Times::of(schedule)?;
        Ok((times.due(last, now, schedule.catch_up), times.next(now)))
    }
    fn partitions_of(&self, partitions: &Partitions, tick: Timestamp) -> Vec<String> {
        match partitions {
            Partitions::List { values } => values.clone(),
            times => partitions::of_tick(times, tick).into_iter().collect(),
        }
    }
    fn partition(&self, partitions: &Partitions, name: &str) -> Result<Values, Problem> {
        partitions::values(partitions, name)
    }
    fn range(&self, partitions: &Partitions, first: &str, last: &str) -> Result<Vec<String>, Problem> {
        partitions::range(partitions, first, last)
    }
    fn preview(&self, order: &PreviewOrder, cache: &Path, spill: &Path) -> Result<StepPreview, Problem> {
        let places = Places { datasets: order.datasets.clone(), ..Places::default() };
        preview::step(&self.0, &order.document, &order.step, order.values.clone(), places, cache, spill)
    }
}
