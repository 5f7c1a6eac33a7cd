//! Says which form a text has that isn't a JWS in compact form.

const OPAQUE: &str = "the token has no dots, so it isn't a JWT but an opaque token: request a JWT from the issuer (Auth0 and others \
                      issue them only if the client requests an audience), or look the token up at the issuer instead";
const PLACEHOLDER: &str = "the client sent a word such as `null` or `undefined` instead of a token: the variable that should hold it is empty";
const ENCRYPTED: &str = "the token has five segments, so it's encrypted (JWE), and only its recipient can read it: have the issuer \
                         sign it without encryption (Auth0 encrypts if the client requests no audience)";
const UNSIGNED: &str = "the signature is empty, so the token is unsigned (`alg` is `none`, as in the Firebase emulator) and anybody \
                        could have made it: have the issuer sign it, or use `ScriptedIssuer` in tests";
const SEGMENTS: &str = "a signed token has three segments, separated by dots: this one is cut short, or it isn't a JWT";
const PADDED: &str = "the token has `=` padding, as those of AWS ALB in `x-amzn-oidc-data`, and RFC 7515 section 2 forbids it: use the \
                      access token in `x-amzn-oidc-accesstoken` instead";
const STANDARD_BASE64: &str =
    "the token is encoded in base64 with `+` or `/`, and a JWT needs base64url (RFC 7515 section 2)";
const HEADER: &str = "a segment isn't base64url, or the header isn't a JSON object in which `alg` is a string, and `kid` and `typ` \
                      too if they're there: the token was cut short or changed on its way, or it isn't a JWT";

const XML: &str = "the token is XML in base64, probably a SAML assertion: exchange it for a JWT at the issuer";
const GOOGLE: &str = "this is an access token of Google, which only Google can read: have the client send the ID token, whose audience \
                      is your client";
const PASETO: &str = "the token is a PASETO and not a JWT: have the issuer issue JWTs";
const DETACHED: &str = "the payload is empty, so this is a detached signature (RFC 7515 appendix F), or the token's middle was cut \
                        out: send the whole token";
const DISCLOSURES: &str =
    "the token is an SD-JWT, whose claims are in the disclosures after `~`: this crate verifies plain JWTs";

/// Returns a sentence about a token that is malformed. It only looks: nothing is decoded.
#[cold]
pub(crate) fn describe(token: &str) -> &'static str {
    const PLACEHOLDERS: [&str; 7] = ["null", "undefined", "none", "nil", "token", "true", "false"];
    let bytes = token.as_bytes();
    let has = |byte| memchr::memchr(byte, bytes).is_some();
    let begins = |start: &str| token.starts_with(start);
    match bytes {
        [b'P', ..] if begins("PHNhbW") || begins("PD94bW") => return XML,
        [b'y', ..] if begins("ya29.") => return GOOGLE,
        [b'v', b'1'..=b'4', b'.', kind @ ..] if kind.starts_with(b"public.") || kind.starts_with(b"local.") => {
            return PASETO;
        }
        _ => {}
    }
    if !has(b'.') {
        // The longest of the words has nine characters.
        let is_word = token.len() < 10 && PLACEHOLDERS.iter().any(|word| token.eq_ignore_ascii_case(word));
        return if is_word { PLACEHOLDER } else { OPAQUE };
    } else if has(b'~') {
        return DISCLOSURES;
    }
    match memchr::memchr_iter(b'.', bytes).take(5).count() {
        2 if token.ends_with('.') => UNSIGNED,
        2 if token.contains("..") => DETACHED,
        4 => ENCRYPTED,
        2 if has(b'=') => PADDED,
        2 if has(b'+') || has(b'/') => STANDARD_BASE64,
        2 => HEADER,
        _ => SEGMENTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_a_sentence_of_its_own() {
        for (token, sentence) in [
            ("2YotnFZFEjr1zCsicMWpAA", OPAQUE),
            ("undefined", PLACEHOLDER),
            ("Null", PLACEHOLDER),
            ("e30.e30", SEGMENTS),
            ("a.b.c.d", SEGMENTS),
            ("a..c.d.e", ENCRYPTED),
            ("a.b.c.d.e.f", SEGMENTS),
            ("e30.e30.", UNSIGNED),
            ("e30=.e30=.AA==", PADDED),
            ("e30.e/0.A+", STANDARD_BASE64),
            ("v4.public.AAAA", PASETO),
            ("v4.public.AAAA.AAAA", PASETO),
            ("v2.local.AAAA", PASETO),
            ("v4.a.b", HEADER),
            ("ya29.a0AfB_byC", GOOGLE),
            ("PHNhbWxwOlJlc3BvbnNl", XML),
            ("PD94bWwgdmVyc2lvbj0iMS4wIj8+", XML),
            ("e30..AA", DETACHED),
            ("e30.e30.AA~WyJhIl0~", DISCLOSURES),
        ] {
            assert_eq!(describe(token), sentence, "{token}");
        }
    }
}
