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
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use jwt_tower::jwt_core::observe::MetricsObserver;
    use jwt_tower::jwt_core::testing::TestAuth;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn the_queries_of_the_page_find_their_series() {
        let handle = super::install().unwrap();
        let auth = TestAuth::new();
        let (api, metrics) = super::apps(auth.builder().observer(MetricsObserver).build().unwrap(), handle);
        for authorization in
            [auth.token("ada").bearer(), auth.token("ada").bearer(), auth.token("ada").expired().bearer()]
        {
            let request = Request::get("/me").header("authorization", authorization).body(Body::empty()).unwrap();
            api.clone().oneshot(request).await.unwrap();
        }
        let page = metrics.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
        let page = String::from_utf8(to_bytes(page.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        for series in [
            r#"jwt_tokens_total{outcome="accepted"} 2"#,
            r#"jwt_tokens_total{outcome="expired"} 1"#,
            r#"jwt_verification_seconds_bucket{accepted="true",le="+Inf"} 2"#,
            r#"jwt_verification_seconds_bucket{accepted="true",le="5"} 2"#,
            r#"jwt_verification_seconds_count{accepted="false"} 1"#,
        ] {
            assert!(page.contains(series), "{series} in {page}");
        }
    }
}
