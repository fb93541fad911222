//! Waiting for an event.

use std::pin::Pin;
use std::time::Duration;

use entente_rpc::proto::event::v1::{Event, EventFilter, SubscribeRequest, SubscribeResponse};
use entente_rpc::{Code, Status};
use futures_util::{Stream, StreamExt as _};

use crate::api::Api;

/// How long to wait before a stream is asked for again that could not be had.
pub const PAUSE: Duration = Duration::from_secs(1);

type Events = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

/// The events of a suite from a point on.
pub struct Watch {
    api: Api,
    filter: Option<EventFilter>,
    /// The last one that came, if any came.
    cursor: Option<i64>,
    stream: Events,
}

impl Watch {
    /// The events that happen from now on.
    ///
    /// # Errors
    /// As `Subscribe`.
    pub async fn from_now(api: &Api, filter: EventFilter) -> Result<Self, Status> {
        Self::open(
            api,
            SubscribeRequest { from_now: true, filter: Some(filter), ..Default::default() },
        )
        .await
    }

    /// The events that a request asks for.
    ///
    /// # Errors
    /// As `Subscribe`.
    pub async fn open(api: &Api, request: SubscribeRequest) -> Result<Self, Status> {
        let filter = request.filter.clone();
        let cursor = (!request.from_now).then_some(request.after);
        let stream = subscribe(api, request).await?;
        Ok(Self { api: api.clone(), filter, cursor, stream })
    }

    /// The next event or heartbeat. When the stream breaks, it goes on from the last cursor; `tell` hears why.
    ///
    /// # Errors
    /// As `Subscribe`, but for what passes.
    pub async fn follow(&mut self, tell: impl Fn(&Status)) -> Result<SubscribeResponse, Status> {
        let mut broken = match self.next().await {
            Ok(response) => return Ok(response),
            Err(status) => status,
        };
        let mut pause = Duration::ZERO;
        loop {
            // Before the first answer there is nothing to go on from.
            let Some(after) = self.cursor.filter(|_| passes(&broken)) else { return Err(broken) };
            tell(&broken);
            tokio::time::sleep(pause).await;
            let filter = self.filter.clone();
            let request = SubscribeRequest { after, filter, ..Default::default() };
            broken = match subscribe(&self.api, request).await {
                Ok(stream) => {
                    self.stream = stream;
                    match self.next().await {
                        Ok(response) => return Ok(response),
                        Err(status) => status,
                    }
                }
                Err(status) => status,
            };
            pause = PAUSE;
        }
    }

    /// The next event or heartbeat.
    ///
    /// # Errors
    /// As `Subscribe`; UNAVAILABLE when the stream ends.
    pub async fn next(&mut self) -> Result<SubscribeResponse, Status> {
        let ended = || Err(Status::new(Code::Unavailable, "the event stream ended"));
        let response = self.stream.next().await.unwrap_or_else(ended)?;
        self.cursor = Some(response.cursor);
        Ok(response)
    }

    /// The next event that a check takes.
    ///
    /// # Errors
    /// DEADLINE_EXCEEDED when none comes in time, or as [`Watch::next`].
    pub async fn until(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> Result<Event, Status> {
        let search = async {
            loop {
                if let Some(event) = self.next().await?.event.filter(|event| wanted(event)) {
                    return Ok(event);
                }
            }
        };
        let late = |_| {
            Status::new(
                Code::DeadlineExceeded,
                format!("no answer within {} s", limit.as_secs_f32()),
            )
        };
        tokio::time::timeout(limit, search).await.map_err(late)?
    }
}

/// Whether a failure is one that passes.
pub fn passes(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
}

async fn subscribe(api: &Api, request: SubscribeRequest) -> Result<Events, Status> {
    Ok(Box::pin(api.events().subscribe(request).await?.into_inner()))
}
