//! Page tokens, which callers hand back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token::{MAX_AFTER, PageToken, page_size};

/// The store's module itself: its crate would take minutes to build.
#[path = "../../../shared/store/src/page/token.rs"]
mod token;

fuzz_target!(|input: (i32, &str, &str)| {
    let (size, filter, text) = input;
    assert!(page_size(size).is_none_or(|size| (1..=1000).contains(&size)));
    match PageToken::decode(text, &filter) {
        None => {}
        Some(None) => assert!(text.is_empty()),
        Some(Some(token)) => {
            assert!((1..=MAX_AFTER).contains(&token.after.len()));
            assert_eq!(text.get(8..), Some(token.after.as_str()));
        }
    }
    let token = PageToken::encode(text, &filter);
    let read = PageToken::decode(&token, &filter);
    assert_eq!(read.is_some(), (1..=MAX_AFTER).contains(&text.len()));
    assert!(read.flatten().is_none_or(|read| read.after == text));
});
