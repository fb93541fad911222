//! One `entente serve` as a child process.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a start, or an end, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The five services, those first that others call.
pub const SERVICES: [&str; 6] =
    ["resolver", "keystore", "transport", "connection", "gateway", "access"];

/// A process that can be ended and started again with the same arguments. Killed when this is dropped.
pub struct Process {
    under: Vec<String>,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts one. `name` is that of its log in the data directory. Gives the line that it says it is ready with.
    pub async fn start(data_dir: &Path, name: &str, arguments: Vec<String>) -> (Self, Value) {
        Self::start_under(Vec::new(), data_dir, name, arguments).await
    }

    /// The same under another command, which must become it.
    pub async fn start_under(
        under: Vec<String>,
        data_dir: &Path,
        name: &str,
        arguments: Vec<String>,
    ) -> (Self, Value) {
        let mut all = vec!["--data-dir".to_owned(), data_dir.display().to_string()];
        // What decides about traffic when a process ends is not there in most tests.
        if !arguments.iter().any(|argument| argument == "--drain-delay") {
            all.extend(["--drain-delay".to_owned(), "0".to_owned()]);
        }
        all.extend(arguments);
        let log = data_dir.join(format!("{name}.log"));
        let mut process = Self { under, arguments: all, log, child: None };
        let ready = process.restart().await;
        (process, ready)
    }

    /// Starts it again. If it still runs it is killed first.
    pub async fn restart(&mut self) -> Value {
        self.kill9();
        let mut command = super::command_under(&self.under);
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        command.arg("serve").args(&self.arguments).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let (told, ready) = mpsc::channel();
        let output = child.stdout.take().expect("a pipe");
        // The pipe is read to its end, so that the process never blocks on it.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                    let _ = told.send(value);
                }
            }
        });
        self.child = Some(child);
        match tokio::task::spawn_blocking(move || ready.recv_timeout(PATIENCE)).await.unwrap() {
            Ok(ready) => ready,
            Err(_) => {
                self.kill9();
                panic!("{:?} did not become ready:\n{}", super::binary(), self.log());
            }
        }
    }

    /// The value of an argument that it was started with.
    pub fn argument(&self, name: &str) -> Option<&str> {
        let mut arguments = self.arguments.iter().skip_while(|argument| *argument != name);
        arguments.nth(1).map(String::as_str)
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a running process").id()
    }

    /// How much memory it has that is backed by no file, in bytes (Linux, proc_pid_status(5)).
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.expect("a size").parse::<u64>().unwrap() * 1024
    }

    /// Ends it at once, as a crash of the machine would.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGTERM, and gives the exit status and how long the end took.
    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let mut child = self.child.take().expect("a running process");
        let begun = Instant::now();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = tokio::task::spawn_blocking(move || {
            while begun.elapsed() < PATIENCE {
                if let Some(status) = child.try_wait().unwrap() {
                    return Some(status);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
            None
        });
        (ended.await.unwrap().expect("the process ends on SIGTERM"), begun.elapsed())
    }

    /// What it logged so far, over restarts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}---", self.log.display(), self.log());
        }
    }
}
