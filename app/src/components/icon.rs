//! Inline icons: 16 by 16, one path, drawn in the text's colour. Decoration only: a word always stands beside.

use leptos::prelude::*;

/// The icons that pages use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Home,
    Data,
    Experiment,
    Model,
    Shield,
    Admin,
    Person,
    Menu,
    Close,
    Check,
    Cross,
    Warning,
    Info,
    Clock,
    Running,
    Stop,
    Retry,
    Copy,
    Download,
    Upload,
    Plus,
    Search,
    ChevronDown,
    ChevronRight,
    ArrowUp,
    ArrowDown,
    Code,
    Book,
    Settings,
    SignOut,
    Sun,
    Moon,
    Screen,
    Key,
    Chart,
    Table,
    Trash,
    Link,
    Play,
    Crown,
    Chip,
    Filter,
    Collapse,
    Bell,
    Pin,
    Flag,
    Tag,
    Archive,
}

impl Glyph {
    /// The path's data, stroked at 1.5.
    fn path(self) -> &'static str {
        match self {
            Glyph::Home => "M2.5 7.5 8 3l5.5 4.5V13h-4V9.5h-3V13h-4z",
            Glyph::Data => {
                "M3 4c0-1 2.2-1.7 5-1.7s5 .7 5 1.7-2.2 1.7-5 1.7S3 5 3 4zM3 4v8c0 1 2.2 1.7 5 1.7s5-.7 5-1.7V4M3 8c0 1 2.2 1.7 5 1.7s5-.7 5-1.7"
            }
            Glyph::Experiment => "M6 2.5h4M6.8 2.5v4L3 12.6c-.4.6 0 1.1.6 1.1h8.8c.6 0 1-.5.6-1.1L9.2 6.5v-4M5 10h6",
            Glyph::Model => "M8 2 13.2 5v6L8 14 2.8 11V5zM2.8 5 8 8l5.2-3M8 8v6",
            Glyph::Shield => "M8 2 13 4v4c0 3-2 5-5 6-3-1-5-3-5-6V4zM5.8 8l1.6 1.6L10.4 6.5",
            Glyph::Admin => "M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6M10 3v3M6 10v3",
            Glyph::Person => "M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8zM3 13.5c.5-2.4 2.5-3.6 5-3.6s4.5 1.2 5 3.6",
            Glyph::Menu => "M2.5 4h11M2.5 8h11M2.5 12h11",
            Glyph::Close => "m4 4 8 8M12 4l-8 8",
            Glyph::Check => "m3 8.5 3.5 3.5L13 4.5",
            Glyph::Cross => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2",
            Glyph::Warning => "M8 2.5 14.3 13.5H1.7zM8 6.5v3.3M8 11.6v.1",
            Glyph::Info => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5V11M8 5v.1",
            Glyph::Clock => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.3 1.5",
            Glyph::Running => "M8 2a6 6 0 1 1-5.6 3.9M2 2.5l.4 3.6 3.5-.6",
            Glyph::Stop => "M4 4h8v8H4z",
            Glyph::Retry => "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
            Glyph::Copy => "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
            Glyph::Download => "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11",
            Glyph::Upload => "M8 10.5V3M4.8 6 8 2.8 11.2 6M2.5 13.5h11",
            Glyph::Plus => "M8 3v10M3 8h10",
            Glyph::Search => "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.5 3.5",
            Glyph::ChevronDown => "m4 6 4 4 4-4",
            Glyph::ChevronRight => "m6 4 4 4-4 4",
            Glyph::ArrowUp => "M8 13V3M4 7l4-4 4 4",
            Glyph::ArrowDown => "M8 3v10M4 9l4 4 4-4",
            Glyph::Code => "m5.5 4.5-3.5 3.5 3.5 3.5M10.5 4.5l3.5 3.5-3.5 3.5",
            Glyph::Book => {
                "M8 4c-1.5-1-3.5-1.2-5.5-1v9.5c2-.2 4 0 5.5 1 1.5-1 3.5-1.2 5.5-1V3c-2-.2-4 0-5.5 1zM8 4v9.5"
            }
            Glyph::Settings => {
                "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6 5 5M11 11l1.4 1.4M12.4 3.6 11 5M5 11l-1.4 1.4"
            }
            Glyph::SignOut => "M6 2.5H2.5v11H6M6.5 8h7M10.5 5l3 3-3 3",
            Glyph::Sun => {
                "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1"
            }
            Glyph::Moon => "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
            Glyph::Screen => "M2 3h12v8H2zM5.5 13.5h5",
            Glyph::Key => "M5.5 11.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8.3 7.5l5.2 0v2.5M11 7.5v2",
            Glyph::Chart => "M2.5 2.5v11h11M5 10.5l2.5-3.5 2 2L13 4.5",
            Glyph::Table => "M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.6h11M6.5 6.3V13",
            Glyph::Trash => "M3 4.5h10M6 4.5v-2h4v2M4.2 4.5l.6 9h6.4l.6-9",
            Glyph::Link => {
                "M6.5 9.5l3-3M7 4.5l1.5-1.5a2.5 2.5 0 0 1 3.5 3.5L10.5 8M9 11.5l-1.5 1.5A2.5 2.5 0 0 1 4 9.5L5.5 8"
            }
            Glyph::Play => "M4.5 3v10l8-5z",
            Glyph::Crown => "M2.5 12.5h11L14 5 10.8 7.5 8 3 5.2 7.5 2 5z",
            Glyph::Chip => {
                "M4.5 4.5h7v7h-7zM6.5 1.8v2.7M9.5 1.8v2.7M6.5 11.5v2.7M9.5 11.5v2.7M1.8 6.5h2.7M1.8 9.5h2.7M11.5 6.5h2.7M11.5 9.5h2.7"
            }
            Glyph::Filter => "M2.5 3.5h11L9.5 8.5V13l-3-1.5v-3z",
            Glyph::Collapse => "M2.5 3h11v10h-11zM6.5 3v10",
            Glyph::Bell => {
                "M3 11.5h10c-1.2-1-1.5-2-1.5-4.5a3.5 3.5 0 0 0-7 0c0 2.5-.3 3.5-1.5 4.5zM6.8 13.5h2.4M8 2v1.5"
            }
            Glyph::Pin => "M5.5 2.5h5M6.5 2.5v4L4 9.5h8l-2.5-3v-4M8 9.5v4.5",
            Glyph::Flag => "M3.5 14V2.5M3.5 3h9l-2 3 2 3h-9",
            Glyph::Tag => "M2.5 2.5h5l6 6-5 5-6-6zM5.2 5.2v.1",
            Glyph::Archive => "M2.5 3h11v3h-11zM3.5 6v7h9V6M6.5 8.5h3",
        }
    }
}

/// An icon without a meaning of its own.
#[component]
pub fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
            <path d=glyph.path()></path>
        </svg>
    }
}
