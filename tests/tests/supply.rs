//! What the program is built from: every package is pinned by its checksum and of one registry, and the bill of materials
//! names those of the program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages of a lock file, by their members.
fn locked(file: &str) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let member = |line: &str| {
        let (name, value) = line.split_once(" = ")?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    let packages = text.split("[[package]]\n").skip(1);
    packages.map(|package| package.lines().filter_map(member).collect()).collect()
}

#[test]
fn every_package_has_a_checksum_and_is_of_the_one_registry() {
    let mut registries = BTreeSet::new();
    for file in ["Cargo.lock", "tests/fuzz/Cargo.lock", "tests/oracles/Cargo.lock"] {
        let packages = locked(file);
        assert!(packages.len() > 20, "{file}");
        for package in packages {
            let name = &package["name"];
            let Some(source) = package.get("source") else {
                assert!(name == "entente" || name.starts_with("entente-"), "{file}: {name}");
                continue;
            };
            assert!(source.starts_with("registry+https://"), "{file}: {name} is of {source}");
            registries.insert(source.clone());
            let checksum = package.get("checksum").unwrap_or_else(|| panic!("{file}: {name}"));
            let hexadecimal = checksum.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(checksum.len() == 64 && hexadecimal, "{file}: {name}: {checksum}");
        }
    }
    assert_eq!(registries.len(), 1, "{registries:?}");
}

#[test]
fn the_bill_of_materials_is_that_of_the_program() {
    let bill: Value = serde_json::from_str(&output(&mut Command::new(".ci/sbom"))).unwrap();
    let checksums: BTreeMap<_, _> = locked("Cargo.lock")
        .into_iter()
        .map(|package| {
            (
                format!("{}@{}", package["name"], package["version"]),
                package.get("checksum").cloned(),
            )
        })
        .collect();
    let mut components = BTreeMap::new();
    for component in bill["components"].as_array().unwrap() {
        let text = |name: &str| component[name].as_str().unwrap();
        let package = format!("{}@{}", text("name"), text("version"));
        let hash = component["hashes"][0]["content"].as_str().map(str::to_owned);
        assert_eq!(&hash, &checksums[&package], "{package}");
        let kind = if hash.is_some() { "cargo" } else { "generic" };
        assert_eq!(text("purl"), format!("pkg:{kind}/{package}"));
        assert!(component["licenses"][0]["expression"].is_string(), "{package}");
        components.insert(package, text("scope").to_owned());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = |edges: &str| {
        let mut command = Command::new(&cargo);
        command.args(["tree", "--package=entente", "--prefix=none", "--format={p}"]);
        output(command.args([edges, "--locked", "--offline"]))
    };
    // What cargo builds the program of is there; what runs in it, as such.
    for (edges, scope) in
        [("--edges=normal,no-proc-macro", Some("required")), ("--edges=normal,build", None)]
    {
        let tree = tree(edges);
        for line in tree.lines().skip(1) {
            let mut words = line.split(' ');
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            let package = format!("{name}@{}", version.trim_start_matches('v'));
            let listed = components.get(&package).unwrap_or_else(|| panic!("{package} is missing"));
            assert!(scope.is_none_or(|scope| scope == listed), "{package} is {listed}");
        }
    }
    for of_tests in ["entente-tests", "proptest", "criterion"] {
        let of_tests = format!("{of_tests}@");
        assert!(!components.keys().any(|package| package.starts_with(&of_tests)), "{of_tests}");
    }
}
