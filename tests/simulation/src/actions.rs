//! What the owners of the agents do.

use entente_rpc::proto::connection::v1 as proto;
use proto::{
    DidMethod, ExchangeState, HandshakeProtocol, InvitationFormat, InvitationKind, NoAnswerPolicy,
    Role,
};

use crate::calls::Call;
use crate::dice::Dice;
use crate::weather::Weather;
use crate::world::{Checked, World};

/// One thing that an owner does, or some do at the same time.
pub(crate) fn act(world: &mut World) -> Checked {
    let deletes = if world.weather.deletes { 2 } else { 0 };
    let connected = world.agents.iter().any(|agent| !agent.watch.connections.is_empty());
    let on_connection = |weight| if connected { weight } else { 0 };
    let accepting = if world.offers.is_empty() { 0 } else { 24 };
    let inviting = if world.offers.is_empty() { 24 } else { 5 };
    let rotating = if world.weather.rotates { 8 } else { 0 };
    let weights = [
        inviting,
        accepting,
        on_connection(12),
        on_connection(4),
        on_connection(rotating),
        on_connection(deletes) + deletes,
        on_connection(4),
    ];
    match world.dice.weighted(&weights) {
        0 => invite(world),
        1 => accept(world),
        2 => on_a_connection(world, "a message", |id, number| {
            Call::Message(id, format!("message {number}"))
        }),
        3 => on_a_connection(world, "a ping", |id, _| Call::Ping(id)),
        4 => rotate(world),
        5 => delete(world),
        _ => {
            let agent = world.dice.below(world.agents.len());
            world.read(agent)
        }
    }
}

fn invite(world: &mut World) -> Checked {
    let agent = world.dice.below(world.agents.len());
    // Two of one DID make a race for its connection.
    for _ in 0..1 + world.dice.below(2) {
        let request = invitation(&mut world.dice, &world.weather);
        let text = format!(
            "invite {:?} {:?} {:?}",
            request.kind(),
            request.did_method(),
            request.handshake_protocols
        );
        world.call(agent, Call::Invite(Box::new(request)), &text)?;
    }
    Ok(())
}

fn invitation(dice: &mut Dice, weather: &Weather) -> proto::CreateInvitationRequest {
    use HandshakeProtocol as H;
    let kinds: [(&[H], InvitationFormat); 5] = [
        (&[], InvitationFormat::Unspecified),
        (&[H::Didexchange10], InvitationFormat::Unspecified),
        (&[H::Connections10], InvitationFormat::OutOfBand1),
        (&[H::Connections10], InvitationFormat::Connections1),
        (&[H::Identus10], InvitationFormat::OutOfBand2),
    ];
    let chosen = kinds.get(weather.handshakes).copied();
    let (handshakes, format) = chosen.unwrap_or_else(|| *dice.pick(&kinds));
    let kind = *dice.pick(&[InvitationKind::SingleUse, InvitationKind::MultiUse]);
    let methods = match format {
        InvitationFormat::OutOfBand2 => [DidMethod::Unspecified; 3],
        InvitationFormat::Connections1 => {
            [DidMethod::InlineKey, DidMethod::Unspecified, DidMethod::InlineKey]
        }
        _ => [DidMethod::Unspecified, DidMethod::Peer4, DidMethod::InlineKey],
    };
    let seconds = *dice.pick(&[2, 30, 600]);
    let expires = dice.percent(20).then_some(prost_types::Duration { seconds, nanos: 0 });
    proto::CreateInvitationRequest {
        kind: kind.into(),
        max_uses: if kind == InvitationKind::MultiUse { *dice.pick(&[0, 1, 2]) } else { 0 },
        expires_in: expires,
        did_method: dice.pick(&methods).to_owned().into(),
        handshake_protocols: handshakes.iter().map(|handshake| (*handshake).into()).collect(),
        format: format.into(),
        auto_accept: decides(dice, weather),
        ..Default::default()
    }
}

/// Whether an owner lets a handshake go on by itself.
fn decides(dice: &mut Dice, weather: &Weather) -> Option<bool> {
    weather.asks.then(|| dice.percent(50))
}

/// An owner decides on a handshake that waits for it.
pub(crate) fn approve(world: &mut World) -> Checked {
    let mut waiting = Vec::new();
    for (agent, here) in world.agents.iter().enumerate() {
        let exchanges = here.watch.exchanges.values().filter(|exchange| {
            let before = match exchange.role() {
                Role::Inviter => ExchangeState::Request,
                _ => ExchangeState::Invitation,
            };
            !exchange.auto_accept && exchange.state() == before
        });
        waiting.extend(exchanges.map(|exchange| (agent, exchange.id.clone())));
    }
    if waiting.is_empty() {
        return Ok(());
    }
    let at = world.dice.below(waiting.len());
    let (agent, id) = waiting.swap_remove(at);
    world.call(agent, Call::Approve(id), &format!("approve, {at} of those that wait"))
}

