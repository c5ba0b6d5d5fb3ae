//! The person's messages, newest first. Following one marks it as read.

use super::frame::Unread;
use crate::wire::resource;
use crate::{
    api::inbox::{list_inbox, read_inbox},
    components::*,
    format::counted,
    hooks::{moment, use_page_query},
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    NoticeId, Page, PageQuery, Timestamp,
    inbox::{NoticeView, ReadNotices},
};

/// `/inbox`.
#[component]
pub fn InboxPage() -> impl IntoView {
    let query = use_page_query();
    let list = resource(move || query.get(), list_inbox);
    let unread = use_context::<Unread>();
    let toasts = use_toasts();
    let read = Action::new(|input: &ReadNotices| read_inbox(input.clone()));
    // What is shown on the page: what came since is not read unseen.
    let newest = RwSignal::new(None::<Timestamp>);
    let all = RwSignal::new(false);
    Effect::new(move |_| match read.value().get() {
        Some(Ok(count)) => {
            if all.get_untracked() {
                toasts.say(format!("Marked {} as read.", counted(count.read, "message", "messages")));
            }
            list.refetch();
            if let Some(unread) = unread {
                unread.refresh();
            }
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let mark_all = move |()| {
        all.set(true);
        let until = newest.get_untracked().unwrap_or_else(moment);
        read.dispatch(ReadNotices { ids: None, until: Some(until) });
    };
    let mark_one = Callback::new(move |id: NoticeId| {
        all.set(false);
        read.dispatch(one(id));
    });
    // The page goes away meanwhile; where it fails, the message just stays unread.
    let open = Callback::new(move |id: NoticeId| {
        leptos::task::spawn_local(async move {
            if read_inbox(one(id)).await.is_ok()
                && let Some(unread) = unread
            {
                unread.refresh();
            }
        });
    });
    let acts = Acts { mark: mark_one, open };
    view! {
        <PageHead title="Inbox" state="What happened in your projects that you should know of. Read messages stay for 90 days.">
            <LinkButton href="/settings#inbox".to_owned() label="Choose what comes" glyph=Glyph::Settings/>
            <Button label="Mark all as read".to_owned() kind=ButtonKind::Primary glyph=Glyph::Check disabled=read.pending() on_press=mark_all/>
        </PageHead>
        <ListTools search="Search the inbox" states=states() download="/api/v1/inbox"/>
        <Load resource=list lines=10 view=move |page| listed(page, &query.get_untracked(), newest, acts)/>
    }
}

fn one(id: NoticeId) -> ReadNotices {
    ReadNotices { ids: Some(vec![id]), until: None }
}

/// What can be done with a message.
#[derive(Clone, Copy)]
struct Acts {
    mark: Callback<NoticeId>,
    open: Callback<NoticeId>,
}

fn states() -> Vec<(String, String)> {
    [("", "All"), ("unread", "Unread")].map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec()
}

fn listed(page: Page<NoticeView>, query: &PageQuery, newest: RwSignal<Option<Timestamp>>, acts: Acts) -> AnyView {
    if page.total == 0 {
        let narrowed = !query.state.is_empty() || !query.q.is_empty();
        let (title, text) = match (query.state.as_str(), query.q.is_empty()) {
            ("", true) => (
                "No message yet",
                "A run that ended, an approval that waits for you, a pipeline that failed: you will find it here.",
            ),
            ("unread", true) => ("Nothing unread", "You have read all there is."),
            _ => ("No message fits", "Take words away from the search, or look at all messages."),
        };
        return view! {
            <EmptyState glyph=Glyph::Bell title text>
                {narrowed.then(|| view! { <LinkButton href="/inbox".to_owned() label="Show all messages"/> })}
            </EmptyState>
        }
        .into_any();
    }
    let first = page.items.first().map(|notice| notice.at);
    if query.page <= 1 && newest.get_untracked() != first {
        newest.set(first);
    }
    let columns = vec![
        Column::text("Severity"),
        Column::text("Message"),
        Column::text("Project"),
        Column::text("When"),
        Column::text("Read"),
    ];
    let (total, number, per_page) = (page.total, page.page, page.per_page);
    view! {
        <DataTable caption="Messages" columns>
            {page.items.into_iter().map(|notice| row(notice, acts)).collect_view()}
        </DataTable>
        <Pager total page=number per_page noun="messages"/>
    }
    .into_any()
}

fn row(notice: NoticeView, acts: Acts) -> AnyView {
    let NoticeView { id, severity, title, detail, project, project_name, path, at, read_at, .. } = notice;
    let href = format!("/p/{project}/{path}");
    let home = format!("/p/{project}");
    let class = if read_at.is_some() { "notice" } else { "notice unread" };
    let label = format!("Mark as read: {title}");
    let open = move |_| {
        if read_at.is_none() {
            acts.open.run(id);
        }
    };
    let state = match read_at {
        Some(at) => view! { <RelativeTime at/> }.into_any(),
        None => view! {
            <button type="button" class="button quiet small needs-script" aria-label=label on:click=move |_| acts.mark.run(id)>"Mark as read"</button>
        }
        .into_any(),
    };
    view! {
        <Row>
            <Cell label="Severity"><SeverityBadge severity/></Cell>
            <Cell label="Message" main=true>
                <span class=class>
                    <a href=href on:click=open>{title}</a>
                    {read_at.is_none().then(|| view! { <span class="visually-hidden">" (unread)"</span> })}
                </span>
                {(!detail.is_empty()).then(|| view! { <p class="muted notice-detail">{detail}</p> })}
            </Cell>
            <Cell label="Project"><A href=home>{project_name}</A></Cell>
            <Cell label="When"><RelativeTime at/></Cell>
            <Cell label="Read">{state}</Cell>
        </Row>
    }
    .into_any()
}
