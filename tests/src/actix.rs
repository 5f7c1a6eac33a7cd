use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, Service as _, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::middleware::Condition;
use actix_web::web::{self, Form, Json};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, Responder, body, test};
use futures_util::StreamExt as _;
use jwt_actix::{
    Authorized, Claims, GateMiddleware, JwtMiddleware, OptionalAuthorized, OptionalClaims, OptionalPrincipal,
    Principal, PrincipalMiddleware, Rejection, RequireMiddleware, SetCookiesExt as _, SharedClaims, Verified,
};
use jwt_core::Error;
use jwt_core::authorize::scopes;
use jwt_core::gate::ResourceMetadata;
use jwt_core::gate::load;
use jwt_core::verify::Authenticator;

use crate::adapter::Application;
use crate::answer::Answer;
use crate::ask::Ask;

use crate::handlers::told;

crate::handlers::handlers!();

async fn no_store(_: Verified) -> impl Responder {
    "secret".customize().insert_header((CACHE_CONTROL, "no-store"))
}

async fn socket(_: Verified) -> impl Responder {
    HttpResponse::SwitchingProtocols().insert_header(("sec-websocket-accept", "x")).finish()
}

async fn socket_chat(_: Verified) -> impl Responder {
    let mut response = HttpResponse::SwitchingProtocols();
    response.insert_header(("sec-websocket-accept", "x")).insert_header(("sec-websocket-protocol", "chat")).finish()
}

async fn received(request: HttpRequest) -> String {
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let headers = request.headers().iter().map(|(name, value)| format!("{name}: {}", value.as_bytes().escape_ascii()));
    told(target, headers.collect())
}

async fn cookies() -> impl Responder {
    "welcome".set_cookies(crate::handlers::login())
}

async fn no_cookies() -> impl Responder {
    let bye = "bye".customize().insert_header((CACHE_CONTROL, "private"));
    bye.set_cookies(jwt_core::http::Cookies::new().clear())
}

