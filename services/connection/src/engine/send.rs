//! Messages that a caller sends over a connection.

use entente_didcomm::message::{Message, Version};
use entente_protocol::{Envelope, basic_message, features, trust_ping};
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
        let id = message_id();
        let response = proto::SendPingResponse { thread_id: id.clone() };
        let ping = |envelope| Ok(trust_ping::ping(envelope, &id, &request.comment));
        self.send_once(tenant, &request.connection_id, ping, once, response).await
    }

    /// Sends a basic message.
    pub async fn send_basic_message(
        &self,
        tenant: &str,
        request: proto::SendBasicMessageRequest,
    ) -> Answer<proto::SendBasicMessageResponse> {
        let once = Once::new("SendBasicMessage", &request.request_id, &request)?;
        let (id, now) = (message_id(), now());
        let response = proto::SendBasicMessageResponse {
            thread_id: id.clone(),
            message: Some(proto::BasicMessage {
                id: id.clone(),
                content: request.content.clone(),
                direction: proto::MessageDirection::Outbound.into(),
                time: Some(time_to_proto(now)),
            }),
        };
        let write = |envelope| {
            Ok(basic_message::message(envelope, &id, &request.content, &sent_time(now), now))
        };
        self.send_at(tenant, &request.connection_id, write, once, response, now).await
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
        let id = message_id();
        let response = proto::QueryFeaturesResponse { thread_id: id.clone() };
        let write = |envelope| match (envelope, version.major) {
            (Envelope::V2, 1) => Err(Failure::field(
                "protocol_version",
                "must be \"2.0\" on a DIDComm v2 connection",
            )),
            _ => Ok(features::query(envelope, &id, version, pattern)),
        };
        self.send_once(tenant, &request.connection_id, write, once, response).await
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
        let id = if members.contains_key("type") { "id" } else { "@id" };
        members.entry(id).or_insert_with(|| message_id().into());
        let message = Message::from_value(value).map_err(|error| wrong(error.to_string()))?;
        let response = proto::SendMessageResponse {
            message_id: message.id.clone(),
            thread_id: message.thread_id().to_owned(),
        };
        let write = |envelope| match (Envelope::of(&message) == envelope, envelope) {
            (true, _) => Ok(message),
            (false, Envelope::V1) => Err(wrong("must be a DIDComm v1 message, with @type".into())),
            (false, Envelope::V2) => Err(wrong("must be a DIDComm v2 message, with type".into())),
        };
        self.send_once(tenant, &request.connection_id, write, once, response).await
    }

    async fn send_once<R: prost::Message + Default>(
        &self,
        tenant: &str,
        connection_id: &str,
        write: impl FnOnce(Envelope) -> Answer<Message>,
        once: Once,
        response: R,
    ) -> Answer<R> {
        self.send_at(tenant, connection_id, write, once, response, now()).await
    }

    async fn send_at<R: prost::Message + Default>(
        &self,
        tenant: &str,
        connection_id: &str,
        write: impl FnOnce(Envelope) -> Answer<Message>,
        once: Once,
        response: R,
        now: i64,
    ) -> Answer<R> {
        if let Some(known) = self.recall(tenant, &once).await? {
            return Ok(known);
        }
        let mut work = self.store.work(tenant, now, self.replica.id()).await?;
        let connection = self.existing(&mut work, connection_id).await?;
        let message = write(connection.target()?.envelope())?;
        if message.to_value().to_string().len() > MAX_MESSAGE {
            let text = format!("the message is longer than {MAX_MESSAGE} bytes");
            return Err(Failure::new(ErrorReason::TooLarge, text));
        }
        if let Some(content) = basic_message::content(&message) {
            work.insert_basic_message(&connection.id, &message.id, content, true);
        }
        work.send_on(&connection, Kind::Caller, &message)?;
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
