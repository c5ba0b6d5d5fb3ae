//! Live curves: one figure a metric, drawn while it trains.

use super::{
    draw::{self, Geometry},
    series::{keys, nearest, of_key, split_key},
};
use crate::{
    browser,
    format::{count, counted, measure},
    pages::figure::printed,
};
use leptos::prelude::*;
use trainyard_types::run::{Family, MetricSeries};

/// All the metrics' figures, grouped by the family that they belong to.
#[component]
pub fn Curves(#[prop(into)] series: Signal<Vec<MetricSeries>>, #[prop(into)] running: Signal<bool>) -> impl IntoView {
    let all = Memo::new(move |_| series.with(|s| keys(s)));
    view! {
        <div class="curves">
            <For each=move || all.get() key=|key| key.clone() children=move |key| view! { <CurveFigure key_name=key series running /> } />
        </div>
    }
}

#[component]
fn CurveFigure(key_name: String, series: Signal<Vec<MetricSeries>>, running: Signal<bool>) -> impl IntoView {
    let key = StoredValue::new(key_name);
    let name = move || key.get_value();
    let parts = Memo::new(move |_| series.with(|s| of_key(s, &name())));
    // Zoom and the step under the pointer stay as they are while points come in.
    let zoom = RwSignal::new(None::<(f64, f64)>);
    let over = RwSignal::new(None::<f64>);
    let drag = RwSignal::new(None::<f64>);
    let geometry = Memo::new_with_compare(move |_| parts.with(|p| Geometry::of(p, zoom.get())), |_, _| true);
    let family = {
        let name = name();
        split_key(&name).0.parse::<Family>().ok().map(Family::title)
    };

    let at = move |event: &web_sys::PointerEvent| {
        browser::share_across(event).map(|share| geometry.with(|g| g.step_at(share)))
    };
    let moved = move |event: web_sys::PointerEvent| over.set(at(&event));
    let pressed = move |event: web_sys::PointerEvent| drag.set(at(&event));
    let released = move |event: web_sys::PointerEvent| {
        if let (Some(from), Some(to)) = (drag.get_untracked(), at(&event)) {
            let (low, high) = (from.min(to), from.max(to));
            // A click is no zoom: less than a fiftieth of what is seen.
            if high - low > geometry.with_untracked(|g| (g.x.high - g.x.low) / 50.0).max(1.0) {
                zoom.set(Some((low.floor(), high.ceil())));
            }
        }
        drag.set(None);
    };
    let readout = move || match over.get() {
        None => parts.with(|p| {
            p.iter().filter_map(|c| c.steps.last()).max().map_or(String::new(), |s| {
                counted(*s, draw::step_word(&name()), &format!("{}s", draw::step_word(&name())))
            })
        }),
        Some(step) => parts.with(|p| {
            let read: Vec<_> = p.iter().filter_map(|c| Some((c, nearest(c, step)?))).collect();
            let mut out = read.first().map_or(String::new(), |(_, (s, _))| format!("{} {s}", draw::step_word(&name())));
            for (curve, (_, value)) in &read {
                out.push_str(&format!(" · {} {}", draw::part_title(&curve.part), measure(*value)));
            }
            out
        }),
    };
    let cursor = move || {
        let step = over.get()?;
        let (x, dots) = geometry.with(|g| {
            parts.with(|p| {
                let near: Vec<_> = p.iter().filter_map(|c| nearest(c, step)).filter(|(_, v)| v.is_finite()).collect();
                let x = near.first().map_or(g.x.at(step), |(s, _)| g.x.at(*s as f64));
                (x, near.iter().map(|(s, v)| (g.x.at(*s as f64), g.y.at(*v))).collect::<Vec<_>>())
            })
        });
        let (top, bottom) = geometry.with(|g| (g.y.to, g.y.from));
        let dots =
            dots.into_iter().map(|(x, y)| view! { <circle cx=x cy=y r="3.5" class="curve-dot" /> }).collect_view();
        let started = drag.get().map(|from| {
            let from = geometry.with(|g| g.x.at(from));
            view! { <rect x=from.min(x) y=top width=(x - from).abs() height=bottom - top class="curve-span" /> }
        });
        Some(view! { <g>{started}<line x1=x x2=x y1=top y2=bottom class="curve-cursor" />{dots}</g> })
    };

    let save_svg = move |_| {
        let drawn = parts.with_untracked(|p| draw::svg(&name(), p, zoom.get_untracked()));
        browser::save(&format!("{}.svg", name().replace('/', "-")), "image/svg+xml", &printed(&drawn));
    };
    let save_png = move |_| {
        let drawn = parts.with_untracked(|p| draw::svg(&name(), p, zoom.get_untracked()));
        browser::save_png(&format!("{}.png", name().replace('/', "-")), &printed(&drawn));
    };
    let save_csv = move |_| {
        browser::save(
            &format!("{}.csv", name().replace('/', "-")),
            "text/csv",
            &parts.with_untracked(|p| draw::csv(&name(), p)),
        );
    };
    let rows = move || {
        parts.with(|p| {
            draw::table(p, 24)
                .into_iter()
                .map(|(step, values)| {
                    let cells = values
                        .into_iter()
                        .map(|v| view! { <td class="num">{v.map_or("–".to_owned(), measure)}</td> })
                        .collect_view();
                    view! { <tr><th scope="row" class="num">{count(step)}</th>{cells}</tr> }
                })
                .collect_view()
        })
    };
    let heads = move || {
        parts.with(|p| {
            p.iter()
                .map(|c| view! { <th scope="col" class="num">{draw::part_title(&c.part).to_owned()}</th> })
                .collect_view()
        })
    };

    view! {
        <figure class="figure curve-figure">
            <figcaption>
                <span class="figure-title">{move || parts.with(|p| draw::finding(&name(), p, running.get()))}</span>
                <span class="figure-kicker">{family}</span>
            </figcaption>
            <div class="curve-plot">
                <div inner_html=move || parts.with(|p| draw::svg(&name(), p, zoom.get()))></div>
                <svg
                    class="curve-over"
                    viewBox=format!("0 0 {} {}", draw::WIDTH, draw::HEIGHT)
                    aria-hidden="true"
                    on:pointermove=moved
                    on:pointerdown=pressed
                    on:pointerup=released
                    on:pointerleave=move |_| { over.set(None); drag.set(None); }
                    on:dblclick=move |_| zoom.set(None)
                >
                    {cursor}
                </svg>
            </div>
            <div class="figure-foot">
                <span class="curve-readout">{readout}</span>
                <Show when=move || zoom.with(Option::is_some)>
                    <button type="button" class="button quiet small needs-script" on:click=move |_| zoom.set(None)>"Whole run"</button>
                </Show>
                <details class="figure-table">
                    <summary>"Table"</summary>
                    <div class="table-wrap">
                        <table class="table">
                            <thead><tr><th scope="col" class="num">{draw::step_word(&name())}</th>{heads}</tr></thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </div>
                </details>
                <button type="button" class="button quiet small needs-script" on:click=save_svg>"SVG"</button>
                <button type="button" class="button quiet small needs-script" on:click=save_png>"PNG"</button>
                <button type="button" class="button quiet small needs-script" on:click=save_csv>"CSV"</button>
            </div>
        </figure>
    }
}
