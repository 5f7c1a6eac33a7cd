use std::collections::BTreeMap;

use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::middleware::{Condition, NormalizePath, TrailingSlash};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, guard, web};
use jwt_actix::JwtMiddleware;
use jwt_core::Verifier;
use jwt_tests::setup::{builder, good};

use crate::random::{Random, applications};
use crate::table::{Access, Table, Tally, reach, reached, rewrite};

const MODES: [TrailingSlash; 3] = [TrailingSlash::Trim, TrailingSlash::MergeOnly, TrailingSlash::Always];

/// A random application.
#[derive(Clone, Debug)]
struct Plan {
    /// The pattern of each handler in the order of their numbers, or `None` if it's for requests that match no route.
    handlers: Vec<Option<String>>,
    nodes: Vec<Node>,
    default: Option<usize>,
    place: Place,
    outside: Option<TrailingSlash>,
    inside: Option<TrailingSlash>,
    declared: Option<TrailingSlash>,
    table: Table,
    has_guards: bool,
    complete: bool,
}

/// The position of the middleware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Application,
    Scope,
    EachResource,
}

/// The position of `NormalizePath`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Normalization {
    Outside,
    /// Inside of the middleware, which knows it.
    Declared,
    Anywhere,
}

#[derive(Clone, Debug)]
enum Node {
    Resource {
        pattern: &'static str,
        handler: usize,
        methods: Methods,
        guarded: bool,
    },
    Scope {
        prefix: &'static str,
        normalize: Option<TrailingSlash>,
        guarded: bool,
        nodes: Vec<Self>,
        default: Option<usize>,
    },
}

/// The methods of a resource.
#[derive(Clone, Copy, Debug)]
enum Methods {
    All,
    /// The resource answers 405 to other methods.
    OnlyGet,
    /// Other methods don't match the resource, as with `App::route`.
    GuardedGet,
}

struct Planner<'d> {
    random: &'d mut Random,
    handlers: Vec<Option<String>>,
    patterns: BTreeMap<String, bool>,
    has_guards: bool,
    modes: &'d [Option<TrailingSlash>],
}

impl Planner<'_> {
    fn nodes(&mut self, prefix: &str, depth: usize, guarded: bool) -> Vec<Node> {
        (0..=self.random.below(5)).map(|_| self.node(prefix, depth, guarded)).collect()
    }

    fn node(&mut self, above: &str, depth: usize, guarded: bool) -> Node {
        let guarded_here = self.has_guards && self.random.percent(10);
        if depth < 3 && self.random.percent(40) {
            let prefix = self.random.pick(&["/a", "/b", "/a/b", "", "/{s}", "/{s:[ab]+}", "/a//b", "/a/"]);
            let normalize = self.random.pick(self.modes);
            let nodes = self.nodes(&format!("{above}{prefix}"), depth + 1, guarded || guarded_here);
            return Node::Scope { prefix, normalize, guarded: guarded_here, nodes, default: self.default() };
        }
        let pattern = self.random.pick(&[
            "",
            "/",
            "/a",
            "/b",
            "/a/",
            "/b/",
            "/a/b",
            "/{id}",
            "/{id}/",
            "/{id}/a",
            "/a/{id}",
            "/{tail:.*}",
            "/a/{tail:.*}",
            "/{n:[0-9]+}",
            "/{ab:[ab/]*}",
            "/{some:.+}/a",
            "/a//b",
            "/{x}/{y}",
        ]);
        let methods = match self.random.pick(&[Methods::All, Methods::All, Methods::OnlyGet, Methods::GuardedGet]) {
            Methods::GuardedGet if !self.has_guards => Methods::All,
            methods => methods,
        };
        let full = format!("{above}{pattern}");
        let may_be_passed_over = guarded || guarded_here || matches!(methods, Methods::GuardedGet);
        *self.patterns.entry(full.clone()).or_default() |= may_be_passed_over;
        self.handlers.push(Some(full));
        Node::Resource { pattern, handler: self.handlers.len() - 1, methods, guarded: guarded_here }
    }

    fn default(&mut self) -> Option<usize> {
        self.random.percent(30).then(|| {
            self.handlers.push(None);
            self.handlers.len() - 1
        })
    }
}

