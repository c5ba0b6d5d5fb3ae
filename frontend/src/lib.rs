//! The browser's entry point: takes over the page that the server sent.
#![recursion_limit = "256"]

/// Makes the page interactive. Called by the loader script once the module has arrived.
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    // Waits for the chunk that the page lies in.
    leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), trainyard_app::App).await.forget();
    // Tests, and scripts that drive a browser, wait for this before they click.
    if let Some(root) = leptos::prelude::document().document_element() {
        let _ = root.set_attribute("data-ready", "true");
    }
}
