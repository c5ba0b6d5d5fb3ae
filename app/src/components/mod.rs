//! The component set: small parts on the tokens of `style/`. No component sets a `style` attribute (the content
//! security policy forbids it): looks come from classes, sizes of bars from SVG, `<progress>` and `<meter>`.

mod badge;
mod button;
mod copy;
mod dialog;
mod empty;
mod error;
mod form;
mod icon;
mod load;
mod page;
mod progress;
mod stat;
mod table;
mod tabs;
mod term;
mod time;
mod toast;
mod words;

pub use badge::*;
pub use button::*;
pub use copy::*;
pub use dialog::*;
pub use empty::*;
pub use error::*;
pub use form::*;
pub use icon::*;
pub use load::*;
pub use page::*;
pub use progress::*;
pub use stat::*;
pub use table::*;
pub use tabs::*;
pub use term::*;
pub use time::*;
pub use toast::*;
pub use words::*;
