//! Checks of texts: sets of categories, shapes of codes, lengths, damage.

use super::{BEYOND, all_but_few, check, patterns, rounded, shares, unseen_share};
use crate::checks::{suggest::Way, validate::expression};
use trainyard_infer::frame::MISSING;
use trainyard_types::{
    checks::{Check, Expectation, Scalar},
    dataset::Severity,
};

/// Texts of at most as many different values are categories.
const MOST_CATEGORIES: usize = 100;
/// A set that more than this share of another draw may be missing from is none.
const OPEN: f64 = 0.2;
/// UTF-8 read as Windows-1252 or Latin-1, and what could not be read at all.
const DAMAGE: &str = "\u{FFFD}|Ã[\u{80}-\u{BF}ƒ‚„…†‡ˆ‰Š‹Œ\u{152}-\u{178}€™š›œž]|Â[\u{80}-\u{BF}]|â€";

pub(super) fn of_texts(name: &str, codes: &[u32], levels: &[String]) -> Vec<Check> {
    let mut counts = vec![0_u64; levels.len()];
    codes.iter().filter(|&&code| code != MISSING).for_each(|&code| counts[code as usize] += 1);
    let n: u64 = counts.iter().sum();
    let mut used: Vec<(&String, u64)> = levels.iter().zip(counts).filter(|(_, count)| *count > 0).collect();
    used.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let column = name.to_owned();
    let unseen = unseen_share(used.iter().map(|(_, count)| *count));
    if used.len() <= MOST_CATEGORIES && unseen <= OPEN && used.len() as u64 * 3 <= n {
        let values = used.iter().map(|(level, _)| Scalar::Text((*level).clone())).collect();
        let set = Check {
            mostly: rounded(1.0 - unseen, Way::Down),
            ..check(Expectation::BeInSet { column, values }, Severity::Critical, "There were no other values.")
        };
        let mut checks = vec![set];
        checks.extend(shares(name, codes, levels));
        return checks;
    }
    let mut checks = Vec::new();
    let texts: Vec<&String> = used.iter().map(|(level, _)| *level).collect();
    if let Some(regex) = patterns::of(&texts) {
        checks.push(Check {
            mostly: if BEYOND / (n as f64) < 0.05 { all_but_few(n as usize) } else { 0.95 },
            ..check(
                Expectation::MatchRegex { column: column.clone(), regex },
                Severity::Warning,
                "All values had this shape.",
            )
        });
    }
    let undamaged = expression(DAMAGE).is_ok_and(|damage| !texts.iter().any(|text| damage.is_match(text)));
    if undamaged {
        let expectation = Expectation::NotMatchRegex { column: column.clone(), regex: DAMAGE.into() };
        checks.push(check(expectation, Severity::Warning, "Such characters come of a wrong encoding."));
    }
    let lengths = || texts.iter().map(|text| text.chars().count() as f64);
    let (min, max) = (lengths().fold(f64::INFINITY, f64::min), lengths().fold(0.0, f64::max));
    if BEYOND / (n as f64) < 0.05 {
        let expectation =
            Expectation::ValueLengthsToBeBetween { column: column.clone(), min: Some(min), max: Some(max) };
        checks
            .push(Check { mostly: all_but_few(n as usize), ..check(expectation, Severity::Warning, "Lengths seen.") });
    }
    let expectation = Expectation::UniqueValueCountToBeBetween { column, min: Some(2.0), max: None };
    if texts.len() > 1 {
        checks.push(check(expectation, Severity::Warning, "A column of one value tells nothing."));
    }
    checks
}
