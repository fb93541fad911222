//! `entente migrate`, on each database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use entente_store::testing::Place;
use entente_tests::{Suite, suite};

fn migrate(url: &str, arguments: &[&str]) -> std::process::Child {
    let mut command = suite::command();
    command.args(["migrate", "--database-url", url]).args(arguments);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command.spawn().unwrap()
}

fn told(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn run(url: &str, arguments: &[&str]) -> String {
    told(migrate(url, arguments).wait_with_output().unwrap())
}

fn check(url: &str) {
    let first = run(url, &["--dry-run"]);
    for service in ["access", "resolver", "keystore", "connection"] {
        assert!(first.contains(&format!("{service}: would take step 1, ")), "{first}");
    }
    assert_eq!(run(url, &["--dry-run"]), first, "a dry run changes nothing");
    // Several at once: each step is taken once.
    let both = [migrate(url, &[]), migrate(url, &[])];
    for child in both {
        told(child.wait_with_output().unwrap());
    }
    let up_to_date =
        "access: up to date\nresolver: up to date\nkeystore: up to date\nconnection: up to date\n";
    assert_eq!(run(url, &[]), up_to_date);
    assert_eq!(run(url, &["--dry-run"]), up_to_date);
}

#[test]
fn sqlite_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    check(&format!("sqlite:{}", folder.path().display()));
}

#[tokio::test]
async fn postgresql_is_brought_up_to_date() {
    let Some(place) = suite::postgres().await else { return };
    check(&place.url());
    // What a newer version added is left alone, and an older step that is not as it was is not passed over.
    let mut session = place.session(false).await.unwrap();
    let newer = "INSERT INTO migrations_connection (version, description, checksum) VALUES (9999, 'newer', '')";
    session.run(newer).await.unwrap();
    assert!(run(&place.url(), &[]).contains("connection: up to date"));
    session.run("UPDATE migrations_keystore SET checksum = 'x'").await.unwrap();
    let refused = migrate(&place.url(), &[]).wait_with_output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && error.contains("migration"), "{error}");
}

/// `serve --migrate=false`, on free ports: the line that it says it is ready with, or what it says instead.
fn serve(url: &str, home: &Path) -> Result<String, String> {
    let mut command = suite::command();
    command.args(["serve", "--migrate=false", "--database-url", url, "--data-dir"]).arg(home);
    for listener in ["--didcomm-addr", "--admin-addr", "--grpc-addr"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    match line.is_empty() {
        true => Err(String::from_utf8(output.stderr).unwrap()),
        false => Ok(line),
    }
}

#[tokio::test]
async fn who_may_not_change_tables_serves_with_those_that_are_there() {
    let Some(place) = suite::postgres().await else { return };
    let home = tempfile::tempdir().unwrap();
    let error = serve(&place.url(), home.path()).unwrap_err();
    assert!(error.contains("keystore step 1 (") && error.contains("entente migrate"), "{error}");
    assert!(run(&place.url(), &["--dry-run"]).contains("keystore: would take step 1"), "{error}");
    run(&place.url(), &[]);
    let mut session = place.session(false).await.unwrap();
    let grant =
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO entente_rows";
    session.run(grant).await.unwrap();
    let url = place.url().replace("//entente@", "//entente_rows@");
    assert!(url.contains("//entente_rows@"), "{url}");
    let ready = serve(&url, home.path()).unwrap();
    assert!(ready.contains("\"ready\":true"), "{ready}");
}

#[test]
fn tables_in_files_that_are_behind_are_refused() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("sqlite:{}", folder.path().display());
    let error = serve(&url, home.path()).unwrap_err();
    for service in ["access", "resolver", "keystore", "connection"] {
        assert!(error.contains(&format!("{service} step 1 (")), "{service}: {error}");
    }
    run(&url, &[]);
    serve(&url, home.path()).unwrap();
}

/// A table that is new and has no policy would show each tenant's rows to every other.
#[tokio::test]
async fn each_table_with_rows_of_tenants_has_row_level_security() {
    let Some(place) = suite::postgres().await else { return };
    run(&place.url(), &[]);
    let mut session = place.session(false).await.unwrap();
    let open = "DO $$ DECLARE open TEXT; BEGIN
        SELECT string_agg(relname, ', ') INTO open FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity)
        AND relname NOT LIKE 'migrations_%' AND relname NOT IN ('master_key', 'replicas', 'audit_requests', 'audit_gaps');
        IF open IS NOT NULL THEN RAISE EXCEPTION 'no row-level security on: %', open; END IF;
        END $$";
    session.run(open).await.unwrap();
    session.run("CREATE TABLE forgotten (tenant TEXT)").await.unwrap();
    assert!(session.run(open).await.unwrap_err().to_string().contains("on: forgotten"));
}

#[test]
fn a_wrong_url_is_refused_without_its_password() {
    for url in ["mysql://a:secret@b/c", "postgres:", "sqlite:", "secret"] {
        let refused = migrate(url, &[]).wait_with_output().unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{url}: {error}");
        assert!(error.contains("--database-url") && error.contains("postgres://"), "{error}");
        assert!(url == "secret" || !error.contains("secret"), "{error}");
    }
}

/// What `entente doctor` says of the tables.
fn drift(agent: &Suite, url: &str) -> serde_json::Value {
    let mut command = suite::command();
    command.args(["doctor", "--json", "--server", &agent.grpc_url, "--api-key", &agent.api_key]);
    let output = command.args(["--database-url", url]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let differs = said["schema_drift"] != serde_json::json!([]);
    assert_eq!(output.status.success(), !differs, "{output:?}");
    said["schema_drift"].clone()
}

async fn check_drift(agent: &Suite, place: &Place, url: &str, index: &str) {
    run(url, &[]);
    assert_eq!(drift(agent, url), serde_json::json!([]));
    let mut session = place.session(false).await.unwrap();
    session.run("DROP INDEX exchanges_by_role").await.unwrap();
    session.run("ALTER TABLE exchanges ADD COLUMN mine INTEGER").await.unwrap();
    let found = drift(agent, url);
    let texts: Vec<&str> = found.as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    let has = |begin: &str| texts.iter().any(|text| text.starts_with(begin));
    assert!(has("connection: there is no index exchanges_by_role: "), "{texts:?}");
    assert!(has(&format!("connection: no step makes {index}")), "{texts:?}");
    // Of steps that differ nothing else is told.
    let steps = match place {
        Place::Sqlite(_) => "_sqlx_migrations",
        Place::Postgres(_) => "migrations_connection",
    };
    session.run(&format!("DELETE FROM {steps} WHERE version = 2")).await.unwrap();
    let found = drift(agent, url);
    let text = found[0].as_str().unwrap();
    assert!(
        text.starts_with("connection: step 2 (") && text.ends_with(") was not taken"),
        "{text}"
    );
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
}

#[tokio::test]
async fn the_doctor_sees_tables_that_are_not_as_they_should_be() {
    let agent = Suite::whole().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().display());
    let place = Place::Sqlite(folder.path().join("connection.db"));
    check_drift(&agent, &place, &url, "table exchanges: ").await;
    let Some(place) = suite::postgres().await else { return };
    check_drift(&agent, &place, &place.url(), "column exchanges.mine: integer").await;
}
