//! Queries and bodies, read as ACA-Py's schemas read them. Unknown fields are ignored, `null` counts as absent.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::error::ApiError;

/// The fields of a query or of a body.
#[derive(Debug, Default)]
pub(super) struct Fields {
    location: &'static str,
    values: Map<String, Value>,
}

/// The query. A parameter that comes twice counts as it came first.
pub(super) struct Query(pub(super) Fields);

/// The body; an empty one has no fields.
pub(super) struct Body(pub(super) Fields);

/// A part of a list.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) descending: bool,
}

impl Fields {
    pub(super) fn query(text: &str) -> Self {
        let mut values = Map::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            values.entry(name).or_insert_with(|| Value::String(value.into_owned()));
        }
        Self { location: "querystring", values }
    }

    pub(super) fn body(bytes: &[u8]) -> Result<Self, ApiError> {
        let location = "json";
        if bytes.trim_ascii().is_empty() {
            return Ok(Self { location, values: Map::new() });
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(values)) => Ok(Self { location, values }),
            Ok(_) => Err(ApiError::invalid(location, "_schema", "Invalid input type.")),
            Err(error) => Err(ApiError::bad_request(format!("the body is not JSON: {error}"))),
        }
    }

    pub(super) fn values(self) -> Map<String, Value> {
        self.values
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn invalid(&self, name: &str, problem: &str) -> ApiError {
        ApiError::invalid(self.location, name, problem)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(name, "Not a valid string.")),
        }
    }

    /// A text; absent when empty, as in a filter.
    pub(super) fn filter(&self, name: &str) -> Result<Option<&str>, ApiError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn owned(&self, name: &str) -> Result<String, ApiError> {
        Ok(self.text(name)?.unwrap_or_default().to_owned())
    }

    pub(super) fn one_of(&self, name: &str, choices: &[&str]) -> Result<Option<&str>, ApiError> {
        match self.filter(name)? {
            Some(text) if !choices.contains(&text) => {
                Err(self.invalid(name, &format!("Must be one of: {}.", choices.join(", "))))
            }
            other => Ok(other),
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let word = match self.get(name) {
            None => return Ok(None),
            Some(Value::Bool(value)) => return Ok(Some(*value)),
            Some(Value::String(word)) => word.to_ascii_lowercase(),
            Some(other) => other.to_string(),
        };
        match word.as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(Some(true)),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(Some(false)),
            _ => Err(self.invalid(name, "Not a valid boolean.")),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(digits)) => digits.trim().parse().ok(),
            Some(other) => other.as_i64(),
        };
        number.map(Some).ok_or_else(|| self.invalid(name, "Not a valid integer."))
    }

    pub(super) fn list(&self, name: &str) -> Result<&[Value], ApiError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.invalid(name, "Not a valid list.")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<&str>, ApiError> {
        let text = |(index, item): (usize, &'_ Value)| {
            item.as_str().map(str::len).ok_or(index).map(|_| index)
        };
        let items = self.list(name)?;
        if let Some(index) = items.iter().enumerate().find_map(|item| text(item).err()) {
            return Err(self.invalid_item(name, index, "Not a valid string."));
        }
        Ok(items.iter().filter_map(Value::as_str).collect())
    }

    pub(super) fn invalid_item(&self, name: &str, index: usize, problem: &str) -> ApiError {
        ApiError::invalid_item(self.location, name, index, problem)
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.invalid(name, "Not a valid mapping type.")),
        }
    }

    /// `limit`, `offset`, `order_by` and `descending`.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        let limit = self.integer("limit")?.unwrap_or(100);
        if !(1..=10_000).contains(&limit) {
            let problem = "Must be greater than or equal to 1 and less than or equal to 10000.";
            return Err(self.invalid("limit", problem));
        }
        let offset = self.integer("offset")?.unwrap_or(0);
        if !(0..=100_000).contains(&offset) {
            let problem = "Must be greater than or equal to 0 and less than or equal to 100000.";
            return Err(self.invalid("offset", problem));
        }
        self.one_of("order_by", &["id"])?;
        let descending = self.boolean("descending")?.unwrap_or(false);
        let size = |number| usize::try_from(number).unwrap_or_default();
        Ok(Page { limit: size(limit), offset: size(offset), descending })
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(Fields::query(parts.uri.query().unwrap_or_default())))
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(Fields::body(&Bytes::from_request(request, state).await?)?))
    }
}

#[cfg(test)]
mod tests;
