//! Where nets train: a GPU through Vulkan (Metal, DirectX) where a real one answers, otherwise the CPU.

use burn::tensor::{Device, DeviceKind, wgpu::WgpuBackend};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};
use trainyard_types::{Code, Problem, run::DeviceChoice};

/// A device, and why it was chosen.
#[derive(Clone, Debug)]
pub struct ChosenDevice {
    pub device: Device,
    /// For people: `CPU (flex)`, `NVIDIA L4 (Vulkan)`.
    pub name: String,
    /// One sentence.
    pub reason: String,
    /// Whether it is the CPU, where the same spec gives the same weights bit for bit.
    pub is_cpu: bool,
}

/// What a look for a GPU found. burn registers a runtime once a process, so the answer is kept.
#[derive(Clone, Debug)]
enum Probe {
    Found { device: Device, name: String, software: bool },
    None(String),
}

static PROBE: Mutex<Option<Probe>> = Mutex::new(None);
static SOFTWARE: Mutex<Option<Probe>> = Mutex::new(None);

/// The environment variable by which a software rasteriser is asked for by name.
pub const SOFTWARE_ASKED_BY: &str = "CUBECL_WGPU_DEFAULT_DEVICE";

/// Chooses the device. Never panics. A Vulkan driver that is software (Mesa's lavapipe, SwiftShader) is slower than the
/// CPU itself, and some crash; it is used only where a GPU is asked for and `CUBECL_WGPU_DEFAULT_DEVICE=Cpu` is set.
///
/// # Errors
/// If a GPU was asked for and none answers.
pub fn choose(choice: DeviceChoice) -> Result<ChosenDevice, Problem> {
    if choice == DeviceChoice::Cpu {
        return Ok(cpu("The CPU was asked for.".into()));
    }
    let software_asked = std::env::var(SOFTWARE_ASKED_BY).is_ok_and(|value| value == "Cpu");
    let refused = |why: String| {
        let message = format!(
            "A GPU was asked for, but {why}. Install the Vulkan driver of a GPU, or choose the device 'auto' or 'cpu'."
        );
        Err(Problem::new(Code::Unavailable, message))
    };
    match (probe(&PROBE, DeviceKind::DefaultDevice), choice) {
        (Probe::Found { device, name, software: false }, _) => {
            let reason = format!("A GPU was found: {name}.");
            Ok(ChosenDevice { device, name, reason, is_cpu: false })
        }
        (Probe::Found { name, software: true, .. }, DeviceChoice::Auto) => {
            Ok(cpu(format!("The only Vulkan device, {name}, is software, which is slower than the CPU itself.")))
        }
        (Probe::None(why), DeviceChoice::Auto) => Ok(cpu(format!("No GPU was found: {why}."))),
        (Probe::Found { device, name, software: true }, _) if software_asked => Ok(software_device(device, name)),
        (Probe::Found { name, software: true, .. }, _) => {
            refused(format!("the only Vulkan device, {name}, is software"))
        }
        (Probe::None(why), _) if software_asked => match probe(&SOFTWARE, DeviceKind::Cpu) {
            Probe::Found { device, name, .. } => Ok(software_device(device, name)),
            Probe::None(_) => refused(format!("none was found: {why}")),
        },
        (Probe::None(why), _) => refused(format!("none was found: {why}")),
    }
}

fn cpu(reason: String) -> ChosenDevice {
    ChosenDevice { device: Device::flex(), name: "CPU (flex)".into(), reason, is_cpu: true }
}

fn software_device(device: Device, name: String) -> ChosenDevice {
    let reason = format!("A software Vulkan device was asked for by {SOFTWARE_ASKED_BY}: {name}.");
    ChosenDevice { device, name, reason, is_cpu: false }
}

fn probe(slot: &Mutex<Option<Probe>>, kind: DeviceKind) -> Probe {
    let mut slot = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    slot.get_or_insert_with(|| look(kind)).clone()
}

fn look(kind: DeviceKind) -> Probe {
    // A driver's fault must not end the job: it may panic where it should answer.
    let answer = catch_unwind(AssertUnwindSafe(|| {
        // On Linux and Windows only Vulkan is asked: looking for OpenGL prints to standard error.
        let api = if cfg!(target_vendor = "apple") { WgpuBackend::Auto } else { WgpuBackend::Vulkan };
        Device::wgpu_options()
            .device_kind(kind)
            .graphics_api(api)
            .init_with_setup()
            .map(|(device, setup)| (device, setup.adapter.get_info()))
    }));
    match answer {
        Ok(Ok((device, info))) => {
            let software = format!("{:?}", info.device_type) == "Cpu";
            Probe::Found { device, name: format!("{} ({:?})", info.name.trim(), info.backend), software }
        }
        Ok(Err(error)) => {
            let text = error.to_string();
            let none = text.contains("No adapter") || text.contains("no adapter");
            Probe::None(if none { "no Vulkan driver answered".into() } else { text.trim_end_matches('.').to_owned() })
        }
        Err(_) => Probe::None("the graphics driver failed while it was started".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_cpu_is_there_when_asked_for() {
        let chosen = choose(DeviceChoice::Cpu).unwrap();
        assert!(chosen.is_cpu);
        assert_eq!(chosen.name, "CPU (flex)");
    }

    #[test]
    fn auto_always_answers_and_says_why() {
        let chosen = choose(DeviceChoice::Auto).unwrap();
        assert!(chosen.reason.ends_with('.') && !chosen.name.is_empty());
        assert_eq!(choose(DeviceChoice::Auto).unwrap().name, chosen.name, "asked twice, it says the same");
    }
}
