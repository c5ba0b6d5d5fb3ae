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
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(mime);
    match web_sys::Blob::new_with_str_sequence_and_options(&parts, &options) {
        Ok(blob) => save_blob(file_name, &blob),
        Err(_) => leptos::logging::warn!("the browser refused to save {file_name}"),
    }
}

fn save_blob(file_name: &str, blob: &web_sys::Blob) {
    let save = || -> Result<(), JsValue> {
        let url = web_sys::Url::create_object_url_with_blob(blob)?;
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

/// How many pixels of a PNG stand for one of the drawing.
const PNG_SCALE: f64 = 3.0;

/// Offers a drawing as a PNG on white, three pixels for each of its own.
pub fn save_png(file_name: &str, svg: &str) {
    let Some((width, height)) = drawing_size(svg) else { return };
    let (width, height) = (width * PNG_SCALE, height * PNG_SCALE);
    let sized = svg.replacen("<svg ", &format!("<svg width=\"{width}\" height=\"{height}\" "), 1);
    let Ok(image) = web_sys::HtmlImageElement::new() else { return };
    let (name, drawn) = (file_name.to_owned(), image.clone());
    let draw = move || -> Result<(), JsValue> {
        let canvas: web_sys::HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
        canvas.set_width(width as u32);
        canvas.set_height(height as u32);
        let context: web_sys::CanvasRenderingContext2d =
            canvas.get_context("2d")?.ok_or(JsValue::NULL)?.unchecked_into();
        context.set_fill_style_str("#fff");
        context.fill_rect(0.0, 0.0, width, height);
        context.draw_image_with_html_image_element_and_dw_and_dh(&drawn, 0.0, 0.0, width, height)?;
        let done = Closure::once_into_js(move |blob: Option<web_sys::Blob>| {
            if let Some(blob) = blob {
                save_blob(&name, &blob);
            }
        });
        canvas.to_blob(done.unchecked_ref())
    };
    let loaded = Closure::once_into_js(move || {
        if draw().is_err() {
            leptos::logging::warn!("the browser could not draw the picture");
        }
    });
    image.set_onload(Some(loaded.unchecked_ref()));
    image.set_src(&format!("data:image/svg+xml,{}", crate::format::encode(&sized)));
}

/// Width and height of the root's `viewBox`.
fn drawing_size(svg: &str) -> Option<(f64, f64)> {
    let numbers = svg.split_once("viewBox=\"")?.1.split_once('"')?.0;
    let mut numbers = numbers.split_whitespace().skip(2).map(str::parse::<f64>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The mark in the browser's tab, two rails and two sleepers, in a colour such as `2a5bd7`.
pub fn tab_icon(colour: &str) -> String {
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%23{colour}'/%3E%3Cpath d='M5 3v10M11 3v10M3 6h10M3 10h10' stroke='%23fff' stroke-width='1.6'/%3E%3C/svg%3E"
    )
}

/// The mark's own colour.
pub const TAB_COLOUR: &str = "2a5bd7";

/// Gives the mark in the browser's tab another colour.
pub fn set_tab_colour(colour: &str) {
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        let _ = link.set_attribute("href", &tab_icon(colour));
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
