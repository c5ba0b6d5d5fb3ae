//! Sends a file and tells how far it is. `fetch` can't report what it has sent, so this is an `XMLHttpRequest`.

use crate::{browser, format::encode};
use leptos::{__reexports::send_wrapper::SendWrapper, prelude::*};
use serde::Deserialize;
use trainyard_types::{Problem, dataset::UploadView};
use wasm_bindgen::{JsCast, closure::Closure};

/// How far a transfer is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    pub file_name: String,
    pub bytes: f64,
    pub total: f64,
    pub seconds: f64,
}

impl Sent {
    pub fn fraction(&self) -> f64 {
        if self.total > 0.0 { self.bytes / self.total } else { 0.0 }
    }
    /// Bytes a second, once it has gone on for a while.
    pub fn speed(&self) -> Option<f64> {
        (self.seconds > 0.5 && self.bytes > 0.0).then(|| self.bytes / self.seconds)
    }
    pub fn seconds_left(&self) -> Option<f64> {
        self.speed().map(|speed| (self.total - self.bytes) / speed)
    }
}

/// Where an upload stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Transfer {
    #[default]
    Idle,
    Sending(Sent),
    /// All bytes are there; the server reads them to find types.
    Reading(Sent),
    Failed(Problem),
}

/// The transfer that goes on; it ends with the page.
#[derive(Clone, Copy)]
pub struct Sender {
    pub state: RwSignal<Transfer>,
    // Nothing of the browser is made on the server, whose threads take turns.
    request: StoredValue<Option<SendWrapper<web_sys::XmlHttpRequest>>>,
}

#[derive(Deserialize)]
struct Refusal {
    error: Problem,
}

impl Sender {
    pub fn new() -> Self {
        let sender = Self { state: RwSignal::new(Transfer::Idle), request: StoredValue::new(None) };
        on_cleanup(move || sender.abort());
        sender
    }

    fn abort(&self) {
        self.request.try_update_value(|request| {
            if let Some(request) = request.take() {
                let _ = request.abort();
            }
        });
    }

    /// Stops sending; the server throws away what it has.
    pub fn cancel(&self) {
        self.abort();
        self.state.set(Transfer::Idle);
    }

    /// Sends the file to the project and calls `arrived` with what the server read in it.
    pub fn send(&self, project: &str, file: &web_sys::File, arrived: impl Fn(UploadView) + 'static) {
        self.abort();
        let sent = Sent { file_name: file.name(), total: file.size(), ..Sent::default() };
        self.state.set(Transfer::Sending(sent.clone()));
        let url = format!("/api/v1/projects/{}/uploads?name={}", encode(project), encode(&sent.file_name));
        if self.start(&url, file, sent, arrived).is_none() {
            self.fail(Problem::internal("The browser can't send this file. Try another browser, or use the command line: trainyard dataset import."));
        }
    }

    fn start(&self, url: &str, file: &web_sys::File, sent: Sent, arrived: impl Fn(UploadView) + 'static) -> Option<()> {
        let request = web_sys::XmlHttpRequest::new().ok()?;
        request.open("POST", url).ok()?;
        let _ = request.set_request_header("content-type", "application/octet-stream");
        let _ = request.set_request_header("accept", "application/json");
        let sender = *self;
        let began = browser::clock();

        let base = sent.clone();
        let on_progress = Closure::<dyn Fn(web_sys::ProgressEvent)>::new(move |event: web_sys::ProgressEvent| {
            let now = Sent {
                bytes: event.loaded().min(base.total),
                seconds: (browser::clock() - began) / 1000.0,
                ..base.clone()
            };
            let whole = now.bytes >= now.total;
            sender.state.try_set(if whole { Transfer::Reading(now) } else { Transfer::Sending(now) });
        });
        request.upload().ok()?.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
        on_progress.forget();

        let answer = request.clone();
        let on_load = Closure::<dyn Fn()>::new(move || {
            let text = answer.response_text().ok().flatten().unwrap_or_default();
            let status = answer.status().unwrap_or(0);
            if (200..300).contains(&status) {
                match crate::wire::read::<UploadView>(text.as_bytes()) {
                    Ok(view) => {
                        sender.state.try_set(Transfer::Idle);
                        arrived(view);
                    }
                    Err(error) => sender.fail(Problem::internal(format!(
                        "The server's answer can't be read ({error}). Load the page again and retry."
                    ))),
                }
            } else {
                sender.fail(refusal(status, &text));
            }
        });
        request.set_onload(Some(on_load.as_ref().unchecked_ref()));
        on_load.forget();

        let on_error = Closure::<dyn Fn()>::new(move || {
            sender.fail(Problem::internal("The connection broke while sending. Nothing was kept; check that the server runs and send the file again."));
        });
        request.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        on_error.forget();

        request.send_with_opt_blob(Some(file)).ok()?;
        self.request.set_value(Some(SendWrapper::new(request)));
        Some(())
    }

    fn fail(&self, problem: Problem) {
        self.state.try_set(Transfer::Failed(problem));
    }
}

/// The server's words where it gave any.
fn refusal(status: u16, text: &str) -> Problem {
    crate::wire::read::<Refusal>(text.as_bytes()).map(|refusal| refusal.error).unwrap_or_else(|_| match status {
        413 => Problem::invalid(
            "The file is larger than this server takes. Split it, or raise max_upload_bytes in its configuration.",
        ),
        _ => Problem::internal(format!("The server answered {status}. Load the page again and retry.")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_from_what_was_sent() {
        let sent = Sent { file_name: "a.csv".into(), bytes: 25.0, total: 100.0, seconds: 5.0 };
        assert_eq!(sent.seconds_left(), Some(15.0));
        assert_eq!(Sent { total: 10.0, ..Sent::default() }.seconds_left(), None);
        assert_eq!(Sent::default().fraction(), 0.0);
    }

    #[test]
    fn a_refusal_keeps_the_servers_words() {
        let problem = refusal(422, r#"{"error":{"code":"invalid","message":"The file is empty."}}"#);
        assert_eq!(problem.message, "The file is empty.");
        assert!(refusal(413, "<html>").message.contains("larger"));
    }
}
