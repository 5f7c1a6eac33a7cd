//! The tests that every session store must pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use jwt_core::issue::{Rotation, RotationOutcome, SessionRecord, SessionStore, SessionStoreError};

const NOW: u64 = crate::forge::NOW;

/// A session of `subject` that starts at [`NOW`](crate::forge::NOW), may be idle for an hour and lasts at most a day.
#[must_use]
pub fn session(subject: &str, id: &str) -> SessionRecord {
    let mut session = SessionRecord::new(id, subject, NOW);
    session.ends_at = NOW + 3600;
    session.expires_at = NOW + 86_400;
    session.device = Some("Firefox \"on\" Linux \u{1f98a}\0".to_owned());
    session.grant = r#"{"claims":{"scope":"a b"}}"#.to_owned();
    session
}

/// Runs all tests. `name` keeps the subjects apart from those of other runs on the same store.
///
/// # Panics
///
/// Panics if the store fails a test.
pub async fn keeps_the_contract(store: &dyn SessionStore, name: &str) {
    a_session_is_found_as_it_was_created(store, &format!("{name}-found")).await;
    odd_text_and_the_latest_times_are_read_as_they_were_written(store, &format!("{name}-odd")).await;
    a_token_is_exchanged_for_the_next(store, &format!("{name}-exchanged")).await;
    a_token_repeats_until_its_successor_is_exchanged(store, &format!("{name}-repeats")).await;
    another_copy_repeats_only_within_the_grace_period(store, &format!("{name}-grace")).await;
    an_older_token_is_reused_and_changes_nothing(store, &format!("{name}-reused")).await;
    a_token_newer_than_the_record_is_adopted(store, &format!("{name}-adopted")).await;
    a_device_binds_a_session_with_its_first_proof(store, &format!("{name}-device")).await;
    a_session_ends_when_it_is_idle_and_when_it_expires(store, &format!("{name}-ends")).await;
    a_session_is_reached_only_through_its_subject(store, &format!("{name}-subject")).await;
    only_the_named_sessions_end(store, &format!("{name}-named")).await;
    a_subject_has_a_maximum_number_of_sessions(store, &format!("{name}-most")).await;
    odd_names_are_kept_apart(store, name).await;
}

/// Checks that a store whose server is unavailable says so, for every operation.
///
/// # Panics
///
/// Panics if an operation succeeds, or fails with another error.
pub async fn every_operation_fails(store: &dyn SessionStore, subject: &str) {
    let rotation = Rotation::new(subject, "s", "t-0", 0, NOW);
    for error in [
        store.find(subject, "s").await.err(),
        store.list(subject, NOW).await.err(),
        store.rotate(&rotation).await.err(),
        store.create(&session(subject, "t"), 100).await.err(),
        store.end(subject, &["s"]).await.err(),
    ] {
        assert!(matches!(error, Some(SessionStoreError::Unavailable(_))), "{error:?}");
    }
}

