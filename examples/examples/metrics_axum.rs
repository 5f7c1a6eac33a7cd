//! The program of the page "Metrics": an exporter for Prometheus, with the buckets that its queries need.

use std::time::Duration;

use axum::{Router, routing::get};
use jwt_tower::jwt_core::observe::MetricsObserver;
use jwt_tower::jwt_core::{TrustedIssuer, Verifier};
use jwt_tower::{Claims, JwtLayer};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// From 10 µs, the time of a cached token, to 5 s, the longest wait for a document of the issuer.
const SECONDS: [f64; 12] = [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0];

/// Installs the exporter. Without buckets it exports summaries, which `histogram_quantile` can't read.
fn install() -> Result<PrometheusHandle, BuildError> {
    let duration = Matcher::Full("jwt_verification_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(duration, &SECONDS)?.install_recorder()?;
    MetricsObserver::describe();
    Ok(handle)
}

#[derive(serde::Deserialize)]
struct User {
    sub: String,
}

async fn me(Claims(user): Claims<User>) -> String {
    format!("you are {}\n", user.sub)
}

/// The API, and a second application with the metrics, which belongs on a port that only Prometheus can reach.
fn apps(verifier: Verifier, metrics: PrometheusHandle) -> (Router, Router) {
    let api = Router::new().route("/me", get(me)).layer(JwtLayer::new(verifier));
    (api, Router::new().route("/metrics", get(move || std::future::ready(metrics.render()))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = install()?;
    let issuer = TrustedIssuer::discover("http://127.0.0.1:3000/dev-issuer").audience("https://api.example");
    let verifier = Verifier::builder().issuer(issuer).observer(MetricsObserver).build()?;

    let upkeep = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    let (api, metrics) = apps(verifier, metrics);
    let private = tokio::net::TcpListener::bind("127.0.0.1:9090").await?;
    tokio::spawn(axum::serve(private, metrics).into_future());
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:8080").await?, api).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use axum::{Router, routing::get};
    use jwt_tower::JwtLayer;
    use jwt_tower::jwt_core::crypto::SigningKey;
    use jwt_tower::jwt_core::issue::{KeyRing, Sessions, TokenIssuer};
    use jwt_tower::jwt_core::observe::{Event, MetricsObserver, Observer as _};
    use jwt_tower::jwt_core::revocation::Standing;
    use jwt_tower::jwt_core::testing::{
        AUDIENCE, Script, ScriptedIssuer, ScriptedRevocations, ScriptedSessions, TestAuth,
    };
    use jwt_tower::jwt_core::{Algorithm, TrustedIssuer, Verifier};
    use serde_json::Value;
    use tower::ServiceExt as _;

    async fn send(app: &Router, path: &str, authorization: &str) -> String {
        let request = Request::get(path).header("authorization", authorization).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    /// Makes every event happen that has a metric: guests, cached tokens, outages of the issuer and of the revocation list, sessions.
    async fn cause_every_event() {
        let (issuer, revocations) = (ScriptedIssuer::start().await.unwrap(), ScriptedRevocations::default());
        let verifier = Verifier::builder()
            .issuer(TrustedIssuer::discover(issuer.name()).audience(AUDIENCE))
            .clock(issuer.clock())
            .revocations(revocations.clone())
            .dangerous_accept_during_revocation_outage()
            .observer(MetricsObserver)
            .build()
            .unwrap();
        let app = Router::new().route("/", get(|| async {})).layer(JwtLayer::new(verifier.clone()).optional());
        send(&app, "/", "Basic YQ==").await;
        let token = issuer.token().bearer();
        send(&app, "/", &token).await;
        send(&app, "/", &token).await;
        revocations.answer(Standing::Unavailable);
        send(&app, "/", &token).await;
        issuer.script_all(Script::HangUp);
        issuer.clock().advance(Duration::from_secs(1800));
        assert!(verifier.fetch_keys().await.is_err());
        send(&app, "/", &issuer.token().bearer()).await;
        // A revocation list on a server sends it.
        MetricsObserver.observe(Event::ClockOffset { millis: 90_000 });
        use_sessions().await;
    }

    async fn use_sessions() {
        let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256).unwrap()).unwrap();
        let tokens = TokenIssuer::builder("https://id.example", ring).audience(AUDIENCE).build().unwrap();
        let store = ScriptedSessions::default();
        let sessions = Sessions::builder(tokens, store.clone()).observer(MetricsObserver).build().unwrap();
        let token = sessions.login("ada").start().await.unwrap().refresh.token;
        let token = sessions.verify(&token).await.unwrap();
        sessions.refresh(&token).await.unwrap();
        sessions.end_all("ada").await.unwrap();
        store.fail(&ScriptedSessions::ALL);
        assert!(sessions.login("ada").start().await.is_err());
    }

    /// The metrics of a query, each with the labels that the query needs.
    fn metrics_of(query: &str) -> Vec<(String, BTreeSet<String>)> {
        let grouped = query.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
        let grouped: Vec<&str> = grouped.flat_map(|names| names.split(',').map(str::trim)).collect();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let starts = query.match_indices("jwt_").map(|(start, _)| &query[start..]);
        starts
            .map(|rest| {
                let (name, rest) = rest.split_at(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
                let matchers = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()).unwrap_or_default();
                let matched = matchers.split(',').filter_map(|matcher| matcher.split(['=', '!']).next());
                let labels = matched.chain(grouped.iter().copied()).filter(|label| !label.is_empty());
                // Prometheus adds these to the series that it scrapes.
                let labels = labels.filter(|label| !["job", "instance"].contains(label));
                (name.to_owned(), labels.map(str::to_owned).collect())
            })
            .collect()
    }

    /// Whether a series of this metric has these labels.
    fn exports(page: &str, metric: &str, labels: &BTreeSet<String>) -> bool {
        page.lines().filter(|line| !line.starts_with('#')).any(|line| {
            let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
            name == metric && labels.iter().all(|label| rest.contains(&format!("{label}=\"")))
        })
    }

    fn expressions<'j>(json: &'j Value, found: &mut Vec<&'j str>) {
        match json {
            Value::Object(members) => {
                found.extend(members.get("expr").and_then(Value::as_str));
                members.values().for_each(|member| expressions(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
            _ => {}
        }
    }

    // One test, because a process has one recorder.
    #[tokio::test]
    async fn the_queries_of_the_page_and_of_the_dashboard_find_their_series() {
        let handle = super::install().unwrap();
        let auth = TestAuth::new();
        let (api, metrics) = super::apps(auth.builder().observer(MetricsObserver).build().unwrap(), handle);
        for token in [auth.token("ada"), auth.token("ada"), auth.token("ada").expired()] {
            send(&api, "/me", &token.bearer()).await;
        }
        let page = send(&metrics, "/metrics", "Basic YQ==").await;
        for series in [
            r#"jwt_tokens_total{outcome="accepted"} 2"#,
            r#"jwt_tokens_total{outcome="expired"} 1"#,
            r#"jwt_verification_seconds_bucket{accepted="true",le="+Inf"} 2"#,
            r#"jwt_verification_seconds_bucket{accepted="true",le="5"} 2"#,
            r#"jwt_verification_seconds_count{accepted="false"} 1"#,
        ] {
            assert!(page.contains(series), "{series} in {page}");
        }

        cause_every_event().await;
        let page = send(&metrics, "/metrics", "Basic YQ==").await;
        let dashboard: Value = serde_json::from_str(include_str!("../dashboards/jwt.json")).unwrap();
        let mut queries = Vec::new();
        expressions(&dashboard, &mut queries);
        let document = include_str!("../../jwt-core/doc/metrics.md");
        let shown = document.split("```promql\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        let on_panels: BTreeSet<_> =
            queries.iter().flat_map(|query| metrics_of(query)).map(|(metric, _)| metric).collect();
        for query in queries.into_iter().chain(shown) {
            let metrics = metrics_of(query);
            assert!(!metrics.is_empty(), "{query}");
            for (metric, labels) in metrics {
                assert!(exports(&page, &metric, &labels), "{query}: no series of {metric} with {labels:?} in\n{page}");
            }
        }
        let exported = page.lines().filter_map(|line| line.strip_prefix("# TYPE jwt_")?.split(' ').next());
        for name in exported {
            let is_shown = on_panels.iter().any(|metric| metric.starts_with(&format!("jwt_{name}")));
            assert!(is_shown, "no panel shows jwt_{name}");
        }
    }
}