fn app(
    application: &Application,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let jwt = || JwtMiddleware::new(application.required());
    let pass = application.lenient.clone();
    let lenient = jwt().dangerous_anonymous_when(move |error| pass(error));
    let required_scopes = || RequireMiddleware::new(scopes(application.scopes.clone()));
    let required = || RequireMiddleware::new(application.requirement.clone());
    let principals = || PrincipalMiddleware::new(application.directory.gate());
    let tenants = || PrincipalMiddleware::new(load(tenant));
    let forward = || GateMiddleware::new(application.forward.clone());
    let planted = application.planted.clone();
    let (tells, logout) = (application.tells, application.logout.clone());
    let metadata = application.verifier.resource_metadata().map(ResourceMetadata::endpoint);
    let cors = || {
        let cors = Cors::default().allowed_origin(application.origin.unwrap_or("https://nowhere.example"));
        let cors = cors.allowed_methods(["GET", "POST"]).allowed_headers(["authorization", "dpop"]);
        cors.expose_headers(["www-authenticate", "dpop-nonce"])
    };
    App::new()
        .app_data(web::FormConfig::default().limit(1 << 20))
        .service(web::resource("/me").wrap(jwt()).route(web::get().to(me)).route(web::post().to(me)))
        .service(web::resource("/echo").wrap(jwt()).route(web::post().to(echo)))
        .service(web::resource("/asks").wrap(jwt()).route(web::post().to(asks)))
        .service(web::resource("/form").wrap(jwt()).route(web::post().to(form)))
        .service(web::resource("/user").wrap(jwt()).route(web::get().to(user)))
        .service(web::resource("/both").wrap(jwt()).route(web::get().to(both)))
        .service(web::resource("/number").wrap(jwt()).route(web::get().to(number)))
        .service(web::resource("/shared").wrap(jwt()).route(web::get().to(shared)))
        .service(web::resource("/shared-number").wrap(jwt()).route(web::get().to(shared_number)))
        .service(web::resource("/verified").wrap(jwt()).route(web::get().to(verified)))
        .service(web::resource("/socket").wrap(jwt()).route(web::get().to(socket)))
        .service(web::resource("/socket-chat").wrap(jwt()).route(web::get().to(socket_chat)))
        .service(web::resource("/no-store").wrap(jwt()).route(web::get().to(no_store)))
        .service(web::resource("/panic").wrap(jwt()).route(web::get().to(panic)))
        .service(web::resource("/panicking-claims").wrap(jwt()).route(web::get().to(panicking_claims)))
        .service(web::resource("/reports").wrap(required_scopes()).wrap(jwt()).route(web::get().to(user)))
        .service(web::resource("/allowed").wrap(required()).wrap(jwt()).route(web::get().to(user)))
        .service(web::scope("/scoped").wrap(required()).wrap(jwt()).route("/allowed", web::get().to(user)))
        .service(web::scope("/outer").service(web::scope("/inner").wrap(jwt()).route("/user", web::get().to(user))))
        .service(web::resource("/principal").wrap(principals()).wrap(jwt()).route(web::get().to(principal)))
        .service(web::resource("/principal-twice").wrap(principals()).wrap(jwt()).route(web::get().to(principal_twice)))
        .service(web::resource("/principal-unasked").wrap(principals()).wrap(jwt()).route(web::get().to(public)))
        .service(
            web::resource("/principal-and-tenant")
                .wrap(principals())
                .wrap(tenants())
                .wrap(jwt())
                .route(web::get().to(principal_and_tenant)),
        )
        .service(
            web::resource("/principal-of-another")
                .wrap(JwtMiddleware::new(application.inner()))
                .wrap(principals())
                .wrap(jwt())
                .route(web::get().to(principal)),
        )
        .service(web::resource("/principal-unloaded").wrap(jwt()).route(web::get().to(principal)))
        .service(web::resource("/forwarded").wrap(forward()).wrap(jwt()).route(web::get().to(received)))
        .service(web::resource("/policy").wrap(jwt()).route(web::get().to(policy)))
        .service(web::resource("/policy-later").wrap(jwt()).route(web::get().to(policy_later)))
        .service(web::resource("/optional").wrap(jwt().optional()).route(web::get().to(optional)))
        .service(web::resource("/optional-me").wrap(jwt().optional()).route(web::get().to(me)))
        .service(
            web::resource("/optional-reports")
                .wrap(required_scopes())
                .wrap(jwt().optional())
                .route(web::get().to(user)),
        )
        .service(web::resource("/optional-allowed").wrap(required()).wrap(jwt().optional()).route(web::get().to(user)))
        .service(web::resource("/optional-policy").wrap(jwt().optional()).route(web::get().to(policy)))
        .service(web::resource("/optional-authorized").wrap(jwt().optional()).route(web::get().to(optional_authorized)))
        .service(
            web::resource("/optional-authorized-later")
                .wrap(jwt().optional())
                .route(web::get().to(optional_authorized_later)),
        )
        .service(
            web::resource("/optional-principal")
                .wrap(principals())
                .wrap(jwt().optional())
                .route(web::get().to(optional_principal)),
        )
        .service(
            web::resource("/optional-principal-unloaded")
                .wrap(jwt().optional())
                .route(web::get().to(optional_principal)),
        )
        .service(
            web::resource("/optional-forwarded").wrap(forward()).wrap(jwt().optional()).route(web::get().to(received)),
        )
        .service(web::resource("/lenient").wrap(lenient).route(web::get().to(optional)))
        .service(web::resource("/public").route(web::get().to(public)))
        .service(web::resource("/any").wrap(jwt().optional()).to(optional))
        .service(web::resource("/any-unasked").wrap(jwt()).to(public))
        .service(web::resource("/cors-inside").wrap(cors()).wrap(jwt()).route(web::get().to(user)))
        .service(web::resource("/cookies").route(web::get().to(cookies)))
        .service(web::resource("/no-cookies").route(web::get().to(no_cookies)))
        .service(web::resource("/bare").route(web::get().to(user)))
        .service(web::resource("/bare-optional").route(web::get().to(optional)))
        .service(web::resource("/bare-shared").route(web::get().to(shared)))
        .service(web::resource("/bare-verified").route(web::get().to(verified)))
        .service(web::resource("/bare-require").wrap(required_scopes()).route(web::get().to(public)))
        .service(web::resource("/bare-principal").route(web::get().to(principal)))
        .service(web::resource("/bare-principal-layer").wrap(principals()).route(web::get().to(public)))
        .service(web::resource("/bare-forwarded").wrap(forward()).route(web::get().to(received)))
        .service(web::resource("/bare-policy").route(web::get().to(policy)))
        .service(web::resource("/bare-optional-authorized").route(web::get().to(optional_authorized)))
        .service(web::resource("/bare-allowed").wrap(required()).route(web::get().to(public)))
        .configure(move |config| {
            if let Some(metadata) = metadata {
                config.route("/metadata", jwt_actix::endpoint(metadata));
            }
            if let Some(logout) = logout {
                config.route("/backchannel-logout", jwt_actix::endpoint(logout));
            }
        })
        .wrap_fn(move |request, service| {
            let response = service.call(request);
            async move {
                let mut response = response.await?;
                let code = response.response().extensions().get::<Error>().map(Error::code);
                if let (true, Some(code)) = (tells, code) {
                    let name = HeaderName::from_static("x-error-code");
                    response.headers_mut().insert(name, HeaderValue::from_static(code));
                }
                Ok(response)
            }
        })
        .wrap_fn(move |request, service| {
            if let Some(state) = planted.clone() {
                request.extensions_mut().insert(state);
            }
            service.call(request)
        })
        .wrap(Condition::new(application.origin.is_some(), cors()))
}

