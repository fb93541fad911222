//! What ACA-Py's callers say of a sub-wallet, and how it is kept with the tenant.

use std::collections::BTreeMap;

use entente_rpc::proto::access::v1::Tenant;
use serde_json::{Map, Value, json};

use crate::acapy::error::ApiError;
use crate::acapy::fields::Fields;
use crate::acapy::records::timestamp;

/// The tenant's setting that has them all, as JSON.
const SETTING: &str = "acapy";
const TYPE: &str = "wallet.type";
const NAME: &str = "wallet.name";
const URLS: &str = "wallet.webhook_urls";
const DISPATCH: &str = "wallet.dispatch_type";
const IMAGE: &str = "image_url";
/// The fields that `PUT` takes.
const CHANGEABLE: [&str; 5] =
    ["wallet_webhook_urls", "wallet_dispatch_type", "label", "image_url", "extra_settings"];
/// Settings of a wallet that would change what happens, and are the suite's here; with what they are about.
const REFUSED: [(&str, &str); 7] = [
    ("auto-accept-invites", "whether invitations are accepted is the suite's setting"),
    ("auto-accept-requests", "whether requests are accepted is the suite's setting"),
    ("public-invites", "there are no public DIDs"),
    ("invite-public", "there are no public DIDs"),
    ("requests-through-public-did", "there are no public DIDs"),
    ("endorser-protocol-role", "there is no ledger"),
    ("endorser-role", "there is no ledger"),
];

/// The settings, by the names that ACA-Py shows them by; the name and the label are the tenant's own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings(Map<String, Value>);

impl Settings {
    /// Those of a new wallet.
    pub(super) fn new(body: &Fields) -> Result<Self, ApiError> {
        let kind = body.filter("wallet_type")?.unwrap_or("askar");
        let mut settings = Self(Map::new());
        settings.put(TYPE, json!(kind));
        settings.put(URLS, json!([]));
        settings.put(DISPATCH, json!("base"));
        settings.update(body)?;
        Ok(settings)
    }

    /// Those of a tenant, whichever API made it.
    pub(super) fn of(tenant: &Tenant) -> Self {
        let stored = tenant.settings.get(SETTING);
        let stored = stored.and_then(|text| serde_json::from_str(text).ok());
        Self(stored.unwrap_or_else(|| {
            Map::from_iter([
                (TYPE.to_owned(), json!("askar")),
                (URLS.to_owned(), json!([])),
                (DISPATCH.to_owned(), json!("base")),
            ])
        }))
    }

    /// Takes over what a body has. Without URLs of its own a wallet's events go to the base wallet's.
    pub(super) fn update(&mut self, body: &Fields) -> Result<(), ApiError> {
        if body.has("wallet_webhook_urls") {
            let urls = body.texts("wallet_webhook_urls")?;
            let shown: Vec<_> = urls.iter().map(|url| without_key(url)).collect();
            self.put(DISPATCH, json!(if urls.is_empty() { "base" } else { "default" }));
            self.put(URLS, json!(shown));
        }
        if let Some(dispatch) = body.filter("wallet_dispatch_type")?
            && !self.urls().is_empty()
        {
            self.put(DISPATCH, json!(dispatch));
        }
        if let Some(image) = body.text("image_url")? {
            self.put(IMAGE, json!(image));
        }
        Ok(())
    }

    /// The URLs and where events go.
    pub(super) fn webhooks(&self) -> (&[Value], &str) {
        (self.urls(), self.0.get(DISPATCH).and_then(Value::as_str).unwrap_or("base"))
    }

