//! PostgreSQL's own programs, told to see the rows of every tenant.

use std::path::Path;

use tokio::process::Command;
use url::Url;

use super::{BackupError, Done};

/// The owner of the tables is held to row-level security as well; with this setting it sees every row.
const EVERY_TENANT: &str = "-c entente.tenant=*";

/// Dumps a database as it is at one moment.
pub(super) async fn dump(url: &str, to: &Path) -> Done {
    let (url, password) = split(url)?;
    let mut command = Command::new("pg_dump");
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--enable-row-security"]);
    command.arg("--file").arg(to).arg("--dbname").arg(url.as_str());
    run("pg_dump", command.env("PGOPTIONS", EVERY_TENANT), password).await?;
    super::own(to)
}

/// Restores a dump into a database that has no tables of ours, all of it or nothing.
pub(super) async fn restore(url: &str, from: &Path) -> Done {
    let (url, password) = split(url)?;
    let mut command = Command::new("pg_restore");
    command.args(["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]);
    command.arg("--dbname").arg(url.as_str()).arg(from);
    run("pg_restore", &mut command, password).await
}

async fn run(program: &'static str, command: &mut Command, password: Option<String>) -> Done {
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    let output = command.output().await;
    let output = output.map_err(|source| BackupError::NoProgram { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(BackupError::Program { program, said })
}

/// The URL without its password, which would show in the list of processes, and without what is for us alone.
fn split(url: &str) -> Result<(Url, Option<String>), BackupError> {
    let mut url = Url::parse(url).map_err(|error| BackupError::Url(error.to_string()))?;
    let password = url
        .password()
        .map(|text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned());
    // Only a URL that cannot have one refuses this.
    let _ = url.set_password(None);
    let query = url.query().unwrap_or_default().split('&').filter(|pair| *pair != "pgbouncer=true");
    let query = query.collect::<Vec<_>>().join("&");
    url.set_query((!query.is_empty()).then_some(&query));
    Ok((url, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_in_no_argument() {
        let given = "postgres://entente:s%2Fcret@db.example/entente?pgbouncer=true&sslmode=require";
        let (url, password) = split(given).unwrap();
        assert_eq!(url.as_str(), "postgres://entente@db.example/entente?sslmode=require");
        assert_eq!(password.as_deref(), Some("s/cret"));
        assert_eq!(split("postgres://db.example/entente").unwrap().1, None);
    }
}
