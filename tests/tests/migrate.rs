//! `entente migrate`, on each database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::process::Output;

use entente_tests::suite;

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

/// A table that is new and has no policy would show each tenant's rows to every other.
#[tokio::test]
async fn each_table_with_rows_of_tenants_has_row_level_security() {
    let Some(place) = suite::postgres().await else { return };
    run(&place.url(), &[]);
    let mut session = place.session(false).await.unwrap();
    let open = "DO $$ DECLARE open TEXT; BEGIN
        SELECT string_agg(relname, ', ') INTO open FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity)
        AND relname NOT LIKE 'migrations_%' AND relname NOT IN ('master_key', 'replicas', 'audit_requests');
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
