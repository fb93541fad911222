//! Bodies, queries and ids. Unknown fields are ignored, `null` counts as absent.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::ErrorResponse;

/// The most characters of `label`, `goalCode` and `goal`.
const MAX_TEXT: usize = 255;
/// The most characters of the name of a wallet or an entity.
const MAX_NAME: usize = 128;
/// The most records of a page.
const MAX_LIMIT: i32 = 1000;
/// The most records that a page skips.
const MAX_OFFSET: i32 = 100_000;

/// The body: an object.
#[derive(Debug)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ErrorResponse> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(ErrorResponse::unreadable("the body is not a JSON object")),
            Err(_) if bytes.trim_ascii().is_empty() => {
                Err(ErrorResponse::unreadable("the body is empty; {} has no fields"))
            }
            Err(error) => Err(ErrorResponse::unreadable(format!("the body is not JSON: {error}"))),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ErrorResponse> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ErrorResponse::unreadable(format!("{name} is not a string"))),
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ErrorResponse> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(ErrorResponse::unreadable(format!("{name} is not true or false"))),
        }
    }

    /// A number from 1 up.
    pub(super) fn count(&self, name: &str) -> Result<Option<i32>, ErrorResponse> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
        match number.filter(|number| *number > 0) {
            Some(number) => Ok(Some(number)),
            None => Err(ErrorResponse::invalid(&[format!(
                "{name} must be a whole number from 1 to {}",
                i32::MAX
            )])),
        }
    }

    /// `name`, which must be there.
    pub(super) fn name(&self) -> Result<String, ErrorResponse> {
        let name =
            self.text("name")?.ok_or_else(|| ErrorResponse::unreadable("name is missing"))?;
        if (1..=MAX_NAME).contains(&name.chars().count()) {
            return Ok(name.to_owned());
        }
        Err(ErrorResponse::invalid(&[format!("name must have 1 to {MAX_NAME} characters")]))
    }

    pub(super) fn uuid(&self, name: &str) -> Result<Option<Uuid>, ErrorResponse> {
        let parse = |text: &str| {
            Uuid::parse_str(text)
                .map_err(|_| ErrorResponse::unreadable(format!("{name} {text:?} is not a UUID")))
        };
        self.text(name)?.map(parse).transpose()
    }

    /// Texts by name, none of them too long; all that are wrong are told of.
    pub(super) fn short_texts<const N: usize>(
        &self,
        names: [&str; N],
    ) -> Result<[String; N], ErrorResponse> {
        let mut errors = Vec::new();
        let mut texts = [const { String::new() }; N];
        for (name, into) in names.into_iter().zip(&mut texts) {
            let text = self.text(name)?.unwrap_or_default();
            let length = text.chars().count();
            if length > MAX_TEXT {
                errors.push(format!("{name} must have 0 to {MAX_TEXT} characters, not {length}"));
            }
            text.clone_into(into);
        }
        if errors.is_empty() { Ok(texts) } else { Err(ErrorResponse::invalid(&errors)) }
    }

    /// An object of texts.
    pub(super) fn texts_by_name(&self, name: &str) -> Result<Vec<(String, String)>, ErrorResponse> {
        let object = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Value::Object(object)) => object,
            Some(_) => return Err(ErrorResponse::unreadable(format!("{name} is not an object"))),
        };
        let pair = |(key, value): (&String, &Value)| match value {
            Value::String(text) => Ok((key.clone(), text.clone())),
            _ => Err(ErrorResponse::unreadable(format!("{name}.{key} is not a string"))),
        };
        object.iter().map(pair).collect()
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ErrorResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorResponse> {
        Self::parse(&Bytes::from_request(request, state).await?)
    }
}

/// `offset`, `limit` and `thid`.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) offset: i32,
    pub(super) limit: i32,
    pub(super) thread_id: Option<String>,
}

impl Page {
    pub(super) fn parse(query: &str) -> Result<Self, ErrorResponse> {
        let mut page = Self { offset: 0, limit: 100, thread_id: None };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "offset" => page.offset = number("offset", &value, 0, MAX_OFFSET)?,
                "limit" => page.limit = number("limit", &value, 1, MAX_LIMIT)?,
                "thid" => page.thread_id = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(page)
    }
}

fn number(name: &str, text: &str, least: i32, most: i32) -> Result<i32, ErrorResponse> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        ErrorResponse::unreadable(format!(
            "{name} must be a whole number from {least} to {most}, not {text:?}"
        ))
    })
}

impl<S: Sync> FromRequestParts<S> for Page {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorResponse> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

/// The id at the end of the path: a UUID.
pub(super) struct Id(pub(super) String);

impl Id {
    pub(super) fn parse(text: &str) -> Result<Self, ErrorResponse> {
        Uuid::parse_str(text)
            .map(|id| Self(id.to_string()))
            .map_err(|_| ErrorResponse::unreadable(format!("the id {text:?} is not a UUID")))
    }
}

impl<S: Sync> FromRequestParts<S> for Id {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorResponse> {
        Self::parse(parts.uri.path().rsplit('/').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNREADABLE: &str = "error:RequestBodyDecodingFailure";

    #[test]
    fn pages_have_bounds() {
        let page = Page::parse("").unwrap();
        assert_eq!(page, Page { offset: 0, limit: 100, thread_id: None });
        let page = Page::parse("offset=7&limit=1&thid=t%201&other=x").unwrap();
        assert_eq!(page, Page { offset: 7, limit: 1, thread_id: Some("t 1".to_owned()) });
        for query in ["offset=-1", "offset=x", "limit=0", "limit=1001", "limit=", "offset=100001"] {
            let error = Page::parse(query).unwrap_err();
            assert_eq!(error.shown(), (400, UNREADABLE.to_owned()), "{query}");
        }
    }

    #[test]
    fn bodies_are_objects() {
        for body in ["", " ", "nonsense", "[]", "null", "\"x\""] {
            let error = Body::parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.shown(), (400, UNREADABLE.to_owned()), "{body}");
        }
        let body = Body::parse(br#"{"a": null, "b": 7, "c": true, "h": {"x": "y"}}"#).unwrap();
        assert_eq!(body.text("a").unwrap(), None);
        assert_eq!(body.text("b").unwrap_err().shown().1, UNREADABLE);
        assert_eq!(body.count("b").unwrap(), Some(7));
        assert_eq!(body.boolean("c").unwrap(), Some(true));
        assert!(body.boolean("b").is_err() && body.count("c").is_err());
        assert_eq!(body.texts_by_name("h").unwrap(), [("x".to_owned(), "y".to_owned())]);
        assert!(body.texts_by_name("b").is_err());
    }

    #[test]
    fn texts_have_255_characters_at_most() {
        let fits = "ä".repeat(255);
        let body = Body::parse(format!(r#"{{"a":"{fits}","b":"{fits}x"}}"#).as_bytes()).unwrap();
        assert_eq!(body.short_texts(["a", "z"]).unwrap(), [fits, String::new()]);
        let error = body.short_texts(["a", "b"]).unwrap_err();
        assert_eq!(error.shown().1, "error:ConnectionServiceError:UserInputValidationError");
        assert_eq!(
            error.detail(),
            "The provided input failed validation: errors=[b must have 0 to 255 characters, not 256]"
        );
    }

    #[test]
    fn ids_are_uuids() {
        assert!(Id::parse("1893e207-4cba-4792-8179-067c78d2acc2").is_ok());
        for text in ["", "7", "1893e207-4cba-4792-8179-067c78d2acc", "../x"] {
            assert_eq!(Id::parse(text).err().unwrap().shown().1, UNREADABLE, "{text}");
        }
    }
}
