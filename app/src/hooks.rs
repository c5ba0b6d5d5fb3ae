//! What pages ask of the address, the clock and the signed-in person.

use crate::wire::{Resource, resource};
use crate::{AppError, format};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_params_map, use_query_map},
    params::ParamsMap,
};
use server_fn::{ServerFn, error::ServerFnUrlError};
use trainyard_types::{
    Action, PageQuery, Problem, Timestamp,
    account::{Me, ProjectView},
};

/// The signed-in person, loaded once for the whole application. `refresh` loads it again.
#[derive(Clone, Copy)]
pub struct SignedIn {
    pub me: Resource<Result<Me, AppError>>,
    version: RwSignal<u32>,
}

impl SignedIn {
    /// Loads the person again: after a project was made or a role has changed.
    pub fn refresh(&self) {
        self.version.update(|v| *v += 1);
    }
}

/// Provides [`SignedIn`] to the whole application.
pub fn provide_signed_in() -> SignedIn {
    let version = RwSignal::new(0);
    let me = resource(move || version.get(), |_| crate::api::account::fetch_me());
    let signed_in = SignedIn { me, version };
    provide_context(signed_in);
    signed_in
}

/// The person, inside a [`Load`](crate::components::Load) view; `None` where nobody is signed in.
pub fn use_me() -> Option<Me> {
    use_context::<Me>()
}

/// Whether the person may do this in the project that the address names. For hiding what would be refused:
/// the decision is the service's. Only inside a [`Load`](crate::components::Load) view.
pub fn may(action: Action) -> bool {
    let Some(me) = use_me() else { return false };
    if me.instance_admin {
        return true;
    }
    let slug = project_of_path(&use_location().pathname.get_untracked());
    me.projects.iter().any(|p| slug.as_deref().is_none_or(|s| s == p.slug) && p.role.allows(action))
}

/// The project's slug in an address like `/p/{project}/…`.
pub fn project_of_path(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip(1);
    (parts.next() == Some("p")).then(|| parts.next().unwrap_or_default().to_owned()).filter(|s| !s.is_empty())
}

/// The slug of the project that the page belongs to; empty outside of projects.
pub fn use_project() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|p| p.get("project").unwrap_or_default()))
}

/// The project that the top bar shows: the address's one, otherwise the first that the person sees.
pub fn current_project(me: &Me, path: &str) -> Option<ProjectView> {
    project_of_path(path)
        .and_then(|slug| me.projects.iter().find(|p| p.slug == slug))
        .or_else(|| me.projects.first())
        .cloned()
}

/// One parameter of the address's path, such as `run_id`; empty where it is missing.
pub fn use_param(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|p| p.get(name).unwrap_or_default()))
}

/// One parameter of the address's query; empty where it is missing.
pub fn use_query_param(name: &'static str) -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|q| q.get(name).unwrap_or_default()))
}

/// The part of a list that the address asks for: `q`, `sort`, `state`, `page`, `per_page`.
pub fn use_page_query() -> Memo<PageQuery> {
    let query = use_query_map();
    Memo::new(move |_| query.with(page_query))
}

fn page_query(map: &ParamsMap) -> PageQuery {
    let number = |name: &str, default: u64| map.get(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    let defaults = PageQuery::default();
    PageQuery {
        q: map.get("q").unwrap_or_default(),
        sort: map.get("sort").unwrap_or_default(),
        state: map.get("state").unwrap_or_default(),
        page: number("page", defaults.page).max(1),
        per_page: number("per_page", defaults.per_page).clamp(1, 500),
    }
}

/// The parameters of a query without its `?`, decoded once: the router's own map decodes twice, and breaks values that hold
/// a percent sign.
pub fn query_pairs(search: &str) -> Vec<(String, String)> {
    search
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (format::decode(name), format::decode(value))
        })
        .collect()
}

/// The address with some query parameters changed; `None` or an empty value takes one away. The marks that a
/// refused form leaves (`__path`, `__err`) are dropped.
pub fn address_with(path: &str, search: &str, changes: &[(&str, Option<String>)]) -> String {
    let mut pairs: Vec<(String, String)> = query_pairs(search)
        .into_iter()
        .filter(|(k, _)| !k.starts_with("__") && changes.iter().all(|(name, _)| name != k))
        .collect();
    pairs.extend(changes.iter().filter_map(|(k, v)| Some(((*k).to_owned(), v.clone().filter(|v| !v.is_empty())?))));
    if pairs.is_empty() {
        return path.to_owned();
    }
    let text: Vec<String> = pairs.iter().map(|(k, v)| format!("{}={}", format::encode(k), format::encode(v))).collect();
    format!("{path}?{}", text.join("&"))
}

