//! Logins, refreshes and logouts while the session store or the revocation list is down or full, and after the store lost writes.
//! The rows are those of the table in the guide's page on sessions. `redis` and `postgres` have the ones that need a server.

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::Verifier;
use jwt_core::issue::{MemorySessions, SessionStore, Sessions, TokenPair};
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings};
use jwt_core::testing::ScriptedSessions;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::issuing::Shop;
use jwt_tests::log::Log;

const UNAVAILABLE: Result<(), ErrorKind> = Err(ErrorKind::SessionsUnavailable);
const ENDED: Result<(), ErrorKind> = Err(ErrorKind::SessionEnded);

/// A process with sessions, and a verifier that asks the same list.
struct Process {
    sessions: Sessions,
    verifier: Verifier,
}

impl Process {
    /// Processes with the same shop have the same clock and keys.
    fn start(shop: &Shop, store: impl SessionStore + 'static, list: &MemoryRevocations) -> Self {
        let sessions = Sessions::builder(shop.tokens.clone(), store).revocations(list.clone()).build();
        let verifier = Verifier::builder().issuer(shop.tokens.trusted()).clock(shop.clock.clone());
        let verifier = verifier.revocations(list.clone()).build().expect("a verifier");
        Self { sessions: sessions.expect("sessions"), verifier }
    }

    async fn log_in(&self, subject: &str) -> Result<TokenPair, ErrorKind> {
        self.sessions.login(subject).start().await.map_err(|error| error.kind())
    }

    async fn refresh(&self, pair: &TokenPair) -> Result<TokenPair, ErrorKind> {
        let token = self.sessions.verify(&pair.refresh.token).await.expect("a good token");
        self.sessions.refresh(&token).await.map_err(|error| error.kind())
    }

    async fn log_out(&self, pair: &TokenPair) -> Result<(), ErrorKind> {
        let token = self.sessions.verify(&pair.refresh.token).await.expect("a good token");
        self.sessions.logout(&token).await.map_err(|error| error.kind())
    }

    async fn refusal(&self, pair: &TokenPair) -> Option<ErrorKind> {
        self.verifier.verify(&pair.access.token).await.err().map(|error| error.kind())
    }
}

/// A revocation list with the clock of the shop.
fn list(shop: &Shop, capacity: usize) -> MemoryRevocations {
    let settings = RevocationSettings::new().longest_lifetime(Duration::from_secs(900)).capacity(capacity);
    MemoryRevocations::with_settings(settings.clock(shop.clock.clone()))
}

#[tokio::test]
async fn while_the_store_is_down_an_end_is_kept_and_carried_out_later() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    let [here, there, elsewhere] = [(); 3].map(|()| process.log_in("joe"));
    let [here, there, elsewhere] = [here.await, there.await, elsewhere.await].map(|pair| pair.expect("a session"));
    store.fail(&ScriptedSessions::ALL);
    assert_eq!(process.log_in("joe").await.map(drop), UNAVAILABLE);
    assert_eq!(process.refresh(&here).await.map(drop), UNAVAILABLE);
    assert_eq!(process.log_out(&here).await, UNAVAILABLE);
    assert_eq!(process.refusal(&here).await, Some(ErrorKind::Revoked), "at once");
    let error = process.sessions.end("joe", &there.session_id).await.expect_err("down");
    assert_eq!((error.kind(), process.refusal(&there).await), (ErrorKind::SessionsUnavailable, None));
    store.recover();
    shop.wait(1);
    assert_eq!(process.sessions.heal().await.map_err(|error| error.kind()), Ok(2));
    assert_eq!(process.refresh(&here).await.map(drop), ENDED);
    assert_eq!(process.refresh(&there).await.map(drop), ENDED);
    assert_eq!(process.refusal(&there).await, Some(ErrorKind::Revoked), "whose session it is was known only now");
    assert_eq!(process.refresh(&elsewhere).await.map(drop), Ok(()));
}

