//! What the configuration says of an issuer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// An issuer of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct IssuerSettings {
    /// The claim `iss` of its tokens, to the letter.
    pub issuer: String,
    /// One of these is in the claim `aud`.
    pub audience: Vec<String>,
    /// Where its keys are: an https URL, or a file.
    pub jwks: String,
    /// Which algorithms it may use.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
    /// The tenant of who shows its tokens, if they are all of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The claim that has the tenant; dots lead into objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_claim: Option<String>,
    /// The roles that all who show its tokens have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The claim that has roles, a list or a text with spaces between; dots lead into objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles_claim: Option<String>,
    /// What the values in the claim stand for; a value that is not here gives nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_map: BTreeMap<String, Vec<String>>,
}

fn algorithms() -> Vec<String> {
    ["RS256", "ES256", "EdDSA"].map(str::to_owned).to_vec()
}

/// An issuer that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the issuer {issuer:?} {problem}")]
pub struct SettingsError {
    /// Which.
    pub issuer: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Where keys are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Url(Url),
    File(PathBuf),
}

impl IssuerSettings {
    pub(crate) fn check(&self) -> Result<(Vec<Algorithm>, Source), SettingsError> {
        let wrong = |problem: &str| SettingsError {
            issuer: self.issuer.clone(),
            problem: problem.to_owned(),
        };
        if self.issuer.is_empty() || !self.issuer.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("needs an issuer: the claim iss of its tokens"));
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            return Err(wrong("needs an audience: the claim aud of its tokens"));
        }
        if self.tenant.is_some() == self.tenant_claim.is_some() {
            return Err(wrong("needs either a tenant or a tenant-claim"));
        }
        if self.roles.is_empty() && self.roles_claim.is_none() {
            return Err(wrong("needs roles, or a roles-claim"));
        }
        if self.algorithms.is_empty() {
            return Err(wrong("needs algorithms"));
        }
        let algorithm = |name: &String| {
            algorithm(name).ok_or_else(|| {
                wrong(&format!(
                    "has the algorithm {name:?}; write RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA"
                ))
            })
        };
        let algorithms = self.algorithms.iter().map(algorithm).collect::<Result<_, _>>()?;
        Ok((algorithms, self.source().ok_or_else(|| {
            wrong("has a jwks that is neither a file nor an https URL (http is for loopback alone)")
        })?))
    }

    fn source(&self) -> Option<Source> {
        if !self.jwks.contains("://") {
            return (!self.jwks.is_empty()).then(|| Source::File(self.jwks.clone().into()));
        }
        let url: Url = self.jwks.parse().ok()?;
        let loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let right = url.scheme() == "https" || url.scheme() == "http" && loopback;
        right.then_some(Source::Url(url))
    }
}

/// Only those with public keys: a public key must never do as the secret of another algorithm (RFC 8725 §2.1).
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut IssuerSettings)) -> Result<(), String> {
        let mut settings: IssuerSettings = serde_json::from_value(serde_json::json!({
            "issuer": "https://idp.example.com", "audience": ["entente"],
            "jwks": "https://idp.example.com/jwks", "tenant-claim": "tenant", "roles": ["reader"],
        }))
        .unwrap();
        change(&mut settings);
        settings.check().map(|_| ()).map_err(|error| error.to_string())
    }

    type Change = fn(&mut IssuerSettings);

    #[test]
    fn what_is_wrong_with_an_issuer_is_said() {
        check(|_| {}).unwrap();
        for right in
            ["http://127.0.0.1:1/jwks", "http://localhost/jwks", "/etc/jwks.json", "jwks.json"]
        {
            check(|settings| settings.jwks = right.to_owned()).unwrap();
        }
        let cases: [(Change, &str); 9] = [
            (|settings| settings.issuer.clear(), "iss"),
            (|settings| settings.audience.clear(), "aud"),
            (|settings| settings.algorithms = vec!["HS256".to_owned()], "HS256"),
            (|settings| settings.algorithms = vec!["none".to_owned()], "none"),
            (|settings| settings.jwks = "http://idp.example.com/jwks".to_owned(), "https"),
            (|settings| settings.jwks = "ftp://idp.example.com/jwks".to_owned(), "https"),
            (|settings| settings.tenant_claim = None, "tenant"),
            (|settings| settings.tenant = Some("acme".to_owned()), "either"),
            (|settings| settings.roles.clear(), "roles"),
        ];
        for (change, part) in cases {
            let error = check(change).unwrap_err();
            assert!(error.contains(part), "{error:?} does not say {part:?}");
        }
    }
}