fn accept(world: &mut World) -> Checked {
    let agents = world.agents.len();
    let first = world.dice.below(world.offers.len());
    let owner = world.offers[first].owner;
    let mut taker = (owner + 1 + world.dice.below(agents - 1)) % agents;
    for turn in 0..*world.dice.pick(&[1, 1, 2, 3]) {
        // The same invitation again, another of the same owner, or another taker.
        let of_owner: Vec<usize> =
            (0..world.offers.len()).filter(|at| world.offers[*at].owner == owner).collect();
        let at = if turn == 0 { first } else { *world.dice.pick(&of_owner) };
        if world.dice.percent(30) {
            taker = (owner + 1 + world.dice.below(agents - 1)) % agents;
        }
        let on_no_answer = match world.weather.second {
            true => NoAnswerPolicy::NewConnection,
            false => *world.dice.pick(&[NoAnswerPolicy::Fail, NoAnswerPolicy::KeepWaiting]),
        };
        let disabled = world.weather.second && world.dice.percent(20);
        let reuse =
            proto::ReusePolicy { disabled, on_no_answer: on_no_answer.into(), deadline: None };
        let invitation = world.offers[at].invitation.url.clone();
        let reuse = Some(reuse);
        let auto_accept = decides(&mut world.dice, &world.weather);
        let request =
            proto::AcceptInvitationRequest { invitation, reuse, auto_accept, ..Default::default() };
        let text = format!("accept offer {at} of agent {owner}, {on_no_answer:?} {disabled}");
        world.call(taker, Call::Accept(Box::new(request)), &text)?;
    }
    Ok(())
}

/// The connections of all agents: the agent and the id, in the order in which they were made.
fn connections(world: &World) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (agent, here) in world.agents.iter().enumerate() {
        let live =
            here.watch.made.iter().filter(|made| here.watch.connections.contains_key(&made.id));
        found.extend(live.map(|made| (agent, made.id.clone())));
    }
    found
}

fn on_a_connection(world: &mut World, what: &str, call: impl Fn(String, usize) -> Call) -> Checked {
    let connections = connections(world);
    if connections.is_empty() {
        return Ok(());
    }
    let at = world.dice.below(connections.len());
    let (agent, id) = connections[at].clone();
    for number in 0..1 + world.dice.below(3) {
        world.call(agent, call(id.clone(), number), &format!("{what} on connection {at}"))?;
    }
    Ok(())
}

/// A new DID, perhaps while the peer writes to the old one.
fn rotate(world: &mut World) -> Checked {
    let connections = connections(world);
    if connections.is_empty() {
        return Ok(());
    }
    let at = world.dice.below(connections.len());
    let (agent, id) = connections[at].clone();
    world.call(agent, Call::Rotate(id.clone()), &format!("a new DID on connection {at}"))?;
    let Some((peer, theirs)) = world.counterpart(agent, &id) else { return Ok(()) };
    let theirs = theirs.id.clone();
    for number in 0..world.dice.below(4) {
        let call = Call::Message(theirs.clone(), format!("message {number}"));
        world.call(peer, call, &format!("a message of the peer of connection {at}"))?;
    }
    Ok(())
}

fn delete(world: &mut World) -> Checked {
    let connections = connections(world);
    let agent = world.dice.below(world.agents.len());
    let kind = world.dice.below(5);
    if kind == 0 && !connections.is_empty() {
        let at = world.dice.below(connections.len());
        let (agent, id) = connections[at].clone();
        return world.call(agent, Call::DeleteConnection(id), &format!("delete connection {at}"));
    }
    let watch = &world.agents[agent].watch;
    // In the order in which they were made, as ids are.
    let exchanges: Vec<String> = watch.exchanges.keys().cloned().collect();
    let invitations: Vec<String> = world
        .offers
        .iter()
        .filter(|offer| offer.owner == agent)
        .map(|offer| offer.invitation.id.clone())
        .collect();
    let from = if kind <= 2 { &exchanges } else { &invitations };
    if from.is_empty() {
        return Ok(());
    }
    let at = world.dice.below(from.len());
    let id = from[at].clone();
    let (call, text) = match kind {
        1 => (Call::Reject(id), "reject exchange"),
        0 | 2 => (Call::DeleteExchange(id), "delete exchange"),
        3 => (Call::Revoke(id), "revoke invitation"),
        _ => (Call::DeleteInvitation(id), "delete invitation"),
    };
    world.call(agent, call, &format!("{text} {at}"))
}

/// Pings on every connection that both sides have.
pub(crate) fn try_connections(world: &mut World) -> Checked {
    world.pings.clear();
    for (at, (agent, id)) in connections(world).into_iter().enumerate() {
        if world.counterpart(agent, &id).is_some() {
            world.call(agent, Call::Ping(id), &format!("a ping on connection {at}"))?;
        }
    }
    Ok(())
}
