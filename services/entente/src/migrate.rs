//! `entente migrate`: the schema of every service, up to date.

use entente_rpc::now;
use entente_store::{Database, Durability, Migrations, StoreError};

use crate::conditions::skew;
use crate::config::{Config, ServiceName, database_of};
use crate::output::print_line;

const ALL: [(ServiceName, &Migrations); 4] = [
    (ServiceName::Access, &entente_access::MIGRATIONS),
    (ServiceName::Resolver, &entente_resolver::MIGRATIONS),
    (ServiceName::Keystore, &entente_keystore::MIGRATIONS),
    (ServiceName::Connection, &entente_connection::MIGRATIONS),
];

/// Takes the steps that the database has not taken, and tells them; with `dry_run` it only tells.
///
/// # Errors
/// When the database cannot be opened, or a step fails; nothing of the service is changed then.
pub async fn run(config: &Config, dry_run: bool) -> Result<(), StoreError> {
    if !dry_run && config.database_url.is_none() {
        // SQLite does not make folders.
        let _ = std::fs::create_dir_all(&config.data_dir);
    }
    for (_, migrations) in ALL {
        apply(config, migrations, dry_run).await?;
    }
    Ok(())
}

/// The steps that the tables of the services of this process lack, each as a text.
///
/// # Errors
/// When the database cannot be asked.
pub async fn missing(config: &Config) -> Result<Vec<String>, StoreError> {
    let mut missing = Vec::new();
    for (service, migrations) in ALL {
        if config.runs(service) {
            let pending = Database::pending(&config.database(migrations.name), migrations).await?;
            let text = |(version, description)| {
                format!("{} step {version} ({description})", migrations.name)
            };
            missing.extend(pending.into_iter().map(text));
        }
    }
    Ok(missing)
}

/// The tables of a service.
pub struct Tables {
    /// The database that they are in.
    pub url: String,
    /// What makes them.
    pub migrations: &'static Migrations,
}

impl Tables {
    /// How they differ from those that this version makes, each difference as a text.
    ///
    /// # Errors
    /// When the database is not there, or cannot be asked.
    pub async fn drift(&self) -> Result<Vec<String>, StoreError> {
        Database::drift(&self.url, self.migrations).await
    }
}

/// The tables of the services of this process.
pub fn tables(config: &Config) -> Vec<Tables> {
    let here = ALL.into_iter().filter(|(service, _)| config.runs(*service));
    here.map(|(_, migrations)| Tables { url: config.database(migrations.name), migrations })
        .collect()
}

/// How the tables of all services differ from those that this version makes, each difference as a text.
///
/// # Errors
/// When a database is not there, or cannot be asked.
pub async fn drift(database_url: &str) -> Result<Vec<String>, StoreError> {
    let mut all = Vec::new();
    for (_, migrations) in ALL {
        let tables = Tables { url: database_of(database_url, migrations.name), migrations };
        let drift = tables.drift().await?.into_iter();
        all.extend(drift.map(|difference| format!("{}: {difference}", migrations.name)));
    }
    Ok(all)
}

/// By how many milliseconds the clock of a database is ahead of this process's; 0 where it has the same.
///
/// # Errors
/// When the database cannot be asked.
pub async fn clock_skew(database_url: &str) -> Result<i64, StoreError> {
    let asked = now();
    let clock = Database::clock(database_url).await?;
    Ok(clock.map_or(0, |clock| skew(asked, clock, now())))
}

/// Whether the database has no tables of the connection service yet.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_new(config: &Config) -> Result<bool, StoreError> {
    let migrations = &entente_connection::MIGRATIONS;
    let pending = Database::pending(&config.database(migrations.name), migrations).await?;
    Ok(pending.first().is_some_and(|(version, _)| *version == 1))
}

async fn apply(config: &Config, migrations: &Migrations, dry_run: bool) -> Result<(), StoreError> {
    let url = config.database(migrations.name);
    let pending = Database::pending(&url, migrations).await?;
    if !dry_run {
        Database::connect(&url, Durability::Full, migrations).await?.close().await;
    }
    let verb = if dry_run { "would take" } else { "took" };
    for (version, description) in &pending {
        print_line(&format!("{}: {verb} step {version}, {description}", migrations.name));
    }
    if pending.is_empty() {
        print_line(&format!("{}: up to date", migrations.name));
    }
    Ok(())
}
