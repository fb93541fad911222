//! The envelope profiles of `accept` (RFC 0044).

use crate::envelope::MEDIA_TYPE_V1;

/// The media type of an encrypted message of DIDComm v2.
const MEDIA_TYPE_V2: &str = "application/didcomm-encrypted+json";

/// A profile that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// `didcomm/aip1`: DIDComm v1, AIP 1.0.
    Aip1,
    /// `didcomm/aip2;env=rfc19`: DIDComm v1, AIP 2.0.
    Aip2Rfc19,
    /// `didcomm/v2`: DIDComm v2.
    V2,
}

impl Profile {
    /// Those of DIDComm v1, the preferred first.
    pub const V1: [Self; 2] = [Self::Aip2Rfc19, Self::Aip1];

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aip1 => "didcomm/aip1",
            Self::Aip2Rfc19 => "didcomm/aip2;env=rfc19",
            Self::V2 => "didcomm/v2",
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
            "didcomm/v2" | MEDIA_TYPE_V2 => Some(Self::V2),
            _ => None,
        }
    }
}

/// The peer accepts only profiles that cannot be spoken here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no profile in common: the peer accepts {offered:?}, an answer could be in {}",
    list(spoken)
)]
pub struct NoCommonProfile {
    /// What the peer accepts, shortened.
    pub offered: Vec<String>,
    /// What would do.
    pub spoken: Vec<Profile>,
}

fn list(profiles: &[Profile]) -> String {
    profiles.iter().map(|profile| profile.as_str()).collect::<Vec<_>>().join(" or ")
}

/// The profile to use with a peer that sent this `accept`: its first among those that can be spoken,
/// or the first of these when it states no preference.
///
/// # Errors
/// [`NoCommonProfile`].
pub fn select_profile(accept: &[String], spoken: &[Profile]) -> Result<Profile, NoCommonProfile> {
    let chosen = if accept.is_empty() {
        spoken.first().copied()
    } else {
        accept.iter().filter_map(|text| Profile::parse(text)).find(|one| spoken.contains(one))
    };
    chosen.ok_or_else(|| NoCommonProfile {
        offered: accept.iter().take(8).map(|text| text.chars().take(60).collect()).collect(),
        spoken: spoken.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(accept: &[&str], spoken: &[Profile]) -> Result<Profile, NoCommonProfile> {
        select_profile(&accept.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), spoken)
    }

    #[test]
    fn takes_the_first_that_can_be_spoken() {
        let v1 = |accept: &[&str]| select(accept, &Profile::V1);
        assert_eq!(v1(&[]), Ok(Profile::Aip2Rfc19));
        assert_eq!(v1(&["didcomm/v2", "didcomm/aip1"]), Ok(Profile::Aip1));
        assert_eq!(v1(&["didcomm/aip2; env=rfc19"]), Ok(Profile::Aip2Rfc19));
        let v2 = |accept: &[&str]| select(accept, &[Profile::V2]);
        assert_eq!(v2(&[]), Ok(Profile::V2));
        assert_eq!(v2(&["didcomm/aip1", "DIDComm/v2"]), Ok(Profile::V2));
        assert_eq!(v2(&["application/didcomm-encrypted+json"]), Ok(Profile::V2));
    }

    #[test]
    fn says_what_would_do() {
        let only_v2 = select(&["didcomm/v2", "didcomm/aip2;env=rfc587"], &Profile::V1).unwrap_err();
        assert_eq!(
            only_v2.to_string(),
            "no profile in common: the peer accepts [\"didcomm/v2\", \"didcomm/aip2;env=rfc587\"], \
             an answer could be in didcomm/aip2;env=rfc19 or didcomm/aip1"
        );
        let only_v1 = select(&["didcomm/aip1"], &[Profile::V2]).unwrap_err();
        assert!(only_v1.to_string().ends_with("could be in didcomm/v2"));
    }
}
