//! Row H16: paths that a rule and the router could understand differently.

use std::convert::Infallible;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{NormalizePath, TrailingSlash};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, guard, web};
use axum::Router;
use jwt_actix::JwtMiddleware;
use jwt_core::authorize::{Routes, scopes};
use jwt_core::verify::Authenticator;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, builder, good};
use jwt_tower::JwtLayer;
use tower::{Layer as _, ServiceExt as _};

/// Spellings of `/admin` that some parsers treat as `/admin`.
pub(crate) const WAYS: [&str; 22] = [
    "/admin",
    "//admin",
    "/admin/",
    "//admin//",
    "///admin",
    "/./admin",
    "/public/../admin",
    "/public/..%2fadmin",
    "/public/%2e%2e/admin",
    "/public/..;/admin",
    "/public//../admin",
    "/%2e/admin",
    "/%61dmin",
    "/adm%69n",
    "/%2561dmin",
    "/admin;x",
    "/admin;/public/a",
    "/admin%3b",
    "/admin%2f",
    "/ADMIN",
    "/admin?/public/a",
    "/admin%00",
];

fn routes() -> Routes {
    Routes::new()
        .public("/public/{*rest}")
        .public("/public/{rest:.*}")
        .public("/{*rest}")
        .public("/{rest:.*}")
        .require("/admin", scopes(["admin"]))
}

fn verifier() -> Verifier {
    builder().build().expect("a verifier")
}

fn guard() -> Authenticator {
    Authenticator::from(verifier()).routes(routes())
}

#[actix_web::test]
async fn h16_a_route_is_decided_by_what_the_router_matches() {
    let application = application().guarded(routes());
    let poor = good().sign();
    for way in WAYS {
        for ask in [Ask::get(way), Ask::get(way).bearer("a"), Ask::get(way).bearer(&poor)] {
            for adapter in Adapter::ALL {
                let answer = adapter.send(&application, &ask).await;
                assert_ne!(answer.body, b"Ada", "{adapter:?} {way}");
                // Either a public route other than `/admin` answered, or the request was rejected.
                let public = answer.status == 200 && way.starts_with("/public/");
                assert!(public || answer.code.is_some(), "{adapter:?} {way} {answer:?}");
            }
        }
    }
    let ask = Ask::get("/admin").bearer(&good().claim("scope", "admin").sign());
    assert_eq!(application.send(&ask).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn h16_forwarded_paths_and_methods_are_ignored() {
    let application = application().guarded(routes().public("GET /user").require("PUT /user", ()).public("/health"));
    for name in [
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-uri",
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-http-method-override",
        "x-original-method",
    ] {
        for value in ["/public/a", "/health", "GET"] {
            let answer = application.send(&Ask::get("/admin").header(name, value)).await;
            assert_eq!(answer, Answer::missing_for("admin"), "{name}: {value}");
        }
    }
}

/// `/admin`, and a public route that matches every path.
async fn actix_with(trailing: Option<TrailingSlash>, ask: &str) -> Vec<u8> {
    async fn admin() -> &'static str {
        "admin"
    }
    async fn everyone() -> &'static str {
        "everyone"
    }
    fn app() -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody>,
            Error = actix_web::Error,
            InitError = (),
        >,
    > {
        App::new().route("/admin", web::get().to(admin)).route("/{rest:.*}", web::get().to(everyone))
    }
    let request = TestRequest::get().uri(ask).to_request();
    let response = match trailing {
        // The last `wrap` is the outermost, so the path changes after the middleware has seen it.
        Some(trailing) => {
            let app = app().wrap(NormalizePath::new(trailing)).wrap(JwtMiddleware::new(guard()));
            call_service(&init_service(app).await, request).await.map_into_boxed_body()
        }
        None => {
            let app = app().wrap(JwtMiddleware::new(guard()));
            call_service(&init_service(app).await, request).await.map_into_boxed_body()
        }
    };
    actix_web::body::to_bytes(response.into_body()).await.expect("a body").to_vec()
}

