#![allow(clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use std::{collections::HashMap, time::Instant};
use trainyard_infer::*;
use trainyard_learn::*;
use trainyard_types::{dataset::ColumnType, run::*};
struct Obs { t: Instant }
impl Observer for Obs {
    fn progress(&mut self, f: f64, s: &str, r: Option<f64>) { if std::env::var("V").is_ok() { eprintln!("{:.1}s {f:.3} {s} {r:?}", self.t.elapsed().as_secs_f64()); } }
    fn metrics(&mut self, p: &[MetricPoint]) { if p[0].step % 16 == 0 { eprintln!("{:.1}s {}", self.t.elapsed().as_secs_f64(), p.iter().map(|p| format!("{} {}/{}={:.4}", p.step, p.key, p.part, p.value)).collect::<Vec<_>>().join(" ")); } }
    fn log(&mut self, l: &str) { eprintln!("log: {l}"); }
    fn cancelled(&mut self) -> bool { false }
    fn checkpoint(&mut self, _: u64, _: &dyn Fn() -> Vec<u8>) {}
}
fn load(path: &str, kinds: Option<&Vec<bool>>) -> (Vec<String>, Vec<Vec<String>>, Vec<bool>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let mut cols = vec![Vec::new(); names.len()];
    for l in lines { for (c, v) in cols.iter_mut().zip(l.split(',')) { c.push(v.to_owned()); } }
    let num = match kinds { Some(k) => k.clone(), None => cols.iter().map(|c| c.iter().all(|v| v.is_empty() || v.parse::<f64>().is_ok())).collect() };
    (names, cols, num)
}
fn frame(names: &[String], cols: &[Vec<String>], num: &[bool], target: &str) -> Frame {
    let rows = cols[0].len();
    let columns = names.iter().zip(cols).zip(num).filter(|((n, _), _)| *n != target).map(|((n, c), num)| {
        if *num { Column { name: n.clone(), kind: ColumnType::Float, values: Values::Numbers(c.iter().map(|v| v.parse().unwrap_or(f64::NAN)).collect()) } }
        else {
            let mut map: HashMap<&str, u32> = HashMap::new(); let mut levels = vec![];
            let codes = c.iter().map(|v| if v.is_empty() { MISSING } else { *map.entry(v).or_insert_with(|| { levels.push(v.clone()); levels.len() as u32 - 1 }) }).collect();
            Column { name: n.clone(), kind: ColumnType::Text, values: Values::Categories { codes, levels } }
        }
    }).collect();
    Frame { columns, rows }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (train, target, family) = (&a[1], &a[2], &a[3]);
    let test = a.get(4).filter(|t| *t != "-");
    let (names, cols, num) = load(train, None);
    let ti = names.iter().position(|n| n == target).unwrap();
    let mut classes: Vec<String> = cols[ti].clone(); classes.sort(); classes.dedup();
    let reg = num[ti] && classes.len() > 50;
    let tgt = |c: &Vec<String>| if reg { Target::Values(c.iter().map(|v| v.parse().unwrap()).collect()) } else { Target::Classes(c.iter().map(|v| classes.binary_search(v).unwrap() as u32).collect()) };
    let all = frame(&names, &cols, &num, target); let y = tgt(&cols[ti]);
    let mut order: Vec<usize> = (0..all.rows).collect();
    let mut s = 12345u64; for i in (1..order.len()).rev() { s ^= s << 13; s ^= s >> 7; s ^= s << 17; order.swap(i, (s % (i as u64 + 1)) as usize); }
    let (tr, va, te);
    let (testf, testy);
    if let Some(t) = test { let (n2, c2, _) = load(t, Some(&num)); testf = frame(&n2, &c2, &num, target); testy = tgt(&c2[ti]); let k = order.len() * 8 / 10; tr = order[..k].to_vec(); va = order[k..].to_vec(); te = 0; let _ = te; }
    else { let k = order.len() * 6 / 10; let k2 = order.len() * 8 / 10; tr = order[..k].to_vec(); va = order[k..k2].to_vec(); testf = all.take(&order[k2..]); testy = y.take(&order[k2..]); te = 1; let _ = te; }
    let (trf, vaf, try_, vay) = (all.take(&tr), all.take(&va), y.take(&tr), y.take(&va));
    let task = if reg { Task::Regression } else if classes.len() == 2 { Task::Binary } else { Task::Multiclass };
    let cl = if reg { vec![] } else { classes.clone() };
    let data = TrainData { train: &trf, train_target: &try_, valid: &vaf, valid_target: &vay, task, classes: &cl, target_name: target };
    let epochs = std::env::var("E").ok().map(|e| e.parse().unwrap());
    let opt = FitOptions { seed: std::env::var("S").map_or(0, |s| s.parse().unwrap()), epochs, budget_seconds: std::env::var("B").map_or(60.0, |b| b.parse().unwrap()), device: if std::env::var("GPU").is_ok() { DeviceChoice::Gpu } else { DeviceChoice::Cpu } };
    let t = Instant::now();
    let mut obs = Obs { t };
    let f = if family == "linear" { linear::fit(&data, &opt, None, &mut obs) } else { realmlp::fit(&data, &opt, None, &mut obs) };
    let f = match f { Ok(f) => f, Err(e) => { println!("ERR {e}"); return; } };
    let score = |f: &Fitted, fr: &Frame, y: &Target| match (f.model.predict(fr).unwrap(), y) {
        (Predictions::Values(p), Target::Values(y)) => (p.iter().zip(y).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / y.len() as f64).sqrt(),
        (Predictions::Probabilities { classes, values }, Target::Classes(y)) => values.chunks(classes).zip(y).filter(|(p, y)| p.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0 == **y as usize).count() as f64 / y.len() as f64,
        _ => f64::NAN };
    println!("{family} {:.1}s rows/s {:.0} epochs {} {:?}", f.seconds, f.rows_per_second, f.epochs, f.parameters);
    println!("TRAIN {:.5} VALID {:.5} TEST {:.5}", score(&f, &trf, &try_), score(&f, &vaf, &vay), score(&f, &testf, &testy));
    let one = testf.take(&[0]);
    let mut times: Vec<f64> = (0..5000).map(|_| { let t = Instant::now(); std::hint::black_box(f.model.predict(&one).unwrap()); t.elapsed().as_secs_f64() * 1e6 }).collect();
    times.sort_by(f64::total_cmp);
    let t = Instant::now(); f.model.predict(&testf).unwrap();
    println!("one row p50 {:.1} us p99 {:.1}; batch {:.0} rows/s", times[2500], times[4950], testf.rows as f64 / t.elapsed().as_secs_f64());
}
