//! Train rows that do not fit the memory, a buffer at a time, as the net takes them.

use super::Part;
use crate::{RowStream, TrainData, goal::Goal};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use trainyard_infer::preprocess::Encoder;
use trainyard_types::{Problem, words::count};

/// Encodes the buffers of a stream.
#[derive(Clone, Copy)]
pub struct Feed<'a> {
    stream: &'a dyn RowStream,
    encoder: &'a Encoder,
    goal: Goal,
}

/// A buffer, and how long reading and encoding it took.
pub struct Fed {
    pub part: Arc<Part>,
    pub took: Duration,
}

impl<'a> Feed<'a> {
    /// `None` where all train rows are in memory.
    pub fn new(data: &TrainData<'a>, encoder: &'a Encoder, goal: Goal) -> Option<Self> {
        data.stream.map(|stream| Self { stream, encoder, goal })
    }

    /// The buffer that is visited after so many, over all passes.
    ///
    /// # Errors
    /// It can't be read, or has no rows.
    pub fn buffer(&self, visited: u32) -> Result<Fed, Problem> {
        let begun = Instant::now();
        let buffers = self.stream.buffers().max(1);
        let (pass, buffer) = (u64::from(visited) / buffers as u64, visited as usize % buffers);
        let (frame, target, weights) = self.stream.read(pass, buffer)?;
        if frame.rows == 0 || target.len() != frame.rows {
            return Err(Problem::internal("The train rows could not be read in buffers. Retry the run."));
        }
        let part = Part::new(self.encoder, &frame, &target, self.goal, weights.as_deref())?;
        Ok(Fed { part, took: begun.elapsed() })
    }
}

/// How far a training has come through the stream: "12.4 of 62.0 million train rows". `buffers`: those visited.
pub fn seen(stream: &dyn RowStream, buffers: u64) -> String {
    let (seen, all) = (stream.seen(buffers), stream.rows());
    if all < 1_000_000 {
        return format!("{} of {} train rows{}", count(seen.min(all)), count(all), times(seen, all));
    }
    let millions = |rows: u64| rows as f64 / 1e6;
    format!("{:.1} of {:.1} million train rows{}", millions(seen.min(all)), millions(all), times(seen, all))
}

fn times(seen: u64, all: u64) -> String {
    if seen > all { format!(", {:.1} times", seen as f64 / all.max(1) as f64) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamedRows;

    /// Rows in all, ten buffers.
    struct Ten(u64);

    impl RowStream for Ten {
        fn rows(&self) -> u64 {
            self.0
        }
        fn buffers(&self) -> usize {
            10
        }
        fn largest(&self) -> usize {
            (self.0 / 10) as usize
        }
        fn seen(&self, buffers: u64) -> u64 {
            self.0 / 10 * buffers
        }
        fn read(&self, _: u64, _: usize) -> Result<StreamedRows, Problem> {
            Err(Problem::internal("There are none."))
        }
    }

    #[test]
    fn what_was_seen_is_said() {
        assert_eq!(seen(&Ten(62_000_000), 2), "12.4 of 62.0 million train rows");
        assert_eq!(seen(&Ten(5_000), 3), "1,500 of 5,000 train rows");
        assert_eq!(seen(&Ten(5_000), 25), "5,000 of 5,000 train rows, 2.5 times");
    }
}
