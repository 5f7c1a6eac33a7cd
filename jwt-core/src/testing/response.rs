//! HTTP/1.1 responses, each on its own connection. RFC 9112.

use serde_json::{Value, json};

use crate::crypto::SigningKey;

use super::script::Script;

pub(super) const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const LOGIN_PAGE: &str = "<!doctype html><title>Sign in</title><form><input name=user><input name=password></form>";
const OVERSIZE: usize = 600 * 1024;
const INFLATED: usize = 64 * 1024 * 1024;

/// The headers of a document.
#[derive(Default)]
pub(super) struct Head {
    pub(super) cache_control: Option<String>,
    pub(super) etag: Option<String>,
}

impl Head {
    pub(super) fn with_body(&self, content_type: &str, body: &[u8]) -> Vec<u8> {
        let lines = format!("content-type: {content_type}\r\n{}", self.lines());
        [start(200, &lines, body.len()).as_bytes(), body].concat()
    }

    pub(super) fn not_modified(&self) -> Vec<u8> {
        start(304, &self.lines(), 0).into_bytes()
    }

    fn lines(&self) -> String {
        let line = |name: &str, value: &Option<String>| {
            value.as_ref().map_or_else(String::new, |value| format!("{name}: {value}\r\n"))
        };
        line("cache-control", &self.cache_control) + &line("etag", &self.etag)
    }
}

/// Returns the JWK Set of these keys. RFC 7517 section 5.
pub(super) fn key_set(keys: &[SigningKey]) -> String {
    json!({ "keys": keys.iter().filter_map(SigningKey::public_jwk).collect::<Vec<_>>() }).to_string()
}

/// Returns the metadata, with the changes of the script.
pub(super) fn metadata(name: &str, jwks_uri: &str, script: &Script) -> String {
    let name = if let Script::ForeignIssuer(other) = script { other } else { name };
    let jwks_uri = if let Script::KeySetAt(other) = script { other } else { jwks_uri };
    json!({ "issuer": name, "jwks_uri": jwks_uri }).to_string()
}

/// Returns a response without a body.
pub(super) fn status(status: u16) -> Vec<u8> {
    start(status, "", 0).into_bytes()
}

/// Returns the head of a response without a length.
pub(super) fn open_ended() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// Returns the response of a script that sends it in one piece.
pub(super) fn whole(script: &Script, head: &Head, text: &str) -> Vec<u8> {
    let json = |body: &[u8]| head.with_body(JSON, body);
    match script {
        Script::Status(code) => status(*code),
        Script::Redirect(code, to) => start(*code, &format!("location: {to}\r\n"), 0).into_bytes(),
        Script::LoginPage => head.with_body(HTML, LOGIN_PAGE.as_bytes()),
        Script::WrongContentType => head.with_body(HTML, text.as_bytes()),
        Script::ByteOrderMark => json(format!("\u{feff}{text}").as_bytes()),
        Script::InvalidUtf8 => json(&[&text.as_bytes()[..text.len() - 1], b",\"x\":\"\xff\xfe\"}"].concat()),
        Script::Oversize => json(format!("{text}{}", " ".repeat(OVERSIZE - text.len())).as_bytes()),
        Script::GzipBomb => {
            let body = gzip_bomb();
            let lines = format!("content-type: {JSON}\r\ncontent-encoding: gzip\r\n");
            [start(200, &lines, body.len()).as_bytes(), &body].concat()
        }
        Script::EmptySet => json(br#"{"keys":[]}"#),
        Script::HalfBrokenSet => json(half_broken(text).as_bytes()),
        Script::KeysTwice => json(format!(r#"{{"keys":[],{}"#, &text[1..]).as_bytes()),
        Script::Body(body) => json(body),
        _ => json(text.as_bytes()),
    }
}

fn start(status: u16, lines: &str, length: usize) -> String {
    // The reason phrase may be empty: RFC 9112 section 4. Status 204 and 304 have no length.
    let length = if matches!(status, 204 | 304) { String::new() } else { format!("content-length: {length}\r\n") };
    format!("HTTP/1.1 {status} \r\n{lines}{length}connection: close\r\n\r\n")
}

fn half_broken(set: &str) -> String {
    // The set was serialized by this module.
    let mut set: Value = serde_json::from_str(set).unwrap_or_default();
    if let Some(keys) = set["keys"].as_array_mut() {
        keys.insert(0, json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "broken"}));
        keys.insert(0, json!({"kty": "unheard-of"}));
        keys.push(json!({"kid": "nothing else"}));
        keys.push(json!({"kty": "RSA", "n": "not base64url!", "e": "AQAB"}));
    }
    set.to_string()
}

/// Returns a gzip member (RFC 1952) of zeros, without a compressor: one block with the fixed codes of RFC 1951 section
/// 3.2.6, with a literal and then many times "258 bytes, from 1 byte back".
fn gzip_bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut bits = Bits::default();
    // The last block, of fixed codes; then the literal 0.
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    bits.push(0b0000_1100, 8);
    for _ in 0..INFLATED / 258 {
        // Code 285, which is 11000101 and sent from its first bit on; then distance code 0.
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
    }
    // The end of the block.
    bits.push(0, 7);
    bytes.extend(bits.bytes());
    // The checksum and the length. No reader gets this far.
    bytes.extend([0; 8]);
    bytes
}

/// Packs bits into bytes, starting with the lowest bit of each byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    rest: u32,
    length: u32,
}

impl Bits {
    fn push(&mut self, bits: u32, length: u32) {
        self.rest |= bits << self.length;
        self.length += length;
        while self.length >= 8 {
            self.bytes.push(self.rest.to_le_bytes()[0]);
            self.rest >>= 8;
            self.length -= 8;
        }
    }

    fn bytes(mut self) -> Vec<u8> {
        self.bytes.push(self.rest.to_le_bytes()[0]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gzip_bomb_is_small_before_inflation() {
        let bomb = gzip_bomb();
        assert!(bomb.len() < 512 * 1024 && bomb.len() > 400 * 1024, "{}", bomb.len());
        assert_eq!(bomb[..2], [0x1f, 0x8b]);
    }

    #[test]
    fn broken_keys_surround_the_good_ones() {
        let set: Value = serde_json::from_str(&half_broken(r#"{"keys":[{"kid":"good"}]}"#)).unwrap();
        let keys = set["keys"].as_array().unwrap();
        assert_eq!((keys.len(), &keys[2]["kid"]), (5, &json!("good")));
    }
}
