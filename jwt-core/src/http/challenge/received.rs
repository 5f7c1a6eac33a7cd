use std::{fmt, str};

use crate::http::request::is_tchar;

/// A challenge of a response, for tests that assert why a request was refused.
///
/// ```
/// use jwt_core::testing::TestChallenge;
///
/// // In a test of yours: `response.headers().get_all("www-authenticate")`.
/// let header = [r#"Bearer realm="api", error="insufficient_scope", scope="reports:read""#];
/// let challenges = TestChallenge::read(header);
/// assert_eq!((challenges[0].scheme(), challenges[0].scope()), ("Bearer", Some("reports:read")));
/// assert_eq!(challenges[0].error(), Some("insufficient_scope"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestChallenge {
    scheme: String,
    token: Option<String>,
    parameters: Vec<(String, String)>,
}

impl TestChallenge {
    /// Reads the values of all `WWW-Authenticate` headers of a response, which may have several challenges each. RFC 9110 section
    /// 11.6.1. Without headers there are no challenges.
    ///
    /// # Panics
    ///
    /// Panics if a value is malformed, or names a parameter twice: a client could not read it either.
    #[must_use]
    pub fn read(values: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<Self> {
        let mut challenges = Vec::new();
        for value in values {
            let text = str::from_utf8(value.as_ref()).unwrap_or_else(|_| panic!("a challenge isn't UTF-8"));
            read(text, &mut challenges).unwrap_or_else(|problem| panic!("{problem} in the challenge {text:?}"));
        }
        challenges
    }

    /// Returns the authentication scheme, as it was sent: `Bearer`, `DPoP`, or one of yours.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns the value of a parameter, without its quotes. `name` is in lower case; the comparison ignores case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the parameter `error`, for example `invalid_token`. RFC 6750 section 3.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.parameter("error")
    }

    /// Returns the parameter `scope`: the scopes that are missing, with a space between them. RFC 6750 section 3.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.parameter("scope")
    }
}

/// Writes the challenge as one header value, with every parameter quoted.
impl fmt::Display for TestChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scheme)?;
        if let Some(token) = &self.token {
            write!(f, " {token}")?;
        }
        for (number, (name, value)) in self.parameters.iter().enumerate() {
            let (separator, value) =
                (if number == 0 { " " } else { ", " }, value.replace('\\', r"\\").replace('"', r#"\""#));
            write!(f, "{separator}{name}=\"{value}\"")?;
        }
        Ok(())
    }
}

/// `#challenge`, with `challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`. RFC 9110 sections 5.6.1 and 11.3.
fn read(text: &str, challenges: &mut Vec<TestChallenge>) -> Result<(), &'static str> {
    let first = challenges.len();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Ok(());
        }
        let (name, after) = split(rest, is_tchar);
        if name.is_empty() {
            return Err("no scheme and no parameter");
        }
        rest = match (after.trim_start_matches([' ', '\t']).strip_prefix('='), challenges.get_mut(first..)) {
            (Some(value), Some([.., challenge])) if challenge.token.is_none() => {
                let (value, after) = read_value(value.trim_start_matches([' ', '\t']))?;
                let name = name.to_ascii_lowercase();
                if challenge.parameter(&name).is_some() {
                    return Err("a parameter is repeated");
                }
                challenge.parameters.push((name, value));
                until_comma(after)?
            }
            _ => {
                let (token, after) = read_token(after);
                let has_parameters = token.is_none() && after.starts_with(' ');
                challenges.push(TestChallenge { scheme: name.to_owned(), token, parameters: Vec::new() });
                if has_parameters { after } else { until_comma(after)? }
            }
        };
    }
}

/// Splits off the characters at the beginning that `is_part` accepts.
fn split(text: &str, is_part: impl Fn(u8) -> bool) -> (&str, &str) {
    text.split_at(text.bytes().position(|byte| !is_part(byte)).unwrap_or(text.len()))
}

/// Skips white space in front of a comma or the end.
fn until_comma(text: &str) -> Result<&str, &'static str> {
    let rest = text.trim_start_matches([' ', '\t']);
    if rest.is_empty() || rest.starts_with(',') { Ok(rest) } else { Err("no comma") }
}

/// `1*SP token68`, if that is all of the challenge. RFC 9110 section 11.2.
fn read_token(text: &str) -> (Option<String>, &str) {
    let start = text.trim_start_matches(' ');
    let (_, padding) = split(start, |byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
    let rest = padding.trim_start_matches('=');
    let token = &start[..start.len() - rest.len()];
    let is_token = start.len() < text.len() && padding.len() < start.len() && until_comma(rest).is_ok();
    if is_token { (Some(token.to_owned()), rest) } else { (None, text) }
}

/// `token / quoted-string`. RFC 9110 section 5.6.4.
fn read_value(text: &str) -> Result<(String, &str), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = split(text, is_tchar);
        return if value.is_empty() { Err("a parameter has no value") } else { Ok((value.to_owned(), rest)) };
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next().ok_or("a quote isn't closed")? {
            '"' => return Ok((value, characters.as_str())),
            '\\' => value.push(characters.next().ok_or("a quote isn't closed")?),
            character => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::http::challenge::Challenger;

    fn shown(values: &[&str]) -> Vec<String> {
        TestChallenge::read(values).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn challenges_are_told_apart_in_one_header_and_in_several() {
        for (values, expected) in [
            (&[][..], &[][..]),
            (&[""], &[]),
            (&["Negotiate"], &["Negotiate"]),
            (&["Negotiate YWI=", "Basic realm=a"], &["Negotiate YWI=", r#"Basic realm="a""#]),
            (
                &[r#", Basic , Bearer realm = "a" ,error=b,Negotiate a=="#],
                &["Basic", r#"Bearer realm="a", error="b""#, "Negotiate a=="],
            ),
            (
                &[r#"DPoP algs="ES256 EdDSA", Bearer REALM="a, b=\"c\"""#],
                &[r#"DPoP algs="ES256 EdDSA""#, r#"Bearer realm="a, b=\"c\"""#],
            ),
        ] {
            assert_eq!(shown(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_malformed_challenge_is_named() {
        for (value, problem) in [
            ("Bearer realm=\"a", "a quote isn't closed"),
            ("Bearer realm=\"a\\", "a quote isn't closed"),
            ("Bearer realm=a, error=", "a parameter has no value"),
            ("Bearer realm=\"a\" error=\"b\"", "no comma"),
            ("Bearer realm=a, Realm=b", "a parameter is repeated"),
            ("=a", "no scheme and no parameter"),
            ("\"Bearer\"", "no scheme and no parameter"),
            ("Bearer\trealm=a", "no comma"),
        ] {
            assert_eq!(read(value, &mut Vec::new()), Err(problem), "{value:?}");
        }
    }

    #[test]
    fn the_challenge_of_every_error_can_be_read() {
        for kind in ErrorKind::ALL {
            let error = Error::from(*kind).asking_for_scope("a b");
            let challenger =
                Challenger::default().with_dpop("ES256 EdDSA", false).with_others(vec!["Basic".to_owned()]);
            let headers = challenger.refuse(error).challenge.headers;
            let sent: Vec<&str> = headers
                .iter()
                .filter(|(name, _)| *name == "www-authenticate")
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(shown(&sent), sent, "{kind:?}");
            assert_eq!(shown(&[&sent.join(", ")]), sent, "{kind:?}");
            let challenges = TestChallenge::read(&sent);
            assert!(challenges.first().is_none_or(|challenge| challenge.scope() == Some("a b")), "{kind:?}");
        }
    }
}
