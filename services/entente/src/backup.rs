//! `entente backup` and `entente restore`.
//!
//! A backup is a directory. Of SQLite it has a copy of each database, of PostgreSQL what pg_dump wrote, and with
//! `--with-keys` the files that open them. It is taken while the services run. Records are copied before the keystore,
//! so that every key that a copied record names is copied too.

mod postgres;

use std::fs::{DirBuilder, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use entente_store::StoreError;

use crate::config::{Config, MasterKey};
use crate::output::print_line;
use crate::serve::API_KEY_FILE;

/// The databases on SQLite, in the order they are copied.
const DATABASES: [&str; 4] = ["connection", "access", "resolver", "keystore"];
/// What pg_dump wrote.
const DUMP: &str = "entente.dump";
/// The master key's copy.
const MASTER_KEY_FILE: &str = "master.key";

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or directory could not be read or written.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A place that must be empty is not.
    #[error("{} is there already; {remedy}", path.display())]
    Occupied {
        /// What is there.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
    /// Something that must be there is not.
    #[error("there is no {}; {remedy}", path.display())]
    Missing {
        /// What is not there.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
    /// A database.
    #[error("the database of the {name} service")]
    Database {
        /// Whose.
        name: &'static str,
        /// Why.
        source: StoreError,
    },
    /// The PostgreSQL database has tables of ours.
    #[error("the database has tables of Entente already; restore into an empty one")]
    NotEmpty,
    /// The URL of the PostgreSQL database.
    #[error("--database-url is no URL: {0}")]
    Url(String),
    /// A program of PostgreSQL's could not be started.
    #[error(
        "{program} cannot be started; install PostgreSQL's client programs, of the server's version or a newer one"
    )]
    NoProgram {
        /// Which.
        program: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A program of PostgreSQL's failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        said: String,
    },
}

type Done = Result<(), BackupError>;

/// Writes a backup into a new directory.
///
/// # Errors
/// When the directory exists, or something cannot be read or written; what was written until then stays.
pub async fn back_up(config: &Config, to: &Path, with_keys: bool) -> Done {
    DirBuilder::new().mode(0o700).create(to).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => {
            BackupError::Occupied { path: to.to_owned(), remedy: "name a directory that is not" }
        }
        _ => BackupError::File { path: to.to_owned(), source },
    })?;
    match postgres_url(config) {
        Some(url) => {
            let file = to.join(DUMP);
            postgres::dump(url, &file).await?;
            tell("backed up", "PostgreSQL", &file)?;
        }
        None => {
            for name in DATABASES {
                let (from, to) = (sqlite_file(config, name), to.join(format!("{name}.db")));
                present(&from, "is --data-dir or --database-url another one?")?;
                let copied = entente_store::copy_sqlite(&from, &to).await;
                copied.map_err(|source| BackupError::Database { name, source })?;
                own(&to)?;
                tell("backed up", name, &to)?;
            }
        }
    }
    for (name, from) in key_files(config) {
        if with_keys {
            if from.exists() {
                copy(&from, &to.join(name))?;
                print_line(&format!("backed up {name}: whoever reads this backup has the keys"));
            }
        } else if name == MASTER_KEY_FILE {
            print_line(&format!(
                "left out {}: keep a copy of it elsewhere, nothing opens the keystore without it",
                from.display()
            ));
        }
    }
    Ok(())
}

/// Restores a backup into a data directory or a database that has nothing yet. No service may run on it meanwhile.
///
/// # Errors
/// When there is something already, the backup is not whole, or something cannot be read or written.
pub async fn restore(config: &Config, from: &Path) -> Done {
    let remedy = "is that a backup of this kind of database?";
    match postgres_url(config) {
        Some(url) => {
            let file = from.join(DUMP);
            present(&file, remedy)?;
            let source = |source| BackupError::Database { name: "connection", source };
            if !crate::migrate::is_new(config).await.map_err(source)? {
                return Err(BackupError::NotEmpty);
            }
            postgres::restore(url, &file).await?;
            tell("restored", "PostgreSQL", &file)?;
        }
        None => restore_sqlite(config, from, remedy).await?,
    }
    for (name, to) in key_files(config) {
        let file = from.join(name);
        if file.exists() {
            vacant(&to)?;
            copy(&file, &to)?;
            print_line(&format!("restored {}", to.display()));
        } else if name == MASTER_KEY_FILE && !to.exists() {
            print_line(&format!("put the master key to {} before the start", to.display()));
        }
    }
    let failed = |name| move |source| BackupError::Database { name, source };
    let logs = entente_connection::begin_new_epoch(&config.database("connection")).await;
    let logs = logs.map_err(failed("connection"))?;
    print_line(&format!("{logs} event logs go on after a gap that readers are told of"));
    let audit = entente_access::begin_new_epoch(&config.database("access")).await;
    audit.map_err(failed("access"))?;
    print_line("the audit goes on after such a gap");
    Ok(())
}

async fn restore_sqlite(config: &Config, from: &Path, remedy: &'static str) -> Done {
    let files =
        DATABASES.map(|name| (name, from.join(format!("{name}.db")), sqlite_file(config, name)));
    for (name, from, to) in &files {
        present(from, remedy)?;
        vacant(to)?;
        let checked = entente_store::check_sqlite(from).await;
        checked.map_err(|source| BackupError::Database { name, source })?;
    }
    for (name, from, to) in &files {
        copy(from, to)?;
        tell("restored", name, to)?;
    }
    Ok(())
}

fn postgres_url(config: &Config) -> Option<&str> {
    config.database_url.as_deref().filter(|url| !url.starts_with("sqlite:"))
}

fn sqlite_file(config: &Config, name: &str) -> PathBuf {
    let url = config.database(name);
    PathBuf::from(url.strip_prefix("sqlite:").unwrap_or(&url))
}

/// The files that open what is in a backup: their names there, and where they are.
fn key_files(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let generated = || config.data_dir.join(MASTER_KEY_FILE);
    let master_key = match &config.master_key {
        MasterKey::File(path) => Some(path.clone().unwrap_or_else(generated)),
        MasterKey::Passphrase(_) => None,
    };
    let master_key = master_key.map(|path| (MASTER_KEY_FILE, path));
    master_key.into_iter().chain([(API_KEY_FILE, config.data_dir.join(API_KEY_FILE))]).collect()
}

fn present(path: &Path, remedy: &'static str) -> Done {
    if path.exists() {
        return Ok(());
    }
    Err(BackupError::Missing { path: path.to_owned(), remedy })
}

fn vacant(path: &Path) -> Done {
    if !path.exists() {
        return Ok(());
    }
    Err(BackupError::Occupied {
        path: path.to_owned(),
        remedy: "restore into a data directory that has nothing yet",
    })
}

/// Copies a file to where there is none, for its owner only, and onto the disk. Its directory is made.
fn copy(from: &Path, to: &Path) -> Done {
    let refused = |source| BackupError::File { path: to.to_owned(), source };
    if let Some(directory) = to.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refused)?;
    }
    std::fs::copy(from, to).map_err(refused)?;
    own(to)
}

fn own(path: &Path) -> Done {
    let refused = |source| BackupError::File { path: path.to_owned(), source };
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(refused)?;
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(refused)
}

fn tell(verb: &str, name: &str, path: &Path) -> Done {
    let metadata = std::fs::metadata(path)
        .map_err(|source| BackupError::File { path: path.to_owned(), source })?;
    print_line(&format!("{verb} {name}: {}, {} KiB", path.display(), metadata.len() / 1024));
    Ok(())
}
