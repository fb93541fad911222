//! `/ws`: the events as they happen, in ACA-Py's frames.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_rpc::proto::event::v1::SubscribeResponse;
use entente_rpc::{Code, DEFAULT_TENANT, ErrorReason, Failure, Status};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::error::ApiError;
use super::events;
use super::fields::Query;
use crate::gateway::Shared;

/// A ping comes when nothing else did for so long.
const PING: Duration = Duration::from_secs(5);
/// How long a frame may take; a reader slower than this is let go.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a socket may stay unauthenticated, and how many keys it may try.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);
const LOGIN_TRIES: usize = 5;
/// The largest frame taken: a key.
const MAX_FRAME: usize = 4096;
/// The pause before the event log is read again after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Upgrades, unless too many sockets are open. `?after=<sequence>` gives the events after one that was seen, and adds
/// `sequence` to each frame.
pub(super) async fn accept(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let after = query.integer("after")?;
    if after.is_some_and(|after| after < 0) {
        return Err(query.invalid("after", "Must be greater than or equal to 0."));
    }
    let Ok(permit) = shared.admin_sockets.clone().try_acquire_owned() else {
        let text = "503: too many WebSockets are open.";
        return Ok(
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text).into_response()
        );
    };
    let upgrade = upgrade.max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME);
    Ok(upgrade.on_upgrade(async move |socket| {
        shared.metrics.admin_sockets.inc();
        let metrics = shared.metrics.clone();
        Session { shared, socket, last_frame: Instant::now() }.run(after).await;
        metrics.admin_sockets.dec();
        drop(permit);
    }))
}

/// How a session ends: closed by us with a reason, or gone.
enum End {
    Close(u16, String),
    Gone,
}

struct Session {
    shared: Arc<Shared>,
    socket: WebSocket,
    last_frame: Instant,
}

impl Session {
    async fn run(mut self, after: Option<i64>) {
        let Err(end) = self.serve(after).await;
        if let End::Close(code, reason) = end {
            // A close frame takes at most 123 bytes of reason.
            let reason: String = reason.chars().take(100).collect();
            let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            let _ = timeout(SEND_TIMEOUT, self.socket.send(frame)).await;
        }
    }

    async fn serve(&mut self, after: Option<i64>) -> Result<Infallible, End> {
        if !self.shared.is_somebodys() {
            self.login().await?;
        }
        let config = &self.shared.config;
        let settings = json!({
            "authenticated": true,
            "label": self.shared.label().await,
            "endpoint": config.endpoint,
            "no_receive_invites": false,
            "help_link": null,
        });
        self.send(&json!({"topic": "settings", "payload": settings})).await?;
        let mut cursor = after;
        loop {
            let status = self.follow(&mut cursor, after.is_some()).await?;
            self.check(&status)?;
            tokio::select! {
                () = sleep(PAUSE) => {}
                end = self.idle() => return Err(end),
            }
        }
    }

    /// Waits for a message with a key. Until then the socket learns nothing but that it is not authenticated.
    async fn login(&mut self) -> Result<(), End> {
        let until = Instant::now() + LOGIN_TIMEOUT;
        let mut tries = 0;
        self.ping(false).await?;
        while tries < LOGIN_TRIES {
            let frame = tokio::select! {
                frame = self.socket.recv() => frame,
                () = tokio::time::sleep_until(self.last_frame + PING) => {
                    self.ping(false).await?;
                    continue;
                }
                () = tokio::time::sleep_until(until) => break,
                () = self.shared.stopped() => return Err(stopping()),
            };
            let Some(text) = text_of(frame)? else { continue };
            let message: Value = serde_json::from_str(&text).unwrap_or_default();
            let key = message.get("x-api-key").and_then(Value::as_str);
            if let Ok(shared) = self.shared.for_key(key, "/ws").await {
                self.shared = shared;
                return Ok(());
            }
            tries += 1;
        }
        Err(End::Close(close_code::POLICY, "send {\"x-api-key\": \"…\"} first".to_owned()))
    }

