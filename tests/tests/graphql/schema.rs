use entente_tests::suite;

#[test]
fn the_binary_prints_the_schema_that_is_checked_in() {
    let output = suite::command().arg("graphql-schema").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../services/gateway/schema.graphql");
    let checked_in = std::fs::read_to_string(path).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed == checked_in, "run `entente graphql-schema > {path}` and review what changed");
}
