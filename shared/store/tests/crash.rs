//! A process that is killed while works share commits: what it acknowledged is there afterwards, and nothing is by half.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use entente_store::testing::Place;
use entente_store::{Database, Durability, Migrations, Tenants, values};

static MIGRATIONS: Migrations = Migrations {
    name: "notes",
    sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    postgres: sqlx::migrate!("tests/migrations/postgres"),
};
const URL: &str = "STORE_TEST_URL";
const WORKERS: i64 = 16;

/// In the process that is to be killed: each work writes two notes, which belong together, and says so when they are
/// committed. Alone, it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_until_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let database = Database::connect(&url, Durability::Full, &MIGRATIONS).await.unwrap();
    let sql = "SELECT COALESCE(MAX(id), 0) FROM notes";
    let begin: Vec<(i64,)> =
        database.read(Tenants::All).await.unwrap().all(sql, vec![]).await.unwrap();
    let begin = begin[0].0 / 100 + 1;
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let database = database.clone();
            tokio::spawn(async move {
                for round in 0.. {
                    let id = (begin + round * WORKERS + worker) * 100;
                    let mut work = database.write("tenant").await.unwrap();
                    for id in [id, id + 1] {
                        let values = values![id, "note"];
                        work.write("INSERT INTO notes (id, text) VALUES ($1, $2)", values);
                        let _: Vec<(i64,)> =
                            work.fetch("SELECT COUNT(*) FROM notes", vec![]).await.unwrap();
                    }
                    work.commit::<()>().await.unwrap();
                    let mut output = std::io::stdout().lock();
                    writeln!(output, "\nacknowledged {id}").unwrap();
                    output.flush().unwrap();
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_on_sqlite_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    crash(&Place::sqlite(folder.path())).await;
}

#[tokio::test]
async fn a_crash_on_postgresql_loses_nothing_that_was_acknowledged() {
    let Some(place) = Place::postgres(std::env::var("ENTENTE_TEST_POSTGRES").ok()).await.unwrap()
    else {
        return;
    };
    crash(&place).await;
}

async fn crash(place: &Place) {
    let url = place.url();
    let mut acknowledged = BTreeSet::new();
    for until in [1, 40, 150] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["works_until_killed", "--exact", "--nocapture"])
            .env(URL, &url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            let Some(id) = line.strip_prefix("acknowledged ") else { continue };
            acknowledged.insert(id.parse::<i64>().unwrap());
            seen += 1;
            // What it says until it is dead counts too.
            if seen == until {
                child.kill().unwrap();
            }
        }
        assert!(seen >= until, "it ended by itself after {seen}");
        child.wait().unwrap();
        let database = Database::connect(&url, Durability::Full, &MIGRATIONS).await.unwrap();
        let mut reader = database.read(Tenants::All).await.unwrap();
        let stored: Vec<(i64,)> = reader.all("SELECT id FROM notes", vec![]).await.unwrap();
        drop(reader);
        database.close().await;
        let stored: BTreeSet<_> = stored.into_iter().map(|(id,)| id).collect();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let halves =
            stored.iter().filter(|id| !stored.contains(&(*id / 100 * 100 + (1 - *id % 100))));
        assert_eq!(halves.count(), 0, "a work is there by half");
    }
}
