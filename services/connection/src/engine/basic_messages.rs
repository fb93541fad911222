//! The basic messages of connections, in pages.

use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as pb;
use entente_store::{PageToken, page};

use super::{Answer, Engine};
use crate::project;
use crate::store::BasicMessage;

/// How many connections one call may name.
const MAX_CONNECTIONS: usize = 1_000;
/// What page tokens are bound to: a place is the same in each connection.
const LIST: &str = "basic messages";
/// Above every id.
const TOP: &str = "~";

impl Engine {
    /// A page of each connection.
    pub async fn list_basic_messages(
        &self,
        tenant: &str,
        request: pb::ListBasicMessagesRequest,
    ) -> Answer<pb::ListBasicMessagesResponse> {
        if request.connection_ids.len() > MAX_CONNECTIONS {
            let text = format!("has more than {MAX_CONNECTIONS} ids; ask in several calls");
            return Err(Failure::field("connection_ids", text));
        }
        let size = usize::try_from(page::size(request.page_size)?).unwrap_or_default();
        let below = page::after(&request.page_token, &LIST)?;
        let ids = request.connection_ids;
        let mut kept = ids.clone();
        for (former, id) in self.store.kept_ids(tenant, &ids).await? {
            kept.iter_mut()
                .filter(|asked| **asked == former)
                .for_each(|asked| asked.clone_from(&id));
        }
        let found = self
            .store
            .basic_messages(tenant, &kept, below.as_deref(), size, page::MAX_BYTES)
            .await?;
        let pages = ids.into_iter().zip(found);
        let pages = pages.map(|(id, (rows, more))| page_of(id, rows, more, below.as_deref()));
        Ok(pb::ListBasicMessagesResponse { pages: pages.collect() })
    }
}

fn page_of(
    connection_id: String,
    rows: Vec<BasicMessage>,
    more: bool,
    below: Option<&str>,
) -> pb::BasicMessagePage {
    // A page for which there was no room goes on from where it began.
    let place = rows.last().map(|row| row.id.as_str()).or(below).unwrap_or(TOP);
    let next_page_token = if more { PageToken::encode(place, &LIST) } else { String::new() };
    let messages = rows.into_iter().map(project::basic_message).collect();
    pb::BasicMessagePage { connection_id, messages, next_page_token }
}

#[cfg(test)]
mod tests {
    use entente_rpc::ErrorReason;

    use super::*;
    use crate::events::tests::{Fixture, TENANT};
    use crate::store::Old;

    async fn keep(fixture: &Fixture, messages: &[(&str, &str, &str)]) {
        let mut work = fixture.engine.work(TENANT).await.unwrap();
        for (connection_id, id, content) in messages {
            work.insert_basic_message(connection_id, id, content, id.starts_with('o'));
        }
        fixture.engine.commit(work).await.unwrap();
    }

    fn of(
        connection_ids: &[&str],
        page_size: i32,
        page_token: &str,
    ) -> pb::ListBasicMessagesRequest {
        pb::ListBasicMessagesRequest {
            connection_ids: connection_ids.iter().map(|&id| id.to_owned()).collect(),
            page_size,
            page_token: page_token.to_owned(),
        }
    }

    async fn list(
        fixture: &Fixture,
        request: pb::ListBasicMessagesRequest,
    ) -> Vec<(Vec<String>, String)> {
        let answer = fixture.engine.list_basic_messages(TENANT, request).await.unwrap();
        let ids = |page: &pb::BasicMessagePage| {
            page.messages.iter().map(|message| message.id.clone()).collect()
        };
        answer.pages.iter().map(|page| (ids(page), page.next_page_token.clone())).collect()
    }

    #[tokio::test]
    async fn each_connection_has_a_page_newest_first() {
        let fixture = Fixture::new().await;
        keep(&fixture, &[("a", "i1", "x"), ("b", "i2", "y"), ("a", "o3", "z"), ("a", "i4", "")])
            .await;
        let pages = list(&fixture, of(&["a", "nobody", "b"], 2, "")).await;
        assert_eq!(pages[0].0, ["i4", "o3"]);
        assert_eq!(pages[1..], [(vec![], String::new()), (vec!["i2".to_owned()], String::new())]);
        let rest = list(&fixture, of(&["a"], 2, &pages[0].1)).await;
        assert_eq!(rest, [(vec!["i1".to_owned()], String::new())]);

        let answer = fixture.engine.list_basic_messages(TENANT, of(&["a"], 0, "")).await.unwrap();
        let message = &answer.pages[0].messages[1];
        assert_eq!(message.direction(), pb::MessageDirection::Outbound);
        assert_eq!((message.content.as_str(), message.time.is_some()), ("z", true));
        let theirs = fixture.engine.list_basic_messages("other", of(&["a"], 0, "")).await.unwrap();
        assert_eq!(theirs.pages[0].messages, []);

        let mut work = fixture.engine.work(TENANT).await.unwrap();
        work.delete_basic_messages("a");
        assert_eq!(work.forget(Old::BasicMessage, i64::MAX, 1).await.unwrap(), 1);
        work.forget(Old::BasicMessage, i64::MAX, 100).await.unwrap();
        fixture.engine.commit(work).await.unwrap();
        assert_eq!(
            list(&fixture, of(&["a", "b"], 0, "")).await,
            [(vec![], String::new()), (vec![], String::new())]
        );
    }

    #[tokio::test]
    async fn an_answer_fits_into_a_message() {
        let fixture = Fixture::new().await;
        let large = "x".repeat(page::MAX_BYTES / 2 - 100);
        keep(
            &fixture,
            &[("a", "1", &large), ("a", "2", &large), ("a", "3", &large), ("b", "4", "y")],
        )
        .await;
        let pages = list(&fixture, of(&["a", "b"], 10, "")).await;
        assert_eq!(pages[0].0, ["3", "2"]);
        // What had no room goes on from where it would have begun.
        let (ids, token) = &pages[1];
        assert!(ids.is_empty() && !token.is_empty());
        assert_eq!(list(&fixture, of(&["b"], 10, token)).await[0].0, ["4"]);
        assert_eq!(
            list(&fixture, of(&["a"], 10, &pages[0].1)).await,
            [(vec!["1".to_owned()], String::new())]
        );
    }

    #[tokio::test]
    async fn a_wrong_list_is_refused() {
        let fixture = Fixture::new().await;
        for (request, reason) in [
            (of(&["a"; 1_001], 1, ""), ErrorReason::InvalidField),
            (of(&["a"], -1, ""), ErrorReason::InvalidField),
            (of(&["a"], 1, "00000000x"), ErrorReason::InvalidPageToken),
        ] {
            let refused = fixture.engine.list_basic_messages(TENANT, request).await;
            assert_eq!(refused.map_err(|why| why.reason), Err(reason));
        }
    }
}
