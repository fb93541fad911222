//! The callers that the file names.

use entente_rpc::auth::{Credential, Digest, Principal, Roles, StaticCaller, digest};

use super::{CallerSettings, ConfigError};

/// The longest name.
const MAX_NAME: usize = 64;

/// Reads the callers, and the files with their keys.
pub(super) fn read(callers: &[CallerSettings]) -> Result<Vec<StaticCaller>, ConfigError> {
    callers.iter().map(read_one).collect()
}

fn read_one(caller: &CallerSettings) -> Result<StaticCaller, ConfigError> {
    let wrong = |problem: String| {
        ConfigError::value("callers", &caller.name, format!("{problem}, so it cannot be a caller"))
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let name = &caller.name;
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        return Err(wrong("must be named by 1 to 64 letters, digits, `-`, `_` and `.`".to_owned()));
    }
    let credential = match (&caller.key_sha256, &caller.key_file, &caller.spiffe) {
        (Some(text), None, None) => Credential::Key(from_hex(text).ok_or_else(|| {
            wrong("has a key-sha256 that is not 64 hexadecimal digits".to_owned())
        })?),
        (None, None, Some(id)) => Credential::Spiffe(
            id.parse().map_err(|error| wrong(format!("has a spiffe that {error}")))?,
        ),
        (None, Some(path), None) => {
            let key = std::fs::read_to_string(path)
                .map_err(|error| wrong(format!("has a key-file that cannot be read: {error}")))?;
            let key = key.trim();
            if key.len() < 8 {
                return Err(wrong(
                    "has a key-file with a key of fewer than 8 characters".to_owned(),
                ));
            }
            Credential::Key(digest(key))
        }
        _ => return Err(wrong("needs one of key-sha256, key-file and spiffe".to_owned())),
    };
    if let Some(unknown) = caller.roles.iter().find(|role| Roles::named(role).is_none()) {
        let known = Roles::all().names().collect::<Vec<_>>().join(", ");
        return Err(wrong(format!("has the role {unknown:?}, which is none of {known}")));
    }
    let roles = Roles::of(caller.roles.iter().map(String::as_str));
    if roles.anywhere() != roles && caller.tenant.is_none() {
        return Err(wrong("has a role for one tenant, and no tenant".to_owned()));
    }
    let tenant = caller.tenant.as_deref().map(Into::into);
    Ok(StaticCaller {
        credential,
        principal: Principal { name: name.as_str().into(), tenant, roles },
    })
}

fn from_hex(text: &str) -> Option<Digest> {
    base16ct::mixed::decode_vec(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(change: impl FnOnce(&mut CallerSettings)) -> Result<StaticCaller, String> {
        let mut caller = CallerSettings {
            name: "ci".to_owned(),
            key_sha256: Some("ab".repeat(32)),
            key_file: None,
            spiffe: None,
            roles: vec!["reader".to_owned()],
            tenant: Some("acme".to_owned()),
        };
        change(&mut caller);
        read_one(&caller).map_err(|error| error.to_string())
    }

    type Change = fn(&mut CallerSettings);

    #[test]
    fn what_is_wrong_with_a_caller_is_said() {
        assert_eq!(caller(|_| {}).unwrap().credential, Credential::Key([0xab; 32]));
        let by_certificate = caller(|caller| {
            caller.key_sha256 = None;
            caller.spiffe = Some("spiffe://example.org/ci".to_owned());
        });
        let id = "spiffe://example.org/ci".parse().unwrap();
        assert_eq!(by_certificate.unwrap().credential, Credential::Spiffe(id));
        let cases: [(Change, &str); 8] = [
            (|caller| caller.spiffe = Some("spiffe://a/b".to_owned()), "needs one of"),
            (
                |caller| {
                    caller.key_sha256 = None;
                    caller.spiffe = Some("https://a/b".to_owned());
                },
                "spiffe://trust-domain/path",
            ),
            (|caller| caller.name = "a b".to_owned(), "must be named"),
            (|caller| caller.key_sha256 = Some("ab".to_owned()), "64 hexadecimal"),
            (|caller| caller.key_sha256 = Some("+b".repeat(32)), "64 hexadecimal"),
            (|caller| caller.key_sha256 = None, "needs one of key-sha256"),
            (|caller| caller.roles = vec!["king".to_owned()], "king"),
            (|caller| caller.tenant = None, "no tenant"),
        ];
        for (change, part) in cases {
            let error = caller(change).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
