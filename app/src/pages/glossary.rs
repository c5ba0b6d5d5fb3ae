//! Every metric and term in plain words.

use crate::{components::*, hooks::use_page_query};
use leptos::prelude::*;
use trainyard_types::glossary::{ENTRIES, Entry, Topic};

/// `/glossary`.
#[component]
pub fn GlossaryPage() -> impl IntoView {
    let query = use_page_query();
    view! {
        <PageHead title="Glossary" state="Every metric and term of these pages, in plain words."/>
        <ListTools search="Search words"/>
        {move || {
            let words = query.get().q.to_lowercase();
            let found = |entry: &Entry| {
                words.is_empty() || entry.term.to_lowercase().contains(&words) || entry.key.contains(&words) || entry.definition.to_lowercase().contains(&words)
            };
            // `valid` and `validation` say the same: one of them is shown.
            let hits: Vec<&'static Entry> = ENTRIES.iter().filter(|e| e.key != "valid" && found(e)).collect();
            if hits.is_empty() {
                return view! { <EmptyState glyph=Glyph::Book title="No such word" text="Try a shorter one."/> }.into_any();
            }
            Topic::ALL.into_iter().map(|topic| {
                let mine: Vec<&'static Entry> = hits.iter().copied().filter(|e| e.topic == topic).collect();
                (!mine.is_empty()).then(|| view! {
                    <Section title=topic.title()>
                        <dl class="glossary-list">
                            {mine.into_iter().map(|entry| view! {
                                <div id=entry.key>
                                    <dt>
                                        {(entry.key == "validation").then(|| view! { <span id="valid"></span> })}
                                        {entry.term}<br/><code class="muted small">{entry.key}</code>
                                    </dt>
                                    <dd>{entry.definition}</dd>
                                </div>
                            }).collect_view()}
                        </dl>
                    </Section>
                })
            }).collect_view().into_any()
        }}
    }
}
