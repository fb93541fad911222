//! Node and the packages that `make test` installs for it under `target/`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest version of Node that the packages run on.
const NODE: u32 = 20;

/// Where a set of packages is installed: in the folder that a variable names, or where `make` puts it. None, said
/// loudly, where Node or the packages are not installed.
///
/// # Panics
/// With `CI=true` when something is not installed.
pub fn packages(set: &str, variable: &str) -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(set);
    let packages = std::env::var_os(variable).map_or(installed, PathBuf::from);
    let missing = if version().is_none_or(|version| version < NODE) {
        format!("no Node of version {NODE} or newer")
    } else if !packages.join("installed.json").exists() {
        format!("no packages in {}: `make {set}` installs them", packages.display())
    } else {
        return Some(packages);
    };
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
    // Not `eprintln!`, which a test that passes does not show.
    let _ = writeln!(std::io::stderr(), "*** SKIPPED: {missing} ***");
    None
}

/// The major version of Node.
fn version() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}