#[actix_web::test]
async fn h16_a_path_changed_by_inner_middleware_does_not_bypass_the_table() {
    for way in WAYS {
        for trailing in [None, Some(TrailingSlash::Trim), Some(TrailingSlash::Always), Some(TrailingSlash::MergeOnly)] {
            assert_ne!(actix_with(trailing, way).await, b"admin", "{way}");
        }
    }
    assert_eq!(actix_with(None, "/else").await, b"everyone");
    assert_eq!(actix_with(Some(TrailingSlash::Trim), "/else").await, b"everyone");
}

#[actix_web::test]
async fn h16_a_response_to_a_path_changed_by_inner_middleware_is_withheld() {
    let routes = || Routes::new().public("/docs/{tail:.*}").fallback(());
    let app = || App::new().route("/docs/{tail:.*}", web::to(page)).default_service(web::to(page));
    let (trim, token) = (NormalizePath::trim, good().sign());
    let outside = init_service(app().wrap(jwt(routes())).wrap(trim())).await;
    let inside = init_service(app().wrap(trim()).wrap(jwt(routes()))).await;
    let declared = jwt(routes()).normalized_inside(TrailingSlash::Trim);
    let declared = init_service(app().wrap(trim()).wrap(declared)).await;
    let nowhere = init_service(app().wrap(jwt(routes()))).await;
    // The default service sees different paths: `/docs` outside of `NormalizePath`, `/docs/` inside of it.
    for (target, token, statuses) in [
        ("/docs/a", "", [200, 200, 200, 200]),
        ("/docs/", "", [401, 401, 500, 200]),
        ("/docs/", &*token, [200, 200, 500, 200]),
        ("/docs/a/", "", [200, 200, 500, 200]),
        ("/docs//a", "", [200, 200, 500, 200]),
        ("/docs", "", [401, 401, 401, 401]),
        ("/docs", &*token, [200, 200, 200, 200]),
        ("//docs", &*token, [200, 200, 500, 200]),
    ] {
        let request = || {
            let request = TestRequest::get().uri(target);
            let header = ("authorization", format!("Bearer {token}"));
            if token.is_empty() { request } else { request.insert_header(header) }.to_request()
        };
        let statuses_now = [
            call_service(&outside, request()).await.status(),
            call_service(&declared, request()).await.status(),
            call_service(&inside, request()).await.status(),
            call_service(&nowhere, request()).await.status(),
        ];
        assert_eq!(statuses_now.map(|status| status.as_u16()), statuses, "{target} {token}");
    }
    let response = call_service(&inside, TestRequest::get().uri("/docs/").to_request()).await;
    let error = response.response().extensions().get().map(jwt_core::Error::kind);
    assert_eq!(error, Some(ErrorKind::PathChanged));
    assert!(actix_web::test::read_body(response).await.is_empty());
}

#[actix_web::test]
async fn h16_double_slashes_do_not_reach_the_handler_of_a_scope_without_its_permission() {
    async fn unreachable() -> &'static str {
        unreachable!("a handler that is not public")
    }
    let scope = web::scope("/a").route("/x", web::to(unreachable)).route("/{tail:.*}", web::to(page));
    let app = App::new().route("/a/{id}", web::to(page)).service(scope.wrap(NormalizePath::trim()));
    let routes = Routes::new().public("/a/{id}").public("/a/{tail:.*}").require("/a/x", scopes(["x"]));
    let app = init_service(app.wrap(jwt(routes))).await;
    for (target, status) in [("/a/x", 200), ("/a/x/y", 200), ("/a//x", 401), ("/a//x/", 401)] {
        let response = call_service(&app, TestRequest::get().uri(target).to_request()).await;
        assert_eq!(response.status(), status, "{target}");
    }
}

/// The application's own page for unknown paths.
async fn page() -> &'static str {
    "page"
}

fn jwt(routes: Routes) -> JwtMiddleware {
    JwtMiddleware::new(verifier()).routes(routes)
}

