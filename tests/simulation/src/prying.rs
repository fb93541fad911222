//! Callers who name what is another's.

use crate::calls::Call;
use crate::world::{Calling, Checked, World};

/// A call of one agent about a record of another. It must be answered as if there were no such record.
pub(crate) fn pry(world: &mut World) -> Checked {
    let agents = world.agents.len();
    let owner = world.dice.below(agents);
    let agent = (owner + 1 + world.dice.below(agents - 1)) % agents;
    let watch = &world.agents[owner].watch;
    let records: [Vec<&String>; 3] = [
        watch.connections.keys().collect(),
        watch.exchanges.keys().collect(),
        watch.invitations.keys().collect(),
    ];
    let kind = world.dice.below(3);
    if records[kind].is_empty() {
        return Ok(());
    }
    let at = world.dice.below(records[kind].len());
    let id = records[kind][at].clone();
    let calls = match kind {
        0 => [
            Call::Look(id.clone()),
            Call::Message(id.clone(), "for another".to_owned()),
            Call::Rotate(id),
        ],
        1 => [Call::Approve(id.clone()), Call::Reject(id.clone()), Call::Ping(id)],
        _ => [Call::Revoke(id.clone()), Call::Approve(id.clone()), Call::Look(id)],
    };
    let call = world.dice.pick(&calls).clone();
    let text = format!("about record {at} of agent {owner}, kind {kind}");
    world.begin(Calling { agent, call, pries: true }, &text)
}
