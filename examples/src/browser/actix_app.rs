//! The routes on actix-web.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Responder};
use jwt_actix::{Claims, Fresh, JwtMiddleware, Rejection, SetCookiesExt as _, Verified, endpoint};

use super::page;
use super::reading_room::{Book, Credentials, Password, Reader, ReadingRoom, SessionInfo};

/// Returns the whole application.
pub fn routes(room: &ReadingRoom) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let room = room.clone();
    move |app| {
        let jwt = || JwtMiddleware::new(room.verifier());
        let no_store = || DefaultHeaders::new().add((CACHE_CONTROL, "no-store"));
        let api = web::scope("/api")
            .wrap(jwt())
            .wrap(no_store())
            .route("/me", web::get().to(me))
            .route("/books", web::get().to(books))
            .route("/books/{id}", web::delete().to(return_book))
            .route("/sessions", web::get().to(sessions))
            .route("/sessions/{id}", web::delete().to(end_session));
        let auth = web::scope("/auth")
            .wrap(no_store())
            // The login only accepts JSON, which a form on another site can't send.
            .route("/login", web::post().to(log_in))
            .route("/refresh", endpoint(room.refresh_endpoint()))
            .service(web::resource("/confirm").wrap(jwt()).route(web::post().to(confirm)))
            .service(web::resource("/logout").wrap(jwt()).route(web::post().to(log_out)))
            .service(web::resource("/logout-everywhere").wrap(jwt()).route(web::post().to(log_out_everywhere)));
        app.app_data(Data::new(room.clone())).service(api).service(auth);
        for (path, content_type, text) in page::FILES {
            app.route(path, web::get().to(move || std::future::ready(file(content_type, text))));
        }
    }
}

fn file(content_type: &'static str, text: &'static str) -> impl Responder + use<> {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, content_type));
    page::HEADERS.into_iter().fold(&mut response, |response, header| response.insert_header(header)).body(text)
}

async fn log_in(
    room: Data<ReadingRoom>,
    request: HttpRequest,
    Json(given): Json<Credentials>,
) -> Result<HttpResponse, Rejection> {
    Ok(match room.log_in(&given, user_agent(&request)).await? {
        Some(cookies) => HttpResponse::Ok().set_cookies(cookies).respond_to(&request),
        None => HttpResponse::UnprocessableEntity().finish(),
    })
}

async fn confirm(
    room: Data<ReadingRoom>,
    verified: Verified,
    request: HttpRequest,
    Json(given): Json<Password>,
) -> Result<HttpResponse, Rejection> {
    Ok(match room.confirm(&verified, given, user_agent(&request)).await? {
        Some(cookies) => HttpResponse::Ok().set_cookies(cookies).respond_to(&request),
        None => HttpResponse::UnprocessableEntity().finish(),
    })
}

async fn log_out(room: Data<ReadingRoom>, verified: Verified) -> Result<impl Responder, Rejection> {
    Ok(HttpResponse::Ok().set_cookies(room.log_out(&verified).await?))
}

async fn log_out_everywhere(
    room: Data<ReadingRoom>,
    Claims(reader): Claims<Reader>,
) -> Result<impl Responder, Rejection> {
    Ok(HttpResponse::Ok().set_cookies(room.log_out_everywhere(&reader).await?))
}

async fn me(Claims(reader): Claims<Reader>) -> Json<Reader> {
    Json(reader)
}

async fn books(room: Data<ReadingRoom>, Claims(reader): Claims<Reader>) -> Json<Vec<Book>> {
    Json(room.books(&reader))
}

// `Fresh` requires that the user entered the password recently. Otherwise the page asks for it.
async fn return_book(room: Data<ReadingRoom>, Fresh(reader): Fresh<Reader>, id: Path<u32>) -> impl Responder {
    done(room.return_book(&reader, *id))
}

async fn sessions(
    room: Data<ReadingRoom>,
    Claims(reader): Claims<Reader>,
    verified: Verified,
) -> Result<Json<Vec<SessionInfo>>, Rejection> {
    Ok(Json(room.sessions(&reader, &verified).await?))
}

async fn end_session(
    room: Data<ReadingRoom>,
    Claims(reader): Claims<Reader>,
    id: Path<String>,
) -> Result<impl Responder, Rejection> {
    Ok(done(room.end_session(&reader, &id).await?))
}

fn done(was_there: bool) -> HttpResponse {
    HttpResponse::new(if was_there { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

fn user_agent(request: &HttpRequest) -> &str {
    request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
