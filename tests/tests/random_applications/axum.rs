use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::routing::{any, get};
use http::{Request, Response};
use jwt_core::Verifier;
use jwt_tests::setup::{builder, good};
use jwt_tower::JwtLayer;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _};
use tower_http::normalize_path::NormalizePathLayer;

use crate::random::{Random, applications};
use crate::table::{Table, Tally, reach, reached, rewrite};

type Service = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A random application.
#[derive(Clone, Debug)]
struct Plan {
    /// The pattern of each handler in the order of their numbers, or `None` if it's for requests that match no route.
    handlers: Vec<Option<String>>,
    router: Nested,
    /// A nested service with its own routes and its own layer.
    service: Option<Nested>,
    outside: Option<Slash>,
    inside: Option<Slash>,
    table: Table,
    complete: bool,
}

/// How `NormalizePath` treats a path's last slash.
#[derive(Clone, Copy, Debug)]
enum Slash {
    Trim,
    Append,
}

#[derive(Clone, Debug, Default)]
struct Nested {
    routes: Vec<Route>,
    nested: Vec<(String, Self)>,
    fallback: Option<usize>,
}

#[derive(Clone, Debug)]
struct Route {
    pattern: String,
    handler: usize,
    only_get: bool,
}

struct Planner<'d> {
    random: &'d mut Random,
    handlers: Vec<Option<String>>,
    patterns: BTreeMap<String, bool>,
    prefixes: BTreeSet<String>,
    /// Patterns at one depth all have parameters or all have tails, because axum rejects conflicts.
    tails: [bool; 8],
}

impl Planner<'_> {
    fn nested(&mut self, above: &str, depth: usize) -> Nested {
        let mut nested = Nested::default();
        for _ in 0..=self.random.below(6) {
            if depth < 3 && self.random.percent(30) {
                let prefix = self.segment(depth, false);
                let full = format!("{above}{prefix}");
                if self.prefixes.insert(full.clone()) {
                    let inner = self.nested(&full, depth + 1);
                    nested.nested.push((prefix, inner));
                }
                continue;
            }
            let mut pattern = String::new();
            for segment in 0..self.random.below(3) {
                pattern += &self.segment(depth + segment, false);
            }
            let segments = pattern.matches('/').count();
            if self.random.percent(30) {
                pattern += &self.segment(depth + segments, true);
            }
            if pattern.is_empty() || (self.random.percent(20) && !pattern.contains('*')) {
                pattern.push('/');
            }
            // axum has more than one name for the root of a nested service.
            if above == "/s" && pattern == "/" {
                continue;
            }
            let full = if pattern == "/" && !above.is_empty() { above.to_owned() } else { format!("{above}{pattern}") };
            if self.patterns.insert(full.clone(), false).is_none() {
                self.handlers.push(Some(full));
                nested.routes.push(Route {
                    pattern,
                    handler: self.handlers.len() - 1,
                    only_get: self.random.percent(30),
                });
            }
        }
        if !above.contains('{') && self.random.percent(30) {
            self.handlers.push(None);
            nested.fallback = Some(self.handlers.len() - 1);
        }
        nested
    }

    fn segment(&mut self, depth: usize, last: bool) -> String {
        let variable = self.random.percent(35);
        match (variable, self.tails[depth]) {
            (true, true) if last => "/{*rest}".to_owned(),
            (true, false) => format!("/{{p{depth}}}"),
            _ => self.random.pick(&["/a", "/b", "/7"]).to_owned(),
        }
    }
}

impl Plan {
    fn random(random: &mut Random) -> Self {
        let tails = std::array::from_fn(|_| random.percent(50));
        let mut planner =
            Planner { random, handlers: Vec::new(), patterns: BTreeMap::new(), prefixes: BTreeSet::new(), tails };
        let router = planner.nested("", 0);
        let service = planner.random.percent(30).then(|| planner.nested("/s", 1));
        let Planner { handlers, patterns, .. } = planner;
        let slash = |random: &mut Random| random.pick(&[None, Some(Slash::Trim), Some(Slash::Append)]);
        let (outside, inside) = (slash(random), slash(random));
        let complete = random.percent(50);
        let table = Table::random(random, &patterns, complete);
        Self { handlers, router, service, outside, inside, table, complete }
    }

