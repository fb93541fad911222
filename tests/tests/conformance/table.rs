//! The table of checks (`conformance.md`) is whole, and names what there is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use entente_tests::conformance::{Of, Outcome, exists, report, results, rows};

/// How many rows each group has; a row that is lost is missed here.
const ROWS: [(&str, usize); 30] = [
    ("DID-KEY", 2),
    ("DID-PR0", 1),
    ("DID-PR2", 4),
    ("DID-PR4", 3),
    ("DID-WEB", 2),
    ("V1-ACK", 1),
    ("V1-CON", 17),
    ("V1-DEX", 23),
    ("V1-DSC", 2),
    ("V1-ENV", 11),
    ("V1-MSG", 11),
    ("V1-OOB", 24),
    ("V1-PNG", 2),
    ("V1-RPT", 1),
    ("V1-RTE", 9),
    ("V1-TIM", 1),
    ("V1-TRN", 10),
    ("V2-ACK", 1),
    ("V2-DSC", 1),
    ("V2-EMP", 1),
    ("V2-ENC", 13),
    ("V2-MSG", 7),
    ("V2-OOB", 5),
    ("V2-PNG", 1),
    ("V2-ROT", 4),
    ("V2-RPT", 2),
    ("V2-RTE", 4),
    ("V2-SIG", 4),
    ("V2-THR", 1),
    ("V2-TRN", 4),
];

#[test]
fn every_requirement_is_there_once() {
    let (mut groups, mut seen) = (BTreeMap::<&str, Vec<usize>>::new(), HashSet::new());
    for row in rows() {
        assert!(seen.insert(row.id), "{} is there twice", row.id);
        assert!(!row.requirement.is_empty(), "{}", row.id);
        let (group, number) = row.id.rsplit_once('-').unwrap();
        groups.entry(group).or_default().push(number.parse().unwrap());
    }
    let expected = ROWS.map(|(group, count)| (group, (1..=count).collect()));
    assert_eq!(groups, BTreeMap::from(expected));
}

#[test]
fn every_check_exists() {
    let mut missing = Vec::new();
    for row in rows() {
        match row.checks {
            Err(reason) => assert!(reason.len() > 10, "{}: why is it open?", row.id),
            Ok(names) => missing.extend(names.into_iter().filter(|name| !exists(name))),
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readme_counts_what_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let rows = rows();
    let checked = rows.iter().filter(|row| row.checks.is_ok()).count();
    let count = format!("{checked} of {} requirements", rows.len());
    assert!(readme.contains(&count), "README.md does not say {count:?}");
}

#[test]
fn what_was_not_run_has_not_passed() {
    let rows = rows();
    let nothing = HashMap::new();
    assert!(rows.iter().all(|row| row.outcome(&nothing, Of::Ours) != Outcome::Pass));
    assert!(!report(&nothing, Of::Ours).1);
    let log = "     Running tests/conformance/main.rs (target/debug/deps/conformance-0123456789abcdef)\n\
        test messages::all ... ok\n\
        check conformance::messages::an_empty_thread_is_tolerated ... ok\n\
        check conformance::messages::a_reply_names_the_thread ... FAILED\n\
        \x20    Running unittests src/lib.rs (/a/deps/entente_did-0123456789abcdef)\n\
        test peer2::tests::reads_padded_services ... ok\n\
        test result: ok. 3 passed; 0 failed";
    let found = results(log);
    assert_eq!(found.get("conformance::messages::all"), Some(&true));
    assert_eq!(found.get("entente_did::peer2::tests::reads_padded_services"), Some(&true));
    let outcome = |id: &str, of| rows.iter().find(|row| row.id == id).unwrap().outcome(&found, of);
    assert_eq!(outcome("V1-MSG-04", Of::Ours), Outcome::Pass);
    assert_eq!(outcome("V1-MSG-05", Of::Ours), Outcome::Fail);
    assert_eq!(outcome("V1-MSG-05", Of::Another), Outcome::Fail);
    assert_eq!(outcome("V1-MSG-09", Of::Ours), Outcome::Fail);
    assert_eq!(outcome("V1-MSG-09", Of::Another), Outcome::Open);
    assert_eq!(outcome("DID-PR2-03", Of::Another), Outcome::Open);
    assert_eq!(outcome("V1-RTE-05", Of::Ours), Outcome::Open);
}
