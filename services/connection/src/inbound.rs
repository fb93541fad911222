//! Messages from peers. Who sent one is what the envelope proved, and nothing else.

mod error_limit;
mod handed_over;
mod handshake;
mod problem;
mod reply;
mod reuse;
mod rotation;
mod small;

use std::borrow::Cow;

use entente_did::{Did, DidUrl, PublicKey};
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::envelope::v2::{Proved, check_addressing};
use entente_didcomm::message::Message;
use entente_protocol::exchange::{Input, State};
use entente_protocol::handshake::Part;
use entente_protocol::problem::{asks_again, is_report};
use entente_protocol::reuse::empty;
use entente_protocol::{Exchange, Identity, Misbehaved, Sender};
use entente_rpc::proto::connection::v1::{Disposition, ReceiveRequest, ReceiveResponse};
use entente_rpc::{ErrorReason, Failure};
use entente_trace::within;

use crate::engine::{Answer, Engine, context, message_id};
use crate::store::{ExchangeRow, Kind, Work};
use crate::trace::Receiving;

pub(crate) use error_limit::ErrorLimit;

/// An opened message, with what the envelope proved.
pub(crate) struct Inbound {
    pub tenant: String,
    pub message: Message,
    /// Our key.
    pub recipient: PublicKey,
    /// The sender, unless it is anonymous.
    pub sender: Option<AuthenticatedSender>,
    /// The exchange or connection of the two keys, if there is one.
    pub owner: Option<String>,
    /// Whether it had its effect before.
    known: bool,
    /// What may go back on the way that the message came.
    route: Option<reply::Route>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It had its effect, on this exchange or connection.
    Handled(String),
    /// It had come before.
    Duplicate,
    /// It is handed over by an event.
    Surfaced(String),
    /// It was refused.
    Refused(Option<String>),
}

impl Inbound {
    /// The sender, for a message that must have one.
    pub fn sender(&self) -> Result<&AuthenticatedSender, Misbehaved> {
        self.sender.as_ref().ok_or(Misbehaved::Anonymous)
    }

    /// We, as the sender of the message knows us.
    fn me(&self) -> Sender {
        match self.message.to_dids().first() {
            Some(did) => Identity { did: did.clone(), key: self.recipient }.sender(),
            None => Sender { key: self.recipient, kid: None },
        }
    }

    /// The message's id, as it is looked up.
    fn id(&self) -> Cow<'_, str> {
        self.message.comparable(&self.message.id)
    }

    fn sender_key(&self) -> String {
        self.sender.as_ref().map(|sender| sender.key().multibase()).unwrap_or_default()
    }
}

impl Engine {
    /// Handles a message from a peer. When this returns, its effect is committed.
    pub async fn receive(&self, request: ReceiveRequest) -> Answer<ReceiveResponse> {
        let inbound = self.read_inbound(request).await?;
        let receiving = Receiving::begin(&inbound.message, self.config.didcomm_trace_context);
        within(receiving.current(), self.take(inbound)).await
    }

    async fn take(&self, inbound: Inbound) -> Answer<ReceiveResponse> {
        let fate = match self.handle(&inbound).await {
            // The same message was handled at the same time, and committed first.
            Err(failure)
                if failure.reason == ErrorReason::Conflict && self.is_known(&inbound).await? =>
            {
                Fate::Duplicate
            }
            fate => fate?,
        };
        let (disposition, connection_id) = match fate {
            Fate::Handled(id) => (Disposition::Handled, id),
            Fate::Duplicate => (Disposition::Duplicate, inbound.owner.clone().unwrap_or_default()),
            Fate::Surfaced(id) => (Disposition::Surfaced, id),
            Fate::Refused(id) => (Disposition::Refused, id.unwrap_or_default()),
        };
        let name = disposition.as_str_name();
        self.metrics.inbound(name.strip_prefix("DISPOSITION_").unwrap_or(name));
        let replies = self.replies(&inbound, &connection_id).await?;
        let route = inbound.route.as_ref().filter(|_| inbound.sender.is_some());
        let open = route.is_some_and(reply::Route::is_open_to_all) && !connection_id.is_empty();
        Ok(ReceiveResponse { disposition: disposition.into(), replies, connection_id, open })
    }

    /// Commits the work of a message.
    async fn finish(&self, inbound: &Inbound, mut work: Work) -> Answer<()> {
        work.note_message(&inbound.sender_key(), &inbound.id());
        self.finish_unnoted(inbound, work).await
    }

    /// Commits the report of a message that was refused. If it says that the message may come again as it is, the message
    /// is not taken for a repetition then (RFC 0160, errors).
    async fn finish_refused(&self, inbound: &Inbound, work: Work, code: &str) -> Answer<()> {
        match asks_again(code) {
            true => self.finish_unnoted(inbound, work).await,
            false => self.finish(inbound, work).await,
        }
    }

    /// Commits. What is sent is held back if the sender of the message asked for it on the same way.
    async fn finish_unnoted(&self, inbound: &Inbound, work: Work) -> Answer<()> {
        let outgoing = self.commit_held(work).await?;
        match &inbound.route {
            Some(route) => route.hold(outgoing),
            None => self.outbox.enqueue(outgoing),
        }
        Ok(())
    }

