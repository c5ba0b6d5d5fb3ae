//! The processes that work the queue.

use crate::wire::resource;
use crate::{api::admin::list_workers, components::*, hooks::moment};
use leptos::prelude::*;
use trainyard_types::job::WorkerView;

/// Without a sign for this long, a worker counts as gone.
const GONE_AFTER_SECONDS: f64 = 60.0;

/// `/admin/workers`.
#[component]
pub fn WorkersPage() -> impl IntoView {
    let tick = RwSignal::new(0u32);
    let workers = resource(move || tick.get(), |_| list_workers());
    Effect::new(move |_| {
        let handle = set_interval_with_handle(move || tick.update(|t| *t += 1), std::time::Duration::from_secs(5));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    });
    view! {
        <PageHead title="Workers" state="Processes that take jobs from the queue. The list renews itself every 5 seconds."/>
        <Load resource=workers lines=4 view=|workers| view! { <WorkersTable workers/> }.into_any()/>
        <Section title="Add a worker">
            <p class="prose">"The server works the queue itself. A further worker, on this machine or on another one that reaches the same database and files, takes jobs beside it:"</p>
            <CodeBlock code="trainyard worker" label="command"/>
        </Section>
    }
}

#[component]
fn WorkersTable(workers: Vec<WorkerView>) -> impl IntoView {
    if workers.is_empty() {
        return view! { <EmptyState glyph=Glyph::Chip title="No worker has reported" text="Jobs wait in the queue until one does. Start one with the command below."/> }.into_any();
    }
    let now = moment();
    let columns = vec![
        Column::text("Host"),
        Column::text("State"),
        Column::text("Device").term("device"),
        Column::number("Running jobs"),
        Column::text("Started"),
        Column::text("Last seen"),
        Column::text("Id"),
    ];
    view! {
        <DataTable caption="Workers" columns>
            {workers.into_iter().map(|worker| {
                let gone = now.seconds_since(worker.last_seen) > GONE_AFTER_SECONDS;
                view! {
                    <Row>
                        <Cell label="Host" main=true>{worker.host}</Cell>
                        <Cell label="State">
                            {match (gone, worker.running) {
                                (true, _) => view! { <Badge tone=Tone::Critical glyph=Glyph::Cross text="Gone"/> }.into_any(),
                                (false, 0) => view! { <Badge tone=Tone::Ok glyph=Glyph::Check text="Idle"/> }.into_any(),
                                (false, _) => view! { <Badge tone=Tone::Running glyph=Glyph::Running text="Working"/> }.into_any(),
                            }}
                        </Cell>
                        <Cell label="Device">{worker.device}</Cell>
                        <Cell label="Running jobs" numeric=true>{format!("{} of {}", worker.running, worker.slots)}</Cell>
                        <Cell label="Started"><RelativeTime at=worker.started_at/></Cell>
                        <Cell label="Last seen"><RelativeTime at=worker.last_seen/></Cell>
                        <Cell label="Id"><Hash whole=worker.id.to_string() shown=worker.id.short()/></Cell>
                    </Row>
                }
            }).collect_view()}
        </DataTable>
    }
    .into_any()
}
