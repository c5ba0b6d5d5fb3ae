//! Which engine trains: a GPU's graph where it computes what the CPU does.

use super::engine::{Clock, Engine, Failure};
use crate::{FitError, FitOptions, Observer, device::ChosenDevice};
use burn::tensor::Device;
use std::panic::{AssertUnwindSafe, catch_unwind};
use trainyard_types::{Code, Problem, run::DeviceChoice};

/// The engine on the chosen device, and the device's name. `rows` are train rows on which a GPU's gradient is compared.
///
/// # Errors
/// A GPU was asked for that computes wrongly.
pub fn engine<G: Engine + 'static>(
    chosen: ChosenDevice,
    options: &FitOptions,
    fused: impl Engine + 'static,
    graph: impl FnOnce(Device) -> G,
    rows: &[u32],
    observer: &mut dyn Observer,
) -> Result<(Box<dyn Engine>, String), FitError> {
    if chosen.is_cpu {
        return Ok((Box::new(fused), chosen.name));
    }
    let graph = graph(chosen.device);
    match check(&graph, &fused, rows) {
        Ok(()) => Ok((Box::new(graph), chosen.name)),
        Err(why) if options.device == DeviceChoice::Auto => {
            observer.log(&format!("{} is not used: {why}. Training on the CPU.", chosen.name));
            Ok((Box::new(fused), "CPU (flex)".to_owned()))
        }
        Err(why) => {
            let message = format!(
                "{} can't be used: {why}. Update its driver, or choose the device 'auto' or 'cpu'.",
                chosen.name
            );
            Err(Problem::new(Code::Unavailable, message).into())
        }
    }
}

/// Whether the GPU computes what the CPU does: drivers are known that compile some kernels wrongly, without an error.
fn check(graph: &dyn Engine, fused: &dyn Engine, rows: &[u32]) -> Result<(), String> {
    let words = |failure: Failure| match failure {
        Failure::NotFinite => "it computes numbers that are not finite".to_owned(),
        Failure::Device(why) => why,
    };
    let (_, expected) = fused.whole_gradient(rows, &Clock::still()).map_err(words)?;
    let found = catch_unwind(AssertUnwindSafe(|| graph.whole_gradient(rows, &Clock::still())));
    let (_, found) = found.map_err(|_| "its driver failed".to_owned())?.map_err(words)?;
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let size = square(&mut expected.iter().copied());
    let off = square(&mut found.iter().zip(&expected).map(|(a, b)| a - b));
    if found.len() == expected.len() && off <= 0.02 * size + 1e-6 {
        Ok(())
    } else {
        Err(format!("it computes wrong gradients (off by {:.0} %)", 100.0 * off / size.max(1e-9)))
    }
}
