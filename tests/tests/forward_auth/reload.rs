//! The settings change while requests are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jwt_core::testing::Script;
use jwt_examples::forward_auth::Framework;

use super::site::{HEADERS, Site};

/// Sends good and bad tokens from several tasks to `url` until `reloading` has ended. Every answer must be right.
pub(crate) async fn under_load(site: &Site, url: String, names: &'static str, reloading: impl Future<Output = ()>) {
    let (good, bad) = (site.token().sign(), site.token().expired().sign());
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let task = |token: String, expected: u16| {
        let (url, done, count) = (url.clone(), Arc::clone(&done), Arc::clone(&count));
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().build().expect("a client");
            while !done.load(Ordering::Relaxed) {
                let response = client.get(&url).bearer_auth(&token).send().await.expect("no request is lost");
                assert_eq!(response.status(), expected);
                let header = response.headers().get("x-user").map(|user| user.to_str().expect("text").to_owned());
                let body = response.text().await.expect("no answer is cut short");
                if expected == 200 {
                    let shown = body.lines().find_map(|line| line.strip_prefix("x-user: ")).map(str::to_owned);
                    let user = header.or(shown).expect("the user is named");
                    assert!(names.split(' ').any(|name| name == user), "{user}");
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let tasks = [task(good.clone(), 200), task(good, 200), task(bad.clone(), 401), task(bad, 401)];
    reloading.await;
    done.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("every answer was right");
    }
    assert!(count.load(Ordering::Relaxed) >= 20, "there was a load");
}

/// Reloads several times, each time with another claim in `x-user`.
pub(crate) async fn reload_often(site: &Site) {
    for turn in 0..10 {
        site.configure(if turn % 2 == 0 { "x-user = '/client_id'" } else { HEADERS });
        site.gate.reload().await.expect("the new settings are good");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reload_under_load_loses_no_request_and_gives_no_wrong_answer() {
    for framework in [Framework::Axum, Framework::Actix] {
        let site = Site::start(framework).await;
        let url = format!("http://{}/auth", site.address());
        under_load(&site, url, "user-1815 reports-service", reload_often(&site)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cannot_be_used_leave_the_old_ones_in_use() {
    let site = Site::start(Framework::Axum).await;
    let token = format!("Bearer {}", site.token().sign());
    let user = async || {
        let answer = site.ask("/auth", &[("authorization", &token)]).await;
        answer.headers().get("x-user").map(|user| user.to_str().expect("text").to_owned())
    };
    assert_eq!(user().await.as_deref(), Some("user-1815"));
    site.configure("x-user = 'client_id'");
    assert!(site.gate.reload().await.is_err(), "the claim isn't a JSON pointer");
    assert_eq!(user().await.as_deref(), Some("user-1815"));
    site.configure("x-user = '/client_id'");
    site.issuer.script_all(Script::Status(500));
    assert!(site.gate.reload().await.is_err(), "the keys can't be fetched");
    assert_eq!(user().await.as_deref(), Some("user-1815"));
    site.issuer.script_all(Script::Well);
    site.gate.reload().await.expect("the keys are there again");
    assert_eq!(user().await.as_deref(), Some("reports-service"));
    let metrics = site.ask("/metrics", &[]).await.text().await.expect("text");
    assert!(metrics.contains("gate_reloads_total{outcome=\"refused\"} 2"), "{metrics}");
}
