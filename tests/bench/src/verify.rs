//! Verifies a token outside of a request, and decodes its claims as the application's type.

use std::hint::black_box;
use std::sync::Arc;

use jwt_core::verify::TokenCacheSettings;
use jwt_core::{Error, Step, Verifier};

use crate::race::Contender;
use crate::stand::{Stand, User};

pub const FLOOR: &str = "the primitive alone";
pub const OURS: &str = "this library";
pub const CACHED: &str = "this library, seen before";
pub const DIGESTS: &str = "this library, seen before, known by digest";
pub const THEIRS: &str = "jsonwebtoken";

/// Verifies a token and decodes its claims.
pub fn verify(verifier: &Verifier, token: &str) -> Result<User, Error> {
    match verifier.verify_step(token, None) {
        Step::Ready(outcome) => outcome?.claims(),
        Step::Pending(_) => unreachable!("fixed keys answer at once"),
    }
}

/// Verifies a token and shares the claims that were decoded before.
pub fn share(verifier: &Verifier, token: &str) -> Result<Arc<User>, Error> {
    match verifier.verify_step(token, None) {
        Step::Ready(outcome) => outcome?.shared_claims(),
        Step::Pending(_) => unreachable!("fixed keys answer at once"),
    }
}

/// Returns everything that verifies a valid token with `padding` bytes more than the usual one.
pub fn contenders(stand: &Stand, padding: usize) -> Vec<Contender> {
    let token = stand.good(0, padding);
    let mut floor = stand.floor(&token);
    floor();
    let mut field = vec![Contender::each(FLOOR, floor)];
    let (verifier, own) = (stand.verifier(), token.clone());
    assert!(verify(&verifier, &own).is_ok() && verify(&verifier, &stand.tampered()).is_err());
    field.push(Contender::each(OURS, move || drop(black_box(verify(&verifier, &own)))));
    for (name, settings) in [(CACHED, TokenCacheSettings::new()), (DIGESTS, TokenCacheSettings::new().digests())] {
        let (verifier, own) = (stand.builder(0).token_cache(settings).build().expect("a verifier"), token.clone());
        assert!(verify(&verifier, &own).is_ok() && verify(&verifier, &stand.tampered()).is_err());
        field.push(Contender::each(name, move || drop(black_box(share(&verifier, &own)))));
    }
    #[cfg(feature = "frameworks")]
    {
        let (key, validation) = (stand.decoding_key(), stand.validation());
        let decode = move |token: &str| jsonwebtoken::decode::<User>(token, &key, &validation);
        assert!(decode(&token).is_ok() && decode(&stand.tampered()).is_err());
        field.push(Contender::each(THEIRS, move || drop(black_box(decode(&token)))));
    }
    field
}
