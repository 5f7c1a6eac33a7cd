use std::io::{BufRead, Read as _};

use jwt_core::testing::BareRequest;

use super::CliError;

/// A token, or a header line of a request that has one.
pub(super) enum Input {
    Token(String),
    Header(String, String),
}

/// The most bytes that are read from the standard input. Tokens are a few kilobytes long.
const MOST: u64 = 4 << 20;

impl Input {
    /// Reads the argument, or one token per line from the input if the argument is `-`. Empty lines are left out.
    pub(super) fn read(argument: &str, input: &mut dyn BufRead) -> Result<Vec<Self>, CliError> {
        if argument != "-" {
            return Ok(vec![Self::parse(argument)]);
        }
        let mut text = String::new();
        input.take(MOST).read_to_string(&mut text)?;
        let inputs: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(Self::parse).collect();
        if inputs.is_empty() {
            return Err(CliError::Usage(
                "no token: write one a line to the standard input, or give it as an argument".into(),
            ));
        }
        Ok(inputs)
    }

    /// Takes a line for a token, unless it's `Bearer …` or begins with the name of a header.
    fn parse(line: &str) -> Self {
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match line.split_once(": ") {
            Some((name, value)) if is_name(name) => Self::Header(name.to_owned(), value.to_owned()),
            _ if line.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")) => {
                Self::Header("authorization".to_owned(), line.to_owned())
            }
            _ => Self::Token(line.to_owned()),
        }
    }

    /// Returns the request that brings it.
    pub(super) fn request(&self) -> BareRequest {
        let request = BareRequest::new("GET", "/");
        match self {
            Self::Token(token) => request.header("authorization", format!("Bearer {token}")),
            Self::Header(name, value) => request.header(name.as_str(), value.as_str()),
        }
    }

    /// Returns the token, as far as it can be told apart from what's around it.
    pub(super) fn token(&self) -> &str {
        match self {
            Self::Token(token) => token.trim(),
            Self::Header(_, value) => value.split([' ', '=', ';']).rfind(|part| part.contains('.')).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_token_a_header_or_the_value_of_one() {
        for (line, header, token) in [
            ("a.b.c", None, "a.b.c"),
            ("Bearer a.b.c", Some("authorization"), "a.b.c"),
            ("Authorization: Bearer a.b.c", Some("Authorization"), "a.b.c"),
            ("Cookie: x=1; session=a.b.c", Some("Cookie"), "a.b.c"),
            ("{\"access_token\": 1}", None, "{\"access_token\": 1}"),
        ] {
            let input = Input::parse(line);
            let name = match &input {
                Input::Header(name, _) => Some(name.as_str()),
                Input::Token(_) => None,
            };
            assert_eq!((name, input.token()), (header, token), "{line}");
        }
    }

    #[test]
    fn the_standard_input_has_one_token_a_line() {
        let inputs = Input::read("-", &mut &b"a.b.c\n\n  \nd.e.f\r\n"[..]).expect("two tokens");
        assert_eq!(inputs.iter().map(Input::token).collect::<Vec<_>>(), ["a.b.c", "d.e.f"]);
        assert!(Input::read("-", &mut &b"\n"[..]).is_err());
    }
}