impl Plan {
    fn random(random: &mut Random, normalization: Normalization) -> Self {
        let place = random.pick(&[Place::Application, Place::Application, Place::Scope, Place::EachResource]);
        let outside = match normalization {
            Normalization::Outside if random.percent(60) => Some(random.pick(&MODES)),
            _ => None,
        };
        // `NormalizePath` inside of the middleware must have nothing to change.
        let all = [None, Some(TrailingSlash::Trim), Some(TrailingSlash::MergeOnly), Some(TrailingSlash::Always)];
        let declared =
            (normalization == Normalization::Declared && place != Place::EachResource).then(|| random.pick(&MODES));
        let modes: &[Option<TrailingSlash>] = match (normalization, place) {
            (Normalization::Outside, Place::Application | Place::Scope) => &[None, outside],
            (Normalization::Declared, Place::Application | Place::Scope) => &[None, declared],
            _ => &all,
        };
        let inside = declared.or_else(|| random.pick(modes));
        let has_guards = random.percent(50);
        let mut planner = Planner { random, handlers: Vec::new(), patterns: BTreeMap::new(), has_guards, modes };
        let nodes = planner.nodes(if place == Place::Scope { "/a" } else { "" }, 0, false);
        let default = planner.default();
        let Planner { handlers, mut patterns, .. } = planner;
        if place == Place::EachResource {
            patterns.values_mut().for_each(|guarded| *guarded = false);
        }
        let complete = random.percent(50);
        let table = Table::random(random, &patterns, complete);
        Self { handlers, nodes, default, place, outside, inside, declared, table, has_guards, complete }
    }

    /// Whether a handler that a request reached requires a token.
    fn access(&self, method: &str, handler: usize) -> Access {
        let pattern = self.handlers[handler].as_deref();
        // Middleware around resources isn't around the default service.
        if self.place == Place::EachResource && pattern.is_none() {
            return Access::Public;
        }
        self.table.access(method, pattern)
    }

    /// A path that matches a pattern of the application.
    fn path(&self, random: &mut Random) -> String {
        let pattern = self.handlers[random.below(self.handlers.len())].as_deref().unwrap_or("/a/nothing");
        let mut path = String::new();
        let mut rest = pattern;
        while let Some((before, parameter)) = rest.split_once('{') {
            let (parameter, after) = parameter.split_once('}').expect("a parameter");
            path.push_str(before);
            path.push_str(match parameter.split_once(':') {
                None => random.pick(&["a", "b", "7", "x"]),
                Some((_, "[0-9]+")) => "7",
                Some(_) => random.pick(&["", "a", "b", "a/b", "a/", "a//b"]),
            });
            rest = after;
        }
        path + rest
    }
}

type Jwt<'v> = Option<(&'v Verifier, &'v Plan)>;

fn middleware(jwt: Jwt<'_>, verifier: &Verifier, place: Place) -> Condition<JwtMiddleware> {
    let is_here = jwt.is_some_and(|(_, plan)| plan.place == place);
    let mut middleware = JwtMiddleware::new(verifier.clone());
    if let Some((_, plan)) = jwt {
        middleware = middleware.routes(plan.table.routes());
        if let Some(normalization) = plan.declared {
            middleware = middleware.normalized_inside(normalization);
        }
    }
    Condition::new(is_here, middleware)
}

fn normalize(mode: Option<TrailingSlash>) -> Condition<NormalizePath> {
    Condition::new(mode.is_some(), NormalizePath::new(mode.unwrap_or_default()))
}

/// Records that it ran, and checks that the framework matched the pattern.
fn handler(number: usize, pattern: Option<String>) -> impl Fn(HttpRequest) -> std::future::Ready<String> + Clone {
    move |request| {
        if let Some(pattern) = &pattern {
            assert_eq!(request.match_pattern().as_ref(), Some(pattern));
        }
        reach(number);
        std::future::ready(format!("reached {number}"))
    }
}

struct Building<'p> {
    plan: &'p Plan,
    verifier: &'p Verifier,
    jwt: Jwt<'p>,
}

