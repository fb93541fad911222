use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_trace::{Span, SpanKind, within};
use tokio::time::{Instant, MissedTickBehavior};

use super::flood::HELD;
use super::inbound::{Open, Outcome, Taken, collect, peek, receive};
use super::quiet::Arrival;
use crate::gateway::Shared;

/// How long a frame to the peer may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait for a message of ours before asking again.
const COLLECT: Duration = Duration::from_secs(25);

/// Upgrades, unless too many sockets are open.
pub(super) fn accept(
    shared: Arc<Shared>,
    upgrade: WebSocketUpgrade,
    from: Option<IpAddr>,
) -> Response {
    let Ok(permit) = shared.didcomm_sockets.clone().try_acquire_owned() else {
        let text = "too many WebSockets are open; try again later\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text)
            .into_response();
    };
    let limit = shared.config.didcomm.max_message;
    upgrade.max_message_size(limit).max_frame_size(limit).on_upgrade(async move |socket| {
        shared.metrics.didcomm_sockets.inc();
        run(&shared, socket, from).await;
        shared.metrics.didcomm_sockets.dec();
        drop(permit);
    })
}

/// Why a socket is closed by us.
struct Close(u16, &'static str);

async fn too_many() -> Close {
    tokio::time::sleep(HELD).await;
    Close(close_code::AGAIN, "too many messages; send the last one again later")
}

async fn run(shared: &Shared, mut socket: WebSocket, from: Option<IpAddr>) {
    if let Err(Some(Close(code, reason))) = exchange(shared, &mut socket, from).await {
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(frame)).await;
    }
}

/// One envelope a frame, one after the other; between them what waits for a peer that asked for all. `Err(None)` when the peer is gone.
async fn exchange(
    shared: &Shared,
    socket: &mut WebSocket,
    from: Option<IpAddr>,
) -> Result<(), Option<Close>> {
    let limits = &shared.config.didcomm;
    let mut ping = tokio::time::interval(limits.socket_ping);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let (mut last_frame, mut last_message) = (Instant::now(), Instant::now());
    let mut open = None;
    let mut text = false;
    loop {
        let frame = tokio::select! {
            frame = socket.recv() => frame,
            // Given up whenever something else happens: what was not reported as delivered is given again.
            Some((open, message)) = next_of(shared, &open) => {
                give(shared, socket, open, message, text).await?;
                last_message = Instant::now();
                continue;
            }
            _ = ping.tick() => {
                if last_frame.elapsed() > limits.socket_ping * 2 {
                    return Err(Some(Close(close_code::POLICY, "no answer to pings")));
                }
                if last_message.elapsed() > limits.socket_idle {
                    return Err(Some(Close(close_code::NORMAL, "idle")));
                }
                send(socket, Message::Ping(Default::default())).await?;
                continue;
            }
            () = shared.stopped() => return Err(Some(Close(close_code::AWAY, "the agent stops"))),
        };
        last_frame = Instant::now();
        let envelope;
        (envelope, text) = match frame {
            Some(Ok(Message::Binary(bytes))) => (bytes, false),
            Some(Ok(Message::Text(text))) => (Bytes::from(text), true),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_))) | None => return Ok(()),
            Some(Err(_)) => {
                return Err(Some(Close(close_code::SIZE, "a frame was too large or broken")));
            }
        };
        last_message = last_frame;
        if shared.flood.address(from).is_err() {
            shared.metrics.inbound("rate_limited");
            return Err(Some(too_many().await));
        }
        let taken = take(shared, envelope).await?;
        for reply in taken.replies {
            send(socket, reply_frame(reply, text)).await?;
        }
        open = taken.open.or(open);
    }
}

/// The next message for the peer that last asked for all; never, if none did.
async fn next_of<'a>(
    shared: &Shared,
    open: &'a Option<Open>,
) -> Option<(&'a Open, (String, Bytes))> {
    let Some(open) = open else { return std::future::pending().await };
    loop {
        if let Some(message) = collect(shared, open, String::new(), COLLECT).await {
            return Some((open, message));
        }
    }
}

/// Gives a peer a message and those behind it. Each is reported before anything else is done, so that none comes twice.
async fn give(
    shared: &Shared,
    socket: &mut WebSocket,
    open: &Open,
    message: (String, Bytes),
    text: bool,
) -> Result<(), Option<Close>> {
    let mut next = Some(message);
    while let Some((id, envelope)) = next {
        send(socket, reply_frame(envelope, text)).await?;
        next = collect(shared, open, id, Duration::ZERO).await;
    }
    Ok(())
}

/// A frame has no status to answer with: a message that was not taken closes the socket, so that the peer knows.
async fn take(shared: &Shared, envelope: Bytes) -> Result<Taken, Option<Close>> {
    let arrival = Arrival::now();
    let Ok(permit) = shared.in_flight.acquire().await else {
        return Err(Some(Close(close_code::AWAY, "the agent stops")));
    };
    // The request that opened the socket has ended long ago.
    let span = Span::begin(SpanKind::Server, || ("WebSocket message", Vec::new()));
    let outcome = match peek(shared, envelope) {
        Ok(sealed) => {
            let most = shared.config.didcomm.max_socket_replies;
            within(span.current(), receive(shared, sealed, most)).await
        }
        Err(outcome) => outcome,
    };
    drop(permit);
    // What comes next on the socket would tell.
    arrival.hold(shared, &outcome).await;
    match outcome {
        Outcome::Taken(taken) => Ok(taken),
        // One refused message must not take the others of the socket with it.
        Outcome::Quiet { .. } => Ok(Taken::default()),
        Outcome::Unreadable(_) => {
            Err(Some(Close(close_code::INVALID, "a frame was not a DIDComm envelope")))
        }
        Outcome::TooMany(_) => Err(Some(too_many().await)),
        Outcome::TryAgain(_) => {
            Err(Some(Close(close_code::AGAIN, "the last message must be sent again")))
        }
        Outcome::Broken => {
            Err(Some(Close(close_code::ERROR, "the last message could not be handled")))
        }
    }
}

/// A reply comes as the message came: as text or as bytes.
fn reply_frame(reply: Bytes, text: bool) -> Message {
    match std::str::from_utf8(&reply) {
        Ok(reply) if text => Message::text(reply),
        _ => Message::Binary(reply),
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Option<Close>> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(Close(close_code::POLICY, "replies are not read"))),
    }
}