#[tokio::test]
async fn while_the_store_is_down_all_sessions_of_a_subject_end() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    let [here, there, another] =
        [process.log_in("joe").await, process.log_in("joe").await, process.log_in("ann").await];
    let [here, there, another] = [here, there, another].map(|pair| pair.expect("a session"));
    store.fail(&["list"]);
    let error = process.sessions.end_all("joe").await.expect_err("its sessions are unknown");
    assert_eq!(error.kind(), ErrorKind::SessionsUnavailable);
    for pair in [&here, &there] {
        assert_eq!(process.refusal(pair).await, Some(ErrorKind::Revoked), "at once");
    }
    // The store has not listed the sessions, and this process refuses them already.
    assert_eq!(process.refresh(&here).await.map(drop), ENDED);
    let error = process.sessions.end("joe", "unknown").await.expect_err("not all have ended");
    assert_eq!(error.kind(), ErrorKind::SessionsUnavailable);
    store.recover();
    shop.wait(1);
    let later = process.log_in("joe").await.expect("a session");
    assert_eq!(
        process.sessions.list("joe").await.map(|sessions| sessions.len()).ok(),
        Some(1),
        "the login ended the other"
    );
    assert_eq!(process.refresh(&there).await.map(drop), ENDED);
    for pair in [&later, &another] {
        assert_eq!((process.refusal(pair).await, process.refresh(pair).await.map(drop)), (None, Ok(())));
    }
    assert_eq!(process.sessions.end_all("joe").await.map_err(|error| error.kind()), Ok(1));
}

#[tokio::test]
async fn while_the_store_is_down_the_other_sessions_of_a_subject_end_and_the_own_one_continues() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    let [own, there, elsewhere] = [(); 3].map(|()| process.log_in("joe"));
    let [own, there, elsewhere] = [own.await, there.await, elsewhere.await].map(|pair| pair.expect("a session"));
    let token = process.verifier.verify(&own.access.token).await.expect("a good token");
    store.fail(&["list"]);
    let error = process.sessions.end_others(&token).await.expect_err("the others are unknown");
    assert_eq!(error.kind(), ErrorKind::SessionsUnavailable);
    for pair in [&own, &there, &elsewhere] {
        assert_eq!(process.refusal(pair).await, None, "whose session it is shows only in the store");
    }
    assert_eq!(process.refresh(&there).await.map(drop), ENDED, "before the store lists it");
    assert_eq!(process.refresh(&own).await.map(drop), Ok(()));
    store.recover();
    shop.wait(1);
    assert_eq!(process.sessions.heal().await.map_err(|error| error.kind()), Ok(1));
    for pair in [&there, &elsewhere] {
        assert_eq!(process.refusal(pair).await, Some(ErrorKind::Revoked));
        assert_eq!(process.refresh(pair).await.map(drop), ENDED);
    }
    assert_eq!((process.refusal(&own).await, process.refresh(&own).await.map(drop)), (None, Ok(())));
}

/// The caller gives up while the store hangs.
#[tokio::test]
async fn a_call_that_is_dropped_ends_all_sessions_later() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    let pair = process.log_in("joe").await.expect("a session");
    store.hang(&["list"]);
    let mut call = Box::pin(process.sessions.end_all("joe"));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(call);
    store.recover();
    assert_eq!(process.sessions.heal().await.map_err(|error| error.kind()), Ok(1));
    assert_eq!(
        (process.refresh(&pair).await.map(drop), process.refusal(&pair).await),
        (ENDED, Some(ErrorKind::Revoked))
    );
}

#[tokio::test]
async fn a_subject_that_the_store_cannot_list_keeps_back_no_other_end() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    let pair = process.log_in("ann").await.expect("a session");
    store.fail(&["list", "end"]);
    assert!(process.sessions.end_all("joe").await.is_err());
    assert_eq!(process.log_out(&pair).await, UNAVAILABLE);
    store.recover();
    store.fail(&["list"]);
    shop.wait(1);
    assert!(process.sessions.heal().await.is_err());
    assert!(store.find("ann", &pair.session_id).await.expect("an answer").is_none());
}

