//! The matrix product of the forward pass.

use pulp::{Simd, WithSimd};

/// Columns of a packed panel: two AVX-512 registers, four of AVX2, eight of NEON.
const PANEL: usize = 32;

/// What is made of a row's sums while they are at hand.
pub trait Finish {
    /// `sums`: those of the columns from `first` on.
    fn finish(&self, first: usize, sums: &mut [f32]);
}

/// Adds a number to each column.
pub struct Bias<'a>(pub &'a [f32]);

impl Finish for Bias<'_> {
    #[inline(always)]
    fn finish(&self, first: usize, sums: &mut [f32]) {
        sums.iter_mut().zip(&self.0[first..]).for_each(|(sum, bias)| *sum += bias);
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

    /// `out` (rows x outputs) = what `finish` makes of `x` (rows x inputs) times the matrix. Each number is added up in the
    /// order of the inputs, whichever rows go together, so that an answer does not depend on the batch.
    #[inline(always)]
    pub fn multiply<S: Simd>(&self, simd: S, x: &[f32], out: &mut [f32], finish: &impl Finish) {
        // Sums that fill the registers: rows that go through a panel together, and panels for a row alone.
        match S::F32_LANES {
            16 => self.tiles::<S, 2, 12, 4>(simd, x, out, finish),
            8 => self.tiles::<S, 4, 3, 2>(simd, x, out, finish),
            4 => self.tiles::<S, 8, 3, 1>(simd, x, out, finish),
            _ => self.tiles::<S, 32, 2, 1>(simd, x, out, finish),
        }
    }

    /// `V` vectors make a panel.
    #[inline(always)]
    fn tiles<S: Simd, const V: usize, const ROWS: usize, const PANELS: usize>(
        &self,
        simd: S,
        x: &[f32],
        out: &mut [f32],
        finish: &impl Finish,
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let size = inputs * PANEL;
        if size == 0 {
            out.chunks_exact_mut(outputs.max(1)).for_each(|row| finish.finish(0, row));
            return;
        }
        let rows = x.len() / inputs;
        let together = rows - rows % ROWS;
        // Panel by panel, so that a panel stays in the first-level cache for all rows.
        for (index, panel) in self.panels.chunks_exact(size).enumerate() {
            let mut row = 0;
            while row < together {
                let x: [&[f32]; ROWS] = std::array::from_fn(|r| &x[(row + r) * inputs..][..inputs]);
                let sums = tile::<S, V, ROWS>(simd, x, panel);
                for (r, sums) in sums.iter().enumerate() {
                    self.put(simd, index, sums, &mut out[(row + r) * outputs..][..outputs], finish);
                }
                row += ROWS;
            }
        }
        for row in together..rows {
            let x = &x[row * inputs..][..inputs];
            let out = &mut out[row * outputs..][..outputs];
            let mut groups = self.panels.chunks_exact(size * PANELS);
            let mut index = 0;
            for group in &mut groups {
                let panels: [&[f32]; PANELS] = std::array::from_fn(|p| &group[p * size..][..size]);
                for sums in &wide::<S, V, PANELS>(simd, x, panels) {
                    self.put(simd, index, sums, out, finish);
                    index += 1;
                }
            }
            for panel in groups.remainder().chunks_exact(size) {
                let [sums] = wide::<S, V, 1>(simd, x, [panel]);
                self.put(simd, index, &sums, out, finish);
                index += 1;
            }
        }
    }

    /// Finishes a panel's sums and writes them into the row.
    #[inline(always)]
    fn put<S: Simd, const V: usize>(
        &self,
        _: S,
        index: usize,
        sums: &[S::f32s; V],
        row: &mut [f32],
        finish: &impl Finish,
    ) {
        let first = index * PANEL;
        let mut numbers = [0.0f32; PANEL];
        let (to, _) = S::as_mut_simd_f32s(&mut numbers);
        to.copy_from_slice(sums);
        if let Some(to) = row.get_mut(first..first + PANEL) {
            finish.finish(first, &mut numbers);
            to.copy_from_slice(&numbers);
        } else {
            let to = &mut row[first..];
            let numbers = &mut numbers[..to.len()];
            finish.finish(first, numbers);
            to.copy_from_slice(numbers);
        }
    }
}

