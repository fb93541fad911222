//! Short URLs of our invitations (RFC 0434, "URL Shortening"): `<endpoint>/i/<id>`.

/// What stands before the id.
const SEGMENT: &str = "i";
/// How long an id is: 16 bytes in hexadecimal. No character of it is lost where a text is made a link.
const ID: usize = 32;

/// The short URL with this id. A query and a fragment of `base` stay.
#[must_use]
pub fn short_url(base: &str, id: &str) -> String {
    let (path, rest) = base.split_at(base.find(['?', '#']).unwrap_or(base.len()));
    format!("{}/{SEGMENT}/{id}{rest}", path.trim_end_matches('/'))
}

/// The id in the path of a short URL, whatever comes before: a proxy may have routed by it.
#[must_use]
pub fn short_id(path: &str) -> Option<&str> {
    let mut segments = path.rsplit('/');
    let (id, segment) = (segments.next()?, segments.next()?);
    let is_id = id.len() == ID && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_id && segment == SEGMENT).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_short_url_lies_under_the_endpoint() {
        for (endpoint, url) in [
            ("http://a:8030", format!("http://a:8030/i/{ONE}")),
            ("https://a/", format!("https://a/i/{ONE}")),
            ("https://a/didcomm?x=1#y", format!("https://a/didcomm/i/{ONE}?x=1#y")),
        ] {
            assert_eq!(short_url(endpoint, ONE), url);
        }
    }

    #[test]
    fn an_id_is_found_in_the_end_of_a_path() {
        for path in ["/i/", "/didcomm/i/", "/a//i/"] {
            assert_eq!(short_id(&format!("{path}{ONE}")), Some(ONE));
        }
        let upper = ONE.to_uppercase();
        for path in [
            "",
            "/",
            "/i",
            "/i/",
            ONE,
            &format!("/{ONE}"),
            &format!("/j/{ONE}"),
            &format!("/i/{ONE}/"),
            &format!("/i/{ONE}0"),
            &format!("/i/{upper}"),
            &format!("/i/{}é", &ONE[2..]),
        ] {
            assert_eq!(short_id(path), None, "{path}");
        }
    }
}
