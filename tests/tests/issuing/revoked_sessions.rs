//! Sessions and revocations: what ends the one ends the other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jwt_core::issue::{MemorySessions, Sessions, TokenPair};
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings};
use jwt_core::{BuildErrorKind, ErrorKind};
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::issuing::Shop;

use super::sessions::{outcome, refresh};

async fn login(shop: &Shop) -> TokenPair {
    shop.sessions.login("joe").start().await.expect("a session")
}

#[tokio::test]
async fn a_session_ends_even_if_its_access_tokens_cannot_be_revoked_and_the_hook_runs_again() {
    let is_down = Arc::new(AtomicBool::new(true));
    let runs = Arc::new(Mutex::new(Vec::new()));
    let (down, run) = (Arc::clone(&is_down), Arc::clone(&runs));
    let shop = Shop::with(MemorySessions::new(), |sessions| {
        sessions.on_end(move |ended| {
            let (is_down, runs) = (down.load(Ordering::SeqCst), Arc::clone(&run));
            async move {
                if is_down {
                    return Err("the list is down".into());
                }
                runs.lock().expect("not poisoned").push(ended.id);
                Ok(())
            }
        })
    });
    let pairs = [login(&shop).await, login(&shop).await, login(&shop).await];
    let verified = shop.verifier.verify(&pairs[0].access.token).await.expect("good");
    let kinds = [
        shop.sessions.logout(&verified).await.expect_err("down").kind(),
        shop.sessions.end("joe", &pairs[1].session_id).await.expect_err("down").kind(),
        shop.sessions.end_all("joe").await.expect_err("down").kind(),
    ];
    assert_eq!(kinds, [ErrorKind::SessionsUnavailable; 3]);
    for pair in &pairs {
        assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Err(ErrorKind::SessionEnded));
    }
    // Nothing is left to end, but that isn't a success yet.
    assert!(shop.sessions.end_all("joe").await.is_err());
    assert!(shop.sessions.end("joe", &pairs[1].session_id).await.is_err());
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(shop.sessions.heal().await.expect("an answer"), 0, "no session was alive");
    assert_eq!(shop.sessions.end_all("joe").await.expect("an answer"), 0);
    let runs: BTreeSet<String> = runs.lock().expect("not poisoned").iter().cloned().collect();
    assert_eq!(runs, pairs.iter().map(|pair| pair.session_id.clone()).collect());
}

#[tokio::test]
async fn a_revoked_token_session_or_subject_ends_the_session_at_the_next_refresh() {
    let list = MemoryRevocations::new();
    let shop = Shop::with(MemorySessions::new(), |sessions| sessions.revocations(list.clone()));
    let at = Duration::from_secs;
    for (name, revocation, expected) in [
        ("not revoked", None, Ok(())),
        ("another subject", Some(Revocation::subject(ISSUER, "ann", at(NOW + 9_999))), Ok(())),
        ("the subject, before the login", Some(Revocation::subject(ISSUER, "joe", at(NOW - 1))), Ok(())),
        ("the subject", Some(Revocation::subject(ISSUER, "joe", at(NOW))), Err(ErrorKind::SessionEnded)),
    ] {
        if let Some(revocation) = revocation {
            list.revoke(&revocation).expect("space");
        }
        let pair = login(&shop).await;
        assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), expected, "{name}");
    }
    shop.wait(1);
    // Later logins are not affected. A refresh after the cutoff does not save a session that began before it.
    let pair = login(&shop).await;
    shop.wait(600);
    let pair = refresh(&shop, &pair.refresh.token).await.expect("a pair");
    list.revoke(&Revocation::subject(ISSUER, "joe", at(NOW + 300))).expect("space");
    assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(shop.sessions.list("joe").await.expect("an answer").len(), 3, "only this one was refreshed");
    for revoke_token in [true, false] {
        let pair = login(&shop).await;
        let verified = shop.sessions.verify(&pair.refresh.token).await.expect("good");
        let revocation =
            if revoke_token { Revocation::token(&verified) } else { Revocation::session(ISSUER, &*pair.session_id) };
        list.revoke(&revocation).expect("space");
        assert_eq!(outcome(refresh(&shop, &pair.refresh.token).await), Err(ErrorKind::SessionEnded));
    }
}

#[tokio::test]
async fn revoking_the_issuer_ends_the_sessions_that_began_before() {
    let list = MemoryRevocations::new();
    let shop = Shop::with(MemorySessions::new(), |sessions| sessions.revocations(list.clone()));
    let before = login(&shop).await;
    shop.wait(1);
    let after = login(&shop).await;
    list.revoke(&Revocation::issuer(ISSUER, Duration::from_secs(NOW))).expect("space");
    assert_eq!(outcome(refresh(&shop, &before.refresh.token).await), Err(ErrorKind::SessionEnded));
    assert_eq!(outcome(refresh(&shop, &after.refresh.token).await), Ok(()));
}

#[tokio::test]
async fn a_refresh_waits_for_the_revocation_list_and_fails_without_it() {
    let (list, feed) = MemoryRevocations::with_feed(RevocationSettings::new(), Duration::from_secs(3_600));
    let shop = Shop::with(MemorySessions::new(), |sessions| sessions.revocations(list));
    let token = login(&shop).await.refresh.token;
    assert_eq!(outcome(refresh(&shop, &token).await), Err(ErrorKind::RevocationUnavailable));
    feed.caught_up();
    assert_eq!(outcome(refresh(&shop, &token).await), Ok(()));
}

#[tokio::test]
async fn a_list_that_forgets_a_revocation_before_the_refresh_token_expires_is_a_build_error() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let tokens = Shop::usual().tokens;
    for (idle, absolute, longest, refresh, fits) in [
        (7, 30, 0, 7, true),
        (8, 30, 0, 7, false),
        (8, 7, 0, 7, true),
        (8, 30, 8, 7, true),
        (8, 30, 0, 8, true),
        (1, 30, 0, 0, false),
    ] {
        let settings = RevocationSettings::new().longest_lifetime(longest * DAY).refresh_lifetime(refresh * DAY);
        let sessions =
            Sessions::builder(tokens.clone(), MemorySessions::new()).idle(idle * DAY).absolute(absolute * DAY);
        let error = sessions.revocations(MemoryRevocations::with_settings(settings)).build().err();
        let error = error.map(|error| (error.kind(), error.to_string()));
        let text = "`refresh_lifetime` of the revocation list is shorter than `idle`: a refresh token would be good again once \
                    the list has forgotten that its session was revoked";
        let expected = (!fits).then(|| (BuildErrorKind::Contradiction, text.to_owned()));
        assert_eq!(error, expected, "{idle} {absolute} {longest} {refresh}");
    }
}
