//! The run's log: follows the end, stops following when one scrolls up, finds text.

use super::{
    Extra, RunContext,
    live::{add_lines, save_log},
};
use crate::{components::*, format::count};
use leptos::{html, prelude::*};
use trainyard_types::{job::LogLevel, run::LogLine};

#[component]
pub fn Log(context: RunContext) -> impl IntoView {
    let RunContext { run, live, more, .. } = context;
    let name = run.with_value(|r| r.summary.name.clone());
    let shown = move |extra: Extra| {
        let Extra::Log(stored) = extra else { return ().into_any() };
        let name = name.clone();
        let lines = Memo::new(move |_| {
            let mut all = stored.clone();
            live.log.with(|new| add_lines(&mut all, new));
            all
        });
        view! { <Lines lines name running=live.running()/> }.into_any()
    };
    view! { <Load resource=more.extra lines=20 view=shown/> }
}

#[component]
fn Lines(lines: Memo<Vec<LogLine>>, name: String, running: Signal<bool>) -> impl IntoView {
    let find = RwSignal::new(String::new());
    let level = RwSignal::new(String::new());
    let follow = RwSignal::new(true);
    let pane = NodeRef::<html::Div>::new();
    let name = StoredValue::new(name);

    let shown = Memo::new(move |_| {
        let words = find.get().to_lowercase();
        let level = level.get();
        lines.with(|all| {
            all.iter()
                .filter(|l| match level.as_str() {
                    "warning" => l.level != LogLevel::Info,
                    "error" => l.level == LogLevel::Error,
                    _ => true,
                })
                .filter(|l| words.is_empty() || l.line.to_lowercase().contains(&words))
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let to_end = move || {
        // A frame later the page may have been left.
        if let Some(pane) = pane.try_get_untracked().flatten() {
            pane.set_scroll_top(pane.scroll_height());
        }
    };
    Effect::new(move |_| {
        shown.track();
        if follow.get() && running.get_untracked() {
            // After the new lines stand in the page.
            request_animation_frame(to_end);
        }
    });
    let scrolled = move |_| {
        if let Some(pane) = pane.get_untracked() {
            let from_end = pane.scroll_height() - pane.scroll_top() - pane.client_height();
            follow.set(from_end < 24);
        }
    };
    let found = move || {
        let (shown, all) = (shown.with(Vec::len) as u64, lines.with(Vec::len) as u64);
        if shown == all { format!("{} lines", count(all)) } else { format!("{} of {} lines", count(shown), count(all)) }
    };
    view! {
        <div class="log-tools">
            <input type="search" class="needs-script" placeholder="Find in the log" aria-label="Find in the log"
                prop:value=move || find.get() on:input=move |event| find.set(event_target_value(&event))/>
            <select class="needs-script" aria-label="Levels" on:change=move |event| level.set(event_target_value(&event))>
                <option value="">"All levels"</option>
                <option value="warning">"Warnings and errors"</option>
                <option value="error">"Errors"</option>
            </select>
            <span class="muted num" role="status">{found}</span>
            <span class="log-spacer"></span>
            <Show when=move || running.get()>
                <label class="check"><input type="checkbox" prop:checked=move || follow.get()
                    on:change=move |event| { follow.set(event_target_checked(&event)); to_end(); }/><span>"Follow"</span></label>
            </Show>
            <button type="button" class="button quiet small needs-script" on:click=move |_| lines.with_untracked(|l| save_log(&name.get_value(), l))>
                <Icon glyph=Glyph::Download/>"Download"
            </button>
        </div>
        <div class="log" tabindex="0" role="log" aria-label="Log" node_ref=pane on:scroll=scrolled>
            {move || lines.with(Vec::is_empty).then(|| view! { <p class="muted">"Nothing has been written yet."</p> })}
            <For each=move || shown.get() key=|line| line.seq let:line>
                <p class=level_class(line.level)>
                    <span class="log-number">{line.seq}</span>
                    <time>{time_of_day(&line)}</time>
                    {level_word(line.level)}
                    <span class="log-text">{line.line}</span>
                </p>
            </For>
        </div>
    }
}

fn level_class(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Info => "log-line",
        LogLevel::Warning => "log-line warning",
        LogLevel::Error => "log-line error",
    }
}

fn level_word(level: LogLevel) -> Option<AnyView> {
    let word = match level {
        LogLevel::Info => return None,
        LogLevel::Warning => "warning",
        LogLevel::Error => "error",
    };
    Some(view! { <strong class="log-level">{word}</strong> }.into_any())
}

/// `17:20:31`, UTC.
fn time_of_day(line: &LogLine) -> String {
    line.at.to_iso().chars().skip(11).take(8).collect()
}