#[tokio::test]
async fn if_a_process_ends_before_its_logout_is_carried_out_the_list_ends_the_session() {
    for (waits, expected) in [(1_500, ENDED), (1_501, Ok(()))] {
        let shop = Shop::usual();
        let (store, list) = (ScriptedSessions::default(), list(&shop, 1));
        let (process, other) =
            (Process::start(&shop, store.clone(), &list), Process::start(&shop, store.clone(), &list));
        let pair = process.log_in("joe").await.expect("a session");
        store.fail(&["end"]);
        assert_eq!(process.log_out(&pair).await, UNAVAILABLE);
        drop(process);
        store.recover();
        // The list remembers the logout for 15 minutes and 601 seconds. When it is full, it drops entries that have ended.
        shop.wait(waits);
        assert_eq!(list.revoke(&Revocation::session(ISSUER, "another")).is_ok(), expected.is_ok(), "{waits}");
        assert_eq!(other.refresh(&pair).await.map(drop), expected, "{waits}");
    }
}

#[tokio::test]
async fn a_full_store_refuses_logins_only() {
    let shop = Shop::usual();
    let process = Process::start(&shop, MemorySessions::with_capacity(1), &list(&shop, 10));
    let pair = process.log_in("joe").await.expect("a session");
    assert_eq!(process.log_in("ann").await.map(drop), UNAVAILABLE);
    let pair = process.refresh(&pair).await.expect("a pair");
    assert_eq!(process.log_out(&pair).await, Ok(()));
    assert_eq!(process.log_in("ann").await.map(drop), Ok(()));
}

#[tokio::test]
async fn with_a_full_list_a_logout_ends_the_session_and_revokes_when_there_is_space() {
    let shop = Shop::usual();
    let list = list(&shop, 1);
    let process = Process::start(&shop, MemorySessions::new(), &list);
    list.revoke(&Revocation::token_id(ISSUER, "another", Duration::from_secs(NOW))).expect("space");
    let pair = process.log_in("joe").await.expect("a session");
    let pair = process.refresh(&pair).await.expect("a pair");
    assert_eq!(process.log_out(&pair).await, UNAVAILABLE);
    assert_eq!((process.refresh(&pair).await.map(drop), process.refusal(&pair).await), (ENDED, None));
    // The other revocation is dropped 301 seconds after the token has expired.
    for (waits, expected) in [(300, None), (1, Some(ErrorKind::Revoked))] {
        shop.wait(waits);
        let _ = process.sessions.heal().await;
        assert_eq!(process.refusal(&pair).await, expected);
    }
}

#[tokio::test]
async fn a_store_that_lost_logins_ends_their_sessions_and_not_their_access_tokens() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    store.lose_writes();
    let [lost, logged_out] = [process.log_in("joe").await, process.log_in("joe").await];
    let [lost, logged_out] = [lost, logged_out].map(|pair| pair.expect("a session"));
    assert_eq!(process.log_out(&logged_out).await, Ok(()));
    store.recover();
    assert_eq!(process.refresh(&lost).await.map(drop), ENDED);
    assert_eq!(process.log_out(&logged_out).await, Ok(()));
    assert_eq!((process.refusal(&lost).await, process.refusal(&logged_out).await), (None, Some(ErrorKind::Revoked)));
    // No session is left to end, so the access token ends only with its subject, or when its client logs out.
    assert_eq!(process.sessions.end_all("joe").await.map_err(|error| error.kind()), Ok(0));
    assert_eq!(process.refusal(&lost).await, None);
    list.revoke(&Revocation::subject(ISSUER, "joe", Duration::from_secs(NOW))).expect("space");
    assert_eq!(process.refusal(&lost).await, Some(ErrorKind::Revoked));
    shop.wait(1);
    assert_eq!(process.log_in("joe").await.map(drop), Ok(()));
}

/// A gap of the grace period: only with zero does the first use of a second copy show.
#[tokio::test]
async fn a_thief_who_always_refreshes_within_the_grace_period_goes_unnoticed() {
    for (grace, expected) in [(10, Ok(())), (0, Err(ErrorKind::RefreshReused))] {
        let shop = Shop::with(MemorySessions::new(), |sessions| sessions.grace(Duration::from_secs(grace)));
        let process = Process { sessions: shop.sessions.clone(), verifier: shop.verifier.clone() };
        let mut owner = process.log_in("joe").await.expect("a session");
        let mut thief = owner.clone();
        let mut last = Ok(());
        for _ in 0..10 {
            shop.wait(600);
            owner = process.refresh(&owner).await.unwrap_or(owner);
            shop.wait(9);
            match process.refresh(&thief).await {
                Ok(pair) => thief = pair,
                Err(error) => {
                    last = Err(error);
                    break;
                }
            }
        }
        assert_eq!(last, expected, "{grace}");
    }
}

