//! What pages ask of the browser. Everything here is called from event handlers and effects only, which never run on
//! the server; there the functions do nothing.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

/// `https://host:port` of the page, for snippets that a person copies.
pub fn origin() -> String {
    #[cfg(feature = "ssr")]
    {
        let Some(parts) = use_context::<http::request::Parts>() else { return "http://localhost:3000".to_owned() };
        let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
        let host = header("x-forwarded-host").or_else(|| header("host")).unwrap_or("localhost:3000");
        format!("{}://{host}", header("x-forwarded-proto").unwrap_or("http"))
    }
    #[cfg(not(feature = "ssr"))]
    {
        window().location().origin().unwrap_or_default()
    }
}

/// Offers a text as a file to save.
pub fn save(file_name: &str, mime: &str, text: &str) {
    let save = || -> Result<(), JsValue> {
        let parts = js_sys::Array::of1(&JsValue::from_str(text));
        let options = web_sys::BlobPropertyBag::new();
        options.set_type(mime);
        let blob = web_sys::Blob::new_with_str_sequence_and_options(&parts, &options)?;
        let url = web_sys::Url::create_object_url_with_blob(&blob)?;
        let link: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
        link.set_href(&url);
        link.set_download(file_name);
        link.click();
        web_sys::Url::revoke_object_url(&url)
    };
    if save().is_err() {
        leptos::logging::warn!("the browser refused to save {file_name}");
    }
}

/// Where a pointer event happened within the element that listens: 0 to 1 from left to right. `None` for an empty box.
pub fn share_across(event: &web_sys::PointerEvent) -> Option<f64> {
    let element: web_sys::Element = event.current_target()?.dyn_into().ok()?;
    let area = element.get_bounding_client_rect();
    (area.width() > 0.0).then(|| ((f64::from(event.client_x()) - area.left()) / area.width()).clamp(0.0, 1.0))
}

/// An open stream of server-sent events; it closes with the reactive owner that opened it.
#[derive(Clone, Copy)]
pub struct Stream(StoredValue<Option<web_sys::EventSource>, LocalStorage>);

impl Stream {
    /// Calls `heard` with the data of each event of that name, and `connected` whenever the connection comes or goes.
    /// The browser reconnects by itself.
    pub fn open(
        url: &str,
        name: &str,
        heard: impl Fn(String) + 'static,
        connected: impl Fn(bool) + Clone + 'static,
    ) -> Self {
        let source = web_sys::EventSource::new(url).ok();
        if let Some(source) = &source {
            let on_event = Closure::<dyn Fn(web_sys::MessageEvent)>::new(move |event: web_sys::MessageEvent| {
                if let Some(text) = event.data().as_string() {
                    heard(text);
                }
            });
            // The closures live as long as the page's stream; the browser owns them from here.
            if source.add_event_listener_with_callback(name, on_event.as_ref().unchecked_ref()).is_ok() {
                on_event.forget();
            }
            let up = connected.clone();
            let on_open = Closure::<dyn Fn()>::new(move || up(true));
            source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
            on_open.forget();
            let on_error = Closure::<dyn Fn()>::new(move || connected(false));
            source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
            on_error.forget();
        }
        let stream = Self(StoredValue::new_local(source));
        on_cleanup(move || stream.close());
        stream
    }

    pub fn close(&self) {
        self.0.try_update_value(|source| {
            if let Some(source) = source.take() {
                source.close();
            }
        });
    }
}

/// Calls `tick` every so many milliseconds until the reactive owner is gone.
pub fn every(milliseconds: u64, tick: impl Fn() + 'static) {
    if let Ok(handle) = set_interval_with_handle(tick, std::time::Duration::from_millis(milliseconds)) {
        on_cleanup(move || handle.clear());
    }
}

/// Milliseconds by a clock that only moves forward with the page; for speeds.
pub fn clock() -> f64 {
    js_sys::Date::now()
}