#[actix_web::test]
async fn h16_a_path_that_the_router_does_not_match_is_not_public() {
    let public = || {
        let routes = Routes::new().public("/health").public("/static/{file:.*}");
        routes.public("/api/health").public("/api/static/{file:.*}")
    };
    let services = |config: &mut web::ServiceConfig| {
        config.route("/health", web::to(page)).route("/static/{file:.*}", web::to(page)).default_service(web::to(page));
    };
    let around_app = |routes| App::new().configure(services).wrap(jwt(routes));
    let around_scope = |routes| App::new().service(web::scope("/api").configure(services).wrap(jwt(routes)));
    let normalized = around_app(public()).wrap(NormalizePath::trim());
    let ask = |target: String, token: &str| {
        TestRequest::get().uri(&target).insert_header(("authorization", format!("Bearer {token}"))).to_request()
    };

    let (app, scope) = (init_service(around_app(public())).await, init_service(around_scope(public())).await);
    for way in ["/health/", "//health", "/health//", "//static/../admin", "/static", "/else", "/", "//"] {
        let request = TestRequest::get().uri(way).to_request();
        assert_eq!(call_service(&app, request).await.status(), 401, "{way}");
        let request = TestRequest::get().uri(&format!("/api{way}")).to_request();
        assert_eq!(call_service(&scope, request).await.status(), 401, "/api{way}");
    }
    for way in ["/health", "/static/a", "/static//a"] {
        assert_eq!(call_service(&app, TestRequest::get().uri(way).to_request()).await.status(), 200, "{way}");
        let request = TestRequest::get().uri(&format!("/api{way}")).to_request();
        assert_eq!(call_service(&scope, request).await.status(), 200, "/api{way}");
    }

    // The fallback decides about paths without a match.
    let (token, app) = (good().sign(), init_service(around_app(public().fallback(()))).await);
    for (token, expected) in [("a", 401), (&*token, 200)] {
        assert_eq!(call_service(&app, ask("/health/".to_owned(), token)).await.status(), expected, "{token}");
    }
    // If the path is normalized before the middleware sees it, it's the public one.
    let request = TestRequest::get().uri("//health/").to_request();
    assert_eq!(call_service(&init_service(normalized).await, request).await.status(), 200);
}

#[actix_web::test]
async fn h16_around_a_resource_guards_have_already_run() {
    let get = |target: &str, public: bool| {
        let request = TestRequest::get().uri(target);
        if public { request.insert_header(("x-public", "yes")) } else { request }.to_request()
    };
    let guarded = || web::resource("/{any}").guard(guard::Header("x-public", "yes")).to(page);
    let other = || web::resource("/{other}").to(page);
    let around_each =
        |routes: fn() -> Routes| App::new().service(guarded().wrap(jwt(routes()))).service(other().wrap(jwt(routes())));
    let around_all = |routes: fn() -> Routes| App::new().service(guarded()).service(other()).wrap(jwt(routes()));
    let first_is_public = || Routes::new().public("/{any}").require("/{other}", ());
    let first_requires = || Routes::new().require("/{any}", ()).public("/{other}");

    let app = init_service(around_each(first_is_public)).await;
    for (target, public, status) in [("/a", true, 200), ("/a", false, 401), ("/%61", false, 401), ("/a%2f", false, 401)]
    {
        assert_eq!(call_service(&app, get(target, public)).await.status(), status, "{target} {public}");
    }
    let app = init_service(around_each(first_requires)).await;
    for (target, public, status) in [("/a", true, 401), ("/a", false, 200), ("/%61", true, 401), ("/%61", false, 200)] {
        assert_eq!(call_service(&app, get(target, public)).await.status(), status, "{target} {public}");
    }
    // The matched pattern decides, even if the path as sent could match another one.
    let open = || web::resource("/open").guard(guard::Header("x-public", "yes")).to(page);
    let routes = || Routes::new().public("/open").require("/{other}", ());
    let app = App::new().service(open().wrap(jwt(routes()))).service(other().wrap(jwt(routes())));
    let app = init_service(app).await;
    for (target, public, status) in [("/open", true, 200), ("/open", false, 401), ("/op%65n", false, 401)] {
        assert_eq!(call_service(&app, get(target, public)).await.status(), status, "{target} {public}");
    }

    // Around the application guards have not run yet: the first pattern that matches the path decides, as documented.
    for (routes, status) in [(first_is_public as fn() -> Routes, 200), (first_requires, 401)] {
        let app = init_service(around_all(routes)).await;
        for public in [true, false] {
            assert_eq!(call_service(&app, get("/a", public)).await.status(), status, "{public}");
        }
    }
    let app = App::new().service(open()).default_service(web::to(page)).wrap(jwt(routes()));
    assert_eq!(call_service(&init_service(app).await, get("/open", false)).await.status(), 200);
}

