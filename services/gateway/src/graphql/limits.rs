//! The bounds on an operation, so that a small text does not become much work.

mod document;

use async_graphql::{ObjectType, Request, SchemaBuilder, SubscriptionType, parser};
use entente_rpc::ErrorReason;

use self::document::{MAX_NESTING, Refused};
use super::error::ApiError;

/// How deep fields may lie. The usual introspection query has 14.
const MAX_DEPTH: usize = 16;
/// Fields in an answer, with each list as long as its page.
const MAX_COMPLEXITY: usize = 50_000;
/// Directives on a field.
const MAX_DIRECTIVES: usize = 8;

/// A schema with the bounds that depend on it.
pub(super) fn limited<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    schema
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .limit_directives(MAX_DIRECTIVES)
        .limit_recursive_depth(MAX_NESTING)
}

/// A request whose document was read, and is within the bounds.
pub(super) fn check(mut request: Request) -> Result<Request, ApiError> {
    let document = document::read(&request.query).map_err(|refused| match refused {
        Refused::TooLarge(text) => ApiError::new(ErrorReason::TooLarge, text),
        Refused::Wrong(text) => ApiError::field("query", text),
    })?;
    request.set_parsed_query(document);
    Ok(request)
}