impl Building<'_> {
    fn configure(&self, config: &mut web::ServiceConfig, nodes: &[Node], default: Option<usize>) {
        for node in nodes {
            match node {
                Node::Resource { pattern, handler: number, methods, guarded } => {
                    let handler = handler(*number, self.plan.handlers[*number].clone());
                    let mut resource = match methods {
                        Methods::All => web::resource(*pattern).to(handler),
                        Methods::OnlyGet => web::resource(*pattern).route(web::get().to(handler)),
                        Methods::GuardedGet => web::resource(*pattern).guard(guard::Get()).to(handler),
                    };
                    if *guarded {
                        resource = resource.guard(guard::Header("x-guard", "yes"));
                    }
                    config.service(resource.wrap(middleware(self.jwt, self.verifier, Place::EachResource)));
                }
                Node::Scope { prefix, normalize: mode, guarded, nodes, default } => {
                    let mut scope = web::scope(prefix).configure(|config| self.configure(config, nodes, *default));
                    if *guarded {
                        scope = scope.guard(guard::Header("x-guard", "yes"));
                    }
                    config.service(scope.wrap(normalize(*mode)));
                }
            }
        }
        if let Some(number) = default {
            config.default_service(web::to(handler(number, None)));
        }
    }

    /// Builds the application as a function from a request to a status.
    async fn build(&self) -> impl AsyncFn(TestRequest) -> u16 + use<> {
        let Plan { nodes, default, place, outside, inside, .. } = self.plan;
        let around_application = || middleware(self.jwt, self.verifier, Place::Application);
        let app = if *place == Place::Scope {
            let scope = web::scope("/a").configure(|config| self.configure(config, nodes, *default));
            let scope = scope.wrap(normalize(*inside)).wrap(middleware(self.jwt, self.verifier, Place::Scope));
            App::new().service(scope.wrap(normalize(*outside))).wrap(normalize(None)).wrap(around_application())
        } else {
            let app = App::new().configure(|config| self.configure(config, nodes, *default));
            app.wrap(normalize(*inside)).wrap(around_application())
        };
        let service = init_service(app.wrap(normalize(if *place == Place::Scope { None } else { *outside }))).await;
        async move |request: TestRequest| service.call(request.to_request()).await.expect("an answer").status().as_u16()
    }
}

#[derive(Debug)]
struct Sent {
    reached: Option<usize>,
    status: u16,
}

async fn send(
    application: &impl AsyncFn(TestRequest) -> u16,
    (method, path, header): &(&'static str, String, bool),
    token: Option<&str>,
) -> Sent {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = TestRequest::default().method(method).uri(path);
    if *header {
        request = request.insert_header(("x-guard", "yes"));
    }
    if let Some(token) = token {
        request = request.insert_header(("authorization", format!("Bearer {token}")));
    }
    reached();
    let status = application(request).await;
    Sent { reached: reached(), status }
}

async fn application(seed: u64, normalization: Normalization, tally: &mut Tally) -> usize {
    let mut random = Random::new(seed);
    let plan = Plan::random(&mut random, normalization);
    let verifier = builder().build().expect("a verifier");
    let token = good().sign();
    let bare = Building { plan: &plan, verifier: &verifier, jwt: None }.build().await;
    let guarded = Building { plan: &plan, verifier: &verifier, jwt: Some((&verifier, &plan)) }.build().await;
    for _ in 0..40 {
        let path = plan.path(&mut random);
        let method = random.pick(&["GET", "GET", "HEAD", "POST", "OPTIONS"]);
        let request = (method, rewrite(&mut random, &path), random.percent(30));
        let without_table = send(&bare, &request, None).await;
        let mut without_token = send(&guarded, &request, None).await;
        let mut with_token = send(&guarded, &request, Some(&token)).await;
        let mut complete = plan.complete;
        if normalization == Normalization::Anywhere {
            // A handler that ran without a response has been found out.
            complete = false;
            for sent in [&mut without_token, &mut with_token] {
                if sent.status == 500 {
                    sent.reached = None;
                }
            }
        }
        let access = |handler| match plan.access(method, handler) {
            // The first matching route also decides for the next ones if its guard rejects a request. It requires a
            // token.
            Access::Undecided if plan.has_guards => Access::Required,
            access => access,
        };
        let say = || format!("{seed}: {request:?} to {plan:#?}");
        tally.count(without_table.reached, without_token.reached, with_token.reached, complete, access, say);
    }
    40
}

#[actix_web::test]
async fn a_handler_that_the_table_does_not_make_public_never_runs_without_a_token() {
    let mut tally = Tally::default();
    applications(async |seed| application(seed, Normalization::Outside, &mut tally).await).await;
    tally.finish();
}

#[actix_web::test]
async fn paths_normalized_by_declared_inner_middleware_reach_no_handler_that_is_not_public() {
    let mut tally = Tally::default();
    applications(async |seed| application(seed, Normalization::Declared, &mut tally).await).await;
    tally.finish();
}

#[actix_web::test]
async fn paths_normalized_by_inner_middleware_get_no_response_from_handlers_that_are_not_public() {
    let mut tally = Tally::default();
    applications(async |seed| application(seed, Normalization::Anywhere, &mut tally).await).await;
    tally.finish();
}
