//! The session store in memory.

use std::sync::Arc;

use jwt_core::issue::{MemorySessions, SessionStore, SessionStoreError};
use jwt_core::testing::ScriptedSessions;
use jwt_tests::forge::NOW;
use jwt_tests::session_contract::{keeps_the_contract, one_exchange_wins, session};

#[tokio::test]
async fn the_store_in_memory_passes_the_session_contract() {
    keeps_the_contract(&MemorySessions::new(), "joe").await;
}

#[tokio::test]
async fn the_scriptable_store_passes_it_too_while_it_works() {
    keeps_the_contract(&ScriptedSessions::default(), "joe").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_concurrent_exchanges_one_wins() {
    let store: Arc<dyn SessionStore> = Arc::new(MemorySessions::new());
    for number in 0..20 {
        one_exchange_wins(Arc::clone(&store), &format!("joe-{number}")).await;
    }
}

#[tokio::test]
async fn a_full_store_drops_only_sessions_that_have_ended() {
    let store = MemorySessions::with_capacity(2);
    for subject in ["a", "b"] {
        store.create(&session(subject, "s"), 100).await.expect("space");
    }
    let error = store.create(&session("c", "s"), 100).await.expect_err("full");
    assert!(matches!(error, SessionStoreError::Full));
    // Another session of a known subject replaces that subject's oldest one.
    assert_eq!(store.create(&session("b", "t"), 1).await.expect("space"), ["s"]);
    assert_eq!(store.list("a", NOW).await.expect("an answer").len(), 1);
    // The store is full again. Then some sessions end.
    assert!(store.create(&session("c", "s"), 100).await.is_err());
    let mut later = session("c", "s");
    (later.created_at, later.ends_at) = (NOW + 3600, NOW + 7200);
    store.create(&later, 100).await.expect("space");
    assert_eq!(format!("{store:?}"), "MemorySessions { sessions: 1, capacity: 2 }");
}

#[test]
fn debug_output_of_a_session_does_not_show_the_user() {
    let printed = format!("{:?}", session("joe@example.org", "session-id"));
    for secret in ["joe", "session-id", "Firefox", "scope"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
