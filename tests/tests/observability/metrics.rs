//! Metrics: the documentation lists exactly the recorded metrics, and no label contains anything from a token.

use std::collections::BTreeSet;
use std::time::Duration;

use jwt_core::observe::{Event, MetricsObserver, Observer as _};
use jwt_core::revocation::Standing;
use jwt_core::testing::BareRequest;
use jwt_core::testing::ManualClock;
use jwt_core::testing::{ScriptedRevocations, ScriptedSessions};
use jwt_core::verify::{Authenticator, IssuerResolver};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER, NOW};
use jwt_tests::gate::enter;
use jwt_tests::issuing::Shop;
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup;

use crate::recorder::Recorded;

const MANUAL: &str = include_str!("../../../jwt-core/doc/metrics.md");

/// Causes everything that can be recorded at least once, and returns the records.
fn a_day_in_a_verifiers_life() -> Recorded {
    let recorded = Recorded::default();
    let issuer = Remote::serving(&[&setup::key()]);
    let clock = ManualClock::at(NOW);
    // The recorder belongs to this thread, so the fetch must run here too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    metrics::with_local_recorder(&recorded, || {
        MetricsObserver::describe();
        runtime.block_on(async {
            let trusted = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
            let builder = Verifier::builder().issuer(trusted).clock(clock.clone()).observer(MetricsObserver);
            let verifier = builder.fetch(issuer.fetch()).build().expect("a verifier");
            let good = Forge::new(&setup::key());
            let known = good.sign();
            for token in
                [known.clone(), known, good.clone().claim("aud", "attacker-text").sign(), "attacker-text".to_owned()]
            {
                let _ = verifier.verify(&token).await;
            }
            let guests = Authenticator::from(verifier.clone()).optional();
            let _ = enter(&guests, &BareRequest::new("GET", "/attacker-text"));
            let _ = enter(&Authenticator::from(verifier.clone()), &BareRequest::new("GET", "/attacker-text"));
            issuer.fail();
            assert!(verifier.fetch_keys().await.is_err());
            // The keys are past their lifetime, and their issuer is down.
            clock.advance(Duration::from_secs(1200));
            let _ = verifier.fetch_keys().await;
            let _ = verifier.verify(&good.sign()).await;

            let list = ScriptedRevocations::default();
            list.answer(Standing::Unavailable);
            let builder = setup::builder().observer(MetricsObserver).revocations(list);
            let verifier = builder.dangerous_accept_during_revocation_outage().build().expect("a verifier");
            assert!(verifier.verify(&setup::good().sign()).await.is_ok());
            // A list on a server sends it.
            MetricsObserver.observe(Event::ClockOffset { millis: -1_500 });

            let store = ScriptedSessions::default();
            let shop = Shop::with(store.clone(), |sessions| sessions.observer(MetricsObserver));
            let login = || shop.sessions.login("attacker-text");
            let token = login().start().await.expect("a session").refresh.token;
            let refresh = async || shop.sessions.refresh(&shop.sessions.verify(&token).await?).await;
            assert!(refresh().await.is_ok());
            let next = refresh().await.expect("a copy").refresh.token;
            let next = shop.sessions.verify(&next).await.expect("a good token");
            assert!(shop.sessions.refresh(&next).await.is_ok());
            shop.wait(20);
            assert!(refresh().await.is_err());
            store.fail(&ScriptedSessions::ALL);
            assert!(refresh().await.is_err());
            assert!(login().start().await.is_err());
        });
    });
    recorded
}

#[test]
fn results_are_counted_by_code_and_no_label_contains_parts_of_a_token() {
    let recorded = a_day_in_a_verifiers_life();
    let counted = [
        ("jwt_anonymous_requests_total{}", 1.0),
        ("jwt_key_fetches_total{outcome=loaded}", 1.0),
        ("jwt_key_fetches_total{outcome=transport}", 2.0),
        ("jwt_logins_total{outcome=accepted}", 1.0),
        ("jwt_logins_total{outcome=sessions_unavailable}", 1.0),
        ("jwt_refreshes_total{outcome=accepted}", 2.0),
        ("jwt_refreshes_total{outcome=refresh_token_reused}", 1.0),
        ("jwt_refreshes_total{outcome=repeated}", 1.0),
        ("jwt_refreshes_total{outcome=sessions_unavailable}", 1.0),
        ("jwt_revocation_outages_ignored_total{}", 1.0),
        ("jwt_sessions_ended_total{}", 1.0),
        ("jwt_stale_keys_used_total{}", 1.0),
        ("jwt_token_cache_total{outcome=hit}", 1.0),
        ("jwt_token_cache_total{outcome=miss}", 5.0),
        ("jwt_tokens_total{outcome=accepted}", 3.0),
        ("jwt_tokens_total{outcome=expired}", 1.0),
        ("jwt_tokens_total{outcome=malformed_token}", 1.0),
        ("jwt_tokens_total{outcome=no_credentials}", 1.0),
        ("jwt_tokens_total{outcome=wrong_audience}", 1.0),
    ];
    assert_eq!(recorded.last("counter"), counted.map(|(name, count)| (name.to_owned(), count)));
    let mut gauges = recorded.last("gauge");
    let cache: Vec<_> = gauges.extract_if(.., |(series, _)| series.starts_with("jwt_token_cache")).collect();
    assert!(
        matches!(&cache[..], [(bytes, most), (entries, 1.0)] if bytes == "jwt_token_cache_bytes{}" && *most > 100.0
            && entries == "jwt_token_cache_entries{}"),
        "{cache:?}"
    );
    let set = [
        ("jwt_clock_offset_seconds{}", -1.5),
        ("jwt_keys_failing{issuer=https://id.example}", 1.0),
        ("jwt_keys_loaded_timestamp_seconds{issuer=https://id.example}", f64::from(u32::try_from(NOW).expect("small"))),
        ("jwt_keys_usable{issuer=https://id.example}", 1.0),
    ];
    assert_eq!(gauges, set.map(|(name, value)| (name.to_owned(), value)));
    let times = recorded.values().into_iter().filter(|(series, _)| series.kind == "histogram");
    let times: Vec<_> = times.map(|(series, times)| (series.labels[0].1.clone(), times.len())).collect();
    assert_eq!(times, [("false".to_owned(), 3), ("true".to_owned(), 3)]);
}

