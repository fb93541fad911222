use axum::response::IntoResponse as _;

use super::*;

async fn text(error: ApiError) -> String {
    let bytes = axum::body::to_bytes(error.into_response().into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn errors_have_the_shape_of_the_original() {
    let query = Fields::query("auto_accept=maybe&order_by=state");
    assert_eq!(
        text(query.boolean("auto_accept").unwrap_err()).await,
        "422: {'querystring': {'auto_accept': ['Not a valid boolean.']}}"
    );
    assert_eq!(
        text(query.page().unwrap_err()).await,
        "422: {'querystring': {'order_by': ['Must be one of: id.']}}"
    );
    let body = Fields::body(br#"{"accept": ["a", 1], "metadata": []}"#).unwrap();
    assert_eq!(
        text(body.texts("accept").unwrap_err()).await,
        "422: {'json': {'accept': {1: ['Not a valid string.']}}}"
    );
    assert_eq!(
        text(body.object("metadata").unwrap_err()).await,
        "422: {'json': {'metadata': ['Not a valid mapping type.']}}"
    );
}

#[test]
fn booleans_come_in_many_spellings() {
    for (word, expected) in
        [("true", true), ("True", true), ("1", true), ("no", false), ("FALSE", false)]
    {
        assert_eq!(
            Fields::query(&format!("x={word}")).boolean("x").unwrap(),
            Some(expected),
            "{word}"
        );
    }
    assert_eq!(Fields::query("").boolean("x").unwrap(), None);
    assert!(Fields::query("x=").boolean("x").is_err());
    assert_eq!(Fields::body(br#"{"x": true, "y": null}"#).unwrap().boolean("y").unwrap(), None);
}

#[test]
fn pages_have_bounds() {
    let page = |text: &str| Fields::query(text).page();
    assert_eq!(page("").unwrap(), Page { limit: 100, offset: 0, descending: false });
    assert_eq!(
        page("limit=5&offset=7&descending=true&order_by=id").unwrap(),
        Page { limit: 5, offset: 7, descending: true }
    );
    for bad in ["limit=0", "limit=10001", "limit=x", "offset=-1", "offset=100001", "descending=2"] {
        assert!(page(bad).is_err(), "{bad}");
    }
}

#[test]
fn bodies_are_objects_or_empty() {
    assert!(Fields::body(b" \n").is_ok());
    assert_eq!(Fields::body(b"[]").unwrap_err().status(), 422);
    assert_eq!(Fields::body(b"{").unwrap_err().status(), 400);
}
