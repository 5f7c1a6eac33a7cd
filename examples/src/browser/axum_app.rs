//! The routes on axum.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use jwt_tower::{Claims, Fresh, JwtLayer, Rejection, SetCookies, Verified, endpoint};

use super::page;
use super::reading_room::{Book, Credentials, Password, Reader, ReadingRoom, SessionInfo};

/// Returns the whole application.
pub fn routes(room: &ReadingRoom) -> Router {
    let protected = Router::new()
        .route("/api/me", get(me))
        .route("/api/books", get(books))
        .route("/api/books/{id}", delete(return_book))
        .route("/api/sessions", get(sessions))
        .route("/api/sessions/{id}", delete(end_session))
        .route("/auth/confirm", post(confirm))
        .route("/auth/logout", post(log_out))
        .route("/auth/logout-everywhere", post(log_out_everywhere))
        .route_layer(JwtLayer::new(room.verifier()));
    // The login only accepts JSON, which a form on another site can't send.
    let api = Router::new().route("/auth/login", post(log_in)).merge(protected);
    let api = api.route_service("/auth/refresh", endpoint(room.refresh_endpoint()));
    let api = api.layer(map_response(no_store)).with_state(room.clone());
    page::FILES.into_iter().fold(api, |app, (path, content_type, text)| {
        app.route(path, get(async move || ([(CONTENT_TYPE, content_type)], page::HEADERS, text)))
    })
}

async fn no_store(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn log_in(
    State(room): State<ReadingRoom>,
    headers: HeaderMap,
    Json(given): Json<Credentials>,
) -> Result<Response, Rejection> {
    Ok(match room.log_in(&given, user_agent(&headers)).await? {
        Some(cookies) => SetCookies(cookies).into_response(),
        None => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    })
}

async fn confirm(
    State(room): State<ReadingRoom>,
    verified: Verified,
    headers: HeaderMap,
    Json(given): Json<Password>,
) -> Result<Response, Rejection> {
    Ok(match room.confirm(&verified, given, user_agent(&headers)).await? {
        Some(cookies) => SetCookies(cookies).into_response(),
        None => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    })
}

async fn log_out(State(room): State<ReadingRoom>, verified: Verified) -> Result<SetCookies, Rejection> {
    Ok(SetCookies(room.log_out(&verified).await?))
}

async fn log_out_everywhere(
    State(room): State<ReadingRoom>,
    Claims(reader): Claims<Reader>,
) -> Result<SetCookies, Rejection> {
    Ok(SetCookies(room.log_out_everywhere(&reader).await?))
}

async fn me(Claims(reader): Claims<Reader>) -> Json<Reader> {
    Json(reader)
}

async fn books(State(room): State<ReadingRoom>, Claims(reader): Claims<Reader>) -> Json<Vec<Book>> {
    Json(room.books(&reader))
}

// `Fresh` requires that the user entered the password recently. Otherwise the page asks for it.
async fn return_book(State(room): State<ReadingRoom>, Fresh(reader): Fresh<Reader>, Path(id): Path<u32>) -> StatusCode {
    if room.return_book(&reader, id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn sessions(
    State(room): State<ReadingRoom>,
    Claims(reader): Claims<Reader>,
    verified: Verified,
) -> Result<Json<Vec<SessionInfo>>, Rejection> {
    Ok(Json(room.sessions(&reader, &verified).await?))
}

async fn end_session(
    State(room): State<ReadingRoom>,
    Claims(reader): Claims<Reader>,
    Path(id): Path<String>,
) -> Result<StatusCode, Rejection> {
    Ok(if room.end_session(&reader, &id).await? { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
