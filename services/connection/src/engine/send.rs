//! Messages that a caller sends over a connection.

use entente_didcomm::message::{Message, Version};
use entente_protocol::{basic_message, features, trust_ping};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::{ErrorReason, Failure, time_to_proto};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::once::Once;
use super::{Answer, Engine, message_id, now};
use crate::store::{Kind, Outgoing};

/// The longest message that a caller may send, in bytes.
const MAX_MESSAGE: usize = 512 * 1024;

impl Engine {
    /// Sends a trust ping.
    pub async fn send_ping(
        &self,
        tenant: &str,
        request: proto::SendPingRequest,
    ) -> Answer<proto::SendPingResponse> {
        let once = Once::new("SendPing", &request.request_id, &request)?;
        let message = trust_ping::ping(&message_id(), &request.comment);
        let thread_id = message.id.clone();
        let response = proto::SendPingResponse { thread_id };
        self.send_once(tenant, &request.connection_id, &message, once, response).await
    }

    /// Sends a basic message.
    pub async fn send_basic_message(
        &self,
        tenant: &str,
        request: proto::SendBasicMessageRequest,
    ) -> Answer<proto::SendBasicMessageResponse> {
        let once = Once::new("SendBasicMessage", &request.request_id, &request)?;
        let now = now();
        let message = basic_message::message(&message_id(), &request.content, &sent_time(now));
        let response = proto::SendBasicMessageResponse {
            thread_id: message.id.clone(),
            message: Some(proto::BasicMessage {
                id: message.id.clone(),
                content: request.content,
                direction: proto::MessageDirection::Outbound.into(),
                time: Some(time_to_proto(now)),
            }),
        };
        self.send_at(tenant, &request.connection_id, &message, once, response, now).await
    }

    /// Asks for the peer's features.
    pub async fn query_features(
        &self,
        tenant: &str,
        request: proto::QueryFeaturesRequest,
    ) -> Answer<proto::QueryFeaturesResponse> {
        let once = Once::new("QueryFeatures", &request.request_id, &request)?;
        let version = match request.protocol_version.as_str() {
            "1.0" => Version::new(1, 0),
            "" | "2.0" => Version::new(2, 0),
            _ => return Err(Failure::field("protocol_version", "must be \"1.0\" or \"2.0\"")),
        };
        let pattern = if request.r#match.is_empty() { "*" } else { &request.r#match };
        let message = features::query(&message_id(), version, pattern);
        let response = proto::QueryFeaturesResponse { thread_id: message.id.clone() };
        self.send_once(tenant, &request.connection_id, &message, once, response).await
    }

    /// Sends any message.
    pub async fn send_message(
        &self,
        tenant: &str,
        request: proto::SendMessageRequest,
    ) -> Answer<proto::SendMessageResponse> {
        let once = Once::new("SendMessage", &request.request_id, &request)?;
        let wrong = |text: String| Failure::field("message_json", text);
        let mut value: Value = serde_json::from_str(&request.message_json)
            .map_err(|error| wrong(error.to_string()))?;
        let members =
            value.as_object_mut().ok_or_else(|| wrong("must be a JSON object".to_owned()))?;
        members.entry("@id").or_insert_with(|| message_id().into());
        let message = Message::from_value(value).map_err(|error| wrong(error.to_string()))?;
        let response = proto::SendMessageResponse {
            message_id: message.id.clone(),
            thread_id: message.thread_id().to_owned(),
        };
        self.send_once(tenant, &request.connection_id, &message, once, response).await
    }

    async fn send_once<R: prost::Message + Default>(
        &self,
        tenant: &str,
        connection_id: &str,
        message: &Message,
        once: Once,
        response: R,
    ) -> Answer<R> {
        self.send_at(tenant, connection_id, message, once, response, now()).await
    }

    async fn send_at<R: prost::Message + Default>(
        &self,
        tenant: &str,
        connection_id: &str,
        message: &Message,
        once: Once,
        response: R,
        now: i64,
    ) -> Answer<R> {
        if let Some(known) = self.recall(tenant, &once).await? {
            return Ok(known);
        }
        if message.to_value().to_string().len() > MAX_MESSAGE {
            let text = format!("the message is longer than {MAX_MESSAGE} bytes");
            return Err(Failure::new(ErrorReason::TooLarge, text));
        }
        let mut work = self.store.work(tenant, now).await?;
        let Some(connection) = work.connection(connection_id).await? else {
            return Err(match work.exchange(connection_id).await? {
                Some(row) => {
                    let state =
                        proto::ExchangeState::try_from(row.state).unwrap_or_default().as_str_name();
                    let state = state.strip_prefix("EXCHANGE_STATE_").unwrap_or(state);
                    Failure::wrong_state("exchange of this connection", state, "DONE")
                }
                None => Failure::not_found("connection", connection_id),
            });
        };
        if let Some(content) = basic_message::content(message) {
            work.insert_basic_message(connection_id, &message.id, content, true);
        }
        work.send(
            connection_id,
            Kind::Caller,
            message,
            Some(connection.my_key()?),
            connection.target()?,
        );
        self.commit_once(work, &once, response).await
    }

    /// Writes that a message cannot be delivered, and what follows from that.
    pub(crate) async fn give_up(&self, message: &Outgoing, error: &str) -> Answer<()> {
        let mut work = self.work(&message.tenant).await?;
        work.remove_outgoing(std::slice::from_ref(&message.id));
        match message.kind {
            Kind::Handshake => {
                self.handshake_not_delivered(&mut work, &message.lane, error).await?
            }
            Kind::Reuse => self.reuse_not_delivered(&mut work, &message.thread_id).await?,
            Kind::Caller | Kind::Answer | Kind::Report => {}
        }
        if message.kind != Kind::Report {
            work.emit(self.message_fate(message, Some(error)));
        }
        Ok(self.commit(work).await?)
    }
}

/// To the millisecond: ACA-Py refuses a message whose time has more than six digits after the second.
fn sent_time(milliseconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sent_at_a_millisecond() {
        assert_eq!(sent_time(1_548_266_607_123), "2019-01-23T18:03:27.123Z");
    }
}
