//! The schema of a service, for either database.

use sqlx::Connection as _;
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};

use crate::StoreError;
use crate::connection::Connection;

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
            Connection::Sqlite(connection) => Ok(self.sqlite.run(connection).await?),
            Connection::Postgres { connection, .. } => {
                // The lock is the transaction's: a proxy may give each transaction another session.
                let mut transaction = connection.begin().await?;
                sqlx::query("SELECT pg_advisory_xact_lock(hashtext('entente migrations'))")
                    .persistent(false)
                    .execute(&mut *transaction)
                    .await?;
                self.tracked().run(&mut *transaction).await?;
                Ok(transaction.commit().await?)
            }
        }
    }

    /// The steps that have not been taken: version and description.
    pub(crate) async fn pending(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let tracked = self.tracked();
        let (table, migrator) = match connection {
            Connection::Sqlite(_) => ("_sqlx_migrations", &self.sqlite),
            Connection::Postgres { .. } => (&*tracked.table_name, &tracked),
        };
        let applied = match connection {
            Connection::Sqlite(connection) => connection.list_applied_migrations(table).await,
            Connection::Postgres { connection, .. } => {
                connection.list_applied_migrations(table).await
            }
        };
        let applied = match applied {
            Ok(applied) => applied,
            // The table is made with the first step.
            Err(MigrateError::Execute(sqlx::Error::Database(_))) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut steps = steps(migrator);
        steps.retain(|(version, _)| applied.iter().all(|step| step.version != *version));
        Ok(steps)
    }

    /// All steps, as for a file that does not exist yet.
    pub(crate) fn all_for_sqlite(&self) -> Vec<(i64, String)> {
        steps(&self.sqlite)
    }

    /// Those for PostgreSQL, with a table of their own for what was done.
    fn tracked(&self) -> Migrator {
        let mut migrator = Migrator::with_migrations(self.postgres.iter().cloned().collect());
        migrator.dangerous_set_table_name(format!("_migrations_{}", self.name));
        migrator.set_ignore_missing(true).set_locking(false);
        migrator
    }
}

fn steps(migrator: &Migrator) -> Vec<(i64, String)> {
    migrator.iter().map(|step| (step.version, step.description.to_string())).collect()
}