#[actix_web::test]
async fn h16_a_resource_with_several_patterns_is_decided_by_the_first() {
    let both = || web::resource(["/open", "/internal"]).to(page);
    let first = || Routes::new().public("/open").require("/internal", ());
    let second = || Routes::new().public("/internal");
    for (routes, status) in [(first as fn() -> Routes, 200), (second, 401)] {
        let around_all = init_service(App::new().service(both()).wrap(jwt(routes()))).await;
        let around_it = init_service(App::new().service(both().wrap(jwt(routes())))).await;
        for target in ["/open", "/internal"] {
            let request = || TestRequest::get().uri(target).to_request();
            assert_eq!(call_service(&around_all, request()).await.status(), status, "{target}");
            assert_eq!(call_service(&around_it, request()).await.status(), status, "{target}");
        }
    }
}

#[tokio::test]
async fn h16_nested_routers_are_decided_by_the_whole_pattern() {
    async fn handler() -> &'static str {
        "reached"
    }
    let get = |app: Router, path: &'static str| async move {
        let request = http::Request::get(path).body(axum::body::Body::empty()).expect("a request");
        app.oneshot(request).await.unwrap_or_else(|never: Infallible| match never {}).status().as_u16()
    };
    let inner =
        || Router::new().route("/admin", axum::routing::get(handler)).route("/{id}", axum::routing::get(handler));
    let layer = |routes: Routes| JwtLayer::new(verifier()).routes(routes);

    let nested = || Router::new().nest("/public", inner()).nest("/{tenant}", inner());
    // The inner pattern on its own decides nothing.
    let app = || nested().layer(layer(Routes::new().public("/admin").public("/{id}")));
    assert_eq!((get(app(), "/public/admin").await, get(app(), "/a/b").await), (401, 401));
    let app = || nested().layer(layer(Routes::new().public("/public/{id}").public("/{tenant}/{id}")));
    assert_eq!((get(app(), "/public/admin").await, get(app(), "/public/b").await), (401, 200));
    assert_eq!((get(app(), "/a/admin").await, get(app(), "/a/b").await), (401, 200));

    // For a service that routes by itself, only the prefix is matched outside. Its own layer knows the whole pattern.
    let prefix = || Router::new().nest_service("/public", inner()).layer(layer(Routes::new().public("/public")));
    assert_eq!((get(prefix(), "/public").await, get(prefix(), "/public/b").await), (404, 401));
    let service = || Router::new().nest_service("/public", inner()).layer(layer(Routes::new().public("/public/{id}")));
    assert_eq!(get(service(), "/public/b").await, 401);
    let own = inner().layer(layer(Routes::new().public("/public/{id}")));
    assert_eq!(get(Router::new().nest_service("/public", own), "/public/b").await, 200);

    // Around a router, nothing has been matched yet.
    let around = layer(Routes::new().public("/public/{id}").public("/{tenant}/{id}")).layer(nested());
    let request = http::Request::get("/public/b").body(axum::body::Body::empty()).expect("a request");
    let response = around.oneshot(request).await.expect("routers return no errors");
    assert_eq!(response.status(), 401);
    assert_eq!(response.extensions().get().map(jwt_core::Error::kind), Some(ErrorKind::NoCredentials));
}
