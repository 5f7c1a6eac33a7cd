//! `jwt decode`: shows the content of a token, without verifying it.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::time;
use super::unverified::{Unverified, redacted, shown};

/// Claims whose values are no secret: the names of issuer and service.
const PUBLIC: [&str; 2] = ["iss", "aud"];
const DATES: [&str; 4] = ["exp", "nbf", "iat", "auth_time"];

/// Writes the header and the claims. Unless `show`, the values of claims that may tell about the user are described only.
pub(super) fn text(token: &str, show: bool, output: &mut dyn Write) -> io::Result<bool> {
    let token = Unverified::read(token);
    let (Some(header), Some(claims)) = (&token.header, &token.claims) else {
        writeln!(output, "not a JWT: it needs a header and a payload that are JSON objects in base64url")?;
        return Ok(false);
    };
    writeln!(output, "header (nothing of this is verified)")?;
    members(header, |_, value| shown(value), output)?;
    writeln!(output, "claims")?;
    members(
        claims,
        |name, value| match value.as_i64().filter(|_| DATES.contains(&name)) {
            Some(seconds) => format!("{} ({value})", time::utc(seconds)),
            None if show || PUBLIC.contains(&name) => shown(value),
            None => redacted(value),
        },
        output,
    )?;
    Ok(true)
}

fn members(
    members: &Map<String, Value>,
    describe: impl Fn(&str, &Value) -> String,
    output: &mut dyn Write,
) -> io::Result<()> {
    members.iter().try_for_each(|(name, value)| {
        // A name is shown like a value, because the token's author chose it too.
        let key = shown(&Value::from(name.as_str()));
        writeln!(output, "  {:14} {}", key.trim_matches('"'), describe(name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_only_on_demand() {
        // {"alg":"ES256"} and {"sub":"ada","exp":1800000000,"aud":"api"}
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjE4MDAwMDAwMDAsImF1ZCI6ImFwaSJ9.AA";
        let decoded = |show| {
            let mut output = Vec::new();
            assert!(text(token, show, &mut output).expect("memory"));
            String::from_utf8(output).expect("text")
        };
        let redacted = decoded(false);
        assert!(redacted.contains("2027-01-15T08:00:00Z") && redacted.contains("\"api\""), "{redacted}");
        assert!(!redacted.contains("ada") && redacted.contains("(a string of 3 characters)"), "{redacted}");
        assert!(decoded(true).contains("\"ada\""));
        assert!(!text("opaque", true, &mut Vec::new()).expect("memory"));
    }
}
