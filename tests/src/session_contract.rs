//! The tests that every session store must pass.

use std::collections::BTreeSet;
use std::sync::Arc;

use jwt_core::issue::{Rotation, RotationOutcome, SessionRecord, SessionStore};

const NOW: u64 = crate::forge::NOW;

/// A session of `subject` that starts at [`NOW`](crate::forge::NOW), may be idle for an hour and lasts at most a day.
#[must_use]
pub fn session(subject: &str, id: &str) -> SessionRecord {
    let mut session = SessionRecord::new(id, subject, format!("{id}-0"), NOW);
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
    a_token_is_exchanged_once(store, &format!("{name}-exchanged")).await;
    a_token_repeats_only_within_the_grace_period(store, &format!("{name}-grace")).await;
    a_reused_token_ends_only_its_session(store, &format!("{name}-reused")).await;
    a_session_ends_when_it_is_idle_and_when_it_expires(store, &format!("{name}-ends")).await;
    a_session_is_reached_only_through_its_subject(store, &format!("{name}-subject")).await;
    sessions_end_one_by_one_or_all_but_one(store, &format!("{name}-all")).await;
    a_subject_has_a_maximum_number_of_sessions(store, &format!("{name}-most")).await;
    odd_names_are_kept_apart(store, name).await;
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

async fn a_session_is_found_as_it_was_created(store: &dyn SessionStore, subject: &str) {
    let session = session(subject, "s");
    assert_eq!(store.find(subject, "s", NOW).await.expect("an answer"), None);
    create(store, &session).await;
    assert_eq!(store.find(subject, "s", NOW).await.expect("an answer"), Some(session.clone()));
    assert_eq!(store.list(subject, NOW).await.expect("an answer"), [session]);
}

async fn a_token_is_exchanged_once(store: &dyn SessionStore, subject: &str) {
    let mut expected = session(subject, "s");
    create(store, &expected).await;
    let renewed = rotate(store, Rotation::new(subject, "s", "s-0", "s-1", NOW + 60)).await;
    expected.token_id = "s-1".to_owned();
    expected.previous_token_id = Some("s-0".to_owned());
    (expected.rotated_at, expected.last_used_at, expected.ends_at) = (NOW + 60, NOW + 60, NOW + 3660);
    assert_eq!(renewed, (RotationOutcome::Renewed, Some(expected.clone())));
    assert_eq!(store.find(subject, "s", NOW + 60).await.expect("an answer"), Some(expected));
    let (outcome, session) = rotate(store, Rotation::new(subject, "s", "s-1", "s-2", NOW + 120)).await;
    assert_eq!((outcome, session.expect("a session").token_id), (RotationOutcome::Renewed, "s-2".to_owned()));
}

async fn a_token_repeats_only_within_the_grace_period(store: &dyn SessionStore, subject: &str) {
    create(store, &session(subject, "s")).await;
    let (_, renewed) = rotate(store, Rotation::new(subject, "s", "s-0", "s-1", NOW + 60)).await;
    for now in [NOW + 60, NOW + 69, NOW + 50] {
        let repeated = rotate(store, Rotation::new(subject, "s", "s-0", "other", now)).await;
        assert_eq!(repeated, (RotationOutcome::Repeated, renewed.clone()), "{now}");
    }
    let (outcome, _) = rotate(store, Rotation::new(subject, "s", "s-0", "other", NOW + 70)).await;
    assert_eq!(outcome, RotationOutcome::Reused);
    // A token two generations old doesn't come from a second browser tab.
    create(store, &session(subject, "t")).await;
    rotate(store, Rotation::new(subject, "t", "t-0", "t-1", NOW)).await;
    rotate(store, Rotation::new(subject, "t", "t-1", "t-2", NOW)).await;
    let (outcome, _) = rotate(store, Rotation::new(subject, "t", "t-0", "other", NOW)).await;
    assert_eq!(outcome, RotationOutcome::Reused);
    // Without a grace period, no token may repeat.
    create(store, &session(subject, "u")).await;
    store.rotate(&Rotation::new(subject, "u", "u-0", "u-1", NOW).idle(60)).await.expect("an answer");
    let (outcome, _) = store.rotate(&Rotation::new(subject, "u", "u-0", "x", NOW).idle(60)).await.expect("an answer");
    assert_eq!(outcome, RotationOutcome::Reused);
}

async fn a_reused_token_ends_only_its_session(store: &dyn SessionStore, subject: &str) {
    for id in ["s", "t", "u"] {
        create(store, &session(subject, id)).await;
    }
    let (_, renewed) = rotate(store, Rotation::new(subject, "s", "s-0", "s-1", NOW)).await;
    let reused = rotate(store, Rotation::new(subject, "s", "s-0", "other", NOW + 60)).await;
    assert_eq!(reused, (RotationOutcome::Reused, renewed));
    // The current token, which nobody had used yet, is rejected too.
    assert_eq!(
        rotate(store, Rotation::new(subject, "s", "s-1", "s-2", NOW + 60)).await,
        (RotationOutcome::Ended, None)
    );
    // A token that never belonged to the session is treated like a reused one.
    let (outcome, _) = rotate(store, Rotation::new(subject, "t", "never", "t-1", NOW)).await;
    assert_eq!(outcome, RotationOutcome::Reused);
    assert_eq!(ids(store, subject, NOW).await, ["u"]);
}

async fn a_session_ends_when_it_is_idle_and_when_it_expires(store: &dyn SessionStore, subject: &str) {
    create(store, &session(subject, "s")).await;
    assert!(store.find(subject, "s", NOW + 3599).await.expect("an answer").is_some());
    assert_eq!(store.find(subject, "s", NOW + 3600).await.expect("an answer"), None);
    let mut last = session(subject, "t");
    last.expires_at = NOW + 3700;
    create(store, &last).await;
    let (_, renewed) = rotate(store, Rotation::new(subject, "t", "t-0", "t-1", NOW + 3599)).await;
    assert_eq!(renewed.expect("a session").ends_at, NOW + 3700);
    assert_eq!(
        rotate(store, Rotation::new(subject, "t", "t-1", "t-2", NOW + 3700)).await,
        (RotationOutcome::Ended, None)
    );
    assert_eq!(ids(store, subject, NOW + 3700).await, Vec::<String>::new());
}

async fn a_session_is_reached_only_through_its_subject(store: &dyn SessionStore, subject: &str) {
    let other = format!("{subject}-other");
    create(store, &session(subject, "s")).await;
    assert_eq!(store.find(&other, "s", NOW).await.expect("an answer"), None);
    assert_eq!(rotate(store, Rotation::new(&other, "s", "s-0", "s-1", NOW)).await, (RotationOutcome::Ended, None));
    assert!(!store.end(&other, "s").await.expect("an answer"));
    assert_eq!(store.end_all(&other, None).await.expect("an answer"), Vec::<String>::new());
    assert_eq!(ids(store, subject, NOW).await, ["s"]);
}

async fn sessions_end_one_by_one_or_all_but_one(store: &dyn SessionStore, subject: &str) {
    for id in ["s", "t", "u", "v"] {
        create(store, &session(subject, id)).await;
    }
    assert!(store.end(subject, "s").await.expect("an answer"));
    assert!(!store.end(subject, "s").await.expect("an answer"));
    assert_eq!(rotate(store, Rotation::new(subject, "s", "s-0", "s-1", NOW)).await, (RotationOutcome::Ended, None));
    let ended: BTreeSet<String> = store.end_all(subject, Some("u")).await.expect("an answer").into_iter().collect();
    assert_eq!(ended, BTreeSet::from(["t".to_owned(), "v".to_owned()]));
    assert_eq!(ids(store, subject, NOW).await, ["u"]);
    assert_eq!(store.end_all(subject, None).await.expect("an answer"), ["u"]);
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
        .map(|number| {
            let (store, subject) = (Arc::clone(&store), subject.to_owned());
            tokio::spawn(async move {
                let next = format!("next-{number}");
                rotate(&*store, Rotation::new(&subject, "s", "s-0", &next, NOW + 1)).await
            })
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