    async fn read_inbound(&self, request: ReceiveRequest) -> Answer<Inbound> {
        let key = |field: &str, text: &str| {
            PublicKey::from_multibase(text)
                .map_err(|error| Failure::field(field, error.to_string()))
        };
        let message = Message::parse(&request.plaintext)
            .map_err(|error| Failure::new(ErrorReason::MalformedMessage, error.to_string()))?;
        let recipient = key("recipient_key", &request.recipient_key)?;
        check_envelope(&message, &request).inspect_err(|_| self.metrics.refused("addressing"))?;
        let mut request = request;
        if request.sender_key.is_empty() && !request.signer_kid.is_empty() {
            request.sender_key = self.signer_key(&request).await?;
        }
        let sender = match request.sender_key.as_str() {
            "" => None,
            text => Some(AuthenticatedSender::from_keystore_answer(key("sender_key", text)?)),
        };
        let (tenant, mine, theirs) = (&request.tenant, &request.recipient_key, &request.sender_key);
        let id = message.comparable(&message.id);
        let (mut owner, known) = self.store.place(tenant, mine, theirs, &id).await?;
        if let (None, Some(sender)) = (&owner, &sender) {
            owner = self.follow_rotation(&request, &message, sender.key()).await?;
        }
        let route = reply::Route::of(&message, request.max_replies);
        Ok(Inbound { tenant: request.tenant, message, recipient, sender, owner, known, route })
    }

    /// The key for key agreement of the peer that signed a message, if we have a connection with its DID. A signature
    /// proves the sender as well as authcrypt does.
    async fn signer_key(&self, request: &ReceiveRequest) -> Answer<String> {
        let Ok(signer) = DidUrl::parse(&request.signer_kid) else { return Ok(String::new()) };
        let did = signer.did.canonical();
        let known = self
            .store
            .connection_of_pair(&request.tenant, &request.recipient_key, did.as_str())
            .await?;
        Ok(known.map(|(_, key)| key).unwrap_or_default())
    }

    async fn handle(&self, inbound: &Inbound) -> Answer<Fate> {
        if inbound.known {
            self.acknowledge_again(inbound).await?;
            return Ok(Fate::Duplicate);
        }
        let expires = inbound.message.timing.as_ref().and_then(|timing| timing.expires_time);
        if expires.is_some_and(|end| end.saturating_mul(1000) <= crate::engine::now()) {
            return self.refuse(inbound, &Misbehaved::Expired).await;
        }
        if is_report(&inbound.message.message_type) {
            return self.receive_report(inbound).await;
        }
        match Part::of(&inbound.message) {
            Some(Part::Request) => self.receive_request(inbound).await,
            Some(Part::Response) => self.receive_response(inbound).await,
            Some(Part::Complete) => self.receive_complete(inbound).await,
            None => self.receive_on_connection(inbound).await,
        }
    }

    /// A message that only the peer of a connection may send.
    async fn receive_on_connection(&self, inbound: &Inbound) -> Answer<Fate> {
        let Some(owner) = &inbound.owner else {
            let misbehaved = match inbound.sender {
                Some(_) => Misbehaved::Stranger("connection"),
                None => Misbehaved::Anonymous,
            };
            return self.refuse(inbound, &misbehaved).await;
        };
        let acks = self.acks(inbound).await?;
        let mut work = self.work(&inbound.tenant).await?;
        let mut found = work.connection_heard(owner).await?;
        if found.is_none() {
            self.complete_by_message(&mut work, owner).await?;
            found = work.connection_heard(owner).await?;
        }
        let Some(connection) = found else {
            drop(work);
            return self.refuse(inbound, &Misbehaved::Stranger("connection")).await;
        };
        let mut connection = connection;
        let mut freed = Vec::new();
        if connection.from_prior.is_some() && inbound.recipient.multibase() == connection.my_key {
            freed = self.rotation_answered(&mut work, &mut connection).await?;
        }
        if work.now().saturating_sub(connection.last_seen_at) >= LAST_SEEN_GRAIN {
            work.touch_connection(&connection.id);
        }
        let fate = match inbound.message.message_type.protocol.as_str() {
            entente_protocol::reuse::PROTOCOL => {
                self.receive_reuse(&mut work, inbound, connection).await?
            }
            entente_protocol::reuse::EMPTY if inbound.message.is_v2() => {
                self.receive_empty(&mut work, inbound, connection).await?
            }
            _ => self.receive_small(&mut work, inbound, &connection).await?,
        };
        self.acknowledge(&mut work, inbound, owner, acks).await?;
        self.finish(inbound, work).await?;
        self.delete_keys(&inbound.tenant, freed).await;
        Ok(fate)
    }

    async fn acknowledge(
        &self,
        work: &mut Work,
        inbound: &Inbound,
        owner: &str,
        acks: Vec<&str>,
    ) -> Answer<()> {
        if !acks.is_empty()
            && let Some(connection) = work.connection_heard(owner).await?
        {
            let ack = empty(&message_id()).in_thread(inbound.message.thread_id());
            work.send_on(&connection, Kind::Answer, &ack.acknowledging(acks))?;
        }
        Ok(())
    }

