use async_graphql::InputObject;

use super::error::ApiError;

/// The page of a list of records where none is given.
pub(super) const RECORDS: i32 = 100;
/// The page of the messages of a connection where none is given.
pub(super) const MESSAGES: i32 = 25;
/// The largest page.
const MAX: i32 = 1_000;

/// Which page of a list.
#[derive(InputObject, Debug, Default)]
#[graphql(name = "PageInput")]
pub(super) struct Page {
    /// The nextToken of the page before; null for the first page. It is good for the same list with the same filter.
    next_token: Option<String>,
    /// Extension: at most this many items, from 1 to 1,000; 100 where it is not given, and 25 of messages.
    limit: Option<i32>,
}

impl Page {
    /// The size and the token of a page.
    pub(super) fn read(page: Option<Self>, default: i32) -> Result<(i32, String), ApiError> {
        let Self { next_token, limit } = page.unwrap_or_default();
        let limit = limit.unwrap_or(default);
        if !(1..=MAX).contains(&limit) {
            return Err(ApiError::field("page.limit", format!("must be from 1 to {MAX}")));
        }
        Ok((limit, next_token.unwrap_or_default()))
    }

    /// What a page with such items costs.
    pub(super) fn cost(page: Option<&Self>, default: i32, item: usize) -> usize {
        let limit = page.and_then(|page| page.limit).unwrap_or(default).clamp(1, MAX);
        usize::try_from(limit).unwrap_or(1).saturating_mul(item).saturating_add(1)
    }
}

/// The token of the next page; none at the end.
pub(super) fn next(token: String) -> Option<String> {
    (!token.is_empty()).then_some(token)
}
