//! The reasons of errors are stable: programs switch on them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use entente_rpc::proto::DESCRIPTORS;
use prost_reflect::DescriptorPool;

/// Those that were told once keep their numbers and names; new ones come at the end of the list.
#[test]
fn the_reasons_are_those_that_were_told() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/error-reasons.txt");
    let listed = std::fs::read_to_string(path).unwrap_or_default();
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let reasons = pool.get_enum_by_name("entente.type.v1.ErrorReason").unwrap();
    let now: String = reasons
        .values()
        .map(|reason| {
            let name = reason.name().strip_prefix("ERROR_REASON_").unwrap();
            format!("{} {name}\n", reason.number())
        })
        .collect();
    assert!(now.starts_with(&listed), "a reason that was told is gone or another one:\n{now}");
    assert_eq!(now, listed, "write what is new into {path}");
}
