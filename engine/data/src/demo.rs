//! A synthetic table of loan applications, with a known bias and a known later drift, so that what a page says about a
//! model can be checked against the truth.
//!
//! # The truth
//! Whether a loan defaults is drawn with probability `1 / (1 + exp(-z))`, where `z` is [`INTERCEPT`] plus
//!
//! | circumstance | adds to the log-odds |
//! |---|---|
//! | debt to income `d` (0.02 to 0.9) | `3.0 d` |
//! | share of the income that the yearly instalment takes `s` (to 2) | `2.0 min(s, 1)` |
//! | late payments in the last two years `k` | `0.55 k` |
//! | employed for under a year; for over ten years | `0.5`; `-0.4` |
//! | renting; owning | `0.25`; `-0.3` |
//! | purpose small business; medical | `0.6`; `0.3` |
//! | previous loans repaid `n` (at most 5 count) | `-0.2 n` |
//! | age under 25 | `0.2` |
//! | region `north`; `south`; `east`; `west` | 0 |
//!
//! **The bias**: at the same circumstances an application of a woman is recorded as default with log-odds raised by
//! [`BIAS_LOG_ODDS`] (odds times 1.65). Gender has no other effect, and is independent of all other columns but income,
//! which for women is lower by the factor [`INCOME_FACTOR_OF_WOMEN`], so that leaving `gender` out of a model does not
//! quite remove the bias.
//!
//! **The drift** (`drifted`): applications of 2025 instead of 2024. Interest rates are higher by
//! [`DRIFT_INTEREST_POINTS`] percentage points, incomes by the factor [`DRIFT_INCOME_FACTOR`] and amounts by
//! [`DRIFT_AMOUNT_FACTOR`] (covariate drift), and debt to income weighs [`DRIFT_DEBT_WEIGHT`] instead of 3.0 (concept
//! drift). All else stays.
//!
//! 4 % of the incomes and 7 % of the employment years are missing at random.

use crate::{cell, split::below};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

/// The constant of the log-odds.
pub const INTERCEPT: f64 = -3.1;
/// Added to the log-odds of default of women's applications.
pub const BIAS_LOG_ODDS: f64 = 0.5;
/// Women's incomes over men's, all else equal.
pub const INCOME_FACTOR_OF_WOMEN: f64 = 0.92;
/// Percentage points of interest added in drifted data.
pub const DRIFT_INTEREST_POINTS: f64 = 2.5;
/// Incomes in drifted data over those before.
pub const DRIFT_INCOME_FACTOR: f64 = 1.06;
/// Amounts in drifted data over those before.
pub const DRIFT_AMOUNT_FACTOR: f64 = 1.3;
/// Weight of debt to income in drifted data; before it is 3.0.
pub const DRIFT_DEBT_WEIGHT: f64 = 5.0;

/// The columns, in order.
pub const COLUMNS: [&str; 16] = [
    "application_date",
    "age",
    "gender",
    "region",
    "income",
    "employment_years",
    "home_ownership",
    "purpose",
    "loan_amount",
    "term_months",
    "interest_rate",
    "debt_to_income",
    "late_payments",
    "previous_loans",
    "online",
    "defaulted",
];

