//! Works that share a commit, on each database.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use entente_store::testing::Place;
use entente_store::{Database, Durability, Migrations, StoreError, Tenants, Transaction, values};

static MIGRATIONS: Migrations = Migrations {
    name: "notes",
    sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    postgres: sqlx::migrate!("tests/migrations/postgres"),
};

/// Makes two tests of each function.
macro_rules! on_each_database {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    let folder = tempfile::tempdir().unwrap();
                    super::$test(&Place::sqlite(folder.path())).await;
                }
            )+
        }
        mod postgres {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    let Some(place) = Place::postgres(std::env::var("ENTENTE_TEST_POSTGRES").ok()).await.unwrap() else { return };
                    super::$test(&place).await;
                }
            )+
        }
    };
}

on_each_database!(
    works_commit_together_and_each_sees_those_before,
    nothing_is_stored_and_nobody_is_told_before_the_commit,
    a_work_that_fails_leaves_its_neighbours_alone,
    a_dropped_work_is_taken_back_and_the_others_are_committed,
    a_work_that_never_comes_holds_up_no_commit,
    a_lone_dropped_work_is_taken_back,
    the_last_writes_give_their_rows,
    works_under_pressure_lose_nothing_that_was_acknowledged,
);

async fn open(place: &Place) -> Database {
    Database::connect(&place.url(), Durability::Full, &MIGRATIONS).await.unwrap()
}

fn put(work: &mut Transaction, id: i64) {
    work.write("INSERT INTO notes (id, text) VALUES ($1, $2)", values![id, "note"]);
}

