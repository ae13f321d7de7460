//! The site on port 80: a page that shows census, listeners and sockets live, the same as text, `/sockets.json` with what
//! the page shows (`/sockets.json?explain` with a sentence for each socket), and `/metrics`.

#[cfg(test)]
mod tests;

use super::metrics;
use crate::explained::{Told, of_knobs};
use axum::extract::{RawQuery, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use lastack::net::Handle;
use lastack::observe::{self, Census, SocketRow};
use lastack_explain::Rules;
use serde::Serialize;
use std::fmt::Write;
use std::io;

/// The version of `/sockets.json`: it grows with every change that a reader must know of.
const SCHEMA: &str = "lastack.sockets/1";
/// Rows of each kind that an answer holds: a page is no place for a million.
const ROWS_MAX: usize = 1000;
/// Rows that are asked for at a time.
const ROWS_PER_TURN: usize = 256;

/// The whole site.
pub(crate) fn router(stack: Handle) -> axum::Router {
    axum::Router::new()
        .route("/", get(page))
        .route("/sockets.json", get(sockets))
        .route("/metrics", get(numbers))
        .with_state(stack)
}

/// What `/sockets.json` says.
#[derive(Debug, Serialize)]
struct Report<Row = SocketRow> {
    schema: &'static str,
    /// Of the stack's clock.
    time_ms: u64,
    device: String,
    census: Census,
    listeners: Vec<Row>,
    sockets: Vec<Row>,
    /// False when there are more than this answer holds.
    complete: bool,
}

impl Report {
    async fn of(stack: &Handle) -> io::Result<Report> {
        let mut report = Report {
            schema: SCHEMA,
            time_ms: stack.now().await?.as_millis(),
            device: stack.device().to_owned(),
            census: stack.census().await?,
            listeners: Vec::new(),
            sockets: Vec::new(),
            complete: true,
        };
        let mut cursor = Some(Default::default());
        while let Some(at) = cursor {
            let (rows, next) = stack.page(at, ROWS_PER_TURN).await?;
            for row in rows {
                let kind = match row.state {
                    observe::State::Listen => &mut report.listeners,
                    _ => &mut report.sockets,
                };
                if kind.len() == ROWS_MAX {
                    report.complete = false;
                    return Ok(report);
                }
                kind.push(row);
            }
            cursor = next;
        }
        Ok(report)
    }
}

impl Report {
    /// With sentences, when there are rules.
    fn told(&self, rules: Option<&Rules>) -> Report<Told<'_>> {
        Report {
            schema: self.schema,
            time_ms: self.time_ms,
            device: self.device.clone(),
            census: self.census,
            listeners: Told::all(&self.listeners, rules),
            sockets: Told::all(&self.sockets, rules),
            complete: self.complete,
        }
    }
}

fn gone(error: &io::Error) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
}

async fn sockets(State(stack): State<Handle>, RawQuery(query): RawQuery) -> Response {
    let explain = query.is_some_and(|query| query == "explain");
    let report = async {
        let rules = if explain { Some(of_knobs(&stack.knobs().await?)) } else { None };
        Ok::<_, io::Error>((Report::of(&stack).await?, rules))
    };
    match report.await {
        Ok((report, rules)) => Json(report.told(rules.as_ref())).into_response(),
        Err(error) => gone(&error),
    }
}

async fn numbers(State(stack): State<Handle>) -> Response {
    let (census, counters) = match tokio::try_join!(stack.census(), stack.counters()) {
        Ok(both) => both,
        Err(error) => return gone(&error),
    };
    match metrics::page(&census, &counters) {
        Ok(page) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn page(State(stack): State<Handle>, headers: HeaderMap) -> Response {
    let accepts = |kind: &str| {
        headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(kind))
    };
    if accepts("text/html") {
        return Html(include_str!("http/page.html")).into_response();
    }
    match Report::of(&stack).await {
        Ok(report) if accepts("application/json") => Json(report.told(None)).into_response(),
        Ok(report) => text(&report).into_response(),
        Err(error) => gone(&error),
    }
}

fn text(report: &Report) -> String {
    let mut text = "lastack: a TCP in user space\n\n".to_owned();
    for (state, count) in report.census.iter() {
        let _ = writeln!(text, "{:<12} {count:>8}", state.name());
    }
    let _ = writeln!(text, "{:<12} {:>8}\n", "orphans", report.census.orphans);
    let _ = writeln!(text, "{}", SocketRow::header());
    for row in report.listeners.iter().chain(&report.sockets) {
        let _ = writeln!(text, "{row}");
    }
    if !report.complete {
        let _ = writeln!(text, "… and more: `lastack ss --stack` lists all");
    }
    text
}
