//! The small protocols on a connection, and messages of protocols that nobody here handles.

use entente_didcomm::message::{Message, Prefix};
use entente_protocol::{basic_message, features, problem, trust_ping};
use entente_rpc::proto::event::v1::EventKind;

use super::{Fate, Inbound};
use crate::engine::{Answer, Engine, message_id, message_record};
use crate::store::{Connection, Kind, Work};

/// The protocols handled here, with the majors that are.
const HANDLED: [(&str, &[u16]); 6] = [
    (trust_ping::PROTOCOL, &[1]),
    (trust_ping::PROTOCOL_V2, &[2]),
    (basic_message::PROTOCOL, &[1, 2]),
    (features::PROTOCOL, &[1, 2]),
    ("notification", &[1]),
    ("didexchange", &[1]),
];

impl Engine {
    /// A message on a connection. The caller commits.
    pub(super) async fn receive_small(
        &self,
        work: &mut Work,
        inbound: &Inbound,
        connection: &Connection,
    ) -> Answer<Fate> {
        let message = &inbound.message;
        let kind = &message.message_type;
        let known = match kind.prefix {
            Prefix::Other(_) => None,
            _ => HANDLED.iter().find(|(protocol, _)| *protocol == kind.protocol),
        };
        let Some((_, majors)) = known else {
            work.emit(self.message_event(
                EventKind::MessageReceived,
                message_record(&connection.id, message),
            ));
            return Ok(Fate::Surfaced(connection.id.clone()));
        };
        if !majors.contains(&kind.version.major) {
            let explain = format!(
                "{} {} is not supported; its major versions {majors:?} are",
                kind.protocol, kind.version
            );
            self.report(work, message, connection, problem::VERSION_NOT_SUPPORTED, &explain)?;
            return Ok(Fate::Refused(Some(connection.id.clone())));
        }
        let event = |kind| self.message_event(kind, message_record(&connection.id, message));
        match (kind.protocol.as_str(), kind.name.as_str()) {
            (trust_ping::PROTOCOL | trust_ping::PROTOCOL_V2, "ping") => {
                match trust_ping::respond(&message_id(), message) {
                    Ok(response) => {
                        work.emit(event(EventKind::PingReceived));
                        self.answer(work, connection, response)?;
                    }
                    Err(error) => {
                        self.report(
                            work,
                            message,
                            connection,
                            problem::MESSAGE_PARSE_FAILURE,
                            &error.to_string(),
                        )?;
                        return Ok(Fate::Refused(Some(connection.id.clone())));
                    }
                }
            }
            (trust_ping::PROTOCOL, "ping_response")
            | (trust_ping::PROTOCOL_V2, "ping-response") => {
                work.emit(event(EventKind::PingResponseReceived))
            }
            (basic_message::PROTOCOL, "message") => {
                if let Some(content) = basic_message::content(message) {
                    work.insert_basic_message(&connection.id, &message.id, content, false);
                }
                work.emit(event(EventKind::BasicMessageReceived))
            }
            (features::PROTOCOL, "query" | "queries") => {
                self.answer(work, connection, features::disclose(&message_id(), message))?;
            }
            (features::PROTOCOL, "disclose" | "disclosures") => {
                work.emit(event(EventKind::FeaturesDisclosed))
            }
            // An ack that nobody waits for; that the peer was heard is all it says.
            ("notification", "ack") => {}
            _ => return self.unsupported(work, message, connection),
        }
        Ok(Fate::Handled(connection.id.clone()))
    }

    /// A message that its protocol does not have.
    pub(super) fn unsupported(
        &self,
        work: &mut Work,
        message: &Message,
        connection: &Connection,
    ) -> Answer<Fate> {
        let explain = format!("unrecognised message type {}", message.message_type);
        self.report(work, message, connection, problem::MESSAGE_PARSE_FAILURE, &explain)?;
        Ok(Fate::Refused(Some(connection.id.clone())))
    }

    fn answer(
        &self,
        work: &mut Work,
        connection: &Connection,
        answer: Option<Message>,
    ) -> Answer<()> {
        if let Some(answer) = answer {
            work.send_on(connection, Kind::Answer, &answer)?;
        }
        Ok(())
    }
}
