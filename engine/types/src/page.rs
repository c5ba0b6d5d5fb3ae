//! Server-side paging, sorting and filtering.

use serde::{Deserialize, Serialize};

/// What part of a list is asked for. Every field has a default, so that an empty query is the first page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(default)]
pub struct PageQuery {
    /// Words to look for in names.
    pub q: String,
    /// A column name; a leading `-` sorts downwards. Empty: the list's own order.
    pub sort: String,
    /// Only items in this state. Empty: all.
    pub state: String,
    /// 1 is the first page.
    pub page: u64,
    /// Items on a page, 1 to 500.
    pub per_page: u64,
}

impl Default for PageQuery {
    fn default() -> Self {
        Self { q: String::new(), sort: String::new(), state: String::new(), page: 1, per_page: 50 }
    }
}

impl PageQuery {
    pub fn limit(&self) -> u64 {
        self.per_page.clamp(1, 500)
    }
    /// Rows before the first of this page.
    pub fn offset(&self) -> u64 {
        (self.page.max(1) - 1).saturating_mul(self.limit()).min(i64::MAX as u64)
    }
}

/// One page of a list and how many there are in all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    pub total: u64,
    pub page: u64,
    pub per_page: u64,
}

impl<T> Page<T> {
    pub fn new(items: Vec<T>, total: u64, query: &PageQuery) -> Self {
        Self { items, total, page: query.page.max(1), per_page: query.limit() }
    }
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            total: self.total,
            page: self.page,
            per_page: self.per_page,
        }
    }
    /// Number of pages, at least 1.
    pub fn pages(&self) -> u64 {
        self.total.div_ceil(self.per_page.max(1)).max(1)
    }
}
