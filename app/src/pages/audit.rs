//! The audit trail: who did what, when, from where, and whether anyone changed the record since.

use crate::wire::resource;
use crate::{
    AppError,
    api::admin::{list_audit, verify_audit},
    components::*,
    format,
    hooks::use_page_query,
};
use leptos::prelude::*;
use trainyard_types::{
    Page,
    audit::{AuditEventView, ChainReport},
};

/// `/governance/audit`.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_page_query();
    let events = resource(move || query.get(), list_audit);
    let verify = Action::new(|(): &()| verify_audit());
    let pending = verify.pending();
    view! {
        <PageHead title="Audit trail" state="Every change, in order, sealed by a chain of hashes.">
            <Button label=Signal::derive(move || if pending.get() { "Checking …".to_owned() } else { "Verify the chain".to_owned() })
                kind=ButtonKind::Primary glyph=Glyph::Shield disabled=pending on_press=move |()| { verify.dispatch(()); }/>
        </PageHead>
        <div role="status">{move || verify.value().get().map(|answer| view! { <Verdict answer/> })}</div>
        <ListTools search="Search person, action, subject" download="/api/v1/audit"/>
        <Load resource=events lines=12 view=|page| view! {
            <EventsTable page=page.clone()/>
            <Pager total=page.total page=page.page per_page=page.per_page noun="events"/>
        }.into_any()/>
        <Section title="How the chain works">
            <div class="prose">
                <p>"Each event holds the SHA-256 hash of the event before it, and a hash over all its own fields. Changing, removing or inserting an event changes its hash, so that the next one no longer fits: the check then names the first event at fault."</p>
                <p>"Cutting off the newest events leaves a chain that fits in itself. To notice that, write the head's hash down somewhere else (a ticket, a mail to the auditor) and compare it later. On the server's machine, "<code>"trainyard verify-audit"</code>" makes the same check."</p>
            </div>
        </Section>
    }
}

#[component]
fn Verdict(answer: Result<ChainReport, AppError>) -> impl IntoView {
    match answer {
        Err(error) => view! { <ErrorPanel problem=error.0/> }.into_any(),
        Ok(report) => match report.fault {
            Some(fault) => view! {
                <Note tone=Tone::Critical>
                    <p><strong>{format!("The chain breaks at event {}.", format::count(fault.seq.unsigned_abs()))}</strong></p>
                    <p>{fault.reason}</p>
                    <p>"Keep the database as it is, and compare it with a backup from before that event."</p>
                </Note>
            }
            .into_any(),
            None => view! {
                <Note tone=Tone::Ok>
                    <p><strong>{format!("Verified to event {}", format::count(report.events.unsigned_abs()))}</strong>", "<RelativeTime at=report.checked_at/>". No event was altered or removed in between."</p>
                    <p class="row">"Head"<Hash whole=report.head/></p>
                </Note>
            }
            .into_any(),
        },
    }
}

#[component]
fn EventsTable(page: Page<AuditEventView>) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <EmptyState glyph=Glyph::Shield title="No event fits" text="Take words away from the search."/> }.into_any();
    }
    let columns = vec![
        Column::number("Event").sorted("seq"),
        Column::text("When"),
        Column::text("Who"),
        Column::text("What"),
        Column::text("Action"),
        Column::text("Project"),
        Column::text("Seal").term("hash"),
    ];
    view! {
        <DataTable caption="Audit events" columns>
            {page.items.into_iter().map(|event| {
                let via = if event.from.is_empty() { event.via.clone() } else { format!("{} from {}", event.via, event.from) };
                let sealed = event.clone();
                view! {
                    <Row>
                        <Cell label="Event" numeric=true>{format::count(event.seq.unsigned_abs())}</Cell>
                        <Cell label="When"><RelativeTime at=event.at/></Cell>
                        <Cell label="Who">{event.actor}<br/><small class="muted">{via}</small></Cell>
                        <Cell label="What" main=true>{event.summary}</Cell>
                        <Cell label="Action"><code>{event.action}</code></Cell>
                        <Cell label="Project">{event.project}</Cell>
                        <Cell label="Seal"><Seal event=sealed/></Cell>
                    </Row>
                }
            }).collect_view()}
        </DataTable>
    }
    .into_any()
}

/// The event's hash; the others unfold.
#[component]
fn Seal(event: AuditEventView) -> impl IntoView {
    let line = |name: &'static str, value: String| {
        (!value.is_empty()).then(|| view! { <div>{name}" "<code>{value}</code></div> })
    };
    view! {
        <details class="event-hashes">
            <summary><code>{format::short_hash(&event.hash)}</code></summary>
            {line("Subject", event.subject)}
            {line("At", format::instant(event.at))}
            {line("Hash", event.hash)}
            {line("Before it", event.previous)}
            {line("State before", event.before)}
            {line("State after", event.after)}
        </details>
    }
}
