//! The GPU path, on a real GPU where there is one, otherwise on SwiftShader, which Debian's `chromium` package holds
//! (with `libvulkan1`). A driver may end its process, so that the training runs in a process of its own.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
use std::{path::Path, process::Command};
use trainyard_infer::{Column, Frame, Predictions, Target, Values};
use trainyard_learn::{FitError, FitOptions, Fitted, Observer, TrainData, device, fit};
use trainyard_types::{
    Code,
    dataset::ColumnType,
    hyper::Hyperparameters,
    run::{DeviceChoice, Family, MetricPoint, Task},
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

/// Where Debian's `chromium` package puts SwiftShader's driver file.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

/// Tells the test that it is the process that trains.
const CHILD: &str = "TRAINYARD_TEST_TRAINS";

/// A net that learns the table in little time.
struct Net {
    family: Family,
    epochs: u32,
    parameters: &'static [(&'static str, f64)],
}

const NETS: [Net; 3] = [
    Net { family: Family::RealMlp, epochs: 6, parameters: &[] },
    Net {
        family: Family::TabM,
        epochs: 20,
        parameters: &[("tabm.members", 4.0), ("tabm.width", 64.0), ("tabm.batch_size", 32.0)],
    },
    Net {
        family: Family::FtTransformer,
        epochs: 12,
        parameters: &[("fttransformer.blocks", 1.0), ("fttransformer.width", 32.0)],
    },
];

/// Trains in a process of its own and shows what it said. A real GPU serves as it is. SwiftShader compiles burn's fused
/// matrix products wrongly, which training notices and refuses, so that fusion is off there.
#[test]
fn tiny_nets_train_on_vulkan() {
    if std::env::var_os(CHILD).is_some() {
        return NETS.iter().for_each(train_in_this_process);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tiny_nets_train_on_vulkan", "--nocapture"]).env(CHILD, "1");
    let real = device::choose(DeviceChoice::Auto).unwrap();
    if real.is_cpu {
        if !Path::new(SWIFTSHADER).exists() {
            println!("SKIPPED tiny_nets_train_on_vulkan: no GPU, and no SwiftShader at {SWIFTSHADER}");
            return;
        }
        command.env("VK_DRIVER_FILES", SWIFTSHADER).env(device::SOFTWARE_ASKED_BY, "Cpu");
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal").env("BURN_FUSION_MAX_EXPLORATIONS", "0");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines().filter(|line| line.starts_with("SKIPPED ") || line.starts_with("VULKAN ")) {
        println!("{line}");
    }
    assert!(output.status.success(), "{said}\n{}\n{}", String::from_utf8_lossy(&output.stderr), output.status);
}

fn train_in_this_process(net: &Net) {
    let family = net.family;
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
        loss: None,
        weights: None,
        stream: None,
    };
    let options = |device| FitOptions {
        seed: 3,
        epochs: Some(net.epochs),
        budget_seconds: 60.0,
        device,
        parameters: net.parameters.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect::<Hyperparameters>(),
        monotone: Default::default(),
        memory: None,
    };
    let fitted = match fit(family, &data, &options(DeviceChoice::Gpu), None, &mut Quiet) {
        Ok(fitted) => fitted,
        Err(FitError::Problem(problem)) if problem.code == Code::Unavailable => {
            println!("SKIPPED tiny_nets_train_on_vulkan, {}: {}", family.as_str(), problem.message);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let name = &fitted.parameters["device"];
    assert!(!name.contains("CPU (flex)"));
    // The CPU's own step is another implementation of the same training; only what dropout drops differs. The measure of
    // nearness is a net that learned nothing but the share of positives.
    let on_cpu = fit(family, &data, &options(DeviceChoice::Cpu), None, &mut Quiet).unwrap();
    let positive = |fitted: &Fitted| -> Vec<f64> {
        let Predictions::Probabilities { values, .. } = fitted.model.predict(&frame).unwrap() else { panic!() };
        values.chunks(2).map(|pair| f64::from(pair[1])).collect()
    };
    let (gpu, cpu) = (positive(&fitted), positive(&on_cpu));
    let Target::Classes(truth) = &target else { panic!() };
    let accuracy = |p: &[f64]| {
        p.iter().zip(truth).filter(|(p, class)| u32::from(**p > 0.5) == **class).count() as f64 / f64::from(rows)
    };
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / f64::from(rows);
    let apart = mean(&mut gpu.iter().zip(&cpu).map(|(a, b)| (a - b).abs()));
    let share = mean(&mut truth.iter().map(|class| f64::from(*class)));
    let nothing = mean(&mut cpu.iter().map(|p| (p - share).abs()));
    println!(
        "VULKAN {} on {name}: accuracy {:.3}, CPU {:.3}, probabilities {apart:.4} apart (nothing learned: {nothing:.4})",
        family.as_str(),
        accuracy(&gpu),
        accuracy(&cpu)
    );
    assert!(accuracy(&gpu) > accuracy(&cpu) - 0.04, "{} against {}", accuracy(&gpu), accuracy(&cpu));
    assert!(apart < 0.5 * nothing, "{apart} of {nothing}");
}