/// Stores a session of `joe` whose token was exchanged twice, and returns an exchange for each outcome that changes nothing.
///
/// # Panics
///
/// Panics if the store is unavailable.
pub async fn exchanges_that_change_nothing(store: &dyn SessionStore) -> [(RotationOutcome, Rotation<'static>); 5] {
    create(store, &session("joe", "s")).await;
    let exchange = |presented, rotations, now| {
        Rotation::new("joe", "s", presented, rotations, now).idle(60).device_key(Some("key"))
    };
    for rotation in [exchange("t-0", 0, NOW), exchange("t-1", 1, NOW)] {
        store.rotate(&rotation).await.expect("an answer");
    }
    [
        (RotationOutcome::Repeated, exchange("t-1", 1, NOW)),
        (RotationOutcome::Reused, exchange("t-0", 0, NOW)),
        (RotationOutcome::Unproven, exchange("t-2", 2, NOW).device_key(None)),
        (RotationOutcome::Ended, exchange("t-2", 2, NOW + 60)),
        (RotationOutcome::Ended, Rotation::new("joe", "another", "t-0", 0, NOW)),
    ]
}

async fn create(store: &dyn SessionStore, session: &SessionRecord) {
    assert_eq!(store.create(session, 100).await.expect("space"), Vec::<String>::new());
}

async fn rotate(store: &dyn SessionStore, rotation: Rotation<'_>) -> (RotationOutcome, Option<SessionRecord>) {
    store.rotate(&rotation.grace(10).idle(3600)).await.expect("an answer")
}

async fn ids(store: &dyn SessionStore, subject: &str, now: u64) -> Vec<String> {
    let sessions = store.list(subject, now).await.expect("an answer");
    sessions.into_iter().map(|session| session.id).collect()
}

async fn find(store: &dyn SessionStore, subject: &str, id: &str) -> Option<SessionRecord> {
    store.find(subject, id).await.expect("an answer")
}

async fn a_session_is_found_as_it_was_created(store: &dyn SessionStore, subject: &str) {
    let session = session(subject, "s");
    assert_eq!(find(store, subject, "s").await, None);
    create(store, &session).await;
    assert_eq!(find(store, subject, "s").await, Some(session.clone()));
    assert_eq!(store.list(subject, NOW).await.expect("an answer"), [session]);
}

async fn odd_text_and_the_latest_times_are_read_as_they_were_written(store: &dyn SessionStore, subject: &str) {
    let mut expected = session(subject, "s 1\n\u{0}");
    expected.rotations = 3;
    expected.exchanged = Some("a\n\"b\\\u{2028}\u{0}".to_owned());
    expected.device = Some("Firefox / \u{1f511}".to_owned());
    expected.grant = "{\"a\":[1,{}]}\n\n".to_owned();
    (expected.ends_at, expected.expires_at) = (i64::MAX as u64 - 1, i64::MAX as u64);
    create(store, &expected).await;
    let id = expected.id.clone();
    assert_eq!(find(store, subject, &id).await, Some(expected.clone()));
    let rotation = Rotation::new(subject, &id, "\n\n", 3, NOW + 5).idle(u64::MAX);
    let (outcome, renewed) = store.rotate(&rotation).await.expect("an answer");
    assert_eq!((outcome, expected.rotate(&rotation)), (RotationOutcome::Renewed, RotationOutcome::Renewed));
    assert_eq!(renewed, Some(expected.clone()));
    assert_eq!(store.list(subject, NOW).await.expect("an answer"), [expected]);
}

async fn a_token_is_exchanged_for_the_next(store: &dyn SessionStore, subject: &str) {
    let mut expected = session(subject, "s");
    create(store, &expected).await;
    let renewed = rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW + 60)).await;
    (expected.rotations, expected.exchanged) = (1, Some("t-0".to_owned()));
    (expected.rotated_at, expected.last_used_at, expected.ends_at) = (NOW + 60, NOW + 60, NOW + 3660);
    assert_eq!(renewed, (RotationOutcome::Renewed, Some(expected.clone())));
    assert_eq!(find(store, subject, "s").await, Some(expected));
    let (outcome, session) = rotate(store, Rotation::new(subject, "s", "t-1", 1, NOW + 120)).await;
    let session = session.expect("a session");
    assert_eq!((outcome, session.rotations), (RotationOutcome::Renewed, 2));
    assert_eq!(session.exchanged.as_deref(), Some("t-1"));
}

async fn a_token_repeats_until_its_successor_is_exchanged(store: &dyn SessionStore, subject: &str) {
    create(store, &session(subject, "s")).await;
    let (_, renewed) = rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW + 60)).await;
    for now in [NOW + 60, NOW + 50, NOW + 70, NOW + 3659] {
        for grace in [0, 10] {
            let repeat = Rotation::new(subject, "s", "t-0", 0, now).grace(grace).idle(3600);
            let repeated = store.rotate(&repeat).await.expect("an answer");
            assert_eq!(repeated, (RotationOutcome::Repeated, renewed.clone()), "{now} {grace}");
        }
    }
    rotate(store, Rotation::new(subject, "s", "t-1", 1, NOW + 3659)).await;
    let (outcome, _) = rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW + 3659)).await;
    assert_eq!(outcome, RotationOutcome::Reused, "even within the grace period");
}

