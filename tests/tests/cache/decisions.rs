//! A verifier with a cache decides like one without.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::authorize::check;
use jwt_core::revocation::{RevocationList, Standing, TokenIdentity};
use jwt_core::testing::ManualClock;
use jwt_core::verify::TokenCacheSettings;
use jwt_core::{Step, Verifier};
use jwt_tests::forge::{Forge, NOW};
use proptest::prelude::*;

use super::{Ring, at_once, secret};

#[derive(Clone, Debug)]
enum Act {
    Present(usize),
    Pass(u64),
    SetClock(u64),
    Keys(u8),
    Revoke(usize),
    Pardon,
    Open(bool),
}

fn steps() -> impl Strategy<Value = Vec<Act>> {
    let step = prop_oneof![
        12 => (0..8usize).prop_map(Act::Present),
        1 => (1..120u64).prop_map(Act::Pass),
        1 => (NOW - 100..NOW + 400).prop_map(Act::SetClock),
        1 => (0..4u8).prop_map(Act::Keys),
        1 => (0..8usize).prop_map(Act::Revoke),
        1 => Just(Act::Pardon),
        1 => any::<bool>().prop_map(Act::Open),
    ];
    prop::collection::vec(step, 1..200)
}

#[derive(Clone, Debug, Default)]
struct Revoked(Arc<Mutex<Vec<String>>>);

impl RevocationList for Revoked {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        let revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |id: &String| Some(id.as_str()) == token.token_id;
        Step::Ready(if revoked.iter().any(is) { Standing::Revoked } else { Standing::Good })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Clock, keys, revocation list and rules may change between two uses of a token.
    #[test]
    fn decisions_are_the_same_with_and_without_a_cache(steps in steps()) {
        let (first, second) = (secret(1), secret(2));
        let tokens: Vec<String> = (0..8u64)
            .map(|number| {
                let forge = Forge::new(if number % 2 == 0 { &first } else { &second });
                let forge = forge.claim("jti", format!("t-{number}")).claim("exp", NOW + 50 * number);
                if number == 7 { forge.claim("aud", "https://other.example").sign() } else { forge.sign() }
            })
            .collect();
        let (clock, ring, revoked) = (ManualClock::at(NOW), Ring::of(&[&first, &second]), Revoked::default());
        let open = Arc::new(AtomicBool::new(true));
        let build = |cache: Option<TokenCacheSettings>| {
            let open = Arc::clone(&open);
            let issuer = ring.issuer().max_age(Duration::from_secs(200));
            let builder = Verifier::builder().issuer(issuer).clock(clock.clone()).revocations(revoked.clone());
            let builder = builder.require_token(check("open", move |_| open.load(Ordering::Relaxed)));
            let builder = match cache {
                Some(cache) => builder.token_cache(cache),
                None => builder.without_token_cache(),
            };
            builder.build().expect("a verifier")
        };
        let without = build(None);
        let cached = [TokenCacheSettings::new(), TokenCacheSettings::new().digests(), TokenCacheSettings::new().max_entries(2)];
        let cached = cached.map(|cache| build(Some(cache)));
        for step in steps {
            match step {
                Act::Present(token) => {
                    let expected = at_once(&without, &tokens[token]).map(|verified| verified.payload().to_owned());
                    for verifier in &cached {
                        let decided = at_once(verifier, &tokens[token]).map(|verified| verified.payload().to_owned());
                        prop_assert_eq!(&decided, &expected);
                    }
                }
                Act::Pass(seconds) => clock.advance(Duration::from_secs(seconds)),
                Act::SetClock(seconds) => clock.set(Duration::from_secs(seconds)),
                Act::Keys(0) => ring.set(&[&first, &second]),
                Act::Keys(1) => ring.set(&[&first]),
                Act::Keys(2) => ring.set(&[&second]),
                Act::Keys(_) => ring.set(&[&first, &secret(9).with_kid("k-2")]),
                Act::Revoke(token) => revoked.0.lock().unwrap().push(format!("t-{token}")),
                Act::Pardon => revoked.0.lock().unwrap().clear(),
                Act::Open(is_open) => open.store(is_open, Ordering::Relaxed),
            }
        }
    }
}
