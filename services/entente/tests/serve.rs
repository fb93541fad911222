//! `entente serve` and `entente demo` as a user runs them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn entente() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ENTENTE_")) {
        command.env_remove(name);
    }
    command
}

/// A serving process on free ports. It is killed when the test ends early.
struct Serving {
    child: Child,
    ready: Value,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

impl Serving {
    fn start(data_dir: &Path) -> Self {
        let mut command = entente();
        command.args(["serve", "--drain-delay", "1", "--data-dir"]).arg(data_dir);
        for listener in ["--didcomm-addr", "--admin-addr", "--grpc-addr"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, ready: serde_json::from_str(&line).unwrap() }
    }

    fn url(&self, listener: &str) -> &str {
        self.ready.get(listener).and_then(Value::as_str).unwrap()
    }

    /// Sends SIGTERM, and gives the exit code and how long the end took.
    fn terminate(mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        (self.child.wait().unwrap().code(), begun.elapsed())
    }
}

#[test]
fn it_says_where_it_listens_keeps_its_key_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path());
    assert_eq!(serving.url("endpoint"), serving.url("didcomm"));
    let (server, data_dir) = (serving.url("grpc").to_owned(), folder.path().to_str().unwrap());
    let call = |arguments: &[&str]| {
        let output = entente().args(arguments).args(["--server", &server]).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    assert_eq!(call(&["health"]).0, Some(0));
    let (code, text) = call(&["connections", "--data-dir", "/nowhere"]);
    assert!(code == Some(1) && text.contains("UNAUTHENTICATED"), "{code:?} {text}");
    let (code, text) = call(&["invite", "--data-dir", data_dir, "--alias", "first"]);
    assert!(code == Some(0) && text.contains("?oob="), "{code:?} {text}");
    let follower = entente()
        .args(["events", "--follow", "--server", &server, "--data-dir", data_dir])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut follower = follower.unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let (code, took) = serving.terminate();
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}, with a reader of events");

    let again = Serving::start(folder.path());
    let list = ["invitations", "--json", "--server", again.url("grpc"), "--data-dir", data_dir];
    let output = entente().args(list).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"alias\":\"first\""), "{output:?}");
}

#[test]
fn a_port_that_is_taken_is_named_by_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = entente();
    command.arg("serve").arg("--data-dir").arg(folder.path()).args(["--grpc-addr", "127.0.0.1:0"]);
    let output =
        command.args(["--didcomm-addr", "127.0.0.1:0", "--admin-addr", &address]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("--admin-addr: {address} cannot be listened on")), "{error}");
}

#[test]
fn the_demo_happens_as_told() {
    let output = entente().arg("demo").output().unwrap();
    let story = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{story}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        story.contains("the connection was reused") && story.contains("All of it happened"),
        "{story}"
    );
}
