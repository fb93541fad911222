//! The log is changed behind the service's back, on both databases.

use entente_rpc::ErrorReason;
use entente_store::testing::Place;
use pb::LogFault;

use super::*;

/// How many events a test's log has: works of one, of several, and of more than one statement writes.
const WORKS: [usize; 4] = [1, 3, 19, 1];
const EVENTS: i64 = 24;

struct Log {
    fixture: Fixture,
    place: Place,
    _directory: TempDir,
}

impl Log {
    /// One on each database that there is.
    async fn on_each() -> Vec<Self> {
        let mut logs = Vec::new();
        for on_postgres in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let server = std::env::var("ENTENTE_TEST_POSTGRES").ok();
            let place = match on_postgres {
                true => Place::postgres(server).await.unwrap(),
                false => Some(Place::sqlite(directory.path())),
            };
            let Some(place) = place else { continue };
            let url = place.url();
            let fixture = Fixture::with(|config| config.database_url = url).await;
            let log = Self { fixture, place, _directory: directory };
            for (work, count) in WORKS.into_iter().enumerate() {
                log.fixture.ping(&format!("c{work}"), count).await;
            }
            logs.push(log);
        }
        logs
    }

    /// Carries out statements as somebody would who has the database.
    async fn run(&self, sql: &str) {
        let empty = match self.place {
            Place::Sqlite(_) => "x''",
            Place::Postgres(_) => "''::bytea",
        };
        let show = match self.place {
            Place::Sqlite(_) => "",
            Place::Postgres(_) => "SET entente.tenant = '*';",
        };
        let sql = format!("{show}{}", sql.replace("{empty}", empty));
        self.place.session(false).await.unwrap().run(&sql).await.unwrap();
    }

    async fn ask(&self, request: pb::VerifyLogRequest) -> Result<pb::VerifyLogResponse, Failure> {
        self.fixture.engine.verify_log(TENANT, request).await
    }

    /// Checks it page by page.
    async fn check(&self, expected_head: Option<&pb::LogHead>) -> pb::VerifyLogResponse {
        let expected_head = expected_head.cloned();
        let mut request =
            pb::VerifyLogRequest { page_size: 5, expected_head, ..Default::default() };
        loop {
            let answer = self.ask(request.clone()).await.unwrap();
            if answer.next_page_token.is_empty() {
                let whole =
                    pb::VerifyLogRequest { page_size: 0, page_token: String::new(), ..request };
                assert_eq!(self.ask(whole).await.unwrap(), answer, "in one page");
                return answer;
            }
            request.page_token = answer.next_page_token;
        }
    }

    /// Checks that all fits, and gives the head.
    async fn fits(&self, expected: Option<&pb::LogHead>) -> pb::LogHead {
        let answer = self.check(expected).await;
        assert_eq!((answer.fault(), answer.fault_sequence), (LogFault::Unspecified, 0));
        assert_eq!(answer.verified, answer.head);
        answer.head.unwrap()
    }
}

fn misfit(answer: &pb::VerifyLogResponse) -> (LogFault, i64) {
    (answer.fault(), answer.fault_sequence)
}

#[tokio::test]
async fn what_was_not_touched_fits() {
    for log in Log::on_each().await {
        let head = log.fits(None).await;
        assert_eq!((head.sequence, head.hash.len()), (EVENTS, 32));
        log.fixture.ping("more", 2).await;
        let now = log.fits(Some(&head)).await;
        assert_eq!(now.sequence, EVENTS + 2);
        let later = pb::VerifyLogRequest { after: EVENTS, ..Default::default() };
        assert_eq!(log.ask(later).await.unwrap().verified, Some(now));
        let nobody = pb::VerifyLogRequest::default();
        let answer = log.fixture.engine.verify_log("nobody", nobody).await.unwrap();
        assert_eq!(misfit(&answer), (LogFault::Unspecified, 0));
    }
}

#[tokio::test]
async fn what_was_changed_is_found_where_it_begins() {
    use LogFault::{Changed, Inserted, Missing, Unlinked};
    let cases = [
        ("UPDATE events SET connection_id = 'x' WHERE sequence = 7", Changed, 7),
        ("UPDATE events SET invitation_id = 'x' WHERE sequence = 7", Changed, 7),
        ("UPDATE events SET time = time + 1 WHERE sequence = 1", Changed, 1),
        ("UPDATE events SET kind = kind + 1 WHERE sequence = 24", Changed, 24),
        (
            "UPDATE events SET record = (SELECT record FROM events AS e WHERE e.sequence = 24) WHERE sequence = 9",
            Changed,
            9,
        ),
        (
            "UPDATE events SET hash = (SELECT hash FROM events AS e WHERE e.sequence = 8) WHERE sequence = 9",
            Changed,
            9,
        ),
        ("UPDATE events SET hash = NULL WHERE sequence = 9", Unlinked, 9),
        ("DELETE FROM events WHERE sequence = 1", Missing, 1),
        ("DELETE FROM events WHERE sequence = 7", Missing, 7),
        ("DELETE FROM events WHERE sequence = 24", Missing, 24),
        ("DELETE FROM events", Missing, 1),
        (
            "UPDATE events SET sequence = 1000 WHERE sequence = 6; UPDATE events SET sequence = 6 WHERE sequence = 5; \
             UPDATE events SET sequence = 5 WHERE sequence = 1000",
            Changed,
            5,
        ),
        (
            "DELETE FROM events WHERE sequence = 7; UPDATE events SET sequence = sequence + 1000 WHERE sequence > 7; \
             UPDATE events SET sequence = sequence - 1001 WHERE sequence > 1000; \
             UPDATE logs SET last_sequence = last_sequence - 1",
            Changed,
            7,
        ),
        (
            "INSERT INTO events (tenant, sequence, kind, connection_id, invitation_id, time, record, hash) \
             SELECT tenant, 25, kind, connection_id, invitation_id, time, record, hash FROM events WHERE sequence = 24",
            Inserted,
            25,
        ),
        ("UPDATE logs SET hash = prior_hash", Changed, 24),
        ("UPDATE logs SET last_sequence = 23", Inserted, 24),
        ("UPDATE logs SET purged_sequence = 2", Inserted, 1),
    ];
    for log in Log::on_each().await {
        let head = log.fits(None).await;
        log.run("CREATE TABLE events_then AS SELECT * FROM events; CREATE TABLE logs_then AS SELECT * FROM logs")
            .await;
        for (sql, fault, sequence) in cases {
            log.run(sql).await;
            assert_eq!(misfit(&log.check(None).await), (fault, sequence), "{sql}");
            log.run(
                "DELETE FROM events; INSERT INTO events SELECT * FROM events_then; \
                 DELETE FROM logs; INSERT INTO logs SELECT * FROM logs_then",
            )
            .await;
        }
        assert_eq!(log.fits(None).await, head);
    }
}