async fn another_copy_repeats_only_within_the_grace_period(store: &dyn SessionStore, subject: &str) {
    create(store, &session(subject, "s")).await;
    let (_, renewed) = rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW + 60)).await;
    for now in [NOW + 60, NOW + 69, NOW + 50] {
        let repeated = rotate(store, Rotation::new(subject, "s", "copy", 0, now)).await;
        assert_eq!(repeated, (RotationOutcome::Repeated, renewed.clone()), "{now}");
    }
    let (outcome, _) = rotate(store, Rotation::new(subject, "s", "copy", 0, NOW + 70)).await;
    assert_eq!(outcome, RotationOutcome::Reused);
    // Without a grace period, only the same copy may repeat.
    create(store, &session(subject, "u")).await;
    store.rotate(&Rotation::new(subject, "u", "t-0", 0, NOW).idle(60)).await.expect("an answer");
    let copy = store.rotate(&Rotation::new(subject, "u", "copy", 0, NOW).idle(60)).await.expect("an answer");
    assert_eq!(copy.0, RotationOutcome::Reused);
}

async fn an_older_token_is_reused_and_changes_nothing(store: &dyn SessionStore, subject: &str) {
    create(store, &session(subject, "s")).await;
    rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW)).await;
    let (_, second) = rotate(store, Rotation::new(subject, "s", "t-1", 1, NOW)).await;
    let reused = rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW)).await;
    assert_eq!(reused, (RotationOutcome::Reused, second.clone()));
    assert_eq!(find(store, subject, "s").await, second, "ending the session is its caller's part");
}

async fn a_token_newer_than_the_record_is_adopted(store: &dyn SessionStore, subject: &str) {
    for (id, newer) in [("s", 1), ("t", 7), ("u", u64::from(u32::MAX))] {
        let mut expected = session(subject, id);
        create(store, &expected).await;
        let adopted = rotate(store, Rotation::new(subject, id, "newer", newer, NOW + 60)).await;
        (expected.rotations, expected.exchanged) = (newer + 1, Some("newer".to_owned()));
        (expected.rotated_at, expected.last_used_at, expected.ends_at) = (NOW + 60, NOW + 60, NOW + 3660);
        assert_eq!(adopted, (RotationOutcome::Adopted, Some(expected)), "{newer}");
        // From here on it's like any other exchange.
        let (outcome, _) = rotate(store, Rotation::new(subject, id, "newer", newer, NOW + 90)).await;
        assert_eq!(outcome, RotationOutcome::Repeated);
        let (outcome, _) = rotate(store, Rotation::new(subject, id, "older", newer - 1, NOW + 60)).await;
        assert_eq!(outcome, RotationOutcome::Reused);
        let (outcome, _) = rotate(store, Rotation::new(subject, id, "next", newer + 1, NOW + 90)).await;
        assert_eq!(outcome, RotationOutcome::Renewed);
    }
    // A lost refresh had put off the end, but never beyond the session's maximum lifetime.
    create(store, &session(subject, "late")).await;
    let (outcome, _) = rotate(store, Rotation::new(subject, "late", "newer", 1, NOW + 86_399)).await;
    assert_eq!(outcome, RotationOutcome::Adopted);
    create(store, &session(subject, "later")).await;
    let late = rotate(store, Rotation::new(subject, "later", "newer", 1, NOW + 86_400)).await;
    assert_eq!(late, (RotationOutcome::Ended, None));
}