    /// A path that matches a pattern of the application.
    fn path(&self, random: &mut Random) -> String {
        if self.handlers.is_empty() {
            return "/".to_owned();
        }
        let pattern = self.handlers[random.below(self.handlers.len())].as_deref().unwrap_or("/a/nothing");
        let segments = pattern.split('/').map(|segment| match segment {
            "{*rest}" => random.pick(&["a", "a/b", "b/", "/a"]),
            parameter if parameter.starts_with('{') => random.pick(&["a", "b", "x"]),
            other => other,
        });
        segments.collect::<Vec<_>>().join("/")
    }

    fn build(&self, verifier: Option<&Verifier>) -> Service {
        let guard = |router: Router| match verifier {
            Some(verifier) => router.layer(JwtLayer::new(verifier.clone()).routes(self.table.routes())),
            None => router,
        };
        let mut router = guard(self.router(&self.router));
        if let Some(service) = &self.service {
            router = router.nest_service("/s", normalized(self.inside, guard(self.router(service))));
        }
        normalized(self.outside, router)
    }

    fn router(&self, nested: &Nested) -> Router {
        let mut router = Router::new();
        for Route { pattern, handler: number, only_get } in &nested.routes {
            let handler = handler(*number, self.handlers[*number].clone());
            router = router.route(pattern, if *only_get { get(handler) } else { any(handler) });
        }
        for (prefix, inner) in &nested.nested {
            router = router.nest(prefix, self.router(inner));
        }
        match nested.fallback {
            Some(number) => router.fallback(handler(number, None)),
            None => router,
        }
    }
}

fn normalized(slash: Option<Slash>, router: Router) -> Service {
    match slash {
        Some(Slash::Trim) => BoxCloneSyncService::new(NormalizePathLayer::trim_trailing_slash().layer(router)),
        Some(Slash::Append) => BoxCloneSyncService::new(NormalizePathLayer::append_trailing_slash().layer(router)),
        None => BoxCloneSyncService::new(router),
    }
}

/// Records that it ran, and checks that the framework matched the pattern.
fn handler(
    number: usize,
    pattern: Option<String>,
) -> impl Fn(Option<MatchedPath>) -> std::future::Ready<()> + Clone + Send + Sync + 'static {
    move |matched| {
        if let Some(pattern) = &pattern {
            assert_eq!(matched.as_ref().map(MatchedPath::as_str), Some(&**pattern));
        }
        reach(number);
        std::future::ready(())
    }
}

async fn send(service: &Service, (method, path): &(&'static str, String), token: Option<&str>) -> Option<usize> {
    let mut request = Request::builder().method(*method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    reached();
    let request = request.body(Body::empty()).expect("a request");
    service.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    reached()
}

#[tokio::test]
async fn a_handler_that_the_table_does_not_make_public_never_runs_without_a_token() {
    let (verifier, token) = (builder().build().expect("a verifier"), good().sign());
    let mut tally = Tally::default();
    applications(async |seed| {
        let mut random = Random::new(seed);
        let plan = Plan::random(&mut random);
        let (bare, guarded) = (plan.build(None), plan.build(Some(&verifier)));
        for _ in 0..40 {
            let path = plan.path(&mut random);
            let request = (random.pick(&["GET", "GET", "HEAD", "POST", "OPTIONS"]), rewrite(&mut random, &path));
            let without = send(&bare, &request, None).await;
            let anonymous = send(&guarded, &request, None).await;
            let verified = send(&guarded, &request, Some(&token)).await;
            let access = |handler: usize| plan.table.access(request.0, plan.handlers[handler].as_deref());
            tally.count(without, anonymous, verified, plan.complete, access, || {
                format!("{seed}: {request:?} to {plan:#?}")
            });
        }
        40
    })
    .await;
    tally.finish();
}
