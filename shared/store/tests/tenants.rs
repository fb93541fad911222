//! A query that forgets its tenant, on PostgreSQL: by itself and behind a proxy that gives each transaction another
//! session.
#![allow(clippy::unwrap_used, missing_docs)]

use entente_store::testing::Place;
use entente_store::{Database, Durability, Migrations, StoreError, Tenants, values};

static MIGRATIONS: Migrations = Migrations {
    name: "notes",
    sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    postgres: sqlx::migrate!("tests/migrations/postgres"),
};

const OWNED: &str = "SELECT tenant, id FROM owned ORDER BY tenant, id";
const PUT: &str = "INSERT INTO owned (tenant, id) VALUES ($1, $2)";

async fn databases() -> Vec<Database> {
    let new = || Place::postgres(std::env::var("ENTENTE_TEST_POSTGRES").ok());
    let (Some(direct), Some(behind)) = (new().await.unwrap(), new().await.unwrap()) else {
        return Vec::new();
    };
    let mut urls = vec![direct.url()];
    if let Ok(proxy) = std::env::var("ENTENTE_TEST_PGBOUNCER") {
        let url = behind.url();
        urls.push(format!("{proxy}/{}?pgbouncer=true", url.rsplit_once('/').unwrap().1));
    }
    let mut databases = Vec::new();
    for url in urls {
        databases.push(Database::connect(&url, Durability::Full, &MIGRATIONS).await.unwrap());
    }
    databases
}

async fn put(database: &Database, tenant: &str, id: i64) -> Result<(), StoreError> {
    let mut work = database.write(tenant).await?;
    work.write(PUT, values![tenant, id]);
    work.commit::<()>().await.map(drop)
}

async fn seen(database: &Database, tenants: Tenants<'_>) -> Vec<(String, i64)> {
    database.read(tenants).await.unwrap().all(OWNED, values![]).await.unwrap()
}

fn rows(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|(tenant, id)| ((*tenant).to_owned(), *id)).collect()
}

#[tokio::test]
async fn a_read_that_forgets_its_tenant_finds_only_that_ones_rows() {
    for database in databases().await {
        put(&database, "acme", 1).await.unwrap();
        put(&database, "o'hara", 2).await.unwrap();
        for _ in 0..2 {
            assert_eq!(seen(&database, "acme".into()).await, rows(&[("acme", 1)]));
            assert_eq!(seen(&database, "o'hara".into()).await, rows(&[("o'hara", 2)]));
            assert_eq!(seen(&database, Tenants::One("*")).await, rows(&[]));
            assert_eq!(seen(&database, Tenants::One("nobody")).await, rows(&[]));
            let all = rows(&[("acme", 1), ("o'hara", 2)]);
            assert_eq!(seen(&database, Tenants::All).await, all);
        }
    }
}

#[tokio::test]
async fn a_write_to_anothers_rows_changes_none_and_one_into_them_fails() {
    for database in databases().await {
        put(&database, "acme", 1).await.unwrap();
        let mut work = database.write("other").await.unwrap();
        assert_eq!(work.execute("UPDATE owned SET id = 7", values![]).await.unwrap(), 0);
        assert_eq!(work.execute("DELETE FROM owned", values![]).await.unwrap(), 0);
        work.write(PUT, values!["acme", 2_i64]);
        assert!(work.commit::<()>().await.is_err());
        assert_eq!(seen(&database, Tenants::All).await, rows(&[("acme", 1)]));
        let mut work = database.write_in("other", Tenants::All).await.unwrap();
        assert_eq!(work.execute("UPDATE owned SET id = 7", values![]).await.unwrap(), 1);
        work.commit::<()>().await.unwrap();
        assert_eq!(seen(&database, "acme".into()).await, rows(&[("acme", 7)]));
    }
}

/// Works of different tenants share a transaction when their scopes fall together.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_work_of_a_shared_transaction_sees_its_own_tenants_rows() {
    for database in databases().await {
        let works = (0..200_i64).map(|id| {
            let database = database.clone();
            tokio::spawn(async move {
                let tenant = format!("tenant {}", id % 7);
                let mut work = database.write_in("one scope", Tenants::One(&tenant)).await?;
                work.write(PUT, values![&tenant, id]);
                let seen: Vec<(String, i64)> = work.fetch(OWNED, values![]).await?;
                assert!(seen.iter().all(|(owner, _)| *owner == tenant), "{tenant}: {seen:?}");
                assert!(seen.contains(&(tenant.clone(), id)));
                // Some are taken back: with the savepoint goes the setting.
                if id % 5 == 0 { Ok(Vec::new()) } else { work.commit::<()>().await }
            })
        });
        for work in works.collect::<Vec<_>>() {
            work.await.unwrap().unwrap();
        }
        assert_eq!(seen(&database, Tenants::All).await.len(), 160);
    }
}