fn guarded(
    guard: &Authenticator,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .wrap(JwtMiddleware::new(guard.clone()))
        .service(web::resource("/health").route(web::get().to(public)))
        .service(web::resource("/forgotten").route(web::get().to(public)))
        .service(web::resource("/user").route(web::get().to(user)))
        .service(web::resource("/admin").route(web::get().to(user)))
        .service(web::resource("/reports/{id}").route(web::get().to(user)).route(web::put().to(user)))
        .service(web::resource("/policy-later").route(web::get().to(policy_later)))
        .service(web::resource("/optional").route(web::get().to(optional)))
        .service(web::resource("/public/{rest:.*}").route(web::get().to(public)))
        .service(web::scope("/scoped").route("/allowed", web::get().to(user)))
}

pub(crate) async fn send(application: &Application, ask: &Ask) -> Answer {
    match &application.guard {
        Some(guard) => send_to(guarded(guard), ask).await,
        None => send_to(app(application), ask).await,
    }
}

pub(crate) async fn send_to<B: MessageBody>(
    app: App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    >,
    ask: &Ask,
) -> Answer {
    let service = test::init_service(app).await;
    let method = Method::from_bytes(ask.method.as_bytes()).expect("a method");
    let mut request = test::TestRequest::default().method(method).uri(&ask.target).set_payload(ask.body.clone());
    for (name, value) in &ask.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        request = request.append_header((name, HeaderValue::from_bytes(value).expect("a header value")));
    }
    if let Some(peer) = ask.peer {
        request = request.peer_addr((peer, 50_000).into());
    }
    let mut request = request.to_request();
    if let Some(arrival) = &ask.arrival {
        let chunks = arrival.of(&ask.body).map(|chunk| chunk.map_err(PayloadError::Io));
        *request.payload() = Payload::Stream { payload: Box::pin(chunks) };
    }
    let response = service.call(request).await.expect("rejections are responses");
    let status = response.status().as_u16();
    let headers: Vec<_> =
        response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let error = response.response().extensions().get::<Error>().cloned();
    let body = body::to_bytes(response.into_body()).await.ok().expect("a body").to_vec();
    Answer::new(status, headers, body, error.as_ref())
}
