//! Operations over a WebSocket, in the protocol graphql-transport-ws.

mod protocol;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response as Answer;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, once};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::StreamMap;

use self::protocol::{FromClient, ToClient, close};
use super::Api;
use super::error::with_codes;
use crate::gateway::Shared;

/// The protocol's name in the handshake.
const PROTOCOL: &str = "graphql-transport-ws";
/// How long a socket may be without a key.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a client is pinged; it is gone when it was silent for twice as long.
const PING: Duration = Duration::from_secs(20);
/// How long a frame may take; a reader slower than this is let go.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Operations under way at once on a socket.
const MAX_OPERATIONS: usize = 64;
/// The largest message that is taken.
const MAX_FRAME: usize = 1024 * 1024;
/// What each socket reads and writes at once: thousands may be open.
const BUFFER: usize = 4 * 1024;
/// The longest id of an operation.
const MAX_ID: usize = 128;

/// Upgrades, unless too many sockets are open.
pub(super) fn accept(
    api: Api,
    shared: Arc<Shared>,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Without keys, a page of any origin could speak for the owner who looks at it.
    if shared.config.callers.are_anyone() && !same_origin(headers) {
        return (StatusCode::FORBIDDEN, "403: a page of another origin.").into_response();
    }
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let text = format!("400: the WebSocket's protocol must be {PROTOCOL}.");
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let Ok(permit) = shared.admin_sockets.clone().try_acquire_owned() else {
        let text = "503: too many WebSockets are open.";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text)
            .into_response();
    };
    let upgrade = upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER);
    upgrade.on_upgrade(async move |socket| {
        let metrics = shared.metrics.clone();
        metrics.admin_sockets.inc();
        Session::new(&api, shared, socket).run().await;
        metrics.admin_sockets.dec();
        drop(permit);
    })
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return true };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && authority == text(header::HOST)
}

/// How a session ends: closed by us, or gone.
enum End {
    Close(u16, String),
    Gone,
}

/// What an operation gives.
enum Item {
    Answer(Box<Answer>),
    Complete,
}

struct Session<'a> {
    api: &'a Api,
    /// On the caller's behalf, once that is known.
    shared: Arc<Shared>,
    socket: WebSocket,
    operations: StreamMap<String, BoxStream<'static, Item>>,
    heard: Instant,
    pinged: Instant,
}

impl<'a> Session<'a> {
    fn new(api: &'a Api, shared: Arc<Shared>, socket: WebSocket) -> Self {
        let now = Instant::now();
        Self { api, shared, socket, operations: StreamMap::new(), heard: now, pinged: now }
    }

