//! The bounds that a document has to keep before anything is done with it.

use std::collections::HashMap;

use super::parser::types::{ExecutableDocument, Selection, SelectionSet};
use super::parser::{Positioned, parse_query};

/// The longest document, in bytes. An invitation's URL may be in it.
const MAX_DOCUMENT: usize = 512 * 1024;
/// The deepest nesting of brackets in a document.
pub(super) const MAX_NESTING: usize = 64;
/// Selections in an operation, with those of its fragments each time they are spread.
pub(super) const MAX_SELECTIONS: usize = 1_000;
/// Aliases in an operation, counted the same way.
pub(super) const MAX_ALIASES: usize = 50;

/// Why a document is not taken.
#[derive(Debug, PartialEq)]
pub(super) enum Refused {
    /// It is beyond a bound.
    TooLarge(String),
    /// It is not of the language.
    Wrong(String),
}

/// Reads a document that keeps the bounds.
pub(super) fn read(text: &str) -> Result<ExecutableDocument, Refused> {
    if text.len() > MAX_DOCUMENT {
        return Err(too_large(format!("the document has more than {MAX_DOCUMENT} bytes")));
    }
    // The parser goes as deep as the text does.
    if nesting(text) > MAX_NESTING {
        return Err(too_large(format!("the document nests deeper than {MAX_NESTING} brackets")));
    }
    let document = parse_query(text).map_err(|error| Refused::Wrong(error.to_string()))?;
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
    Ok(document)
}

fn too_large(text: String) -> Refused {
    Refused::TooLarge(text)
}

/// The deepest nesting of brackets. Those in texts and comments do not count, or they would hide others.
fn nesting(document: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut rest, mut blocks) = (document.as_bytes(), true);
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'#', _) => after(tail, |byte| matches!(byte, b'\n' | b'\r')),
            (b'"', [b'"', b'"', block @ ..]) if blocks => match after_block(block) {
                Some(after) => after,
                // An empty text and the beginning of another; there is no end of a block behind any other, either.
                None => {
                    blocks = false;
                    tail
                }
            },
            (b'"', _) => after_text(tail),
            _ => tail,
        };
        match first {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// What is left behind the first byte that ends something.
fn after(rest: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    let end = rest.iter().position(|byte| ends(*byte)).map_or(rest.len(), |at| at + 1);
    rest.get(end..).unwrap_or_default()
}

fn after_text(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'\\', _, tail @ ..] => tail,
            [b'"' | b'\n' | b'\r', tail @ ..] => return tail,
            [_, tail @ ..] => tail,
            [] => return rest,
        }
    }
}

fn after_block(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest {
            [b'\\', b'"', b'"', b'"', tail @ ..] => tail,
            [b'"', b'"', b'"', tail @ ..] => return Some(tail),
            [_, tail @ ..] => tail,
            [] => return None,
        }
    }
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
    fragments: &mut HashMap<&'a str, Option<Size>>,
) -> Result<Size, Refused> {
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
    name: &str,
    fragments: &mut HashMap<&'a str, Option<Size>>,
) -> Result<Size, Refused> {
    match fragments.get(name) {
        Some(Some(size)) => return Ok(*size),
        Some(None) => {
            let text = format!("the fragment {name} spreads itself");
            return Err(Refused::Wrong(text));
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
    let name = name.as_str();
    fragments.insert(name, None);
    let size = count(document, &fragment.node.selection_set, fragments)?;
    fragments.insert(name, Some(size));
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Reason {
        TooLarge,
        Wrong,
    }

    fn refused(document: &str) -> Option<Reason> {
        read(document).err().map(|refused| match refused {
            Refused::TooLarge(_) => Reason::TooLarge,
            Refused::Wrong(_) => Reason::Wrong,
        })
    }

    #[test]
    fn a_document_is_bounded_in_each_direction() {
        assert_eq!(refused("{ connections { items { id } } }"), None);
        let fields = |count: usize| format!("{{ {} }}", "id ".repeat(count));
        assert_eq!(refused(&fields(MAX_SELECTIONS)), None);
        assert_eq!(refused(&fields(MAX_SELECTIONS + 1)), Some(Reason::TooLarge));
        let aliases: String = (0..=MAX_ALIASES).map(|index| format!("a{index}: id ")).collect();
        assert_eq!(refused(&format!("{{ {aliases} }}")), Some(Reason::TooLarge));
        let long = format!("{{ id }} #{}", "x".repeat(MAX_DOCUMENT));
        assert_eq!(refused(&long), Some(Reason::TooLarge));
        for brackets in ["{ a ", "[", "(a:["] {
            assert_eq!(refused(&brackets.repeat(50_000)), Some(Reason::TooLarge));
        }
        for hidden in
            ["{a#}\n", "{a(b:\"}\",c:[", "{a(b:\"\\\"}\")", "{a(b:\"\"\"}\\\"\"\"}\"\"\")"]
        {
            assert_eq!(refused(&hidden.repeat(100)), Some(Reason::TooLarge), "{hidden}");
        }
        let texts = format!("{{ a(b: \"{0}\", c: \"\"\"{0}\"\"\") }} # {0}", "{[(".repeat(50));
        assert_eq!(refused(&texts), None);
        for wrong in ["", "{", "}", "{ a(b: \"\u{0}) }", "subscription"] {
            assert_eq!(refused(wrong), Some(Reason::Wrong), "{wrong}");
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
        assert_eq!(refused(&bomb), Some(Reason::TooLarge));
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert_eq!(refused(cycle), Some(Reason::Wrong));
        let mut chain = "{ ...f0 }".to_owned();
        for index in 0..500 {
            chain += &format!(" fragment f{index} on Query {{ ...f{} }}", index + 1);
        }
        assert_eq!(refused(&chain), Some(Reason::TooLarge));
    }
}