async fn a_device_binds_a_session_with_its_first_proof(store: &dyn SessionStore, subject: &str) {
    use RotationOutcome::{Adopted, Renewed, Repeated, Unproven};
    const KEY: Option<&str> = Some(r#"{"crv":"P-256","kty":"EC","x":"\u00e9\n","y":"null"}"#);
    const OTHER: Option<&str> = Some(r#"{"kty":"OKP"}"#);
    let mut before = session(subject, "s");
    create(store, &before).await;
    let at = |token, rotations, key| Rotation::new(subject, "s", token, rotations, NOW + 1).device_key(key);
    let (outcome, bound) = rotate(store, at("t-0", 0, KEY)).await;
    (before.rotations, before.exchanged, before.device_key) = (1, Some("t-0".to_owned()), KEY.map(str::to_owned));
    (before.rotated_at, before.last_used_at, before.ends_at) = (NOW + 1, NOW + 1, NOW + 3601);
    assert_eq!((outcome, &bound), (Renewed, &Some(before)));
    assert_eq!(find(store, subject, "s").await, bound);
    // Without the key, no token is good, and no reuse is reported: neither a copy from before, nor the next one, nor a newer one.
    for (token, rotations) in [("t-0", 0), ("copy", 0), ("t-1", 1), ("newer", 7)] {
        for key in [None, OTHER] {
            if key.is_none() || rotations < 2 {
                assert_eq!(rotate(store, at(token, rotations, key)).await, (Unproven, bound.clone()), "{token}");
            }
        }
    }
    for (token, rotations, outcome) in [("t-0", 0, Repeated), ("copy", 0, Repeated), ("t-1", 1, Renewed)] {
        assert_eq!(rotate(store, at(token, rotations, KEY)).await.0, outcome, "{token}");
    }
    assert_eq!(rotate(store, at("t-0", 0, None)).await.0, Unproven);
    assert_eq!(rotate(store, at("t-0", 0, KEY)).await.0, RotationOutcome::Reused);
    // A newer token brings the key that the store has lost.
    let (outcome, adopted) = rotate(store, at("newer", 7, OTHER)).await;
    assert_eq!((outcome, adopted.and_then(|session| session.device_key).as_deref()), (Adopted, OTHER));
    // A token that was exchanged without a key does not bind its session.
    create(store, &session(subject, "u")).await;
    let at = |token, rotations, key| Rotation::new(subject, "u", token, rotations, NOW + 1).device_key(key);
    let (_, unbound) = rotate(store, at("t-0", 0, None)).await;
    assert_eq!(rotate(store, at("t-0", 0, KEY)).await, (Unproven, unbound));
    assert_eq!(rotate(store, at("t-1", 1, KEY)).await.0, Renewed);
    // A session that is created with a key has it.
    let mut restored = session(subject, "v");
    restored.device_key = KEY.map(str::to_owned);
    create(store, &restored).await;
    assert_eq!(find(store, subject, "v").await, Some(restored));
    assert_eq!(rotate(store, Rotation::new(subject, "v", "t-0", 0, NOW)).await.0, Unproven);
    assert_eq!(rotate(store, Rotation::new(subject, "v", "t-0", 0, NOW + 3600)).await, (RotationOutcome::Ended, None));
}

async fn a_session_ends_when_it_is_idle_and_when_it_expires(store: &dyn SessionStore, subject: &str) {
    create(store, &session(subject, "s")).await;
    assert_eq!(ids(store, subject, NOW + 3599).await, ["s"]);
    assert_eq!(rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW + 3600)).await, (RotationOutcome::Ended, None));
    assert_eq!(ids(store, subject, NOW + 3600).await, Vec::<String>::new());
    let mut last = session(subject, "t");
    last.expires_at = NOW + 3700;
    create(store, &last).await;
    let (_, renewed) = rotate(store, Rotation::new(subject, "t", "t-0", 0, NOW + 3599)).await;
    assert_eq!(renewed.expect("a session").ends_at, NOW + 3700);
    assert_eq!(rotate(store, Rotation::new(subject, "t", "t-1", 1, NOW + 3700)).await, (RotationOutcome::Ended, None));
    assert_eq!(ids(store, subject, NOW + 3700).await, Vec::<String>::new());
}

async fn a_session_is_reached_only_through_its_subject(store: &dyn SessionStore, subject: &str) {
    let other = format!("{subject}-other");
    create(store, &session(subject, "s")).await;
    assert_eq!(find(store, &other, "s").await, None);
    assert_eq!(rotate(store, Rotation::new(&other, "s", "t-0", 0, NOW)).await, (RotationOutcome::Ended, None));
    assert_eq!(store.end(&other, &["s"]).await.expect("an answer"), Vec::<String>::new());
    assert_eq!(ids(store, subject, NOW).await, ["s"]);
}

