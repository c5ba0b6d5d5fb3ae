//! The pages by the chunk of WebAssembly that they lie in. The browser fetches a chunk when one of its pages is opened;
//! what stands in no chunk arrives with the first page. On the server a page is called as any function.

use crate::{components::*, pages};
use leptos::{prefetch_lazy_fn_on_server, prelude::*, wasm_split::wasm_split};
use leptos_router::ChooseView;
use trainyard_types::{Code, Problem};

/// Makes a route's view of each page, in the chunk named.
macro_rules! chunks {
    ($($chunk:ident: $($module:ident::$page:ident),*;)*) => {$($(
        #[derive(Clone, Copy)]
        pub struct $page;

        const _: () = {
            #[allow(non_snake_case)]
            #[wasm_split($chunk, wasm_split_path = ::leptos::wasm_split, preload(fetch), fallible)]
            fn $page() -> Result<AnyView, leptos::wasm_split::SplitLoaderError> {
                Ok(pages::$module::$page().into_any())
            }

            impl ChooseView for $page {
                async fn choose(self) -> AnyView {
                    // Tells the browser in the page's head to fetch the chunk at once.
                    prefetch_lazy_fn_on_server(stringify!($chunk));
                    $page().await.unwrap_or_else(|_| view! { <Missing/> }.into_any())
                }

                async fn preload(&self) {
                    // A failure shows when the page is chosen, which tries once more.
                    let _ = fetch().await;
                }
            }
        };
    )*)*};
}

chunks! {
    home: home::StartPage, home::HomePage, inbox::InboxPage, glossary::GlossaryPage, api_docs::ApiDocsPage;
    data: data::DataPage, upload::UploadPage, connections::ConnectionsPage, dataset::DatasetPage,
        version_diff::VersionDiffPage;
    pipelines: pipeline::PipelinesPage, pipeline::NewPipelinePage, pipeline::PipelinePage, pipeline::PipelineRunPage;
    runs: runs::RunsPage, compare::ComparePage, new_run::NewRunPage, run::RunPage, models::ModelsPage, model::ModelPage;
    admin: people::PeoplePage, projects::ProjectsPage, workers::WorkersPage, audit::AuditPage, settings::SettingsPage;
}

/// What stands in place of a page whose chunk did not come.
#[component]
fn Missing() -> impl IntoView {
    let problem = Problem::new(
        Code::Unavailable,
        "A part of this page did not arrive: the server is away, or it was updated since you opened Trainyard. Reload the page.",
    );
    view! { <ErrorPanel problem/> }
}
