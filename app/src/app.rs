//! The document around every page, and the table of addresses.

use crate::{
    chunks,
    components::*,
    hooks::{provide_now, provide_signed_in},
    pages,
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route, Router, Routes},
    path,
};

/// The whole HTML document, as the server sends it. `data-theme` comes from the person's cookie, so that the page
/// never flashes in the wrong colours.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    use crate::browser::{TAB_COLOUR, tab_icon};
    use leptos::hydration::{AutoReload, HydrationScripts};
    use leptos_meta::MetaTags;
    let theme = use_context::<http::request::Parts>().map_or("system", |parts| crate::session::theme(&parts.headers));
    let nav = use_context::<http::request::Parts>().map_or("open", |parts| crate::session::nav(&parts.headers));
    let css = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme data-nav=nav>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Train, judge, register and serve models, with evidence."/>
                <link rel="icon" type="image/svg+xml" href=tab_icon(TAB_COLOUR)/>
                <link rel="stylesheet" href=css/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// A whole page that stands by itself, for what goes wrong outside of the application: a panic, a refused upload form.
/// It needs no script. `css` is the style sheet's address.
#[cfg(feature = "ssr")]
pub fn error_page(problem: &trainyard_types::Problem, css: &str) -> String {
    use crate::browser::{TAB_COLOUR, tab_icon};
    let (title, problem, css) = (problem_title(problem.code), problem.clone(), css.to_owned());
    Owner::new().with(|| {
        view! {
            <!DOCTYPE html>
            <html lang="en">
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1"/>
                    <title>{format!("{title} · Trainyard")}</title>
                    <link rel="icon" type="image/svg+xml" href=tab_icon(TAB_COLOUR)/>
                    <link rel="stylesheet" href=css/>
                </head>
                <body>
                    <main id="main" class="lone">
                        <h1><a class="brand-link" href="/"><pages::sign_in::Brand/></a></h1>
                        <ErrorPanel problem/>
                        <p class="muted">"If it happens again, give an admin the id above, if there is one: the server's log has it."</p>
                    </main>
                </body>
            </html>
        }
        .to_html()
    })
}

/// The application: the same view on the server and in the browser.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_now();
    provide_toasts();
    provide_tip();
    provide_signed_in();
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Trainyard".to_owned() } else { format!("{text} · Trainyard") }/>
        <Router>
            <Routes fallback=|| view! { <pages::errors::NotFoundPage/> }>
                <Route path=path!("/sign-in") view=pages::sign_in::SignInPage ssr=SsrMode::Async/>
                <Route path=path!("/change-password") view=pages::sign_in::ChangePasswordPage ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=pages::frame::Frame ssr=SsrMode::Async>
                    <Route path=path!("/") view=chunks::StartPage ssr=SsrMode::Async/>
                    <ParentRoute path=path!("/p/:project") view=Outlet ssr=SsrMode::Async>
                        <Route path=path!("") view=chunks::HomePage ssr=SsrMode::Async/>
                        <Route path=path!("/data") view=chunks::DataPage ssr=SsrMode::Async/>
                        <Route path=path!("/data/upload") view=chunks::UploadPage ssr=SsrMode::Async/>
                        <Route path=path!("/data/connections") view=chunks::ConnectionsPage ssr=SsrMode::Async/>
                        <Route path=path!("/data/:dataset_id") view=chunks::DatasetPage ssr=SsrMode::Async/>
                        <Route path=path!("/data/:dataset_id/compare") view=chunks::VersionDiffPage ssr=SsrMode::Async/>
                        <Route path=path!("/pipelines") view=chunks::PipelinesPage ssr=SsrMode::Async/>
                        <Route path=path!("/pipelines/new") view=chunks::NewPipelinePage ssr=SsrMode::Async/>
                        <Route path=path!("/pipelines/:pipeline_id") view=chunks::PipelinePage ssr=SsrMode::Async/>
                        <Route path=path!("/pipeline-runs/:run_id") view=chunks::PipelineRunPage ssr=SsrMode::Async/>
                        <Route path=path!("/runs") view=chunks::RunsPage ssr=SsrMode::Async/>
                        <Route path=path!("/runs/compare") view=chunks::ComparePage ssr=SsrMode::Async/>
                        <Route path=path!("/runs/new") view=chunks::NewRunPage ssr=SsrMode::Async/>
                        <Route path=path!("/runs/:run_id") view=chunks::RunPage ssr=SsrMode::Async/>
                        <Route path=path!("/models") view=chunks::ModelsPage ssr=SsrMode::Async/>
                        <Route path=path!("/models/:name") view=chunks::ModelPage ssr=SsrMode::Async/>
                    </ParentRoute>
                    <Route path=path!("/inbox") view=chunks::InboxPage ssr=SsrMode::Async/>
                    <Route path=path!("/settings") view=chunks::SettingsPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/people") view=chunks::PeoplePage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/projects") view=chunks::ProjectsPage ssr=SsrMode::Async/>
                    <Route path=path!("/admin/workers") view=chunks::WorkersPage ssr=SsrMode::Async/>
                    <Route path=path!("/governance/audit") view=chunks::AuditPage ssr=SsrMode::Async/>
                    <Route path=path!("/glossary") view=chunks::GlossaryPage ssr=SsrMode::Async/>
                    <Route path=path!("/docs/api") view=chunks::ApiDocsPage ssr=SsrMode::Async/>
                    <Route path=path!("/*any") view=pages::errors::NotFoundInFrame ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
        <ToastRegion/>
        <Tip/>
    }
}
