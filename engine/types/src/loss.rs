//! What a model learns to make small, and what it is judged by therefore.

use crate::{
    Problem,
    run::{Family, Task},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What is minimised while fitting. As a text: `absolute`, `quantile=0.9`, `focal=2`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Loss {
    /// Of numbers: the squared error, least at the mean. The default.
    Squared,
    /// The absolute error, least at the median.
    Absolute,
    /// The square of small errors and the size of large ones: wild rows pull less (Huber 1964).
    Huber,
    /// The pinball loss, least at this quantile, above 0 and below 1 (Koenker and Bassett 1978).
    Quantile(f64),
    /// Poisson's deviance, for counts and rates: targets are 0 or more, answers above 0.
    Poisson,
    /// Of classes: the log loss. The default.
    LogLoss,
    /// The log loss times `(1 − p)^γ`, p being the true class's probability: rows that are hard to tell count more (Lin et al.
    /// 2017). γ is above 0, up to 10.
    Focal(f64),
}

/// The greatest γ that is taken.
const GREATEST_GAMMA: f64 = 10.0;

impl Loss {
    /// The name, without a number.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Squared => "squared",
            Loss::Absolute => "absolute",
            Loss::Huber => "huber",
            Loss::Quantile(_) => "quantile",
            Loss::Poisson => "poisson",
            Loss::LogLoss => "log_loss",
            Loss::Focal(_) => "focal",
        }
    }

    /// Within a sentence.
    pub fn in_words(self) -> String {
        match self {
            Loss::Squared => "the squared error".to_owned(),
            Loss::Absolute => "the absolute error".to_owned(),
            Loss::Huber => "Huber's loss".to_owned(),
            Loss::Quantile(level) => format!("the pinball loss of the {level} quantile"),
            Loss::Poisson => "Poisson's deviance".to_owned(),
            Loss::LogLoss => "the log loss".to_owned(),
            Loss::Focal(gamma) => format!("the focal loss with γ {gamma}"),
        }
    }

    /// Whether it is one of classes.
    pub fn is_of_classes(self) -> bool {
        matches!(self, Loss::LogLoss | Loss::Focal(_))
    }

    /// Whether the family learns it; of `auto` at least one does.
    pub fn is_learned_by(self, family: Family) -> bool {
        match family {
            Family::Trees => !matches!(self, Loss::Focal(_)),
            // A forest's leaves are means and shares.
            Family::Forest => matches!(self, Loss::Squared | Loss::LogLoss),
            _ => true,
        }
    }

    /// Whether a run of this family can learn it.
    ///
    /// # Errors
    /// The family can't, and what to do, at the field `loss`.
    pub fn check_family(self, family: Family) -> Result<(), Problem> {
        if self.is_learned_by(family) {
            return Ok(());
        }
        let message = match family {
            Family::Forest => {
                "Random forests learn squared errors and shares of classes. Choose another model or loss."
            }
            _ => {
                "Boosted trees do not learn the focal loss. Choose another model, or let rare classes count more instead."
            }
        };
        Err(Problem::field("loss", message))
    }

    /// Whether it is one of this task.
    ///
    /// # Errors
    /// It is not, and what would be, at the field `loss`.
    pub fn check_task(self, task: Task) -> Result<(), Problem> {
        if self.is_of_classes() == task.is_classification() {
            return Ok(());
        }
        let (what, known) = match task {
            Task::Regression => ("a number", "squared, absolute, huber, quantile=0.9 or poisson"),
            Task::Binary | Task::Multiclass => ("a class", "log_loss or focal=2"),
        };
        Err(Problem::field("loss", format!("The target is {what}; '{self}' can't be learned of it. Use {known}.")))
    }

    /// Whether targets are such that it is defined: Poisson's deviance is for 0 or more.
    ///
    /// # Errors
    /// There is a target below 0.
    pub fn check_least(self, least: f64) -> Result<(), Problem> {
        if self != Loss::Poisson || least >= 0.0 {
            return Ok(());
        }
        let message = format!(
            "Poisson's deviance is for counts and rates, and there is a target of {least}. Use squared, absolute or huber, or \
             remove the rows below 0."
        );
        Err(Problem::field("loss", message))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Quantile(number) | Loss::Focal(number) => write!(f, "{}={number}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl From<Loss> for String {
    fn from(loss: Loss) -> String {
        loss.to_string()
    }
}

impl TryFrom<String> for Loss {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Loss {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('=').map_or((text, None), |(name, number)| (name, Some(number)));
        let number = number.map(|number| number.trim().parse::<f64>().map_err(|_| unknown(text))).transpose()?;
        match (name.trim(), number) {
            ("squared", None) => Ok(Loss::Squared),
            ("absolute", None) => Ok(Loss::Absolute),
            ("huber", None) => Ok(Loss::Huber),
            ("poisson", None) => Ok(Loss::Poisson),
            ("log_loss", None) => Ok(Loss::LogLoss),
            ("quantile", Some(level)) if level > 0.0 && level < 1.0 => Ok(Loss::Quantile(level)),
            ("quantile", _) => Err("A quantile is above 0 and below 1. Write quantile=0.9.".to_owned()),
            ("focal", Some(gamma)) if gamma > 0.0 && gamma <= GREATEST_GAMMA => Ok(Loss::Focal(gamma)),
            ("focal", _) => Err("The focal loss takes a γ above 0, up to 10. Write focal=2.".to_owned()),
            _ => Err(unknown(text)),
        }
    }
}

fn unknown(text: &str) -> String {
    format!(
        "'{text}' is no loss. Use squared, absolute, huber, quantile=0.9 or poisson for numbers, log_loss or focal=2 for classes."
    )
}

/// What a model is made for: metrics, verdicts and the choice between models go by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    pub task: Task,
    /// What it learns; `None`: the task's default.
    pub loss: Option<Loss>,
}

