//! Waiting for an event.

use std::pin::Pin;
use std::time::Duration;

use entente_rpc::proto::event::v1::{Event, EventFilter, SubscribeRequest, SubscribeResponse};
use entente_rpc::{Code, Status};
use futures_util::{Stream, StreamExt as _};

use crate::api::Api;

/// The events of a suite from a point on.
pub struct Watch {
    stream: Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>,
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
        let stream = api.events().subscribe(request).await?.into_inner();
        Ok(Self { stream: Box::pin(stream) })
    }

    /// The next event or heartbeat.
    ///
    /// # Errors
    /// As `Subscribe`; UNAVAILABLE when the stream ends.
    pub async fn next(&mut self) -> Result<SubscribeResponse, Status> {
        let ended = || Err(Status::new(Code::Unavailable, "the event stream ended"));
        self.stream.next().await.unwrap_or_else(ended)
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
