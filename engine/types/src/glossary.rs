//! Plain words for every metric and term that a page shows.
//!
//! Definitions are written for a reader who has not trained a model before. Metric names are scikit-learn's; the
//! definitions follow its user guide (<https://scikit-learn.org/stable/modules/model_evaluation.html>).

/// One term and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name in code, addresses and metrics: `roc_auc`.
    pub key: &'static str,
    /// The name on a page: "ROC AUC".
    pub term: &'static str,
    pub topic: Topic,
    /// One to three sentences.
    pub definition: &'static str,
}

/// Where an entry stands in the glossary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Classification,
    Regression,
    Training,
    Data,
    Models,
    Operation,
}

impl Topic {
    pub const ALL: [Topic; 6] =
        [Topic::Classification, Topic::Regression, Topic::Training, Topic::Data, Topic::Models, Topic::Operation];

    /// The heading on the glossary's page.
    pub fn title(self) -> &'static str {
        match self {
            Topic::Classification => "Measures for classification",
            Topic::Regression => "Measures for regression",
            Topic::Training => "Training and judging",
            Topic::Data => "Data",
            Topic::Models => "Models and predictions",
            Topic::Operation => "Running and governing",
        }
    }
}

/// The entry with this key. A key of several families (`realmlp/loss`) is looked up by its last part.
pub fn find(key: &str) -> Option<&'static Entry> {
    let key = key.rsplit('/').next().unwrap_or(key);
    ENTRIES.iter().find(|entry| entry.key == key)
}

/// What a page calls a metric or term: the glossary's word, or the key with spaces.
pub fn title(key: &str) -> String {
    find(key).map_or_else(|| key.replace('_', " "), |entry| entry.term.to_owned())
}

const fn entry(topic: Topic, key: &'static str, term: &'static str, definition: &'static str) -> Entry {
    Entry { key, term, topic, definition }
}

use Topic::{Classification as C, Data as D, Models as M, Operation as O, Regression as R, Training as T};

