//! The complete of a handshake of ours.

use entente_protocol::exchange::Input;
use entente_protocol::handshake::read_complete;
use entente_protocol::{Misbehaved, State, problem};

use crate::engine::{Answer, Engine, context, message_id};
use crate::inbound::{Fate, Inbound};
use crate::store::Kind;

impl Engine {
    /// The complete of a handshake of ours.
    pub(in crate::inbound) async fn receive_complete(&self, inbound: &Inbound) -> Answer<Fate> {
        let read = inbound.sender().and_then(|sender| read_complete(&inbound.message, sender));
        let complete = match read {
            Ok(complete) => complete,
            Err(misbehaved) => return self.refuse(inbound, &misbehaved).await,
        };
        let Some(owner) = &inbound.owner else {
            return self.refuse(inbound, &Misbehaved::Stranger("exchange")).await;
        };
        let mut work = self.work(&inbound.tenant).await?;
        let Some(mut row) = work.exchange(owner).await? else {
            return self.refuse(inbound, &Misbehaved::Stranger("exchange")).await;
        };
        let machine = row.machine()?;
        let late = machine.state() == State::Done;
        match machine.handle(&context(), Input::Complete(complete)) {
            // Another message was faster, and made the connection.
            Ok(transition) if late => {
                row.set_machine(&transition.next)?;
                work.update_exchange(&row);
                self.finish(inbound, work).await?;
                Ok(Fate::Handled(row.id))
            }
            Ok(transition) => {
                work.clear_lane(owner);
                self.step(&mut work, &mut row, transition).await?;
                self.finish(inbound, work).await?;
                Ok(Fate::Handled(row.id))
            }
            Err(rejected) => {
                if let Some(connection) = work.connection_heard(owner).await? {
                    let about = &inbound.message;
                    let text = rejected.misbehaved.to_string();
                    let report = problem::general(
                        &message_id(),
                        about,
                        problem::REQUEST_PROCESSING_ERROR,
                        &text,
                    );
                    work.send_on(&connection, Kind::Answer, &report)?;
                    self.finish(inbound, work).await?;
                }
                self.refuse(inbound, &rejected.misbehaved).await
            }
        }
    }
}