#[tokio::test]
async fn an_operation_whose_answer_is_lost_costs_one_request() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 10));
    let process = Process::start(&shop, store.clone(), &list);
    let pair = process.log_in("joe").await.expect("a session");
    store.lose_answers(&["create", "rotate", "end"]);
    assert_eq!(process.log_in("ann").await.map(drop), UNAVAILABLE);
    assert_eq!(process.refresh(&pair).await.map(drop), UNAVAILABLE);
    store.recover();
    assert_eq!(process.sessions.list("ann").await.map(|sessions| sessions.len()).ok(), Some(1), "no client knows it");
    let pair = process.refresh(&pair).await.expect("the token works again");
    let pair = process.refresh(&pair).await.expect("and so does the next one");
    store.lose_answers(&["end"]);
    assert_eq!(process.log_out(&pair).await, UNAVAILABLE);
    assert_eq!(process.sessions.list("joe").await.map(|sessions| sessions.len()).ok(), Some(0));
    assert_eq!(process.refusal(&pair).await, Some(ErrorKind::Revoked));
}

#[tokio::test]
async fn a_token_from_a_clock_beyond_the_leeway_is_refused_until_the_others_have_caught_up() {
    let store = ScriptedSessions::default();
    let [here, ahead] = [(); 2].map(|()| Shop::with(store.clone(), |sessions| sessions));
    let [process, other] = [&here, &ahead].map(|shop| Process::start(shop, store.clone(), &list(shop, 10)));
    ahead.wait(60);
    let pair = other.log_in("joe").await.expect("a session");
    let pair = process.refresh(&pair).await.expect("within the leeway");
    assert_eq!(process.refusal(&pair).await, None);
    ahead.wait(1);
    let pair = other.refresh(&pair).await.expect("a pair");
    let log = Log::start();
    let refused = process.sessions.verify(&pair.refresh.token).await.map(drop).map_err(|error| error.kind());
    assert_eq!(
        (refused, process.refusal(&pair).await),
        (Err(ErrorKind::IssuedInFuture), Some(ErrorKind::IssuedInFuture))
    );
    assert_eq!(log.text().matches("issued_in_future").count(), 2, "{}", log.text());
    assert_eq!(other.refusal(&pair).await, None);
    here.wait(1);
    assert_eq!(process.refusal(&pair).await, None);
    assert_eq!(process.refresh(&pair).await.map(drop), Ok(()));
}

#[tokio::test]
async fn an_outage_is_logged_at_once_and_then_once_a_minute_with_the_number_of_failures() {
    let shop = Shop::usual();
    let (store, list) = (ScriptedSessions::default(), list(&shop, 0));
    let process = Process::start(&shop, store.clone(), &list);
    let pair = process.log_in("joe").await.expect("a session");
    let log = Log::start();
    let lines =
        |what: &str| log.text().lines().filter(|line| line.contains(what)).map(str::to_owned).collect::<Vec<_>>();
    store.fail(&ScriptedSessions::ALL);
    for failures in 1..=20 {
        assert_eq!(process.log_in("joe").await.map(drop), UNAVAILABLE);
        assert_eq!(process.refresh(&pair).await.map(drop), UNAVAILABLE);
        let lines = lines("sessions are unavailable");
        assert_eq!(lines.len(), 1, "after {failures}");
        assert!(lines[0].contains("ERROR") && lines[0].contains("the session store is unavailable"), "{lines:?}");
    }
    shop.wait(60);
    assert_eq!(process.refresh(&pair).await.map(drop), UNAVAILABLE);
    let reports = lines("sessions are unavailable");
    assert_eq!(reports.len(), 2);
    assert!(reports[0].ends_with(" times=1") && reports[1].ends_with(" times=40"), "{reports:?}");

    // Another fault isn't hidden by this one: the revocation list is full.
    store.recover();
    for _ in 0..3 {
        assert_eq!(process.log_out(&pair).await, UNAVAILABLE);
    }
    assert_eq!(lines("its access tokens can't be revoked").len(), 1, "{}", log.text());
}