#[tokio::test]
async fn who_noted_a_head_sees_that_the_log_was_written_anew() {
    for log in Log::on_each().await {
        let noted = log.fits(None).await;
        log.run(
            "DELETE FROM events WHERE sequence > 20; \
             UPDATE logs SET last_sequence = 20, hash = (SELECT hash FROM events WHERE sequence = 20)",
        )
        .await;
        assert_eq!(log.fits(None).await.sequence, 20, "nothing else shows it");
        assert_eq!(misfit(&log.check(Some(&noted)).await), (LogFault::Missing, 21));
        log.fixture.ping("other", 6).await;
        log.fits(None).await;
        assert_eq!(misfit(&log.check(Some(&noted)).await), (LogFault::NotExpected, 24));
        let wrong = |head: pb::LogHead| pb::VerifyLogRequest {
            expected_head: Some(head),
            ..Default::default()
        };
        let short = pb::LogHead { sequence: 1, hash: vec![1].into() };
        for head in [short, pb::LogHead { sequence: 0, ..noted.clone() }] {
            let refused = log.ask(wrong(head)).await.unwrap_err();
            assert_eq!(refused.reason, ErrorReason::InvalidField, "{refused}");
        }
    }
}

#[tokio::test]
async fn what_is_no_longer_kept_is_the_anchor_of_what_follows() {
    for log in Log::on_each().await {
        let at = |after| pb::VerifyLogRequest { after, page_size: 1, ..Default::default() };
        let ninth = log.ask(at(8)).await.unwrap().verified.unwrap();
        let tenth = log.ask(at(9)).await.unwrap().verified.unwrap();
        log.fixture.purge(10).await;
        let head = log.fits(None).await;
        assert_eq!((head.sequence, log.check(None).await.purged), (EVENTS, 10));
        log.fits(Some(&tenth)).await;
        let other = pb::LogHead { hash: vec![7; 32].into(), ..tenth };
        assert_eq!(misfit(&log.check(Some(&other)).await), (LogFault::NotExpected, 10));
        let request = pb::VerifyLogRequest { expected_head: Some(ninth), ..Default::default() };
        let refused = log.ask(request).await.unwrap_err();
        assert_eq!(refused.reason, ErrorReason::EventsExpired, "{refused}");
        for (after, reason) in [(3, ErrorReason::EventsExpired), (99, ErrorReason::CursorInFuture)]
        {
            assert_eq!(log.ask(at(after)).await.unwrap_err().reason, reason);
        }
        log.run("UPDATE events SET time = 0 WHERE sequence = 11").await;
        assert_eq!(misfit(&log.check(None).await), (LogFault::Changed, 11));
        log.fixture.purge(14).await;
        log.fixture.ping("new", 1).await;
        assert_eq!(log.fits(None).await.sequence, EVENTS + 1);
    }
}

#[tokio::test]
async fn the_chain_begins_where_there_were_no_hashes() {
    for log in Log::on_each().await {
        // As the migration leaves a log.
        log.run("UPDATE events SET hash = NULL; UPDATE logs SET hash = {empty}, linked_after = last_sequence")
            .await;
        let answer = log.check(None).await;
        assert_eq!(misfit(&answer), (LogFault::Unspecified, 0));
        assert_eq!((answer.linked_after, answer.verified.unwrap().sequence), (EVENTS, EVENTS));
        log.fixture.ping("linked", 3).await;
        assert_eq!(log.fits(None).await.sequence, EVENTS + 3);
        let before = pb::VerifyLogRequest { after: 3, ..Default::default() };
        assert_eq!(log.ask(before).await.unwrap_err().reason, ErrorReason::InvalidField);
        log.fixture.purge(10).await;
        assert_eq!(log.fits(None).await.sequence, EVENTS + 3);
        // One that a process without hashes wrote.
        log.run("UPDATE events SET hash = NULL WHERE sequence = 26").await;
        assert_eq!(misfit(&log.check(None).await), (LogFault::Unlinked, 26));
    }
}
