//! The schema of a service, for either database.

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::StoreError;
use crate::connection::Connection;
use crate::tenants::SETTING;

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
    /// reason no statement gets a name, which the driver's own way would give it.
    async fn run_on_postgres(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let table = self.table();
        let mut transaction = connection.begin().await?;
        let prepare = format!(
            "SET LOCAL {SETTING} = '*';
             SELECT pg_advisory_xact_lock(hashtext('entente migrations'));
             CREATE TABLE IF NOT EXISTS {table} (
                 version BIGINT NOT NULL PRIMARY KEY,
                 description TEXT NOT NULL,
                 checksum BYTEA NOT NULL,
                 taken_at TIMESTAMPTZ NOT NULL DEFAULT now()
             )"
        );
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await?;
        let known = AssertSqlSafe(format!("SELECT version, checksum FROM {table}"));
        let taken: Vec<(i64, Vec<u8>)> =
            sqlx::query_as(known).persistent(false).fetch_all(&mut *transaction).await?;
        for step in self.postgres.iter() {
            match taken.iter().find(|(version, _)| *version == step.version) {
                Some((_, checksum)) if *checksum == *step.checksum => continue,
                Some(_) => return Err(MigrateError::VersionMismatch(step.version).into()),
                None => {}
            }
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

    /// The steps that have not been taken: version and description.
    pub(crate) async fn pending(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let (migrator, taken) = match connection {
            Connection::Sqlite(connection) => {
                let table = "_sqlx_migrations";
                connection.ensure_migrations_table(table).await?;
                let applied = connection.list_applied_migrations(table).await?;
                (&self.sqlite, applied.iter().map(|step| step.version).collect::<Vec<_>>())
            }
            Connection::Postgres { .. } => (&self.postgres, self.taken(connection).await?),
        };
        let mut steps = steps(migrator);
        steps.retain(|(version, _)| !taken.contains(version));
        Ok(steps)
    }

    async fn taken(&self, connection: &mut Connection) -> Result<Vec<i64>, StoreError> {
        let table = self.table();
        let exists: Vec<(bool,)> = connection
            .all("SELECT to_regclass($1) IS NOT NULL", crate::values![table.as_str()])
            .await?;
        if exists != [(true,)] {
            return Ok(Vec::new());
        }
        let taken: Vec<(i64,)> =
            connection.all(&format!("SELECT version FROM {table}"), Vec::new()).await?;
        Ok(taken.into_iter().map(|(version,)| version).collect())
    }

    /// All steps, as for a file that does not exist yet.
    pub(crate) fn all_for_sqlite(&self) -> Vec<(i64, String)> {
        steps(&self.sqlite)
    }

    fn table(&self) -> String {
        format!("migrations_{}", self.name)
    }
}

fn steps(migrator: &Migrator) -> Vec<(i64, String)> {
    migrator.iter().map(|step| (step.version, step.description.to_string())).collect()
}
