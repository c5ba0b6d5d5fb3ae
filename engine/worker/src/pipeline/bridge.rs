//! What the service asks of pipelines, answered by the crate that runs them.

use super::registry;
use serde_json::Value;
use std::{path::Path, sync::Arc};
use trainyard_pipeline::{Registry, form, kind::Places, partitions, preview, schedule::Times, schema};
use trainyard_service::pipelines::engine::{Engine, PreviewOrder};
use trainyard_types::{
    Problem, Timestamp,
    pipeline::{Partitions, Pipeline, Schedule, ScheduleWords, StepField, StepKindView, StepPreview, Values},
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
    fn parse(&self, text: &str) -> Result<Pipeline, Problem> {
        trainyard_pipeline::parse(text)
    }
    fn of_form(&self, document: &Value) -> Result<Pipeline, Problem> {
        form::document(document)
    }
    fn check(&self, document: &Pipeline) -> Result<(), Problem> {
        trainyard_pipeline::check(document, &self.0)
    }
    fn print(&self, document: &Pipeline) -> Result<String, Problem> {
        trainyard_pipeline::print(document)
    }
    fn carry_comments(&self, written: &str, printed: &str) -> String {
        trainyard_data::yaml::carry(written, printed)
    }
    fn print_value(&self, value: &Value) -> Result<String, Problem> {
        trainyard_data::yaml::print(value)
    }
    fn setting(&self, text: &str) -> Result<Value, Problem> {
        trainyard_data::yaml::parse(text)
    }
    fn fields(&self) -> (Vec<StepField>, Vec<StepField>) {
        (form::head(), form::common())
    }
    fn words(&self, schedule: &Schedule, now: Timestamp) -> Result<ScheduleWords, Problem> {
        Ok(Times::of(schedule)?.in_words(now))
    }
    fn kinds(&self) -> Vec<StepKindView> {
        self.0.views()
    }
    fn schema(&self) -> Value {
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
    fn partitions(&self, partitions: &Partitions, now: Timestamp) -> Vec<String> {
        partitions::all(partitions, now)
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
