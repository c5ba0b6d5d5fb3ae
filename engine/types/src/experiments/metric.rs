//! What the name of a metric says.

/// A metric's key without its part, `valid.` or `train.`, and without the family before a slash: `roc_auc`.
pub fn metric_name(key: &str) -> &str {
    let key = split_part(key).1;
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

/// The part that a metric's key names and the rest: `("valid", "trees/loss")`. Without one it is of the test rows.
pub fn split_part(key: &str) -> (&str, &str) {
    match key.split_once('.') {
        Some((part @ ("train" | "valid"), rest)) => (part, rest),
        _ => ("", key),
    }
}

/// A metric as a page names it: "ROC AUC", "ROC AUC, validation", "Loss, validation (trees)".
pub fn metric_title(key: &str) -> String {
    let (part, rest) = split_part(key);
    let (family, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    let mut title = crate::glossary::title(name);
    if let Some(first) = title.chars().next() {
        title = first.to_uppercase().chain(title.chars().skip(1)).collect();
    }
    match part {
        "valid" => title.push_str(", validation"),
        "train" => title.push_str(", train"),
        _ => {}
    }
    if !family.is_empty() {
        title.push_str(&format!(" ({family})"));
    }
    title
}

/// Whether more of the metric is better; `None` where the name does not tell, or neither is.
pub fn higher_is_better(key: &str) -> Option<bool> {
    let name = metric_name(key);
    const LOWER: [&str; 10] =
        ["rmse", "mae", "mse", "mape", "median_absolute_error", "brier_score", "error", "ece", "perplexity", "wer"];
    const HIGHER: [&str; 10] =
        ["accuracy", "precision", "recall", "r2", "mcc", "auc", "f1", "f1_macro", "kappa", "average_precision"];
    if LOWER.contains(&name)
        || ["loss", "_error", "_rmse", "_mae", "_mse", "_deviance"].iter().any(|end| name.ends_with(end))
    {
        return Some(false);
    }
    let ends = ["accuracy", "_auc", "_auc_ovr", "_f1", "_precision", "_recall", "_r2"];
    (HIGHER.contains(&name) || ends.iter().any(|end| name.ends_with(end))).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_know_their_direction_and_title() {
        for (key, better) in [
            ("roc_auc", Some(true)),
            ("valid.roc_auc_ovr", Some(true)),
            ("train.rmse", Some(false)),
            ("valid.trees/log_loss", Some(false)),
            ("valid.realmlp/loss", Some(false)),
            ("mean_pinball_loss", Some(false)),
            ("valid.trees/mean_poisson_deviance", Some(false)),
            ("epochs", None),
        ] {
            assert_eq!(higher_is_better(key), better, "{key}");
        }
        assert_eq!(metric_title("valid.realmlp/roc_auc"), "ROC AUC, validation (realmlp)");
        assert_eq!(metric_title("my_metric"), "My metric");
    }
}
