use std::sync::Arc;
use std::time::Duration;

use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{EventFilter, EventKind, SubscribeRequest, SubscribeResponse};
use entente_rpc::{Code, ErrorReason, Failure, Status};
use futures_util::stream::{BoxStream, try_unfold};
use futures_util::{Stream, StreamExt as _};

use crate::gateway::Shared;
use crate::graphql::error::ApiError;

/// The pause before the event log is read again after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the log may take to tell its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// An event.
pub(super) struct Followed {
    pub(super) cursor: String,
    pub(super) kind: EventKind,
    pub(super) record: Record,
}

/// The newest place in the log.
pub(super) async fn cursor_now(shared: &Shared) -> Result<i64, ApiError> {
    let request = SubscribeRequest { from_now: true, ..SubscribeRequest::default() };
    let mut events = open(shared, request).await?;
    // Such a stream begins with its cursor.
    match tokio::time::timeout(PATIENCE, events.next()).await {
        Ok(Some(Ok(first))) => Ok(first.cursor),
        Ok(Some(Err(status))) => Err(status.into()),
        Ok(None) | Err(_) => Err(Status::unavailable("the log did not tell its end").into()),
    }
}

/// The events that a filter lets through. It goes on over restarts of the service that has the log; it ends with an
/// error when events are not kept any more.
pub(super) async fn follow(
    shared: Arc<Shared>,
    after: Option<&str>,
    filter: EventFilter,
) -> Result<impl Stream<Item = Result<Followed, ApiError>> + use<>, ApiError> {
    let after = after.map(parse).transpose()?;
    let request = SubscribeRequest {
        after: after.unwrap_or_default(),
        from_now: after.is_none(),
        filter: Some(filter),
        heartbeat: None,
    };
    // The first failure is the operation's.
    let events = open(&shared, request.clone()).await?;
    let reader = Reader { shared, request, events: Some(events) };
    Ok(try_unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Ok(Some((event, reader)))
    }))
}

fn parse(cursor: &str) -> Result<i64, ApiError> {
    let cursor: Option<i64> = cursor.parse().ok();
    cursor.filter(|cursor| *cursor >= 0).ok_or_else(|| {
        ApiError::field("after", "is not the cursor of an event; \"0\" is the beginning")
    })
}

type Events = BoxStream<'static, Result<SubscribeResponse, Status>>;

async fn open(shared: &Shared, request: SubscribeRequest) -> Result<Events, Status> {
    let request = shared.request(request)?;
    let mut events = shared.clients.events.clone();
    // A call is large, and over long before the stream is.
    Ok(Box::pin(events.subscribe(request)).await?.into_inner().boxed())
}

struct Reader {
    shared: Arc<Shared>,
    /// It moves with what was read.
    request: SubscribeRequest,
    events: Option<Events>,
}

impl Reader {
    async fn next(&mut self) -> Result<Followed, ApiError> {
        loop {
            let read = match &mut self.events {
                Some(events) => events.next().await,
                None => match open(&self.shared, self.request.clone()).await {
                    Ok(events) => {
                        self.events = Some(events);
                        continue;
                    }
                    Err(status) => Some(Err(status)),
                },
            };
            match read {
                Some(Ok(response)) => {
                    (self.request.after, self.request.from_now) = (response.cursor, false);
                    if let Some(followed) = followed(response) {
                        return Ok(followed);
                    }
                }
                Some(Err(status)) if !passes(&status) => return Err(status.into()),
                Some(Err(_)) | None => {
                    self.events = None;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether reading again may help.
fn passes(status: &Status) -> bool {
    status.code() == Code::Unavailable || Failure::of(status).reason == ErrorReason::SlowReader
}

fn followed(response: SubscribeResponse) -> Option<Followed> {
    let event = response.event?;
    Some(Followed { cursor: event.sequence.to_string(), kind: event.kind(), record: event.record? })
}
