//! Elementary functions that compilers vectorise, and the matrix product of the forward pass. Training uses the same
//! functions, so that a net predicts with what it was trained with.

/// Added and subtracted, it rounds an `f32` of magnitude below 2²² to the nearest integer; its low mantissa bits then
/// hold that integer.
const ROUND: f32 = 12_582_912.0;

/// Columns of a packed panel: two AVX-512 registers, four of AVX2.
const PANEL: usize = 32;
/// Rows that go through a panel together.
const ROWS: usize = 4;

/// Loops that are compiled once for each vector instruction set. Mark `run`, and all that it calls, `#[inline(always)]`:
/// only what is inlined into it uses the wider instructions.
pub trait Loops {
    type Output;
    fn run(self) -> Self::Output;
}

/// Runs loops with the widest vector instructions of this machine (AVX-512, AVX2, NEON, or as compiled).
pub fn vectorised<L: Loops>(loops: L) -> L::Output {
    struct Run<L>(L);
    impl<L: Loops> pulp::WithSimd for Run<L> {
        type Output = L::Output;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> L::Output {
            self.0.run()
        }
    }
    pulp::Arch::new().dispatch(Run(loops))
}

/// e^x, relative error below 3e-7 for x in -87 to 88, held at the ends outside.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    // ln 2 in two parts, so that the rest is exact (Cody and Waite).
    let r = x - k * 0.693_359_4 + k * 2.121_944_4e-4;
    let mut p = 1.388_888_9e-3;
    p = p * r + 8.333_334e-3;
    p = p * r + 4.166_666_6e-2;
    p = p * r + 1.666_666_7e-1;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    p * f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000))
}

/// cos(2πt), absolute error below 3e-7 for |t| below 2²².
#[inline(always)]
pub fn cos_turns(t: f32) -> f32 {
    let r = t - ((t + ROUND) - ROUND);
    // cos(2πr) = sin(2π(¼ − |r|)), and that angle is within ±π/2.
    let x = (0.25 - r.abs()) * std::f32::consts::TAU;
    let z = x * x;
    let mut p = -2.505_210_8e-8;
    p = p * z + 2.755_731_9e-6;
    p = p * z - 1.984_127e-4;
    p = p * z + 8.333_333e-3;
    p = p * z - 1.666_666_7e-1;
    x + x * z * p
}

/// The two activations of RealMLP: SELU for classification, Mish for regression.
pub const SELU_SCALE: f32 = 1.050_701;
pub const SELU_ALPHA: f32 = 1.673_263_2;

/// SELU (Klambauer et al. 2017).
#[inline(always)]
pub fn selu(x: f32) -> f32 {
    if x > 0.0 { SELU_SCALE * x } else { SELU_SCALE * SELU_ALPHA * (exp(x.min(0.0)) - 1.0) }
}

/// SELU and its derivative.
#[inline(always)]
pub fn selu_slope(x: f32) -> (f32, f32) {
    let low = SELU_SCALE * SELU_ALPHA * exp(x.min(0.0));
    if x > 0.0 { (SELU_SCALE * x, SELU_SCALE) } else { (low - SELU_SCALE * SELU_ALPHA, low) }
}

/// Mish, x·tanh(ln(1 + e^x)) (Misra 2019).
#[inline(always)]
pub fn mish(x: f32) -> f32 {
    let u = exp(x.min(30.0));
    let n = u * (u + 2.0);
    x * n / (n + 2.0)
}

/// Mish and its derivative.
#[inline(always)]
pub fn mish_slope(x: f32) -> (f32, f32) {
    let u = exp(x.min(30.0));
    let n = u * (u + 2.0);
    let tanh = n / (n + 2.0);
    (x * tanh, tanh + x * (1.0 - tanh * tanh) * (u / (1.0 + u)))
}

/// [`Packed::multiply`] on its own.
pub struct Multiply<'a> {
    pub matrix: &'a Packed,
    pub x: &'a [f32],
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
}

impl Loops for Multiply<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.matrix.multiply(self.x, self.bias, self.out);
    }
}

/// Makes each row of `logits` (rows x `classes`) probabilities that sum to 1.
pub fn softmax(logits: &mut [f32], classes: usize) {
    for row in logits.chunks_exact_mut(classes) {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for value in row.iter_mut() {
            *value = exp(*value - highest);
            sum += *value;
        }
        row.iter_mut().for_each(|value| *value /= sum);
    }
}

/// A matrix laid out for [`Packed::multiply`]: panels of 32 columns, each with its rows one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
}

