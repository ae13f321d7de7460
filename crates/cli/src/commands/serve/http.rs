//! The page on port 80: how many flows are in which state, as text, HTML or JSON, by what the client asks for.

#[cfg(test)]
mod tests;

use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use lastack::net::Handle;
use lastack::stack::Census;
use std::fmt::Write;

/// The whole site.
pub(crate) fn router(stack: Handle) -> axum::Router {
    axum::Router::new().route("/", get(page)).with_state(stack)
}

async fn page(State(stack): State<Handle>, headers: HeaderMap) -> Response {
    let census = match stack.census().await {
        Ok(census) => census,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    };
    let accepts = |kind: &str| {
        headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(kind))
    };
    if accepts("text/html") {
        Html(html(&census)).into_response()
    } else if accepts("application/json") {
        Json(census).into_response()
    } else {
        text(&census).into_response()
    }
}

const TITLE: &str = "lastack: a TCP in user space";

fn text(census: &Census) -> String {
    let mut text = format!("{TITLE}\n\n");
    for (state, count) in census.iter() {
        let _ = writeln!(text, "{:<12} {count:>8}", state.name());
    }
    let _ = writeln!(text, "{:<12} {:>8}", "orphans", census.orphans);
    text
}

fn html(census: &Census) -> String {
    let mut rows = String::new();
    for (state, count) in census.iter() {
        let _ = write!(rows, "<tr><td>{}</td><td>{count}</td></tr>", state.name());
    }
    let _ = write!(rows, "<tr><td>orphans</td><td>{}</td></tr>", census.orphans);
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{TITLE}</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:32rem;margin:3rem auto}}td:last-child{{text-align:right}}\
         table{{width:100%}}td{{border-bottom:1px solid #ddd}}</style>\
         <h1>{TITLE}</h1><table>{rows}</table>"
    )
}
