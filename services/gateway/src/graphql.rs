//! The dialect of the Sudo Platform Cloud Agent's GraphQL API. Like every dialect it only translates: gRPC is the
//! truth. `GRAPHQL.md` says where it differs and what was chosen; `schema.graphql` is the schema.
//!
//! | module | what |
//! |---|---|
//! | `exchange`, `connection`, `invitation`, `message`, `reuse` | types, queries and mutations by resource |
//! | `subscription` | events from a cursor on |
//! | `page`, `timestamp` | arguments and scalars that lists share |
//! | `loader` | one call for many records |
//! | `error` | failures with their path and code |
//! | `limits` | the bounds on an operation |
//! | `http`, `socket` | the two transports |

mod connection;
mod error;
mod exchange;
mod http;
mod invitation;
mod limits;
mod loader;
mod message;
mod page;
mod reuse;
mod socket;
mod subscription;
mod timestamp;

use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, MergedObject, MergedSubscription, Request, SDLExportOptions};
use axum::routing::get;
use axum::{Extension, Router};

use self::error::ApiError;
use self::loader::Loader;
use crate::gateway::Shared;
use entente_trace::carried;

/// Where the API is. A GET of it is open: the page has no data, and a WebSocket authenticates by its first message.
pub(crate) const PATH: &str = "/graphql";

/// The queries.
#[derive(MergedObject, Default)]
pub(crate) struct Query(
    exchange::ExchangeQuery,
    connection::ConnectionQuery,
    subscription::CursorQuery,
);

/// The mutations.
#[derive(MergedObject, Default)]
pub(crate) struct Mutation(
    exchange::ExchangeMutation,
    connection::ConnectionMutation,
    message::MessageMutation,
);

/// The subscriptions. The Cloud Agent has none.
#[derive(MergedSubscription, Default)]
pub(crate) struct Subscription(subscription::ExchangeSubscription, subscription::ReuseSubscription);

type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// A schema that can be called.
#[derive(Clone)]
struct Api {
    schema: Schema,
}

pub(crate) fn router() -> Router<Arc<Shared>> {
    let schema = limits::limited(builder()).finish();
    let route = get(http::get).post(http::post);
    Router::new().route(PATH, route).layer(Extension(Api { schema }))
}

/// The schema in the schema definition language.
#[must_use]
pub fn graphql_schema() -> String {
    let options = SDLExportOptions::new().prefer_single_line_descriptions().use_space_ident();
    format!("{}\n", builder().finish().sdl_with_options(options).trim_end())
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}

impl Api {
    /// Makes an operation ready: within the limits, on the caller's behalf, and with loaders of its own.
    fn prepare(request: Request, shared: &Arc<Shared>) -> Result<Request, ApiError> {
        let request = limits::check(request)?;
        let loader = DataLoader::new(Loader(shared.clone()), |work| tokio::spawn(carried(work)));
        // Long enough for the fields of a list to be reached; they are not waited for otherwise.
        Ok(request.data(loader.delay(loader::DELAY)).data(shared.clone()))
    }
}

/// The gateway behind a resolver.
fn shared<'a>(context: &Context<'a>) -> Result<&'a Arc<Shared>, ApiError> {
    context.data::<Arc<Shared>>().map_err(|_| ApiError::internal("a schema without a gateway"))
}

/// A record that an answer must have.
fn present<T>(record: Option<T>) -> Result<T, ApiError> {
    record.ok_or_else(|| ApiError::internal("an answer without its record"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_is_the_one_that_is_checked_in() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
        let checked_in = std::fs::read_to_string(path).unwrap();
        let schema = super::graphql_schema();
        assert!(
            schema == checked_in,
            "run `entente graphql-schema > {path}` and review what changed"
        );
    }
}
