//! The table of attacks (`attacks.md`) is whole, and names what there is.

use std::collections::HashSet;

use entente_tests::conformance::{exists, rows_of};

#[test]
fn every_attack_has_a_reason_and_a_check() {
    let rows = rows_of(include_str!("../../attacks.md"));
    assert!(rows.len() >= 60, "{}", rows.len());
    let mut seen = HashSet::new();
    let mut missing = Vec::new();
    for row in rows {
        assert!(seen.insert(row.id) && seen.insert(row.source), "{} is there twice", row.id);
        assert!(!row.requirement.is_empty(), "{}: why is it refused?", row.id);
        let names = row.checks.expect(row.id);
        missing.extend(names.into_iter().filter(|name| !exists(name)));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