/// What another process would find.
async fn stored(database: &Database) -> Vec<i64> {
    let mut reader = database.read(Tenants::All).await.unwrap();
    let rows: Vec<(i64,)> = reader.all("SELECT id FROM notes ORDER BY id", vec![]).await.unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

async fn seen(work: &mut Transaction) -> Vec<i64> {
    let rows: Vec<(i64,)> = work.fetch("SELECT id FROM notes ORDER BY id", vec![]).await.unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

/// A task that puts a note, with the writer held by the caller for now.
fn task(database: &Database, id: i64) -> tokio::task::JoinHandle<Result<(), StoreError>> {
    let database = database.clone();
    tokio::spawn(async move {
        let mut work = database.write("tenant").await?;
        put(&mut work, id);
        work.commit::<()>().await.map(drop)
    })
}

async fn turn() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

async fn works_commit_together_and_each_sees_those_before(place: &Place) {
    let database = open(place).await;
    let mut first = database.write("tenant").await.unwrap();
    put(&mut first, 1);
    let (second, third) = (task(&database, 2), task(&database, 3));
    turn().await;
    let mut commit = pin!(first.commit::<()>());
    commit.as_mut().await.unwrap();
    second.await.unwrap().unwrap();
    third.await.unwrap().unwrap();
    assert_eq!(stored(&database).await, [1, 2, 3]);
}

async fn nothing_is_stored_and_nobody_is_told_before_the_commit(place: &Place) {
    let database = open(place).await;
    let mut first = database.write("tenant").await.unwrap();
    put(&mut first, 1);
    let mut second = Box::pin(database.write("tenant"));
    assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut first = Box::pin(first.commit::<()>());
    let mut second = tokio::select! {
        _ = &mut first => panic!("told before the commit"),
        second = &mut second => second.unwrap(),
    };
    assert_eq!(seen(&mut second).await, [1], "a work sees what was written before it");
    assert_eq!(stored(&database).await, [0; 0]);
    let told = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(told, Poll::Pending));
    put(&mut second, 2);
    second.commit::<()>().await.unwrap();
    first.await.unwrap();
    assert_eq!(stored(&database).await, [1, 2]);
}

async fn a_work_that_fails_leaves_its_neighbours_alone(place: &Place) {
    let database = open(place).await;
    for round in 0..20 {
        let base = round * 10;
        let mut first = database.write("tenant").await.unwrap();
        put(&mut first, base + 1);
        // The third puts a note that is there, the fifth too, as the last of all.
        let tasks: Vec<_> = [2, 1, 4, 1].map(|id| task(&database, base + id)).into_iter().collect();
        turn().await;
        first.commit::<()>().await.unwrap();
        let mut done = BTreeSet::new();
        for (at, task) in tasks.into_iter().enumerate() {
            match task.await.unwrap() {
                Ok(()) => drop(done.insert(at)),
                Err(error) => assert!(matches!(error, StoreError::Duplicate(_)), "{error:?}"),
            }
        }
        assert_eq!(done, BTreeSet::from([0, 2]));
        assert_eq!(stored(&database).await.len(), 3 * (round as usize + 1));
    }
}

async fn a_dropped_work_is_taken_back_and_the_others_are_committed(place: &Place) {
    let database = open(place).await;
    let mut first = database.write("tenant").await.unwrap();
    put(&mut first, 1);
    let mut second = Box::pin(database.write("tenant"));
    assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let first = tokio::spawn(first.commit::<()>());
    let mut second = second.await.unwrap();
    put(&mut second, 2);
    assert_eq!(seen(&mut second).await, [1, 2]);
    // Nobody else comes: the first must not wait forever.
    drop(second);
    tokio::time::timeout(Duration::from_secs(5), first).await.unwrap().unwrap().unwrap();
    assert_eq!(stored(&database).await, [1]);
}

async fn a_work_that_never_comes_holds_up_no_commit(place: &Place) {
    let database = open(place).await;
    for id in 1..20 {
        let mut first = database.write("tenant").await.unwrap();
        put(&mut first, id);
        let mut second = Box::pin(database.write("tenant"));
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let first = tokio::spawn(first.commit::<()>());
        if id % 2 == 0 {
            turn().await;
            // It has the writer already, and did nothing with it.
        } else {
            tokio::task::yield_now().await;
        }
        drop(second);
        tokio::time::timeout(Duration::from_secs(5), first).await.unwrap().unwrap().unwrap();
    }
    assert_eq!(stored(&database).await.len(), 19);
}

async fn a_lone_dropped_work_is_taken_back(place: &Place) {
    let database = open(place).await;
    let mut work = database.write("tenant").await.unwrap();
    put(&mut work, 1);
    assert_eq!(seen(&mut work).await, [1]);
    drop(work);
    let mut work = database.write("tenant").await.unwrap();
    assert_eq!(seen(&mut work).await, [0; 0]);
    put(&mut work, 2);
    work.commit::<()>().await.unwrap();
    assert_eq!(stored(&database).await, [2]);
}

async fn the_last_writes_give_their_rows(place: &Place) {
    let database = open(place).await;
    let mut work = database.write("tenant").await.unwrap();
    put(&mut work, 7);
    work.write("SELECT id, text FROM notes WHERE id = $1", values![7_i64]);
    let rows: Vec<(i64, String)> = work.commit().await.unwrap();
    assert_eq!(rows, [(7, "note".to_owned())]);
}

/// Dropped at any moment, by hundreds at a time: what was acknowledged is stored, and the database goes on.
async fn works_under_pressure_lose_nothing_that_was_acknowledged(place: &Place) {
    let database = open(place).await;
    let mut tasks = Vec::new();
    for id in 0..600_i64 {
        let database = database.clone();
        tasks.push(tokio::spawn(async move {
            let work = async {
                let mut work = database.write("tenant").await?;
                let before = seen(&mut work).await.len();
                put(&mut work, id);
                assert_eq!(seen(&mut work).await.len(), before + 1);
                if id % 5 == 0 {
                    put(&mut work, id);
                }
                work.commit::<()>().await
            };
            let patience = Duration::from_millis((id as u64 * 7) % 400 + 1);
            match tokio::time::timeout(patience, work).await {
                Ok(Ok(_)) => Some(id),
                Ok(Err(StoreError::Duplicate(_) | StoreError::NotCommitted)) | Err(_) => None,
                Ok(Err(error)) => panic!("{error:?}"),
            }
        }));
    }
    let mut acknowledged = BTreeSet::new();
    for task in tasks {
        acknowledged.extend(task.await.unwrap());
    }
    let mut work = database.write("tenant").await.unwrap();
    put(&mut work, 1000);
    work.commit::<()>().await.unwrap();
    database.close().await;
    let database = open(place).await;
    let stored: BTreeSet<_> = stored(&database).await.into_iter().collect();
    assert!(acknowledged.is_subset(&stored) && stored.contains(&1000));
    assert!(stored.iter().all(|id| id % 5 != 0 || *id == 1000), "what failed is taken back");
    assert!(!acknowledged.is_empty());
}
