//! The bounds on an operation, so that a small text does not become much work.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, ObjectType, Positioned, Request, SchemaBuilder, SubscriptionType};
use entente_rpc::ErrorReason;

use super::error::ApiError;

/// The longest document, in bytes. An invitation's URL may be in it.
const MAX_DOCUMENT: usize = 512 * 1024;
/// The deepest nesting of brackets in a document.
const MAX_NESTING: usize = 64;
/// How deep fields may lie. The usual introspection query has 14.
const MAX_DEPTH: usize = 16;
/// Selections in an operation, with those of its fragments each time they are spread.
const MAX_SELECTIONS: usize = 1_000;
/// Aliases in an operation, counted the same way.
const MAX_ALIASES: usize = 50;
/// Fields in an answer, with each list as long as its page.
const MAX_COMPLEXITY: usize = 50_000;
/// Directives on a field.
const MAX_DIRECTIVES: usize = 8;

/// A schema with the bounds that depend on it.
pub(super) fn limited<Q, M, S>(schema: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    schema
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .limit_directives(MAX_DIRECTIVES)
        .limit_recursive_depth(MAX_NESTING)
}

/// A request whose document was read, and is within the bounds.
pub(super) fn check(mut request: Request) -> Result<Request, ApiError> {
    if request.query.len() > MAX_DOCUMENT {
        return Err(too_large(format!("the document has more than {MAX_DOCUMENT} bytes")));
    }
    // The parser goes as deep as the text does.
    if nesting(&request.query) > MAX_NESTING {
        return Err(too_large(format!("the document nests deeper than {MAX_NESTING} brackets")));
    }
    let document = async_graphql::parser::parse_query(&request.query)
        .map_err(|error| ApiError::field("query", error.to_string()))?;
    let mut counted = HashMap::new();
    for (_, operation) in document.operations.iter() {
        let size = count(&document, &operation.node.selection_set, &mut counted)?;
        if size.selections > MAX_SELECTIONS {
            let text = format!("the operation has more than {MAX_SELECTIONS} selections");
            return Err(too_large(text));
        }
        if size.aliases > MAX_ALIASES {
            return Err(too_large(format!("the operation has more than {MAX_ALIASES} aliases")));
        }
    }
    request.set_parsed_query(document);
    Ok(request)
}

fn too_large(text: String) -> ApiError {
    ApiError::new(ErrorReason::TooLarge, text)
}

/// The deepest nesting of brackets. Those in texts and comments count, too: they make it no smaller.
fn nesting(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in document.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: usize,
    aliases: usize,
}

/// Counts what a selection comes to once its fragments are spread. Each fragment is counted once, so that the count
/// takes no longer than the document is long.
fn count<'a>(
    document: &'a ExecutableDocument,
    set: &'a Positioned<SelectionSet>,
    fragments: &mut HashMap<&'a Name, Option<Size>>,
) -> Result<Size, ApiError> {
    let mut size = Size::default();
    for selection in &set.node.items {
        let inner = match &selection.node {
            Selection::Field(field) => {
                size.aliases = size.aliases.saturating_add(field.node.alias.is_some().into());
                count(document, &field.node.selection_set, fragments)?
            }
            Selection::InlineFragment(fragment) => {
                count(document, &fragment.node.selection_set, fragments)?
            }
            Selection::FragmentSpread(spread) => {
                count_fragment(document, &spread.node.fragment_name.node, fragments)?
            }
        };
        size.selections = size.selections.saturating_add(inner.selections).saturating_add(1);
        size.aliases = size.aliases.saturating_add(inner.aliases);
    }
    Ok(size)
}

fn count_fragment<'a>(
    document: &'a ExecutableDocument,
    name: &Name,
    fragments: &mut HashMap<&'a Name, Option<Size>>,
) -> Result<Size, ApiError> {
    match fragments.get(name) {
        Some(Some(size)) => return Ok(*size),
        Some(None) => {
            let text = format!("the fragment {name} spreads itself");
            return Err(ApiError::field("query", text));
        }
        None => {}
    }
    // One that is not there is for the validation to name.
    let Some((name, fragment)) = document.fragments.get_key_value(name) else {
        return Ok(Size::default());
    };
    if fragments.values().filter(|size| size.is_none()).count() > MAX_NESTING {
        return Err(too_large(format!("fragments nest deeper than {MAX_NESTING}")));
    }
    fragments.insert(name, None);
    let size = count(document, &fragment.node.selection_set, fragments)?;
    fragments.insert(name, Some(size));
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: &str) -> Option<ErrorReason> {
        check(Request::new(document)).err().map(|error| error.0.reason)
    }

    #[test]
    fn a_document_is_bounded_in_each_direction() {
        assert_eq!(refused("{ connections { items { id } } }"), None);
        let fields = |count: usize| format!("{{ {} }}", "id ".repeat(count));
        assert_eq!(refused(&fields(MAX_SELECTIONS)), None);
        assert_eq!(refused(&fields(MAX_SELECTIONS + 1)), Some(ErrorReason::TooLarge));
        let aliases: String = (0..=MAX_ALIASES).map(|index| format!("a{index}: id ")).collect();
        assert_eq!(refused(&format!("{{ {aliases} }}")), Some(ErrorReason::TooLarge));
        let long = format!("{{ id }} #{}", "x".repeat(MAX_DOCUMENT));
        assert_eq!(refused(&long), Some(ErrorReason::TooLarge));
        for brackets in ["{ a ", "[", "(a:["] {
            assert_eq!(refused(&brackets.repeat(50_000)), Some(ErrorReason::TooLarge));
        }
        for wrong in ["", "{", "}", "{ a(b: \"\u{0}) }", "subscription"] {
            assert_eq!(refused(wrong), Some(ErrorReason::InvalidField), "{wrong}");
        }
    }

    #[test]
    fn fragments_count_each_time_they_are_spread() {
        let mut bomb = "{ ...f0 }".to_owned();
        for index in 0..40 {
            let next = index + 1;
            bomb += &format!(" fragment f{index} on Query {{ ...f{next} ...f{next} }}");
        }
        bomb += " fragment f40 on Query { id }";
        assert_eq!(refused(&bomb), Some(ErrorReason::TooLarge));
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert_eq!(refused(cycle), Some(ErrorReason::InvalidField));
        let mut chain = "{ ...f0 }".to_owned();
        for index in 0..500 {
            chain += &format!(" fragment f{index} on Query {{ ...f{} }}", index + 1);
        }
        assert_eq!(refused(&chain), Some(ErrorReason::TooLarge));
    }
}