impl Packed {
    /// Packs a row-major `inputs x outputs` matrix.
    ///
    /// # Panics
    /// If `matrix` has another length.
    pub fn new(matrix: &[f32], inputs: usize, outputs: usize) -> Self {
        assert_eq!(matrix.len(), inputs * outputs, "a matrix of {inputs} x {outputs}");
        let count = outputs.div_ceil(PANEL);
        let mut panels = vec![0.0; count * inputs * PANEL];
        for panel in 0..count {
            let width = PANEL.min(outputs - panel * PANEL);
            for row in 0..inputs {
                let from = row * outputs + panel * PANEL;
                let to = (panel * inputs + row) * PANEL;
                panels[to..to + width].copy_from_slice(&matrix[from..from + width]);
            }
        }
        Self { inputs, outputs, panels }
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `out` (rows x outputs) = `x` (rows x inputs) times the matrix, plus `bias`. For use inside [`Loops`].
    #[inline(always)]
    pub fn multiply(&self, x: &[f32], bias: &[f32], out: &mut [f32]) {
        let rows = x.len() / self.inputs.max(1);
        let mut row = 0;
        while row < rows {
            let count = ROWS.min(rows - row);
            for (index, panel) in self.panels.chunks_exact((self.inputs * PANEL).max(1)).enumerate() {
                let first = index * PANEL;
                let width = PANEL.min(self.outputs - first);
                let block = if count == ROWS {
                    four_rows(&x[row * self.inputs..(row + ROWS) * self.inputs], self.inputs, panel)
                } else {
                    let mut block = [[0.0; PANEL]; ROWS];
                    for (sums, r) in block.iter_mut().zip(row..row + count) {
                        *sums = one_row(&x[r * self.inputs..(r + 1) * self.inputs], panel);
                    }
                    block
                };
                for (sums, r) in block.iter().zip(row..row + count) {
                    let at = r * self.outputs + first;
                    for ((to, sum), bias) in out[at..at + width].iter_mut().zip(sums).zip(&bias[first..first + width]) {
                        *to = sum + bias;
                    }
                }
            }
            row += count;
        }
    }
}

#[inline(always)]
fn four_rows(x: &[f32], inputs: usize, panel: &[f32]) -> [[f32; PANEL]; ROWS] {
    let mut sums = [[0.0f32; PANEL]; ROWS];
    let (a, rest) = x.split_at(inputs);
    let (b, rest) = rest.split_at(inputs);
    let (c, d) = rest.split_at(inputs);
    let (weights, _) = panel.as_chunks::<PANEL>();
    for ((((weight, a), b), c), d) in weights.iter().zip(a).zip(b).zip(c).zip(d) {
        for j in 0..PANEL {
            sums[0][j] += a * weight[j];
            sums[1][j] += b * weight[j];
            sums[2][j] += c * weight[j];
            sums[3][j] += d * weight[j];
        }
    }
    sums
}

/// Four partial sums, so that additions do not wait for each other.
#[inline(always)]
fn one_row(x: &[f32], panel: &[f32]) -> [f32; PANEL] {
    let mut sums = [[0.0f32; PANEL]; 4];
    let (weights, _) = panel.as_chunks::<PANEL>();
    let (fours, rest) = x.as_chunks::<4>();
    let (weight_fours, weight_rest) = weights.as_chunks::<4>();
    for (x, weight) in fours.iter().zip(weight_fours) {
        for j in 0..PANEL {
            sums[0][j] += x[0] * weight[0][j];
            sums[1][j] += x[1] * weight[1][j];
            sums[2][j] += x[2] * weight[2][j];
            sums[3][j] += x[3] * weight[3][j];
        }
    }
    for (x, weight) in rest.iter().zip(weight_rest) {
        for j in 0..PANEL {
            sums[0][j] += x * weight[j];
        }
    }
    let mut total = [0.0; PANEL];
    for j in 0..PANEL {
        total[j] = (sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j]);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_agree_with_the_standard_library() {
        for i in -8_000..8_000 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 5e-7, "exp({x})");
            let exact = (f64::from(x) * std::f64::consts::TAU).cos();
            assert!((f64::from(cos_turns(x)) - exact).abs() < 5e-7, "cos_turns({x})");
            let x64 = f64::from(x);
            let exact = x64 * (1.0 + x64.exp()).ln().tanh();
            assert!((f64::from(mish(x)) - exact).abs() < 1e-5 * (1.0 + exact.abs()), "mish({x})");
            let exact = if x > 0.0 { 1.050_700_987 * x64 } else { 1.050_700_987 * 1.673_263_242 * (x64.exp() - 1.0) };
            assert!((f64::from(selu(x)) - exact).abs() < 1e-5 * (1.0 + exact.abs()), "selu({x})");
        }
        assert!(exp(f32::NAN).is_nan() && exp(-1e9) < 1e-37 && exp(1e9) > 1e38);
    }

    #[test]
    fn slopes_agree_with_finite_differences() {
        for i in -600..600 {
            let x = f64::from(i) * 0.01 + 0.005;
            let exact = |f: fn(f64) -> f64| (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
            let mish64 = |x: f64| x * (1.0 + x.exp()).ln().tanh();
            let selu64 = |x: f64| {
                if x > 0.0 { 1.050_700_987 * x } else { 1.050_700_987 * 1.673_263_242 * (x.exp() - 1.0) }
            };
            assert!((f64::from(mish_slope(x as f32).1) - exact(mish64)).abs() < 1e-4, "mish at {x}");
            assert!((f64::from(selu_slope(x as f32).1) - exact(selu64)).abs() < 1e-4, "selu at {x}");
        }
    }

    #[test]
    fn packed_product_equals_the_plain_one() {
        for (rows, inputs, outputs) in [(1, 5, 3), (7, 33, 70), (4, 8, 32), (2, 1, 1)] {
            let x: Vec<f32> = (0..rows * inputs).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
            let w: Vec<f32> = (0..inputs * outputs).map(|i| ((i * 5) % 11) as f32 - 5.0).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| i as f32).collect();
            let mut out = vec![0.0; rows * outputs];
            vectorised(Multiply { matrix: &Packed::new(&w, inputs, outputs), x: &x, bias: &bias, out: &mut out });
            for r in 0..rows {
                for o in 0..outputs {
                    let expected: f32 =
                        (0..inputs).map(|i| x[r * inputs + i] * w[i * outputs + o]).sum::<f32>() + bias[o];
                    assert_eq!(out[r * outputs + o], expected);
                }
            }
        }
    }
}