    /// A peer that sends a message again may not have got what acknowledged it, and is told again. A few times: whoever
    /// has recorded an envelope can send it again, too.
    async fn acknowledge_again(&self, inbound: &Inbound) -> Answer<()> {
        let message = &inbound.message;
        let Some(owner) = &inbound.owner else { return Ok(()) };
        if is_report(&message.message_type) || Part::of(message).is_some() {
            return Ok(());
        }
        let acks = self.acks(inbound).await?;
        if acks.is_empty() || !self.error_limit.allows_again(owner, &inbound.id()) {
            return Ok(());
        }
        let mut work = self.work(&inbound.tenant).await?;
        self.acknowledge(&mut work, inbound, owner, acks).await?;
        self.finish_unnoted(inbound, work).await
    }

    /// What a message of DIDComm v2 wants acknowledged and was received: itself, and those before it ("ACKs"). The
    /// oldest come first, and it comes last.
    async fn acks<'a>(&self, inbound: &'a Inbound) -> Answer<Vec<&'a str>> {
        let message = &inbound.message;
        let wanted = message.acks_wanted();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = wanted.iter().map(|id| message.comparable(id).into()).collect();
        let known = self.store.received(&inbound.tenant, &inbound.sender_key(), &ids).await?;
        let mut received: Vec<_> = wanted
            .into_iter()
            .zip(&ids)
            .filter_map(|(wanted, id)| match *id == inbound.id() {
                true => Some((i64::MAX, wanted)),
                false => known.get(id).map(|at| (*at, wanted)),
            })
            .collect();
        received.sort_by_key(|(at, _)| *at);
        Ok(received.into_iter().map(|(_, id)| id).collect())
    }

    /// An inviter whose complete was lost learns from any message of the peer that its response arrived.
    async fn complete_by_message(&self, work: &mut Work, owner: &str) -> Answer<()> {
        let Some(mut row) = work.exchange(owner).await? else { return Ok(()) };
        let waits = row.state == crate::engine::numbers::state(State::Response);
        if !waits {
            return Ok(());
        }
        if let Ok(transition) = row.machine()?.handle(&context(), Input::PeerMessage) {
            self.step(work, &mut row, transition).await?;
        }
        Ok(())
    }

    async fn is_known(&self, inbound: &Inbound) -> Answer<bool> {
        let (tenant, mine, theirs) =
            (&inbound.tenant, inbound.recipient.multibase(), inbound.sender_key());
        self.store.settled(tenant).await?;
        Ok(self.store.place(tenant, &mine, &theirs, &inbound.id()).await?.1)
    }

    /// Refuses a message: it changes nothing, and is only counted.
    async fn refuse(&self, inbound: &Inbound, misbehaved: &Misbehaved) -> Answer<Fate> {
        self.metrics.refused(misbehaved.rule());
        tracing::info!(
            protocol = %inbound.message.message_type.protocol,
            message = %inbound.message.message_type.name,
            reason = %misbehaved,
            "refused a message"
        );
        Ok(Fate::Refused(inbound.owner.clone()))
    }

    /// The exchange of ours that a message's thread belongs to, in a role that takes the message, with our key.
    async fn exchange_of_thread(
        &self,
        tenant: &str,
        thread_id: &str,
        fits: impl Fn(&Exchange) -> bool,
    ) -> Answer<Option<(ExchangeRow, Exchange)>> {
        for row in self.store.exchanges_of_thread(tenant, thread_id).await? {
            let machine = row.machine()?;
            if fits(&machine) {
                return Ok(Some((row, machine)));
            }
        }
        Ok(None)
    }
}

/// Checks that a message is of the version of its envelope, and is from and for whom the envelope proves.
fn check_envelope(message: &Message, request: &ReceiveRequest) -> Answer<()> {
    let malformed = |text: String| Failure::new(ErrorReason::MalformedMessage, text);
    let kid = |kid| Some(kid).filter(|kid: &&str| !kid.is_empty());
    let proved = Proved {
        recipient_kid: kid(&request.recipient_kid),
        sender_kid: kid(&request.sender_kid),
        signer_kid: kid(&request.signer_kid),
    };
    match (message.is_v2(), proved.recipient_kid) {
        (false, None) => Ok(()),
        (true, Some(_)) => {
            let to = Some(message.to_dids()).filter(|to| !to.is_empty());
            check_addressing(message.from_did().map(Did::as_str), to, proved)
                .map_err(|error| malformed(error.to_string()))
        }
        (true, None) => Err(malformed("a message of DIDComm v2 came in an envelope of v1".into())),
        (false, Some(_)) => {
            Err(malformed("a message of DIDComm v1 came in an envelope of v2".into()))
        }
    }
}

/// How exactly it is known when a peer was last heard, in milliseconds: a write for each message is not worth more.
const LAST_SEEN_GRAIN: i64 = 10_000;