/// The sums of some rows and one panel.
#[inline(always)]
fn tile<S: Simd, const V: usize, const ROWS: usize>(simd: S, x: [&[f32]; ROWS], panel: &[f32]) -> [[S::f32s; V]; ROWS] {
    let mut sums = [[simd.splat_f32s(0.0); V]; ROWS];
    let (weights, _) = panel.as_chunks::<PANEL>();
    for (k, weights) in weights.iter().enumerate().take(x[0].len()) {
        let (weights, _) = S::as_simd_f32s(weights);
        for r in 0..ROWS {
            let factor = simd.splat_f32s(x[r][k]);
            for v in 0..V {
                sums[r][v] = simd.mul_add_e_f32s(factor, weights[v], sums[r][v]);
            }
        }
    }
    sums
}

/// The sums of one row and some panels.
#[inline(always)]
fn wide<S: Simd, const V: usize, const PANELS: usize>(
    simd: S,
    x: &[f32],
    panels: [&[f32]; PANELS],
) -> [[S::f32s; V]; PANELS] {
    let mut sums = [[simd.splat_f32s(0.0); V]; PANELS];
    let panels = panels.map(|panel| &panel.as_chunks::<PANEL>().0[..x.len()]);
    for (k, x) in x.iter().enumerate() {
        let factor = simd.splat_f32s(*x);
        for p in 0..PANELS {
            let (weights, _) = S::as_simd_f32s(&panels[p][k]);
            for v in 0..V {
                sums[p][v] = simd.mul_add_e_f32s(factor, weights[v], sums[p][v]);
            }
        }
    }
    sums
}

/// [`Packed::multiply`] on its own, for `pulp::Arch::dispatch`.
pub struct Multiply<'a> {
    pub matrix: &'a Packed,
    pub x: &'a [f32],
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.matrix.multiply(simd, self.x, self.out, &Bias(self.bias));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(rows: usize, inputs: usize, outputs: usize, x: &[f32], w: &[f32], bias: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; rows * outputs];
        let matrix = Packed::new(w, inputs, outputs);
        pulp::Arch::new().dispatch(Multiply { matrix: &matrix, x, bias, out: &mut out });
        out
    }

    #[test]
    fn packed_product_equals_the_plain_one() {
        for (rows, inputs, outputs) in [(1, 5, 3), (7, 33, 70), (4, 8, 32), (2, 1, 1), (29, 3, 200)] {
            let x: Vec<f32> = (0..rows * inputs).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
            let w: Vec<f32> = (0..inputs * outputs).map(|i| ((i * 5) % 11) as f32 - 5.0).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| i as f32).collect();
            let out = product(rows, inputs, outputs, &x, &w, &bias);
            for r in 0..rows {
                for o in 0..outputs {
                    let expected: f32 =
                        (0..inputs).map(|i| x[r * inputs + i] * w[i * outputs + o]).sum::<f32>() + bias[o];
                    assert_eq!(out[r * outputs + o], expected);
                }
            }
        }
    }

    #[test]
    fn a_row_alone_gives_the_same_bits_as_among_others() {
        let (rows, inputs, outputs) = (31, 57, 150);
        let spread = |count: usize, salt: usize| -> Vec<f32> {
            (0..count).map(|i| (((i + salt) * 7919) % 1000) as f32 / 999.0 - 0.5).collect()
        };
        let (x, w, bias) = (spread(rows * inputs, 1), spread(inputs * outputs, 2), spread(outputs, 3));
        let all = product(rows, inputs, outputs, &x, &w, &bias);
        for r in 0..rows {
            let alone = product(1, inputs, outputs, &x[r * inputs..(r + 1) * inputs], &w, &bias);
            assert_eq!(alone, all[r * outputs..(r + 1) * outputs]);
        }
    }
}
