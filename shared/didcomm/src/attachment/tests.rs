use serde_json::json;

use super::*;

fn read(data: Value) -> Result<Attachment, AttachmentError> {
    Attachment::parse(&json!({"@id": "a", "data": data}))
}

#[test]
fn keeps_every_field() {
    let full = json!({
        "@id": "a", "description": "d", "filename": "f", "mime-type": "text/plain",
        "lastmod_time": "2019-01-23 18:03:27Z", "byte_count": 3, "unknown": [1],
        "data": {"base64": "YWJj", "json": {"x": 1}, "links": ["https://x"], "sha256": "00", "jws": {}},
    });
    let read = Attachment::parse(&full).unwrap();
    assert_eq!(read.to_value(), full);
    assert_eq!(read.byte_count, Some(3));
    for name in ["mime_type", "media_type"] {
        let read = Attachment::parse(&json!({name: "x/y", "data": {"json": 1}})).unwrap();
        assert_eq!(read.mime_type.as_deref(), Some("x/y"));
    }
}

#[test]
fn decodes_what_is_inline() {
    for (base64, expected) in
        [("YWI", &b"ab"[..]), ("YWI=", b"ab"), ("_-8", &[0xff, 0xef]), ("/+8=", &[0xff, 0xef])]
    {
        assert_eq!(read(json!({"base64": base64})).unwrap().content(10).unwrap(), expected);
    }
    let json = read(json!({"json": {"a": [1]}})).unwrap();
    assert_eq!(json.content(10).unwrap(), br#"{"a":[1]}"#);
    let too_large = AttachmentError::TooLarge { limit: 8, actual: 9 };
    assert_eq!(json.content(8), Err(too_large));
    let large = read(json!({"base64": "A".repeat(1000)})).unwrap();
    assert!(matches!(large.content(100), Err(AttachmentError::TooLarge { limit: 100, .. })));
    assert!(large.content(750).is_ok());
    assert_eq!(read(json!({"base64": "***"})).unwrap().content(9), Err(AttachmentError::Encoding));
    let links = read(json!({"links": "https://x"})).unwrap();
    assert_eq!(links.content(9), Err(AttachmentError::NotInline));
}

#[test]
fn writes_plain_base64_with_padding() {
    let attachment = Attachment::from_bytes("a", "text/string", &[0xff, 0xef]);
    assert_eq!(attachment.data.base64.as_deref(), Some("/+8="));
    assert_eq!(attachment.content(2).unwrap(), [0xff, 0xef]);
}

#[test]
fn checks_the_hash() {
    let hash = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
    let read = |base64: &str| read(json!({"base64": base64, "sha256": hash})).unwrap();
    assert_eq!(read("YWJj").content(9).unwrap(), b"abc");
    assert_eq!(read("YWJk").content(9), Err(AttachmentError::HashMismatch));
}

#[test]
fn names_what_is_wrong() {
    for data in [json!({}), json!({"base64": null}), json!({"links": []})] {
        assert_eq!(read(data), Err(AttachmentError::NoContent));
    }
    for (data, field) in [
        (json!("x"), "data"),
        (json!({"base64": 1}), "base64"),
        (json!({"base64": "", "sha256": 1}), "sha256"),
        (json!({"links": {}}), "data.links"),
        (json!({"links": [1]}), "data.links"),
    ] {
        let error = read(data).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
    let many = Value::from(vec![json!({"data": {"json": 1}}); 33]);
    let listed = Attachment::list("requests~attach", Some(&many));
    assert!(matches!(listed, Err(AttachmentError::TooMany { actual: 33, .. })));
    assert!(Attachment::parse(&json!([])).is_err());
}

#[test]
fn is_written_as_its_version_has_it() {
    let v2 = json!({
        "id": "a", "description": "d", "filename": "f", "media_type": "text/plain", "format": "x/y",
        "lastmod_time": 1_718_621_260, "byte_count": 3, "unknown": [1],
        "data": {"base64": "YWJj", "links": ["https://x"], "hash": "zQm", "jws": {}},
    });
    let read = Attachment::parse(&v2).unwrap();
    assert_eq!((read.id.as_deref(), read.format.as_deref()), (Some("a"), Some("x/y")));
    assert_eq!(read.data.hash.as_deref(), Some("zQm"));
    assert_eq!(read.content(3).unwrap(), b"abc");
    assert_eq!(read.to_v2_value(), v2);
    let v1 = read.to_value();
    assert_eq!((&v1["@id"], &v1["mime-type"]), (&json!("a"), &json!("text/plain")));
    assert_eq!(Attachment::parse(&v1), Ok(read));
}
