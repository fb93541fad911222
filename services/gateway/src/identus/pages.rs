//! Pages of lists.

use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::BASE;
use super::fields::Page;

/// A page with its neighbours. It may be shorter than asked for, where its records are large: `next` goes on from there.
pub(super) fn shown(
    name: &str,
    kind: &str,
    page: &Page,
    contents: Vec<Value>,
    more: bool,
) -> Value {
    let path = format!("{BASE}/{name}");
    let at = |offset: i32, limit: i32| {
        let mut query = Serializer::new(String::new());
        query.append_pair("offset", &offset.to_string()).append_pair("limit", &limit.to_string());
        if let Some(thread_id) = &page.thread_id {
            query.append_pair("thid", thread_id);
        }
        format!("{path}?{}", query.finish())
    };
    let next = page.offset.saturating_add(i32::try_from(contents.len()).unwrap_or(i32::MAX));
    let mut shown = json!({
        "contents": contents,
        "kind": kind,
        "self": at(page.offset, page.limit),
        "pageOf": path,
    });
    if let Some(fields) = shown.as_object_mut() {
        if more {
            fields.insert("next".to_owned(), Value::from(at(next, page.limit)));
        }
        if page.offset > 0 {
            let limit = page.limit.min(page.offset);
            fields.insert("previous".to_owned(), Value::from(at(page.offset - limit, limit)));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, count: usize, more: bool) -> Value {
        let page = Page::parse(query).unwrap();
        shown("connections", "ConnectionsPage", &page, vec![json!(1); count], more)
    }

    #[test]
    fn a_page_names_its_neighbours() {
        assert_eq!(
            page("", 2, false),
            json!({"contents": [1, 1], "kind": "ConnectionsPage",
                "self": "/cloud-agent/connections?offset=0&limit=100", "pageOf": "/cloud-agent/connections"})
        );
        let middle = page("offset=20&limit=10", 10, true);
        assert_eq!(middle["next"], "/cloud-agent/connections?offset=30&limit=10");
        assert_eq!(middle["previous"], "/cloud-agent/connections?offset=10&limit=10");
        // The first page does not overlap with this one.
        let second = page("offset=4&limit=10", 1, false);
        assert_eq!(second["previous"], "/cloud-agent/connections?offset=0&limit=4");
        assert_eq!(second.get("next"), None);
        // Cut short by its size.
        assert_eq!(
            page("limit=10&thid=a b", 3, true)["next"],
            "/cloud-agent/connections?offset=3&limit=10&thid=a+b"
        );
    }
}
