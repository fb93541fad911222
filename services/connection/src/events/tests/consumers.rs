use entente_rpc::ErrorReason;

use super::*;

fn letter(sequence: i64) -> pb::DeadLetter {
    pb::DeadLetter { sequence, attempts: 3, error: "answered 500".into(), ..Default::default() }
}

fn commit(name: &str, cursor: i64) -> pb::CommitConsumerRequest {
    pb::CommitConsumerRequest { name: name.into(), cursor, ..Default::default() }
}

async fn letters(fixture: &Fixture, consumer: &str, replay_only: bool) -> Vec<(String, i64)> {
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListDeadLettersRequest {
            consumer: consumer.into(),
            replay_only,
            page_size: 1,
            page_token,
        };
        let page = fixture.engine.list_dead_letters(TENANT, request).await.unwrap();
        found
            .extend(page.dead_letters.into_iter().map(|letter| (letter.consumer, letter.sequence)));
        if page.next_page_token.is_empty() {
            return found;
        }
        page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn a_cursor_never_moves_back() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 5).await;
    let engine = &fixture.engine;
    assert_eq!(
        engine.get_consumer(TENANT, "hook").await.unwrap_err().reason,
        ErrorReason::NotFound
    );
    let moved = engine.commit_consumer(TENANT, commit("hook", 4)).await.unwrap();
    assert_eq!(moved.cursor, 4);
    assert_eq!(engine.commit_consumer(TENANT, commit("hook", 2)).await.unwrap(), moved);
    assert_eq!(engine.get_consumer(TENANT, "hook").await.unwrap(), moved);
    let ahead = engine.commit_consumer(TENANT, commit("hook", 6)).await.unwrap_err();
    assert_eq!(ahead.reason, ErrorReason::CursorInFuture);
    let theirs = engine.get_consumer("other", "hook").await.unwrap_err();
    assert_eq!(theirs.reason, ErrorReason::NotFound);
}

#[tokio::test]
async fn a_dead_letter_is_replayed_and_removed() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 5).await;
    let engine = &fixture.engine;
    for name in ["one", "two words"] {
        let dead_letters = vec![letter(2), letter(4)];
        let request = pb::CommitConsumerRequest { dead_letters, ..commit(name, 5) };
        engine.commit_consumer(TENANT, request).await.unwrap();
    }
    let all = letters(&fixture, "", false).await;
    let at = |consumer: &str, sequence| (consumer.to_owned(), sequence);
    assert_eq!(all, [at("one", 2), at("one", 4), at("two words", 2), at("two words", 4)]);
    assert_eq!(letters(&fixture, "one", true).await, []);

    let request = pb::ReplayDeadLettersRequest { consumer: "one".into(), sequences: vec![4, 5] };
    assert_eq!(engine.replay_dead_letters(TENANT, request).await.unwrap(), 1);
    assert_eq!(letters(&fixture, "", true).await, [at("one", 4)]);
    let all = pb::ReplayDeadLettersRequest { consumer: "two words".into(), sequences: vec![] };
    assert_eq!(engine.replay_dead_letters(TENANT, all).await.unwrap(), 2);

    // One is delivered after all; another fails again, and waits for the next replay.
    let request = pb::CommitConsumerRequest { delivered: vec![4], ..commit("one", 5) };
    engine.commit_consumer(TENANT, request).await.unwrap();
    let request =
        pb::CommitConsumerRequest { dead_letters: vec![letter(2)], ..commit("two words", 5) };
    engine.commit_consumer(TENANT, request).await.unwrap();
    assert_eq!(letters(&fixture, "one", false).await, [at("one", 2)]);
    assert_eq!(letters(&fixture, "", true).await, [at("two words", 4)]);
}

#[tokio::test]
async fn a_wrong_commit_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 5).await;
    let another = pb::DeadLetter { consumer: "another".into(), ..letter(1) };
    for (dead_letters, field) in [
        (vec![letter(1), letter(4)], "dead_letters[1].sequence"),
        (vec![letter(0)], "dead_letters[0].sequence"),
        (vec![another], "dead_letters[0].consumer"),
        (vec![letter(1); 1001], "dead_letters"),
    ] {
        let request = pb::CommitConsumerRequest { dead_letters, ..commit("hook", 3) };
        let why = fixture.engine.commit_consumer(TENANT, request).await.unwrap_err();
        assert_eq!(why.violations.first().map(|(path, _)| path.as_str()), Some(field));
    }
    for name in [String::new(), "n".repeat(257)] {
        let why = fixture.engine.commit_consumer(TENANT, commit(&name, 1)).await.unwrap_err();
        assert_eq!(why.reason, ErrorReason::InvalidField);
    }
    let none = fixture.engine.get_consumer(TENANT, "hook").await.unwrap_err();
    assert_eq!(none.reason, ErrorReason::NotFound);
    assert_eq!(letters(&fixture, "", false).await, []);
}

#[tokio::test]
async fn a_long_error_is_cut_at_a_character() {
    let fixture = Fixture::new().await;
    fixture.ping("a", 1).await;
    let long = pb::DeadLetter { error: format!("x{}", "é".repeat(1000)), ..letter(1) };
    let request = pb::CommitConsumerRequest { dead_letters: vec![long], ..commit("hook", 1) };
    fixture.engine.commit_consumer(TENANT, request).await.unwrap();
    let request = pb::ListDeadLettersRequest::default();
    let page = fixture.engine.list_dead_letters(TENANT, request).await.unwrap();
    assert_eq!(page.dead_letters[0].error.len(), 1023);
}

#[tokio::test]
async fn tenants_that_a_consumer_is_behind_with_come_in_the_order_of_their_waiting() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    for (tenant, count) in [("a", 3), ("b", 4), ("c", 5)] {
        let mut work = engine.work(tenant).await.unwrap();
        for _ in 0..count {
            emit(&mut work, pb::EventKind::PingReceived, "x", "");
        }
        engine.commit(work).await.unwrap();
    }
    let behind = async |limit| {
        let (tenants, events) = engine.store.behind("copy", limit).await.unwrap();
        let tenants: Vec<_> = tenants
            .into_iter()
            .map(|found| (found.tenant, found.done, found.last, found.purged))
            .collect();
        (tenants, events)
    };
    let row = |tenant: &str, done, last, purged| (tenant.to_owned(), done, last, purged);
    let both = vec![row("a", 0, 3, 0), row("b", 0, 4, 0)];
    assert_eq!(behind(2).await, (both, 12), "those that are left out count, too");
    engine.commit_consumer("a", commit("copy", 1)).await.unwrap();
    engine.commit_consumer("b", commit("copy", 4)).await.unwrap();
    engine.commit_consumer("b", commit("other", 2)).await.unwrap();
    let mut work = engine.work("c").await.unwrap();
    work.purge_events(i64::MAX, 2).await.unwrap();
    engine.commit(work).await.unwrap();
    let both = vec![row("c", 0, 5, 2), row("a", 1, 3, 0)];
    assert_eq!(behind(9).await, (both, 7));
    engine.commit_consumer("a", commit("copy", 3)).await.unwrap();
    engine.commit_consumer("c", commit("copy", 5)).await.unwrap();
    assert_eq!(behind(9).await, (Vec::new(), 0));
}
