//! The schema of a service, for either database.

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::StoreError;
use crate::connection::Connection;
use crate::tenants::SETTING;

/// How a step differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was not taken.
    Missing,
    /// This program does not have it.
    Unknown,
    /// What was taken is not what this program has.
    Changed,
}

/// The steps to a service's schema.
pub struct Migrations {
    /// The service, which several that share a PostgreSQL database are told apart by.
    pub name: &'static str,
    /// For SQLite.
    pub sqlite: Migrator,
    /// For PostgreSQL.
    pub postgres: Migrator,
}

impl Migrations {
    /// Takes the steps that have not been taken. Processes that do it at the same time wait for each other. A schema
    /// that is newer than this program is left as it is: each step is such that the version before works with it.
    pub(crate) async fn run(&self, connection: &mut Connection) -> Result<(), StoreError> {
        match connection {
            Connection::Sqlite(connection) => {
                // On SQLite the driver does not see to it that one process at a time does it.
                let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
                self.sqlite.run(&mut *transaction).await?;
                Ok(transaction.commit().await?)
            }
            Connection::Postgres { connection, .. } => self.run_on_postgres(connection).await,
        }
    }

    /// All in one transaction, which has the lock: a proxy may give each transaction another session. For the same
    /// reason no statement gets a name, which the driver's own way would give it. Where there is nothing to do nothing is
    /// done: who may not change tables can work with them.
    async fn run_on_postgres(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let table = self.table();
        let mut transaction = connection.begin().await?;
        let lock = format!(
            "SET LOCAL {SETTING} = '*'; SELECT pg_advisory_xact_lock(hashtext('entente migrations'))"
        );
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(lock))).await?;
        let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(&table)
            .persistent(false)
            .fetch_one(&mut *transaction)
            .await?;
        if there && self.missing_on_postgres(&mut transaction).await?.is_empty() {
            return Ok(transaction.commit().await?);
        }
        let prepare = format!(
            "CREATE TABLE IF NOT EXISTS {table} (
                 version BIGINT NOT NULL PRIMARY KEY,
                 description TEXT NOT NULL,
                 checksum BYTEA NOT NULL,
                 taken_at TIMESTAMPTZ NOT NULL DEFAULT now()
             )"
        );
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await?;
        for step in self.missing_on_postgres(&mut transaction).await? {
            transaction.execute(sqlx::raw_sql(step.sql.clone())).await?;
            let note =
                format!("INSERT INTO {table} (version, description, checksum) VALUES ($1, $2, $3)");
            sqlx::query(AssertSqlSafe(note))
                .persistent(false)
                .bind(step.version)
                .bind(&*step.description)
                .bind(&*step.checksum)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The steps that have not been taken, where there is a table of them.
    async fn missing_on_postgres(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<&Migration>, StoreError> {
        let known = AssertSqlSafe(format!("SELECT version, checksum FROM {}", self.table()));
        let taken: Vec<(i64, Vec<u8>)> =
            sqlx::query_as(known).persistent(false).fetch_all(connection).await?;
        let mut missing = Vec::new();
        for step in self.postgres.iter() {
            match taken.iter().find(|(version, _)| *version == step.version) {
                Some((_, checksum)) if *checksum == *step.checksum => {}
                Some(_) => return Err(MigrateError::VersionMismatch(step.version).into()),
                None => missing.push(step),
            }
        }
        Ok(missing)
    }

    /// The steps that have not been taken: version and description.
    pub(crate) async fn pending(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let steps = self.compare(connection).await?.into_iter();
        let missing = |(step, version, description)| {
            (step == Step::Missing).then_some((version, description))
        };
        Ok(steps.filter_map(missing).collect())
    }

    /// Where the steps that were taken are not those of this program: version and description.
    pub(crate) async fn compare(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<(Step, i64, String)>, StoreError> {
        let taken = self.taken(connection).await?;
        let migrator = match connection {
            Connection::Sqlite(_) => &self.sqlite,
            Connection::Postgres { .. } => &self.postgres,
        };
        let mut found = Vec::new();
        for step in migrator.iter() {
            let how = match taken.iter().find(|(version, ..)| *version == step.version) {
                Some((_, _, checksum)) if *checksum == *step.checksum => continue,
                Some(_) => Step::Changed,
                None => Step::Missing,
            };
            found.push((how, step.version, step.description.to_string()));
        }
        for (version, description, _) in taken {
            if !migrator.version_exists(version) {
                found.push((Step::Unknown, version, description));
            }
        }
        Ok(found)
    }

    /// The steps that were taken: version, description and checksum.
    async fn taken(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<(i64, String, Vec<u8>)>, StoreError> {
        let (table, there) = match connection {
            Connection::Sqlite(_) => (
                "_sqlx_migrations".to_owned(),
                "SELECT COUNT(*) > 0 FROM sqlite_master WHERE name = $1",
            ),
            Connection::Postgres { .. } => (self.table(), "SELECT to_regclass($1) IS NOT NULL"),
        };
        let there: Vec<(bool,)> = connection.all(there, crate::values![table.as_str()]).await?;
        if there != [(true,)] {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT version, description, checksum FROM {table} ORDER BY version");
        connection.all(&sql, Vec::new()).await
    }

    /// All steps, as for a file that does not exist yet.
    pub(crate) fn all_for_sqlite(&self) -> Vec<(i64, String)> {
        self.sqlite.iter().map(|step| (step.version, step.description.to_string())).collect()
    }

    fn table(&self) -> String {
        format!("migrations_{}", self.name)
    }
}
