//! The table of what agents must do (`conformance.md`), and what its checks came to.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The table.
const TABLE: &str = include_str!("../conformance.md");

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// Who says so; of an attack what it is.
    pub source: &'static str,
    /// What an agent must do; of an attack why it is refused.
    pub requirement: &'static str,
    /// The names of the checks, or why there are none.
    pub checks: Result<Vec<&'static str>, &'static str>,
}

/// Whose results they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Entente's: every check has to have been run.
    Ours,
    /// Another agent's, of which a check may ask too much, and which has other libraries.
    Another,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of its checks passed.
    Pass,
    /// One failed, or was not run though it should have been.
    Fail,
    /// It has none, or they were not run.
    Open,
}

impl Row {
    /// What it came to, by the results of the checks: whether each passed.
    #[must_use]
    pub fn outcome(&self, results: &HashMap<String, bool>, of: Of) -> Outcome {
        let Ok(names) = &self.checks else { return Outcome::Open };
        let found = |name: &&str| results.get(*name).copied();
        if names.iter().any(|name| found(name) == Some(false)) {
            return Outcome::Fail;
        }
        let mut concerned = names
            .iter()
            .filter(|name| of == Of::Ours || name.starts_with("conformance::"))
            .peekable();
        match (concerned.peek().is_some() && concerned.all(|name| found(name).is_some()), of) {
            (true, _) => Outcome::Pass,
            (false, Of::Ours) => Outcome::Fail,
            (false, Of::Another) => Outcome::Open,
        }
    }

    /// Which of its checks failed or were not run, or why it is open.
    fn remark(&self, results: &HashMap<String, bool>) -> String {
        let names = match &self.checks {
            Err(reason) => return (*reason).to_owned(),
            Ok(names) => names,
        };
        let wrong = names.iter().filter_map(|name| match results.get(*name) {
            Some(true) => None,
            Some(false) => Some(format!("{name} failed")),
            None => Some(format!("{name} was not run")),
        });
        wrong.collect::<Vec<_>>().join(", ")
    }
}

/// All rows, in their order.
#[must_use]
pub fn rows() -> Vec<Row> {
    rows_of(TABLE)
}

/// The rows of a table: id, source or reason, requirement, checks.
#[must_use]
pub fn rows_of(table: &'static str) -> Vec<Row> {
    table.lines().filter_map(row).collect()
}

fn row(line: &'static str) -> Option<Row> {
    let cells: Vec<_> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let &[id, source, requirement, checks, ""] = cells.as_slice() else { return None };
    id.contains(char::is_numeric).then(|| Row {
        id,
        source,
        requirement,
        checks: match checks.strip_prefix("open: ") {
            Some(reason) => Err(reason),
            None => Ok(checks.split(", ").map(|name| name.trim_matches('`')).collect()),
        },
    })
}

/// What libtest is to be told so that it runs what the table names, and little else. The checks of a module of
/// `conformance` are one test.
#[must_use]
pub fn filters() -> BTreeSet<String> {
    let named = rows().into_iter().filter_map(|row| row.checks.ok()).flatten();
    let filter = |name: &str| match name.strip_prefix("conformance::") {
        Some(path) => Some(format!("{}::all", path.rsplit_once("::")?.0)),
        None => Some(name.split_once("::")?.1.to_owned()),
    };
    named.filter_map(filter).collect()
}

/// The file in which a check is, by its name; of a module's file and those of the modules around it the innermost that
/// exists.
#[must_use]
pub fn file_of(check: &str) -> Option<PathBuf> {
    let mut parts: Vec<&str> = check.split("::").collect();
    parts.pop()?;
    let binary = parts.remove(0);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (folder, own) = match binary {
        "appendix" => ("shared/didcomm/tests".to_owned(), "appendix.rs"),
        "it" => ("services/resolver/tests/it".to_owned(), "main.rs"),
        other if other.ends_with("/it") => {
            (format!("services/{}", other.replace("/it", "/tests/it")), "main.rs")
        }
        library if library.starts_with("entente_") => {
            let name = library.trim_start_matches("entente_");
            let service = format!("services/{name}/src");
            let shared = format!("shared/{name}/src");
            (if root.join(&service).exists() { service } else { shared }, "lib.rs")
        }
        tests => (format!("tests/tests/{tests}"), "main.rs"),
    };
    let folder = root.join(folder);
    while !parts.is_empty() {
        let file = folder.join(format!("{}.rs", parts.join("/")));
        if file.exists() {
            return Some(file);
        }
        parts.pop();
    }
    [folder.join(own), folder.with_extension("rs")].into_iter().find(|file| file.exists())
}

/// Whether each check and test passed, by what `cargo test` printed with `--show-output`.
#[must_use]
pub fn results(log: &str) -> HashMap<String, bool> {
    let (mut results, mut binary) = (HashMap::new(), "");
    for line in log.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("Running ").and_then(binary_of) {
            binary = name;
        } else if let Some((name, result)) = line.strip_prefix("check ").and_then(verdict) {
            results.insert(name.to_owned(), result);
        } else if let Some((name, result)) = line.strip_prefix("test ").and_then(verdict) {
            results.insert(format!("{binary}::{name}"), result);
        }
    }
    results
}

/// Whether a check is where its name says.
#[must_use]
pub fn exists(check: &str) -> bool {
    let Some(text) = file_of(check).and_then(|file| std::fs::read_to_string(file).ok()) else {
        return false;
    };
    let name = check.rsplit("::").next().unwrap_or_default();
    // A check that is in no list is not run; the compiler says so, as nothing else calls it.
    text.contains(&format!("fn {name}("))
}

/// Of `tests/conformance/main.rs (target/debug/deps/conformance-0123456789abcdef)`: `conformance`.
fn binary_of(running: &str) -> Option<&str> {
    let path = running.rsplit_once(" (")?.1.strip_suffix(')')?;
    Some(path.rsplit_once('/')?.1.rsplit_once('-')?.0)
}

fn verdict(line: &str) -> Option<(&str, bool)> {
    match line.split_once(" ... ")? {
        (name, "ok") => Some((name, true)),
        (name, "FAILED") => Some((name, false)),
        _ => None,
    }
}

/// The table with the results, for people; and whether something passed and nothing failed.
#[must_use]
pub fn report(results: &HashMap<String, bool>, of: Of) -> (String, bool) {
    let (mut text, mut counts) = (String::new(), [0; 3]);
    for row in rows() {
        let outcome = row.outcome(results, of);
        counts[outcome as usize] += 1;
        let word = ["pass", "FAIL", "open"][outcome as usize];
        let _ = writeln!(text, "{:<11} {word}  {}", row.id, row.requirement);
        let remark = row.remark(results);
        if outcome != Outcome::Pass {
            let _ = writeln!(text, "{:<17} ({remark})", "");
        }
    }
    let [passed, failed, open] = counts;
    let all = passed + failed + open;
    let _ = writeln!(text, "\n{passed} of {all} passed, {failed} failed, {open} open");
    (text, passed > 0 && failed == 0)
}