    /// As the tenant's settings have them.
    pub(super) fn stored(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(SETTING.to_owned(), Value::Object(self.0.clone()).to_string())])
    }

    fn urls(&self) -> &[Value] {
        self.0.get(URLS).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

/// The record of a sub-wallet.
pub(super) fn record(tenant: &Tenant) -> Value {
    let mut settings = Settings::of(tenant);
    let name = Some(&tenant.name).filter(|name| !name.is_empty());
    settings.put(NAME, json!(name));
    if !tenant.label.is_empty() {
        settings.put("default_label", json!(tenant.label));
    }
    settings.put("wallet.id", json!(tenant.id));
    json!({
        "created_at": tenant.created_at.as_ref().and_then(timestamp),
        "updated_at": tenant.updated_at.as_ref().and_then(timestamp),
        "wallet_id": tenant.id,
        "key_management_mode": "managed",
        "settings": settings.0,
    })
}

/// Whether a body changes anything.
pub(super) fn changes(body: &Fields) -> bool {
    CHANGEABLE.iter().any(|name| body.has(name))
}

/// Checks the fields as ACA-Py does. The key of a wallet has no meaning here, where the keystore's master key is above all
/// keys: it is taken, and kept nowhere.
pub(super) fn check(body: &Fields) -> Result<(), ApiError> {
    for name in ["wallet_name", "wallet_key", "label", "image_url"] {
        body.text(name)?;
    }
    body.one_of("wallet_type", &["askar", "askar-anoncreds", "kanon-anoncreds"])?;
    body.one_of("wallet_dispatch_type", &["default", "both", "base"])?;
    body.one_of("wallet_key_derivation", &["ARGON2I_MOD", "ARGON2I_INT", "RAW"])?;
    body.one_of("key_management_mode", &["managed"])?;
    body.texts("wallet_webhook_urls")?;
    let extra = body.object("extra_settings")?.into_iter().flatten();
    for (flag, value) in extra {
        let name = flag.trim_start_matches("ACAPY_").replace('_', "-").to_ascii_lowercase();
        // ACA-Py has a shorter name for it as a variable.
        let name = name.replace("auto-accept-invitations", "auto-accept-invites");
        let refused = REFUSED.iter().find(|(refused, _)| *refused == name);
        if let Some((_, about)) = refused
            && !matches!(value, Value::Null | Value::Bool(false))
        {
            return Err(ApiError::bad_request(format!(
                "extra_settings: {flag} cannot be set for a wallet: {about}"
            )));
        }
    }
    Ok(())
}

/// A URL as it is shown: what follows a `#` is a secret.
fn without_key(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Fields {
        Fields::body(text.as_bytes()).unwrap()
    }

    fn webhooks(text: &str) -> (usize, String) {
        let settings = Settings::new(&body(text)).unwrap();
        let (urls, dispatch) = settings.webhooks();
        (urls.len(), dispatch.to_owned())
    }

    #[test]
    fn where_events_go_follows_from_the_urls() {
        let url = r#""wallet_webhook_urls":["http://a.example#s3cret"]"#;
        for (text, expected) in [
            ("{}".to_owned(), (0, "base")),
            (r#"{"wallet_dispatch_type":"both"}"#.to_owned(), (0, "base")),
            (
                r#"{"wallet_webhook_urls":[],"wallet_dispatch_type":"default"}"#.to_owned(),
                (0, "base"),
            ),
            (format!("{{{url}}}"), (1, "default")),
            (format!(r#"{{{url},"wallet_dispatch_type":"both"}}"#), (1, "both")),
            (format!(r#"{{{url},"wallet_dispatch_type":"base"}}"#), (1, "base")),
        ] {
            assert_eq!(webhooks(&text), (expected.0, expected.1.to_owned()), "{text}");
        }
        let settings = Settings::new(&body(&format!("{{{url}}}"))).unwrap();
        assert!(!settings.stored()[SETTING].contains("s3cret"));
        let tenant = Tenant { settings: settings.stored(), ..Tenant::default() };
        let mut changed = Settings::of(&tenant);
        assert_eq!(changed, settings);
        changed.update(&body(r#"{"wallet_webhook_urls":[]}"#)).unwrap();
        assert_eq!(changed.webhooks(), (&[][..], "base"));
    }

    #[test]
    fn settings_that_would_change_what_happens_are_refused() {
        for extra in [
            r#"{"ACAPY_AUTO_ACCEPT_INVITES": true}"#,
            r#"{"auto-accept-requests": "true"}"#,
            r#"{"ACAPY_ENDORSER_ROLE": "author"}"#,
            r#"{"ACAPY_PUBLIC_INVITES": true}"#,
        ] {
            let error = check(&body(&format!(r#"{{"extra_settings":{extra}}}"#))).unwrap_err();
            assert_eq!(error.status(), 400, "{extra}");
        }
        for extra in
            ["{}", r#"{"ACAPY_LOG_LEVEL": "INFO", "x": 1}"#, r#"{"ACAPY_PUBLIC_INVITES": false}"#]
        {
            check(&body(&format!(r#"{{"extra_settings":{extra}}}"#))).unwrap();
        }
        for wrong in [
            r#"{"key_management_mode":"unmanaged"}"#,
            r#"{"wallet_type":"indy"}"#,
            r#"{"wallet_dispatch_type":"x"}"#,
            r#"{"wallet_webhook_urls":"u"}"#,
            r#"{"label":7}"#,
        ] {
            assert_eq!(check(&body(wrong)).unwrap_err().status(), 422, "{wrong}");
        }
    }
}
