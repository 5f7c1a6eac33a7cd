//! Issued tokens, sessions and signing keys.

use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::forge::NOW;
use jwt_tests::issuing::Shop;
use jwt_tests::setup::stranger;

const DAY: u64 = 24 * 60 * 60;

rows! {
    "issued access tokens", "15 minutes" => access_tokens_live_for_a_quarter_of_an_hour {
        let issued = Shop::usual().tokens.access("joe").issue().expect("a token");
        assert_eq!(issued.lifetime.as_secs(), 15 * 60);
    }

    "`typ` of issued access tokens", "`at+jwt` with a `client_id`, otherwise `JWT`" => issued_tokens_follow_rfc_9068_or_do_not_say_so {
        let shop = Shop::usual();
        for (access, typ) in [
            (shop.tokens.access("joe"), "JWT"),
            (shop.tokens.access("joe").client_id("app"), "at+jwt"),
        ] {
            let token = access.issue().expect("a token").token;
            assert_eq!(shop.verifier.verify(&token).await.expect("a good token").token_type(), Some(typ));
        }
    }

    "sessions", "end after 7 days without a refresh, and after 30 days" => sessions_end {
        let shop = Shop::usual();
        let mut pair = shop.sessions.login("joe").start().await.expect("a session");
        assert_eq!(pair.refresh.lifetime.as_secs(), 7 * DAY);
        for _ in 0..5 {
            shop.wait(5 * DAY);
            let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
            pair = shop.sessions.refresh(&token).await.expect("a pair");
        }
        assert_eq!(pair.refresh.expires_at.seconds().unsigned_abs(), NOW + 30 * DAY);
    }

    "refresh token that is used again", "good until its successor is used, then its session ends" => refresh_tokens_repeat_until_the_next_is_used {
        let shop = Shop::usual();
        let pair = shop.sessions.login("joe").start().await.expect("a session");
        let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
        for _ in 0..3 {
            let next = shop.sessions.refresh(&token).await.expect("a pair");
            assert!(shop.sessions.verify(&next.refresh.token).await.is_ok());
            shop.wait(DAY);
        }
        let next = shop.sessions.refresh(&token).await.expect("a pair");
        let next = shop.sessions.verify(&next.refresh.token).await.expect("good");
        shop.sessions.refresh(&next).await.expect("a pair");
        let error = shop.sessions.refresh(&token).await.expect_err("its successor was used");
        assert_eq!(error.kind(), ErrorKind::RefreshReused);
    }

    "another copy of a refresh token", "good for 10 seconds after the first copy was used, then its session ends" => copies_are_good_for_a_moment {
        for (waited, expected) in [(9, None), (10, Some(ErrorKind::RefreshReused))] {
            let shop = Shop::usual();
            let pair = shop.sessions.login("joe").start().await.expect("a session");
            let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
            let mut copies = Vec::new();
            for _ in 0..2 {
                let copy = shop.sessions.refresh(&token).await.expect("a pair");
                copies.push(shop.sessions.verify(&copy.refresh.token).await.expect("good"));
            }
            shop.sessions.refresh(&copies[0]).await.expect("a pair");
            shop.wait(waited);
            assert_eq!(shop.sessions.refresh(&copies[1]).await.err().map(|error| error.kind()), expected, "{waited}");
        }
    }

    "sessions in cookies", "not bound to the browser's device" => sessions_are_not_bound_to_devices {
        let headers = jwt_tests::device::login_headers(&Shop::usual()).await;
        assert!(headers.iter().all(|(name, _)| name == "set-cookie" || name == "cache-control"), "{headers:?}");
    }
    "sessions of one subject", "100, then the least recently used one ends" => a_subject_has_a_hundred_sessions {
        let shop = Shop::usual();
        let first = shop.sessions.login("joe").start().await.expect("a session");
        shop.wait(1);
        for _ in 0..100 {
            shop.sessions.login("joe").start().await.expect("a session");
        }
        let left = shop.sessions.list("joe").await.expect("an answer");
        assert!(left.len() == 100 && left.iter().all(|session| session.id != first.session_id));
    }

    "new signing key", "published 24 hours before it signs" => a_new_key_is_published_before_it_signs {
        let shop = Shop::usual();
        let first = shop.ring.signing_kid();
        let second = shop.ring.rotate(stranger(Algorithm::ES256)).expect("a new key");
        assert_eq!(shop.ring.keys().len(), 2);
        shop.wait(DAY - 1);
        assert_eq!(shop.ring.signing_kid(), first);
        shop.wait(1);
        assert_eq!(shop.ring.signing_kid(), second);
    }

    "old signing key", "kept for 30 days and 5 minutes" => an_old_key_is_kept_while_its_tokens_live {
        let shop = Shop::usual();
        shop.ring.rotate(stranger(Algorithm::ES256)).expect("a new key");
        shop.wait(DAY + 30 * DAY + 299);
        assert_eq!(shop.ring.keys().len(), 2);
        shop.wait(1);
        assert_eq!(shop.ring.keys().len(), 1);
    }
}
