//! Documents of GraphQL, as far as they go before anything is done with them: the bounds hold.

#![no_main]

use async_graphql_parser as parser;
use libfuzzer_sys::fuzz_target;
use parser::Positioned;
use parser::types::{ExecutableDocument, Selection, SelectionSet};

/// The gateway's module itself: its crate would take minutes to build.
#[path = "../../../services/gateway/src/graphql/limits/document.rs"]
mod document;

fuzz_target!(|text: &str| {
    let Ok(read) = document::read(text) else { return };
    let sets = read.operations.iter().map(|(_, operation)| &operation.node.selection_set);
    for set in sets.chain(read.fragments.values().map(|fragment| &fragment.node.selection_set)) {
        assert!(depth(set) <= document::MAX_NESTING);
    }
    for (_, operation) in read.operations.iter() {
        let [mut selections, mut aliases] = [0; 2];
        count(&read, &operation.node.selection_set, &mut selections, &mut aliases, 0);
        assert!(selections <= document::MAX_SELECTIONS && aliases <= document::MAX_ALIASES);
    }
});

fn depth(set: &Positioned<SelectionSet>) -> usize {
    let inner = set.node.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => depth(&field.node.selection_set),
        Selection::InlineFragment(fragment) => depth(&fragment.node.selection_set),
        Selection::FragmentSpread(_) => 0,
    });
    usize::from(!set.node.items.is_empty()) + inner.max().unwrap_or_default()
}

/// Follows each spread, which is slow where the bounds do not hold.
fn count(
    read: &ExecutableDocument,
    set: &Positioned<SelectionSet>,
    selections: &mut usize,
    aliases: &mut usize,
    depth: usize,
) {
    assert!(
        depth <= 2 * document::MAX_NESTING * document::MAX_NESTING
            && *selections <= document::MAX_SELECTIONS
    );
    for selection in &set.node.items {
        *selections += 1;
        let inner = match &selection.node {
            Selection::Field(field) => {
                *aliases += usize::from(field.node.alias.is_some());
                &field.node.selection_set
            }
            Selection::InlineFragment(fragment) => &fragment.node.selection_set,
            Selection::FragmentSpread(spread) => {
                match read.fragments.get(&spread.node.fragment_name.node) {
                    Some(fragment) => &fragment.node.selection_set,
                    None => continue,
                }
            }
        };
        count(read, inner, selections, aliases, depth + 1);
    }
}
