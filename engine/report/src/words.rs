//! Numbers and metric names as people read them.

/// A measured value at three significant figures: `0.921`, `12.3`, `48,600`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not defined".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let decimals = (2 - magnitude).max(0) as usize;
    // Rounding may carry into the next power of ten: 0.9996 is 1.00.
    let rounded = if decimals > 0 {
        format!("{value:.decimals$}")
    } else {
        let unit = 10f64.powi(magnitude - 2);
        format!("{:.0}", (value / unit).round() * unit)
    };
    group(&rounded)
}

pub use trainyard_types::words::count;

/// A share as a percentage: one decimal below 10 % and above 90 %, none between.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value == 0.0 || value == 100.0 || (10.0..=90.0).contains(&value) {
        format!("{value:.0} %")
    } else {
        format!("{value:.1} %")
    }
}

/// How many of a hundred, never rounded up to all or down to none.
pub fn of_hundred(share: f64) -> String {
    let rounded = (share * 100.0).round();
    if share > 0.0 && rounded == 0.0 {
        "fewer than 1".to_owned()
    } else if share < 1.0 && rounded == 100.0 {
        "more than 99".to_owned()
    } else {
        format!("{rounded:.0}")
    }
}

/// A metric's name within a sentence.
pub fn metric(name: &str) -> &str {
    match name {
        "roc_auc" => "ROC AUC",
        "roc_auc_ovr" => "ROC AUC (one class against the rest)",
        "accuracy" => "accuracy",
        "balanced_accuracy" => "balanced accuracy",
        "average_precision" => "average precision",
        "log_loss" => "log loss",
        "brier_score" => "Brier score",
        "f1" => "F1",
        "f1_macro" => "F1 (mean over classes)",
        "mcc" => "Matthews correlation",
        "rmse" => "RMSE",
        "mae" => "mean absolute error",
        "mape" => "mean absolute percentage error",
        "r2" => "R²",
        "median_absolute_error" => "median absolute error",
        "mean_pinball_loss" => "mean pinball loss",
        "mean_poisson_deviance" => "mean Poisson deviance",
        other => other,
    }
}

/// A text that may be long, within quotes that no Markdown reader would take for more.
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("“{short}”")
}

fn group(digits: &str) -> String {
    let (sign, rest) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_figures() {
        for (value, text) in [
            (0.92149, "0.921"),
            (12.345, "12.3"),
            (48_612.0, "48,600"),
            (-1234.0, "-1,230"),
            (0.0, "0"),
            (1e-9, "1.00e-9"),
            (f64::NAN, "not defined"),
            (0.000_123_4, "0.000123"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(0.239), "24 %");
        assert_eq!(percent(0.0512), "5.1 %");
        assert_eq!(of_hundred(0.999), "more than 99");
        assert_eq!(of_hundred(0.001), "fewer than 1");
    }
}