/// Writes that many applications in order of their date, as CSV. The same rows, seed and drift give the same file.
///
/// # Errors
/// If the file can't be written.
pub fn write_loan_applications(dest_csv: &Path, rows: usize, seed: u64, drifted: bool) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(dest_csv)?);
    writeln!(out, "{}", COLUMNS.join(","))?;
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
    let first_day = cell::days_from_civil(if drifted { 2025 } else { 2024 }, 1, 1);
    for row in 0..rows {
        let day = first_day + (row as u64 * 365 / rows.max(1) as u64) as i64;
        writeln!(out, "{}", application(&mut draw, day, drifted))?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn application(draw: &mut Draw, day: i64, drifted: bool) -> String {
    let age = (18.0 + 52.0 * draw.uniform().powf(1.4)).floor();
    let woman = draw.uniform() < 0.45;
    let region = draw.choose(&[("north", 3), ("south", 3), ("east", 2), ("west", 2)]);
    let experience = (age - 18.0).min(20.0);
    let income = 26_000.0
        * (0.02 * experience + 0.42 * draw.normal()).exp()
        * if woman { INCOME_FACTOR_OF_WOMEN } else { 1.0 }
        * if drifted { DRIFT_INCOME_FACTOR } else { 1.0 };
    let income = (income / 100.0).round().max(60.0) * 100.0;
    let employment = ((age - 18.0) * draw.uniform().powf(1.6)).floor();
    let home = draw.choose(&[("rent", 44), ("mortgage", 38), ("own", 18)]);
    let purpose = draw.choose(&[
        ("debt_consolidation", 38),
        ("car", 18),
        ("home_improvement", 16),
        ("medical", 9),
        ("education", 8),
        ("small_business", 7),
        ("travel", 4),
    ]);
    let amount = 9_000.0 * (0.55 * draw.normal()).exp() * if drifted { DRIFT_AMOUNT_FACTOR } else { 1.0 };
    let amount = (amount / 100.0).round().max(10.0) * 100.0;
    let term: f64 = [12.0, 24.0, 36.0, 48.0, 60.0][below(5, &mut draw.0) as usize];
    let debt = (0.28 + 0.16 * draw.normal()).clamp(0.02, 0.9);
    let debt = (debt * 1000.0).round() / 1000.0;
    let late = draw.poisson(0.35);
    let previous = draw.poisson(1.4);
    let online = draw.uniform() < 0.62;
    let interest =
        4.5 + 9.0 * debt + 0.9 * late + 1.1 * draw.normal() + if drifted { DRIFT_INTEREST_POINTS } else { 0.0 };
    let interest = (interest.max(1.0) * 100.0).round() / 100.0;

    let instalments = amount * 12.0 / term * (1.0 + interest / 100.0);
    let mut z = INTERCEPT;
    z += if drifted { DRIFT_DEBT_WEIGHT } else { 3.0 } * debt;
    z += 2.0 * (instalments / income).min(1.0);
    z += 0.55 * late;
    z += match employment {
        years if years < 1.0 => 0.5,
        years if years > 10.0 => -0.4,
        _ => 0.0,
    };
    z += match home {
        "rent" => 0.25,
        "own" => -0.3,
        _ => 0.0,
    };
    z += match purpose {
        "small_business" => 0.6,
        "medical" => 0.3,
        _ => 0.0,
    };
    z -= 0.2 * previous.min(5.0);
    z += if age < 25.0 { 0.2 } else { 0.0 };
    z += if woman { BIAS_LOG_ODDS } else { 0.0 };
    let defaulted = draw.uniform() < 1.0 / (1.0 + (-z).exp());

    let income = if draw.uniform() < 0.04 { String::new() } else { income.to_string() };
    let employment = if draw.uniform() < 0.07 { String::new() } else { employment.to_string() };
    format!(
        "{},{age},{},{region},{income},{employment},{home},{purpose},{amount},{term},{interest},{debt},{late},{previous},{online},{}",
        cell::show_datetime(day * 86_400_000, true),
        if woman { "female" } else { "male" },
        if defaulted { "yes" } else { "no" },
    )
}

struct Draw(ChaCha8Rng);

impl Draw {
    /// Uniform in 0 (included) to 1 (excluded), on multiples of 2^-53.
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
    /// Poisson (Knuth), for small means.
    fn poisson(&mut self, mean: f64) -> f64 {
        let limit = (-mean).exp();
        let (mut count, mut product) = (0.0, self.uniform());
        while product > limit {
            count += 1.0;
            product *= self.uniform();
        }
        count
    }
    /// One of the texts, by weight.
    fn choose(&mut self, weighted: &[(&'static str, u64)]) -> &'static str {
        let mut at = below(weighted.iter().map(|(_, weight)| weight).sum::<u64>().max(1), &mut self.0);
        for &(text, weight) in weighted {
            if at < weight {
                return text;
            }
            at -= weight;
        }
        ""
    }
}