    async fn run(mut self) {
        let Err(end) = self.serve().await;
        self.operations.clear();
        if let End::Close(code, reason) = end {
            // A close frame takes at most 123 bytes of reason.
            let reason = reason.chars().take(100).collect::<String>().into();
            let frame = Message::Close(Some(CloseFrame { code, reason }));
            let _ = timeout(SEND_TIMEOUT, self.socket.send(frame)).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        self.login().await?;
        loop {
            tokio::select! {
                frame = self.socket.recv() => {
                    if let Some(message) = self.hear(frame)? {
                        self.take(message).await?;
                    }
                }
                Some((id, item)) = self.operations.next() => self.give(id, item).await?,
                () = sleep_until(self.pinged + PING) => self.ping().await?,
                () = self.shared.stopped() => return Err(stopping()),
            }
        }
    }

    /// Waits for connection_init, and for a key in it where no header had one.
    async fn login(&mut self) -> Result<(), End> {
        let until = Instant::now() + LOGIN_TIMEOUT;
        loop {
            let frame = tokio::select! {
                frame = self.socket.recv() => frame,
                () = sleep_until(until) => return Err(close(close::INIT_TIMEOUT, "Connection initialisation timeout")),
                () = self.shared.stopped() => return Err(stopping()),
            };
            match self.hear(frame)? {
                Some(FromClient::ConnectionInit { payload }) => {
                    if !self.shared.is_somebodys() {
                        let key = key_in(payload.as_ref());
                        let forbidden = |_| close(close::FORBIDDEN, "Forbidden");
                        self.shared =
                            self.shared.for_key(key, super::PATH).await.map_err(forbidden)?;
                    }
                    return self.send(&ToClient::ConnectionAck).await;
                }
                Some(FromClient::Ping) => self.send(&ToClient::Pong).await?,
                Some(FromClient::Pong) | None => {}
                Some(_) => return Err(close(close::UNAUTHORIZED, "Unauthorized")),
            }
        }
    }

    /// Reads a frame; `None` for one that is nothing of the protocol's.
    fn hear(
        &mut self,
        frame: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<FromClient>, End> {
        self.heard = Instant::now();
        match frame {
            Some(Ok(Message::Text(text))) => FromClient::read(&text).map(Some),
            Some(Ok(Message::Binary(_))) => Err(close(close::BAD_REQUEST, "frames are texts")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Err(_)) => Err(close(close_code::SIZE, "a frame was too large or broken")),
        }
    }

    async fn take(&mut self, message: FromClient) -> Result<(), End> {
        match message {
            FromClient::ConnectionInit { .. } => {
                Err(close(close::INIT_AGAIN, "Too many initialisation requests"))
            }
            FromClient::Ping => self.send(&ToClient::Pong).await,
            FromClient::Pong => Ok(()),
            FromClient::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            FromClient::Subscribe { id, payload } => {
                if id.is_empty() || id.len() > MAX_ID {
                    return Err(close(close::BAD_REQUEST, "an id has 1 to 128 bytes"));
                }
                if self.operations.contains_key(&id) {
                    return Err(close(
                        close::ID_TAKEN,
                        &format!("Subscriber for {id} already exists"),
                    ));
                }
                if self.operations.len() >= MAX_OPERATIONS {
                    return Err(close(close_code::POLICY, "too many operations on one WebSocket"));
                }
                match Api::prepare(*payload, &self.shared) {
                    Ok(request) => {
                        let answers = self.api.schema.execute_stream(request);
                        let answers =
                            answers.map(|answer| Item::Answer(Box::new(with_codes(answer))));
                        let items = answers.chain(once(async { Item::Complete })).boxed();
                        self.operations.insert(id, items);
                        Ok(())
                    }
                    Err(error) => {
                        self.send(&ToClient::Error { id: &id, payload: &error.response().errors })
                            .await
                    }
                }
            }
        }
    }

    async fn give(&mut self, id: String, item: Item) -> Result<(), End> {
        match item {
            Item::Answer(answer) if refused(&answer) => {
                self.operations.remove(&id);
                self.send(&ToClient::Error { id: &id, payload: &answer.errors }).await
            }
            Item::Answer(answer) => self.send(&ToClient::Next { id: &id, payload: &answer }).await,
            Item::Complete => {
                self.operations.remove(&id);
                self.send(&ToClient::Complete { id: &id }).await
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > PING * 2 {
            return Err(End::Gone);
        }
        self.pinged = Instant::now();
        self.send(&ToClient::Ping).await
    }

    async fn send(&mut self, message: &ToClient<'_>) -> Result<(), End> {
        let frame = Message::text(message.text());
        match timeout(SEND_TIMEOUT, self.socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(close(close_code::POLICY, "frames are not read fast enough")),
        }
    }
}

/// Whether nothing of an operation was carried out.
fn refused(answer: &Answer) -> bool {
    answer.data == async_graphql::Value::Null
        && !answer.errors.is_empty()
        && answer.errors.iter().all(|error| error.path.is_empty())
}

/// The key in a connection_init, by the names of the headers.
fn key_in(payload: Option<&Value>) -> Option<&str> {
    let fields = payload?.as_object()?;
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str())
    };
    let bearer = || {
        let (scheme, token) = field("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    };
    field("x-api-key").or_else(bearer)
}

fn stopping() -> End {
    End::Close(close_code::AWAY, "the agent stops".to_owned())
}
