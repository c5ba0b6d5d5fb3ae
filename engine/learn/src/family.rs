//! The fit of any family. Free texts are numbers before a family sees them.

use crate::{
    FitError, FitOptions, Fitted, Observer, RowStream, StreamedRows, TrainData, boosting, dummy, forest, fttransformer,
    linear, realmlp, tabm, trees,
};
use std::borrow::Cow;
use trainyard_infer::{
    signature,
    text::{TextColumn, Texts},
};
use trainyard_types::{Problem, model::Signature, run::Family};

/// Fits a model of the family; [`Family::Auto`] is the dummy baseline. `resume`: a checkpoint of such a fit.
///
/// # Errors
/// [`FitError::Cancelled`], or a problem that says what to do.
pub fn fit(
    family: Family,
    data: &TrainData<'_>,
    options: &FitOptions,
    resume: Option<&[u8]>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let fit = match family {
        Family::Linear => linear::fit,
        Family::RealMlp => realmlp::fit,
        Family::TabM => tabm::fit,
        Family::FtTransformer => fttransformer::fit,
        Family::Trees => trees::fit,
        Family::Boosting => boosting::fit,
        Family::Forest => forest::fit,
        Family::Auto | Family::Blend => dummy::fit,
    };
    let texts = Texts::fit(data.train, data.train_target);
    if texts.is_empty() {
        return fit(data, options, resume, observer);
    }
    let stream = data.stream.map(|stream| Worded { stream, texts: &texts });
    let stream = stream.as_ref().map(|stream| stream as &dyn RowStream);
    let [train, valid] = [data.train, data.valid].map(|frame| texts.expand(Cow::Borrowed(frame)));
    let mut fitted = fit(&TrainData { train: &train, valid: &valid, stream, ..*data }, options, resume, observer)?;
    let signature = signature::fit(data.train, data.target_name, data.task, data.classes);
    fitted.model.signature = Signature { loss: data.loss, ..signature };
    fitted.parameters.insert("free_text".to_owned(), texts.columns().iter().map(words).collect::<Vec<_>>().join("; "));
    fitted.model.texts = texts;
    Ok(fitted)
}

/// A stream whose free texts are numbers.
struct Worded<'a> {
    stream: &'a dyn RowStream,
    texts: &'a Texts,
}

impl RowStream for Worded<'_> {
    fn rows(&self) -> u64 {
        self.stream.rows()
    }
    fn buffers(&self) -> usize {
        self.stream.buffers()
    }
    fn largest(&self) -> usize {
        self.stream.largest()
    }
    fn seen(&self, buffers: u64) -> u64 {
        self.stream.seen(buffers)
    }
    fn read(&self, pass: u64, buffer: usize) -> Result<StreamedRows, Problem> {
        let (frame, target, weights) = self.stream.read(pass, buffer)?;
        Ok((self.texts.expand(Cow::Owned(frame)).into_owned(), target, weights))
    }
}

/// What is read of a column, for people.
fn words(column: &TextColumn) -> String {
    let shown: Vec<String> = column.grams.iter().take(8).map(|gram| format!("“{}”", gram.words)).collect();
    let more = if column.grams.len() > shown.len() { ", …" } else { "" };
    match column.grams.len() {
        0 => format!("{}: its length; no word goes with the target beyond chance", column.name),
        count => format!("{}: its length and {count} hashed words and pairs ({}{more})", column.name, shown.join(", ")),
    }
}