/// The whole glossary, by topic.
pub const ENTRIES: &[Entry] = &[
    entry(
        C,
        "roc_auc",
        "ROC AUC",
        "How well the model ranks: take one true and one false case at random, and this is the chance that the true one gets the higher score. 0.5 is guessing, 1 is perfect. At 0.91 it is right in 91 of 100 pairs.",
    ),
    entry(
        C,
        "roc_auc_ovr",
        "ROC AUC, one class against the rest",
        "The ROC AUC of each class against all the others, averaged over the classes. 0.5 is guessing, 1 is perfect.",
    ),
    entry(
        C,
        "accuracy",
        "Accuracy",
        "The share of rows whose class was predicted right. Where one class is rare it flatters: always saying 'no' is 99 % right if 99 % are 'no'.",
    ),
    entry(
        C,
        "balanced_accuracy",
        "Balanced accuracy",
        "Accuracy of each class by itself, averaged, so that a rare class counts as much as a common one. Guessing gives 1 divided by the number of classes.",
    ),
    entry(
        C,
        "f1",
        "F1",
        "One number for precision and recall together (their harmonic mean). High only when both are high; 1 is perfect.",
    ),
    entry(
        C,
        "f1_macro",
        "F1, averaged over classes",
        "F1 of each class, then their plain average, so that rare classes count as much as common ones.",
    ),
    entry(
        C,
        "precision",
        "Precision",
        "Of the rows that the model called positive, the share that are. Low precision means many false alarms.",
    ),
    entry(
        C,
        "recall",
        "Recall",
        "Of the rows that are positive, the share that the model found. Low recall means many missed cases.",
    ),
    entry(
        C,
        "average_precision",
        "Average precision",
        "The area under the precision-recall curve. It says more than ROC AUC where positives are rare; guessing gives the share of positives.",
    ),
    entry(
        C,
        "log_loss",
        "Log loss",
        "How far the predicted probabilities are from what happened; being sure and wrong costs most. Lower is better, 0 is perfect.",
    ),
    entry(
        C,
        "brier_score",
        "Brier score",
        "The mean squared distance between predicted probability and what happened (0 or 1). Lower is better, 0 is perfect; always saying 50 % gives 0.25.",
    ),
    entry(
        C,
        "mcc",
        "Matthews correlation",
        "The correlation between predicted and true classes. 1 is perfect, 0 is guessing, -1 is always wrong; it stays honest where one class is rare.",
    ),
    entry(
        C,
        "confusion",
        "Confusion matrix",
        "A table of true against predicted classes: the diagonal holds what was right, everything else says what is mistaken for what.",
    ),
    entry(
        C,
        "roc",
        "ROC curve",
        "For each cut-off, the share of true cases found (up) against the share of false alarms (right). The nearer to the upper left corner the better.",
    ),
    entry(
        C,
        "pr",
        "Precision-recall curve",
        "For each cut-off, precision (up) against recall (right). It shows what a higher hit rate costs in false alarms.",
    ),
    entry(
        C,
        "calibration",
        "Calibration",
        "Whether probabilities can be taken at their word: of the cases given 80 %, about 80 % should come true. A calibrated model's curve lies on the diagonal.",
    ),
    entry(
        C,
        "threshold",
        "Threshold",
        "The probability from which a case counts as positive, 0.5 unless said otherwise. Lowering it finds more cases and raises more false alarms.",
    ),
    entry(
        C,
        "ece",
        "Calibration error",
        "How far probabilities are from what comes true, on average: rows are put into 15 bins by probability, and each bin's mean is compared with its share of hits (expected calibration error). 0 is perfect.",
    ),
    entry(
        C,
        "false_positive_rate",
        "False alarms",
        "Of the rows that are negative, the share that the model called positive (false positive rate).",
    ),
    entry(C, "called", "Called positive", "The share of rows that the model calls positive, right or wrong."),
    entry(
        C,
        "class_weight",
        "Balanced classes",
        "While fitting, rows of a rare class count more, so that every class counts alike. The model then finds more of the rare class; its probabilities are put right by calibration.",
    ),
    entry(
        C,
        "prediction_set",
        "Prediction set",
        "The classes that the truth is among, as often as promised (conformal prediction). One class: the model is sure. Several: it can't tell them apart on this row.",
    ),
    entry(C, "binary", "Binary classification", "The target has two values, such as yes and no."),
    entry(
        C,
        "multiclass",
        "Multiclass classification",
        "The target has three or more values, such as kinds of product.",
    ),
    entry(
        R,
        "prediction_interval",
        "Prediction interval",
        "A range that holds the truth as often as promised, such as on 90 % of rows (conformal prediction). It is as wide for every row: as wide as the model's errors on rows it did not learn from.",
    ),
    entry(
        R,
        "coverage",
        "Truths held",
        "The share of rows whose truth lies within the interval or the set. It should be what was promised, give or take chance.",
    ),
    entry(
        R,
        "bias",
        "Bias",
        "The mean of predicted minus actual: above 0 the model says too much, below 0 too little.",
    ),
    entry(R, "regression", "Regression", "The target is a number, such as a price."),
    entry(
        R,
        "rmse",
        "RMSE",
        "Root mean squared error: the typical size of an error, in the target's own unit, with large errors weighing more. Lower is better.",
    ),
    entry(
        R,
        "mae",
        "MAE",
        "Mean absolute error: how far predictions are off on average, in the target's own unit. Lower is better.",
    ),
    entry(
        R,
        "mean_pinball_loss",
        "Mean pinball loss",
        "How far predictions of a quantile are off on average, in the target's own unit. For the 0.9 quantile a prediction that is too low costs nine times as much as one that is too high. Lower is better.",
    ),
    entry(
        R,
        "mean_poisson_deviance",
        "Mean Poisson deviance",
        "How badly predicted counts or rates fit the true ones: the same distance weighs more where little is expected. 0 is perfect. Lower is better.",
    ),
    entry(
        R,
        "median_absolute_error",
        "Median absolute error",
        "Half of the predictions are off by less than this. A few wild rows do not move it. Lower is better.",
    ),
    entry(
        R,
        "r2",
        "R²",
        "The share of the target's variation that the model explains. 1 is perfect, 0 is no better than always saying the mean, below 0 is worse than that.",
    ),
    entry(
        R,
        "mape",
        "MAPE",
        "Mean absolute percentage error: how far predictions are off on average, relative to the true value. Meaningless where true values are near zero.",
    ),
    entry(
        R,
        "residuals",
        "Residuals",
        "True value minus predicted value, row by row. A pattern in them means that the model misses something.",
    ),
    entry(
        R,
        "predicted_vs_actual",
        "Predicted against actual",
        "Each row's prediction against its true value; a perfect model's points lie on the diagonal.",
    ),
    entry(T, "train", "Train rows", "The rows that the model learns from."),
    entry(
        T,
        "validation",
        "Validation rows",
        "Rows kept away from learning that decide when to stop and which model is kept.",
    ),
    entry(
        T,
        "valid",
        "Validation rows",
        "Rows kept away from learning that decide when to stop and which model is kept.",
    ),
    entry(
        T,
        "test",
        "Test rows",
        "Rows that nothing was decided on. The score on them is the honest guess of how the model does on new data.",
    ),
    entry(
        T,
        "split",
        "Split",
        "How rows are divided into train, validation and test: at random, by time, by group, or by a column.",
    ),
    entry(T, "stratified", "Stratified", "Divided so that each part holds each class in the same proportion."),
    entry(
        T,
        "loss",
        "Loss",
        "What training makes smaller: log loss for classes, squared error for numbers, unless a run asks for another.",
    ),
    entry(
        T,
        "epoch",
        "Epoch",
        "One pass over all train rows. For boosted trees a step is one round, which adds one tree.",
    ),
    entry(
        T,
        "underfit",
        "Underfit",
        "The model is too simple or was trained too little: it does badly even on the rows that it learned from.",
    ),
    entry(
        T,
        "overfit",
        "Overfit",
        "The model learned its train rows by heart: it does much better on them than on rows that it has not seen.",
    ),
    entry(
        T,
        "too_little_data",
        "Too little data",
        "The score still rises clearly as rows are added, so more rows are likely to help more than another model.",
    ),
    entry(T, "good", "Good fit", "Better than the baselines, and about as good on unseen rows as on the train rows."),
    entry(
        T,
        "verdict",
        "Verdict",
        "Says whether the model is underfit, overfit, short of data or good, with the rule and the numbers behind it.",
    ),
    entry(
        T,
        "gap",
        "Gap between train and validation",
        "How much worse the score is on validation rows than on train rows. A large one is the sign of overfitting.",
    ),
    entry(
        T,
        "learning_curve",
        "Learning curve",
        "The validation score of fits on 25, 50 and 100 % of the train rows. Where it still rises, more data helps.",
    ),
    entry(
        T,
        "bootstrap_interval",
        "95 % interval",
        "The range in which the score would fall in 95 of 100 cases had other test rows been drawn (bootstrap: the test rows are drawn again and again, with replacement). Wide means few test rows.",
    ),
    entry(
        T,
        "importance",
        "Permutation importance",
        "How much the score worsens when one column's values are shuffled among the rows. It says what the model relies on, not what causes the outcome.",
    ),
    entry(
        T,
        "dummy",
        "Dummy baseline",
        "A model that only knows how often each answer occurs. What is not better than this has learned nothing.",
    ),
    entry(T, "baseline", "Baseline", "A simple model to compare with: the dummy, and a linear model."),
    entry(
        T,
        "seed",
        "Seed",
        "The number that decides every random choice. The same seed, data and code on the CPU give the same model, bit for bit.",
    ),
    entry(T, "budget", "Time budget", "The seconds that training may take; the number of epochs is chosen to fit it."),
    entry(
        T,
        "checkpoint",
        "Checkpoint",
        "The state of training, saved from time to time, so that a job goes on from there after a stop.",
    ),
    entry(
        T,
        "linear",
        "Linear model",
        "Logistic or linear regression: one weight a column. Quick, easy to explain, and the baseline for the others.",
    ),
    entry(
        T,
        "realmlp",
        "RealMLP",
        "A neural network for tables with well-chosen defaults (Holzmüller and others, 2024).",
    ),
    entry(
        T,
        "tabm",
        "TabM",
        "Several neural networks in one: they share most of their weights, and their answers are averaged (Gorishniy and \
         others, 2025).",
    ),
    entry(
        T,
        "fttransformer",
        "FT-Transformer",
        "A neural network in which each column is a token and the tokens look at each other (Gorishniy and others, 2021). Its \
         time grows with the square of the columns; choose it for up to some 10,000 rows. Automatic runs do not try it.",
    ),
    entry(
        T,
        "trees",
        "Boosted trees",
        "Many small decision trees, each correcting the ones before. Strong on tables of mixed columns.",
    ),
    entry(
        T,
        "boosting",
        "Leaf-wise boosting",
        "Boosted trees that divide the leaf next which gains most, on columns cut into bins, and that stop where validation rows \
         gain nothing more: LightGBM's way (Ke and others, 2017).",
    ),
    entry(
        T,
        "blend",
        "Blend",
        "Several models that answer together: the weighted mean of their answers, with weights chosen on the validation rows \
         (Caruana and others, 2004). An automatic run keeps one where it is better than the best of its models.",
    ),
    entry(
        T,
        "forest",
        "Random forest",
        "Many deep trees, each grown on a sample of the rows and looking at some of the columns at each split. Their answers \
         are averaged (Breiman, 2001).",
    ),
    entry(
        T,
        "auto",
        "Automatic",
        "Trains a linear model, boosted trees of both kinds and RealMLP, on small data a random forest and TabM too, and keeps \
         what is best on the validation rows: one of them, or a blend.",
    ),
    entry(D, "target", "Target", "The column that the model learns to predict."),
    entry(
        D,
        "label_quality",
        "Label quality score",
        "How well a label fits what a model that did not see the row expects, from 0 to 1. Of numbers, the robust z-score: how many usual deviations a value lies from what is expected.",
    ),
    entry(D, "feature", "Feature", "A column that the model may use for its prediction."),
    entry(D, "missing", "Missing", "Rows without a value in the column."),
    entry(D, "distinct", "Distinct values", "How many different values the column has."),
    entry(
        D,
        "psi",
        "PSI",
        "Population stability index: how far a column's distribution moved, summed over bins. Below 0.1 it is stable, to 0.25 it moved, beyond that it moved much.",
    ),
    entry(
        D,
        "evidently",
        "Drift by Evidently's rule",
        "Whether known values differ more than chance allows (up to 1,000 earlier rows: a test at 5 %) or by a distance of 0.1 or more (beyond). Missing values are looked at apart.",
    ),
    entry(
        D,
        "pps",
        "Predictive power",
        "How well one column alone tells another: what a small decision tree on it gains over knowing nothing, on rows that it has not seen. 0 is nothing gained, 1 is a perfect answer.",
    ),
    entry(
        D,
        "ks",
        "KS",
        "Kolmogorov-Smirnov statistic: the greatest gap between two distributions of a number, from 0 (the same) to 1 (they do not overlap).",
    ),
    entry(
        D,
        "quantile",
        "Quantile",
        "The value that a given share of rows lies below: half of them lie below the 50 % quantile, the median.",
    ),
    entry(D, "median", "Median", "The middle value: half of the rows lie below it."),
    entry(D, "std", "Standard deviation", "How far values typically lie from their mean."),
    entry(D, "constant", "Constant column", "Every row has the same value, so that nothing can be learned from it."),
    entry(
        D,
        "id_like",
        "Id-like column",
        "Nearly every row has its own value, as in a customer number. A model would learn rows by heart with it: leave it out.",
    ),
    entry(
        D,
        "imbalance",
        "Imbalance",
        "One class is much rarer than another. Look at balanced accuracy, recall and average precision instead of accuracy.",
    ),
    entry(
        D,
        "mixed_types",
        "Mixed types",
        "The column holds numbers and text. Often a code for 'missing' is the cause.",
    ),
    entry(
        D,
        "high_cardinality",
        "Many categories",
        "A text column with very many different values; rare ones can't be learned from.",
    ),
    entry(
        D,
        "duplicates",
        "Duplicate rows",
        "Rows that are exact copies of another. If copies fall into train and test, the score is too good.",
    ),
    entry(
        D,
        "skewed",
        "Skewed",
        "A few values are far larger than the rest, so that the mean says little. Look at the median.",
    ),
    entry(
        D,
        "dataset_version",
        "Data set version",
        "One immutable state of a data set, known by the hash of its bytes. A run names the version that it learned from.",
    ),
    entry(D, "hash", "Hash", "A fingerprint of bytes: any change gives another one. Equal hashes mean equal content."),
    entry(
        M,
        "champion",
        "Champion",
        "The version that answers predictions. The first registered version becomes it; an approver moves it later.",
    ),
    entry(M, "model_version", "Model version", "One trained model under a name, numbered 1, 2, 3 … It never changes."),
    entry(
        M,
        "signature",
        "Signature",
        "What a model takes and gives: its input columns with types and ranges, and its answer.",
    ),
    entry(
        M,
        "alias",
        "Alias",
        "A name that points to a version, such as champion. Programs ask for the alias and need no change when it moves.",
    ),
    entry(
        M,
        "lineage",
        "Lineage",
        "Where something comes from: a model's run, that run's data set version, and the file behind it.",
    ),
    entry(
        M,
        "oip",
        "Open Inference Protocol",
        "A common HTTP form for asking models for predictions, spoken by KServe, Triton and others. It stands under /v2.",
    ),
    entry(M, "prediction", "Prediction", "A model's answer for one row: a class with probabilities, or a number."),
    entry(
        M,
        "unseen_category",
        "Unseen category",
        "A text value that did not occur in the train rows. It is handled as missing, and the answer says so.",
    ),
    entry(O, "queue_position", "Queue position", "How many jobs are served before this one; 1 is next."),
    entry(O, "worker", "Worker", "A process that takes jobs from the queue and runs each in a process of its own."),
    entry(
        O,
        "attempt",
        "Attempt",
        "Which try of the job this is. A job is tried again, from its checkpoint, when its worker dies.",
    ),
    entry(
        O,
        "lease",
        "Lease",
        "A worker's right to a job for a short time, renewed while it works. When it runs out, another worker may take the job.",
    ),
    entry(O, "device", "Device", "What computes: a graphics card (GPU) through Vulkan, or the CPU."),
    entry(
        O,
        "cpu_cores",
        "Processor cores in use",
        "How many cores of the processor the job's process kept busy on average: 1.5 is one and a half.",
    ),
    entry(
        O,
        "memory_mib",
        "Memory, MiB",
        "Main memory that the job's process held (its resident set), in units of 1,048,576 bytes.",
    ),
    entry(
        O,
        "rows_per_second",
        "Rows a second",
        "How many train rows the model went through in a second, each epoch counting all of them.",
    ),
    entry(
        O,
        "audit_chain",
        "Audit chain",
        "Every change is written down with a hash over the event before. Altering or removing one event breaks the chain from there on, and the check shows where.",
    ),
    entry(
        O,
        "token",
        "API token",
        "A secret with which a program calls the API in your name. It is shown once and can be revoked at any time.",
    ),
    entry(O, "role", "Role", "What a person may do in a workspace: viewer, auditor, member, approver or admin."),
    entry(O, "workspace", "Workspace", "A team. It holds projects, and people have a role in it."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_fit_in_an_address() {
        for (i, entry) in ENTRIES.iter().enumerate() {
            assert!(
                entry.key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{}",
                entry.key
            );
            assert!(ENTRIES.iter().skip(i + 1).all(|other| other.key != entry.key), "{} stands twice", entry.key);
        }
    }

    #[test]
    fn every_metric_that_is_computed_has_an_entry() {
        let names = "accuracy balanced_accuracy f1 precision recall roc_auc average_precision log_loss brier_score mcc \
            f1_macro roc_auc_ovr rmse mae r2 mape median_absolute_error mean_pinball_loss mean_poisson_deviance loss";
        for name in names.split_whitespace() {
            assert!(find(name).is_some(), "{name}");
        }
        assert_eq!(find("realmlp/loss").map(|e| e.term), Some("Loss"));
        assert_eq!(title("no_such_thing"), "no such thing");
    }
}
