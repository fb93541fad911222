use entente_rpc::proto::event::v1::{DeadLetter, Event, ListDeadLettersRequest, ListEventsRequest};
use entente_rpc::{ErrorReason, Failure, Status};

use super::{Reader, job};

/// Dead letters that are tried again at once.
const MAX_REPLAYS: i32 = 100;

impl Reader {
    /// Tries dead letters again for which that was asked.
    pub(super) async fn replay(&mut self) -> Result<(), Status> {
        let request = ListDeadLettersRequest {
            consumer: self.consumer(),
            page_size: MAX_REPLAYS,
            replay_only: true,
            ..ListDeadLettersRequest::default()
        };
        let request = self.shared.request(request)?;
        let letters = self
            .shared
            .clients
            .events
            .clone()
            .list_dead_letters(request)
            .await?
            .into_inner()
            .dead_letters;
        for letter in letters {
            if self.replaying.contains(&letter.sequence) {
                continue;
            }
            let event = self.event(letter.sequence).await?;
            match event.as_ref().and_then(|event| job(self.delivery.target.dialect, event)) {
                Some(job) => {
                    self.replaying.insert(job.sequence);
                    self.under_way.spawn(self.delivery.clone().deliver(job, true));
                }
                None => self.dead_letters.push(DeadLetter {
                    error: "the event is no longer kept".to_owned(),
                    replay: false,
                    ..letter
                }),
            }
        }
        Ok(())
    }

    /// One event of the log.
    async fn event(&self, sequence: i64) -> Result<Option<Event>, Status> {
        let request =
            ListEventsRequest { after: sequence - 1, page_size: 1, ..ListEventsRequest::default() };
        match self.shared.clients.events.clone().list_events(self.shared.request(request)?).await {
            Ok(answer) => {
                Ok(answer.into_inner().events.into_iter().find(|event| event.sequence == sequence))
            }
            Err(status) if Failure::of(&status).reason == ErrorReason::EventsExpired => Ok(None),
            Err(status) => Err(status),
        }
    }
}