    /// Sends what happens until the stream ends, and says why it ended.
    async fn follow(&mut self, cursor: &mut Option<i64>, numbered: bool) -> Result<Status, End> {
        let mut events = match self.shared.follow(&events::KINDS, *cursor).await {
            Ok(events) => events,
            Err(status) => return Ok(status),
        };
        loop {
            let response = tokio::select! {
                response = events.next() => response,
                end = self.idle() => return Err(end),
            };
            let response = match response {
                Some(Ok(response)) => response,
                None => return Ok(Status::unavailable("the event stream ended")),
                Some(Err(status)) => return Ok(status),
            };
            if let Some(frame) = frame(&response, numbered, self.shared.behalf().tenant()) {
                self.send(&frame).await.map_err(|end| slow(end, response.cursor))?;
            }
            *cursor = Some(response.cursor);
        }
    }

    /// Pings, and reads what the client sends, for as long as nothing else happens.
    async fn idle(&mut self) -> End {
        loop {
            let done = tokio::select! {
                frame = self.socket.recv() => text_of(frame).map(drop),
                () = tokio::time::sleep_until(self.last_frame + PING) => self.ping(true).await,
                () = self.shared.stopped() => Err(stopping()),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Ends the session when reading on cannot help.
    fn check(&self, status: &Status) -> Result<(), End> {
        let failure = Failure::of(status);
        match failure.reason {
            ErrorReason::EventsExpired | ErrorReason::CursorInFuture => {
                Err(End::Close(close_code::POLICY, failure.message))
            }
            ErrorReason::SlowReader => Ok(()),
            _ if status.code() == Code::PermissionDenied => {
                Err(End::Close(close_code::POLICY, failure.message))
            }
            _ if status.code() == Code::Unavailable => Ok(()),
            _ => {
                tracing::warn!(code = ?status.code(), error = %failure, "an admin WebSocket cannot read events");
                Err(End::Close(close_code::ERROR, "events cannot be read".to_owned()))
            }
        }
    }

    async fn ping(&mut self, authenticated: bool) -> Result<(), End> {
        self.send(&json!({"topic": "ping", "authenticated": authenticated})).await
    }

    async fn send(&mut self, frame: &Value) -> Result<(), End> {
        self.last_frame = Instant::now();
        match timeout(SEND_TIMEOUT, self.socket.send(Message::text(frame.to_string()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => {
                Err(End::Close(close_code::POLICY, "frames are not read fast enough".to_owned()))
            }
        }
    }
}

/// The frame of an event; nothing for a heartbeat. Those of a sub-wallet have its id.
fn frame(response: &SubscribeResponse, numbered: bool, tenant: &str) -> Option<Value> {
    let event = response.event.as_ref()?;
    let hook = events::project(event)?;
    let mut frame = json!({"topic": hook.topic, "payload": hook.payload});
    if let Some(fields) = frame.as_object_mut() {
        if tenant != DEFAULT_TENANT {
            fields.insert("wallet_id".to_owned(), Value::from(tenant));
        }
        if numbered {
            fields.insert("sequence".to_owned(), Value::from(event.sequence));
        }
    }
    Some(frame)
}

/// The text that a client sent, if it is text.
fn text_of(frame: Option<Result<Message, axum::Error>>) -> Result<Option<String>, End> {
    match frame {
        Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
        Some(Ok(Message::Close(_))) | None => Err(End::Gone),
        Some(Ok(_)) => Ok(None),
        Some(Err(_)) => {
            Err(End::Close(close_code::SIZE, "a frame was too large or broken".to_owned()))
        }
    }
}

/// A reader that was too slow learns from where it may go on.
fn slow(end: End, sequence: i64) -> End {
    match end {
        End::Close(code, reason) => {
            End::Close(code, format!("{reason}: resume with ?after={}", sequence - 1))
        }
        End::Gone => End::Gone,
    }
}

fn stopping() -> End {
    End::Close(close_code::AWAY, "the agent stops".to_owned())
}