#[test]
fn the_documentation_lists_every_metric_and_its_labels_and_no_other() {
    let recorded = a_day_in_a_verifiers_life();
    let documented: BTreeSet<[String; 3]> = MANUAL
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let mut cells = row.split(" | ").map(|cell| cell.trim_matches(['`', ' ', '|']).to_owned());
            [(); 3].map(|()| cells.next().unwrap_or_default())
        })
        .collect();
    let seen = recorded.values().into_keys().map(|series| {
        let labels: Vec<&str> = series.labels.iter().map(|(label, _)| label.as_str()).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        [series.name, series.kind.to_owned(), labels]
    });
    assert_eq!(documented, seen.collect());
    let names = documented.into_iter().map(|[name, kind, _]| (kind, name)).collect::<BTreeSet<_>>();
    let described = recorded.described().into_iter().map(|(kind, name)| (kind.to_owned(), name));
    assert_eq!(names, described.collect());
}

#[test]
fn the_documented_queries_use_only_recorded_metrics() {
    let names: BTreeSet<String> = a_day_in_a_verifiers_life()
        .values()
        .into_keys()
        .flat_map(|series| match series.kind {
            "histogram" => vec![format!("{}_bucket", series.name), format!("{}_count", series.name)],
            _ => vec![series.name],
        })
        .collect();
    let queries: Vec<&str> =
        MANUAL.split("```promql\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let mut asked = BTreeSet::new();
    for query in &queries {
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        for word in query.split(|letter| !is_word(letter)).filter(|word| word.starts_with("jwt_")) {
            assert!(names.contains(word), "{word} in {query}");
            asked.insert(word.to_owned());
        }
        for (code, quoted) in query.split('"').enumerate().filter(|(place, _)| place % 2 == 1) {
            let known = |code: &str| {
                let codes = ["accepted", "true", "false", "loaded", "hit", ".*_unavailable"];
                codes.contains(&code) || ErrorKind::ALL.iter().any(|kind| kind.code() == code)
            };
            assert!(quoted.split('|').all(known), "{code}: {quoted} in {query}");
        }
    }
    assert_eq!(asked, names, "each metric has a query");
    assert!(ErrorKind::ALL.iter().any(|kind| kind.code().ends_with("_unavailable")));
}

#[test]
fn issuers_found_by_a_resolver_appear_in_no_label() {
    let recorded = Recorded::default();
    let issuer = Remote::serving(&[&setup::key()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    metrics::with_local_recorder(&recorded, || {
        runtime.block_on(async {
            let found = |name: std::sync::Arc<str>| async move {
                Ok(Some(TrustedIssuer::jwks(&*name, JWKS).audience(AUDIENCE)))
            };
            let builder =
                Verifier::builder().issuer_resolver(IssuerResolver::new(|_| true, found)).fetch(issuer.fetch());
            let builder = builder.clock(ManualClock::at(NOW)).observer(MetricsObserver);
            let verifier = builder.build().expect("a verifier");
            assert!(verifier.verify(&setup::good().sign()).await.is_ok());
            issuer.fail();
            let forged = setup::good().header("kid", "other").sign();
            assert!(verifier.verify(&forged).await.is_err());
        });
    });
    let labels: Vec<_> = recorded.values().into_keys().flat_map(|series| series.labels).collect();
    assert!(labels.len() > 3 && labels.iter().all(|(label, _)| label != "issuer"), "{labels:?}");
    let gauges: Vec<_> = recorded.last("gauge").into_iter().map(|(series, _)| series).collect();
    assert_eq!(gauges, ["jwt_token_cache_bytes{}", "jwt_token_cache_entries{}"]);
}