impl Aim {
    pub fn new(task: Task, loss: Option<Loss>) -> Self {
        Self { task, loss }
    }

    /// The metric that decides between models. The task's, but for losses that are least at something else than the mean.
    pub fn primary_metric(self) -> &'static str {
        match self.loss {
            Some(Loss::Absolute) => "mae",
            Some(Loss::Quantile(_)) => "mean_pinball_loss",
            Some(Loss::Poisson) => "mean_poisson_deviance",
            Some(Loss::Squared | Loss::Huber | Loss::LogLoss | Loss::Focal(_)) | None => self.task.primary_metric(),
        }
    }
}

impl From<Task> for Aim {
    fn from(task: Task) -> Self {
        Self::new(task, None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_lead_back_and_what_is_out_of_range_is_refused() {
        for text in ["squared", "absolute", "huber", "quantile=0.9", "poisson", "log_loss", "focal=2", "focal=0.5"] {
            let loss: Loss = text.parse().unwrap();
            assert_eq!(loss.to_string(), text);
            let json = serde_json::to_string(&loss).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Loss>(&json).unwrap(), loss);
        }
        for wrong in [
            "",
            "quantile",
            "quantile=0",
            "quantile=1",
            "quantile=x",
            "focal",
            "focal=0",
            "focal=11",
            "focal=NaN",
            "huber=1",
            "hinge",
        ] {
            assert!(wrong.parse::<Loss>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Loss>("\"quantile=2\"").is_err());
    }

    #[test]
    fn losses_are_of_one_task() {
        assert!(Loss::Absolute.check_task(Task::Regression).is_ok());
        assert!(Loss::Focal(2.0).check_task(Task::Multiclass).is_ok());
        for (loss, task, words) in [
            (Loss::Huber, Task::Binary, "focal=2"),
            (Loss::Focal(2.0), Task::Regression, "quantile=0.9"),
            (Loss::LogLoss, Task::Regression, "'log_loss'"),
        ] {
            let problem = loss.check_task(task).unwrap_err();
            assert!(problem.message.contains(words), "{}", problem.message);
            assert_eq!(problem.fields[0].field, "loss");
        }
        assert!(Loss::Focal(2.0).check_family(Family::Trees).is_err());
        assert!(Loss::Focal(2.0).check_family(Family::Auto).is_ok());
        assert!(Loss::Poisson.check_least(-1.0).is_err() && Loss::Squared.check_least(-1.0).is_ok());
    }

    #[test]
    fn the_loss_decides_what_is_judged_by() {
        let of = |loss| Aim::new(Task::Regression, loss).primary_metric();
        assert_eq!([of(None), of(Some(Loss::Huber)), of(Some(Loss::Absolute))], ["rmse", "rmse", "mae"]);
        assert_eq!(of(Some(Loss::Quantile(0.9))), "mean_pinball_loss");
        assert_eq!(of(Some(Loss::Poisson)), "mean_poisson_deviance");
        assert_eq!(Aim::new(Task::Binary, Some(Loss::Focal(2.0))).primary_metric(), "roc_auc");
    }
}