/// Makes [`address_with`] for the present address; reactive.
pub fn use_address() -> impl Fn(&[(&str, Option<String>)]) -> String + Copy + Send + Sync + 'static {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    move |changes| search.with(|q| path.with(|p| address_with(p, q, changes)))
}

/// Changes query parameters of the present address in place, without scrolling: for view state such as filters.
pub fn use_set_query() -> impl Fn(&[(&str, Option<String>)]) + Clone + 'static {
    let location = use_location();
    let navigate = use_navigate();
    move |changes| {
        let to = location.search.with_untracked(|q| location.pathname.with_untracked(|p| address_with(p, q, changes)));
        navigate(&to, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
    }
}

/// What went wrong with the last submission of a form: from the action in the browser, or from the address after
/// a plain form post (without WebAssembly the server answers a refused form by going back with `__err`).
pub fn use_form_problem<S>(action: ServerAction<S>) -> Signal<Option<Problem>>
where
    S: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    S::Output: Clone + Send + Sync + 'static,
{
    let query = use_query_map();
    Signal::derive(move || match action.value().get() {
        Some(Err(error)) => Some(error.0),
        Some(Ok(_)) => None,
        None => query.with(|q| problem_in_query(q, S::PATH)),
    })
}

/// The problem that a refused plain form post left in the address, for the server function at `path`.
pub fn problem_in_query(query: &ParamsMap, path: &str) -> Option<Problem> {
    if query.get("__path").as_deref() != Some(path) {
        return None;
    }
    query.get("__err").map(|text| ServerFnUrlError::<AppError>::decode_err(&text).0)
}

/// The present moment; in the browser it moves on every ten seconds.
#[derive(Clone, Copy)]
pub struct Now(pub RwSignal<Timestamp>);

/// Provides [`Now`] and keeps it going.
pub fn provide_now() {
    let now = RwSignal::new(moment());
    provide_context(Now(now));
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let handle = set_interval_with_handle(move || now.set(moment()), std::time::Duration::from_secs(10));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    });
}

/// The clock's present reading.
pub fn moment() -> Timestamp {
    #[cfg(feature = "hydrate")]
    let millis = js_sys::Date::now() as i64;
    #[cfg(not(feature = "hydrate"))]
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    Timestamp(millis)
}

/// [`Now`]'s signal; a fixed moment where none was provided.
pub fn use_now() -> Signal<Timestamp> {
    use_context::<Now>().map_or_else(|| Signal::stored(moment()), |now| now.0.into())
}

/// Only same-site paths are followed after signing in: an address from outside must not lead away.
pub fn safe_next(next: &str) -> String {
    let ok = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\n', '\r', '\t'])
        && !next.starts_with("/sign-in")
        && next.is_ascii();
    if ok { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for bad in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:alert(1)", "/sign-in?next=/"]
        {
            assert_eq!(safe_next(bad), "/", "{bad}");
        }
        assert_eq!(safe_next("/p/demo/runs?tab=log"), "/p/demo/runs?tab=log");
    }

    #[test]
    fn a_changed_parameter_replaces_the_old_and_form_marks_go() {
        let changes = [("page", None), ("sort", Some("-name".to_owned()))];
        assert_eq!(address_with("/p/demo/runs", "q=loan&page=3&__err=x", &changes), "/p/demo/runs?q=loan&sort=-name");
        let kept = "filter=name%20like%20%27%25ab%25%27";
        assert_eq!(query_pairs(kept), [("filter".to_owned(), "name like '%ab%'".to_owned())]);
        assert_eq!(address_with("/x", kept, &[]), format!("/x?{kept}"));
        assert_eq!(address_with("/x", "q=a+b%2Bc&&z", &[]), "/x?q=a%20b%2Bc&z=");
        assert_eq!(project_of_path("/p/demo/runs").as_deref(), Some("demo"));
        assert_eq!(project_of_path("/settings"), None);
    }
}
