//! The GPU path, where a Vulkan driver is installed. On a machine without a GPU, SwiftShader serves:
//! `VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json` (Debian's `chromium` package, with `libvulkan1`), with
//! `CUBECL_WGPU_DEFAULT_DEVICE=Cpu CUBECL_AUTOTUNE_LEVEL=minimal BURN_FUSION_MAX_EXPLORATIONS=0`: SwiftShader compiles
//! burn's fused matrix products wrongly, which training notices and refuses.

#![allow(clippy::unwrap_used)]
use trainyard_infer::{Column, Frame, Predictions, Target, Values};
use trainyard_learn::{FitError, FitOptions, Observer, TrainData, realmlp};
use trainyard_types::{
    Code,
    dataset::ColumnType,
    run::{DeviceChoice, MetricPoint, Task},
};

struct Quiet;

impl Observer for Quiet {
    fn progress(&mut self, _: f64, _: &str, _: Option<f64>) {}
    fn metrics(&mut self, _: &[MetricPoint]) {}
    fn log(&mut self, _: &str) {}
    fn cancelled(&mut self) -> bool {
        false
    }
    fn checkpoint(&mut self, _: u64, _: &dyn Fn() -> Vec<u8>) {}
}

fn driver_is_there() -> bool {
    if let Ok(files) = std::env::var("VK_DRIVER_FILES") {
        return files.split(':').any(|file| std::path::Path::new(file).exists());
    }
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .any(|mut files| files.next().is_some())
}

#[test]
fn a_tiny_net_trains_on_vulkan() {
    if !driver_is_there() {
        eprintln!("SKIPPED a_tiny_net_trains_on_vulkan: no Vulkan driver is installed (VK_DRIVER_FILES is not set)");
        return;
    }
    let rows = 256;
    let x: Vec<f64> = (0..rows).map(|i| f64::from((i * 37) % 101) / 101.0).collect();
    let codes: Vec<u32> = (0..rows as u32).map(|i| i % 12).collect();
    let target =
        Target::Classes(x.iter().zip(&codes).map(|(x, c)| u32::from(*x + f64::from(*c) * 0.05 > 0.7)).collect());
    let levels = (0..12).map(|l| format!("l{l}")).collect();
    let columns = vec![
        Column { name: "x".into(), kind: ColumnType::Float, values: Values::Numbers(x) },
        Column { name: "c".into(), kind: ColumnType::Text, values: Values::Categories { codes, levels } },
    ];
    let frame = Frame { columns, rows: rows as usize };
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let data = TrainData {
        train: &frame,
        train_target: &target,
        valid: &frame,
        valid_target: &target,
        task: Task::Binary,
        classes: &classes,
        target_name: "y",
    };
    let options = FitOptions { seed: 3, epochs: Some(6), budget_seconds: 60.0, device: DeviceChoice::Gpu };
    let fitted = match realmlp::fit(&data, &options, None, &mut Quiet) {
        Ok(fitted) => fitted,
        Err(FitError::Problem(problem)) if problem.code == Code::Unavailable => {
            eprintln!("SKIPPED a_tiny_net_trains_on_vulkan: {}", problem.message);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(!fitted.parameters["device"].contains("CPU (flex)"));
    let Predictions::Probabilities { values, .. } = fitted.model.predict(&frame).unwrap() else { panic!() };
    let Target::Classes(truth) = &target else { panic!() };
    let right = values.chunks(2).zip(truth).filter(|(p, class)| u32::from(p[1] > p[0]) == **class).count();
    assert!(right * 5 > rows as usize * 4, "{right} of {rows} right");
}
