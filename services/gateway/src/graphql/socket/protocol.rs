//! The messages of graphql-transport-ws
//! (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).

use async_graphql::{Request, Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::End;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromClient {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Value>,
    },
    Ping,
    Pong,
    Subscribe {
        id: String,
        payload: Box<Request>,
    },
    Complete {
        id: String,
    },
}

/// What a client is sent.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ToClient<'a> {
    ConnectionAck,
    Ping,
    Pong,
    Next { id: &'a str, payload: &'a Response },
    Error { id: &'a str, payload: &'a [ServerError] },
    Complete { id: &'a str },
}

/// The protocol's close codes.
pub(super) mod close {
    pub(in super::super) const BAD_REQUEST: u16 = 4400;
    pub(in super::super) const UNAUTHORIZED: u16 = 4401;
    pub(in super::super) const FORBIDDEN: u16 = 4403;
    pub(in super::super) const INIT_TIMEOUT: u16 = 4408;
    pub(in super::super) const ID_TAKEN: u16 = 4409;
    pub(in super::super) const INIT_AGAIN: u16 = 4429;
}

/// A close with a reason.
pub(super) fn close(code: u16, reason: &str) -> End {
    End::Close(code, reason.to_owned())
}

impl FromClient {
    pub(super) fn read(text: &str) -> Result<Self, End> {
        serde_json::from_str(text)
            .map_err(|error| close(close::BAD_REQUEST, &format!("not of the protocol: {error}")))
    }
}

impl ToClient<'_> {
    pub(super) fn text(&self) -> String {
        // Answers are made of what JSON can write.
        serde_json::to_string(self).unwrap_or_default()
    }
}
