//! Compares the decoder of token segments with the crate `base64`.
//!
//! If the crate refuses a segment, the token must be malformed; otherwise the decoded bytes must be the same.

#![no_main]

use jwt_core::ErrorKind;
use jwt_fuzz::Input;
use jwt_fuzz::forge::{self, HEADER, LAX, SECRET, decode, encode, mac, seal};
use jwt_fuzz::model::{Claims, Header};
use libfuzzer_sys::fuzz_target;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n\0~";

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let which = input.below(3);
    let edits = input.below(4);
    let mut header = encode(HEADER).into_bytes();
    // The decoder takes 32 characters at a time, so the length matters.
    let filling: String = input.bytes(120).iter().map(|byte| char::from(0x23 + byte % 0x38)).collect();
    let mut payload = encode(format!(r#"{{"a":"{filling}"}}"#)).into_bytes();
    for _ in 0..edits {
        match which {
            0 => input.edit(&mut payload, LETTERS),
            1 => input.edit(&mut header, LETTERS),
            _ => {}
        }
    }
    let (Ok(header), Ok(payload)) = (String::from_utf8(header), String::from_utf8(payload)) else { return };
    if header.contains('.') || payload.contains('.') {
        return;
    }
    let token = seal(&SECRET, &header, &payload);
    let (before, signature) = token.rsplit_once('.').expect("two dots");
    let mut signature = signature.as_bytes().to_vec();
    for _ in 0..if which == 2 { edits } else { 0 } {
        input.edit(&mut signature, LETTERS);
    }
    let Ok(signature) = String::from_utf8(signature) else { return };
    let token = format!("{before}.{signature}");

    let text = |segment: &str| String::from_utf8(decode(segment)?).ok();
    let outcome = forge::verify(&LAX, &token);
    let (Some(header), Some(payload)) = (text(&header), text(&payload)) else {
        assert_eq!(outcome.err().map(|error| error.kind()), Some(ErrorKind::MalformedToken), "{token}");
        return;
    };
    let is_signed = decode(&signature).is_some_and(|signature| signature == mac(&SECRET, before));
    let is_known =
        Header::read(&header).is_some_and(|header| header.algorithm == "HS256" && header.token_type.is_none());
    let expected = is_signed && is_known && Claims::read(&payload).is_some();
    assert_eq!(outcome.is_ok(), expected, "{token}");
    if let Ok(verified) = outcome {
        assert_eq!(verified.payload(), payload);
    }
});
