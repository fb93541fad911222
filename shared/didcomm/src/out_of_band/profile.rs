//! The envelope profiles of `accept` (RFC 0044).

use crate::envelope::MEDIA_TYPE_V1;

/// A profile that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// `didcomm/aip1`: DIDComm v1, AIP 1.0.
    Aip1,
    /// `didcomm/aip2;env=rfc19`: DIDComm v1, AIP 2.0.
    Aip2Rfc19,
}

impl Profile {
    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aip1 => "didcomm/aip1",
            Self::Aip2Rfc19 => "didcomm/aip2;env=rfc19",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let plain: String =
            text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        match plain.as_str() {
            "didcomm/aip1" => Some(Self::Aip1),
            // AIP 2.0 without an envelope has been RFC 0019 since RFC 0587 was taken out of it.
            "didcomm/aip2" | "didcomm/aip2;env=rfc19" => Some(Self::Aip2Rfc19),
            // Some peers name media types here.
            MEDIA_TYPE_V1 | "application/ssi-agent-wire" => Some(Self::Aip1),
            _ => None,
        }
    }
}

/// The peer accepts only profiles that we do not speak.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no profile in common: the peer accepts {offered:?}, we speak didcomm/aip1 and didcomm/aip2;env=rfc19"
)]
pub struct NoCommonProfile {
    /// What the peer accepts, shortened.
    pub offered: Vec<String>,
}

/// The profile to use with a peer that sent this `accept`, its first that we speak; AIP 2.0 when it
/// states no preference.
///
/// # Errors
/// [`NoCommonProfile`].
pub fn select_profile(accept: &[String]) -> Result<Profile, NoCommonProfile> {
    if accept.is_empty() {
        return Ok(Profile::Aip2Rfc19);
    }
    accept.iter().find_map(|text| Profile::parse(text)).ok_or_else(|| NoCommonProfile {
        offered: accept.iter().take(8).map(|text| text.chars().take(60).collect()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_that_we_speak() {
        let select = |accept: &[&str]| {
            select_profile(&accept.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(select(&[]), Ok(Profile::Aip2Rfc19));
        assert_eq!(select(&["didcomm/v2", "didcomm/aip1"]), Ok(Profile::Aip1));
        assert_eq!(select(&["didcomm/aip2; env=rfc19"]), Ok(Profile::Aip2Rfc19));
        let offered = vec!["didcomm/v2".to_owned(), "didcomm/aip2;env=rfc587".to_owned()];
        assert_eq!(select_profile(&offered), Err(NoCommonProfile { offered: offered.clone() }));
    }
}