async fn only_the_named_sessions_end(store: &dyn SessionStore, subject: &str) {
    for id in ["s", "t", "u", "v"] {
        create(store, &session(subject, id)).await;
    }
    assert_eq!(store.end(subject, &["s"]).await.expect("an answer"), ["s"]);
    assert_eq!(store.end(subject, &["s"]).await.expect("an answer"), Vec::<String>::new());
    assert_eq!(rotate(store, Rotation::new(subject, "s", "t-0", 0, NOW)).await, (RotationOutcome::Ended, None));
    let named = ["v", "s", "w", "t"];
    let ended: BTreeSet<String> = store.end(subject, &named).await.expect("an answer").into_iter().collect();
    assert_eq!(ended, BTreeSet::from(["t".to_owned(), "v".to_owned()]));
    assert_eq!(ids(store, subject, NOW).await, ["u"]);
    assert_eq!(store.end(subject, &[]).await.expect("an answer"), Vec::<String>::new());
    assert_eq!(store.end(subject, &["u"]).await.expect("an answer"), ["u"]);
    assert_eq!(ids(store, subject, NOW).await, Vec::<String>::new());
}

async fn a_subject_has_a_maximum_number_of_sessions(store: &dyn SessionStore, subject: &str) {
    for (id, used) in [("s", 3), ("t", 1), ("u", 2)] {
        let mut session = session(subject, id);
        session.last_used_at = NOW + used;
        assert_eq!(store.create(&session, 3).await.expect("space"), Vec::<String>::new());
    }
    assert_eq!(ids(store, subject, NOW).await, ["s", "u", "t"]);
    let mut newest = session(subject, "v");
    newest.last_used_at = NOW + 4;
    assert_eq!(store.create(&newest, 3).await.expect("space"), ["t"]);
    let mut only = session(subject, "w");
    only.last_used_at = NOW + 5;
    let forgotten: BTreeSet<String> = store.create(&only, 1).await.expect("space").into_iter().collect();
    assert_eq!(forgotten, ["s", "u", "v"].map(str::to_owned).into());
    assert_eq!(ids(store, subject, NOW).await, ["w"]);
    // Ended sessions don't count.
    let mut later = session(subject, "x");
    (later.created_at, later.last_used_at, later.ends_at) = (NOW + 3600, NOW + 3600, NOW + 7200);
    assert_eq!(store.create(&later, 1).await.expect("space"), Vec::<String>::new());
    assert_eq!(ids(store, subject, NOW + 3600).await, ["x"]);
}

async fn odd_names_are_kept_apart(store: &dyn SessionStore, name: &str) {
    let subjects = ["", ":", "a:b", "a", "{a}", "}{", "*", "a b", "\u{e9}", "e\u{301}", "\r\n", "\0", "'; DROP"];
    for (index, subject) in subjects.iter().enumerate() {
        create(store, &session(&format!("{name}{subject}"), &format!("b:{index}"))).await;
    }
    for (index, subject) in subjects.iter().enumerate() {
        assert_eq!(ids(store, &format!("{name}{subject}"), NOW).await, [format!("b:{index}")], "{subject:?}");
    }
}

/// Presents one token a hundred times at once: one exchange wins, the others repeat it, and all return the same
/// session.
///
/// # Panics
///
/// Panics if the store does anything else.
pub async fn one_exchange_wins(store: Arc<dyn SessionStore>, subject: &str) {
    create(&*store, &session(subject, "s")).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (store, subject) = (Arc::clone(&store), subject.to_owned());
            tokio::spawn(async move { rotate(&*store, Rotation::new(&subject, "s", "t-0", 0, NOW + 1)).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.expect("an outcome"));
    }
    let won = outcomes.iter().filter(|(outcome, _)| *outcome == RotationOutcome::Renewed).count();
    let repeated = outcomes.iter().filter(|(outcome, _)| *outcome == RotationOutcome::Repeated).count();
    assert_eq!((won, repeated), (1, 99));
    assert!(outcomes.iter().all(|(_, session)| *session == outcomes[0].1), "all get the same");
}
