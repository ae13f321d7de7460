use super::*;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use lastack::device::memory;
use lastack::net::{Driver, TcpListener};
use lastack::stack::Config;
use std::net::{IpAddr, Ipv4Addr};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

/// What the site of a stack with one listener answers.
async fn answer(path: &str, accept: &str) -> (StatusCode, String) {
    let (near, _far) = memory::pair(memory::Config::default());
    let (handle, _) = Driver::spawn(near, Config::new(vec![(IpAddr::V4(ADDRESS), 24)])).unwrap();
    let _listener = TcpListener::bind_on(&handle, (ADDRESS, 80)).await.unwrap();
    let request = Request::get(path).header(ACCEPT, accept).body(Body::empty()).unwrap();
    let mut site = router(handle).into_service();
    let response = tower_service::Service::call(&mut site, request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_state_is_in_the_text() {
    let (status, page) = answer("/", "*/*").await;
    assert_eq!(status, StatusCode::OK);
    for state in observe::State::ALL {
        assert!(page.contains(state.name()), "{} is missing", state.name());
    }
    assert!(page.contains("198.18.0.2:80"), "{page}");
}

#[tokio::test]
async fn the_json_has_a_schema_and_the_listener() {
    for (path, accept) in [("/sockets.json", "*/*"), ("/", "application/json")] {
        let (_, body) = answer(path, accept).await;
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(json["census"]["LISTEN"], 1);
        assert_eq!(json["listeners"][0]["flow"]["local"], "198.18.0.2:80");
        assert_eq!(json["complete"], true);
        assert_eq!(json["listeners"][0].get("explain"), None);
    }
}

#[tokio::test]
async fn a_socket_is_explained_to_who_asks() {
    let (_, body) = answer("/sockets.json?explain", "*/*").await;
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let said = json["listeners"][0]["explain"].as_str().unwrap();
    assert!(
        said.contains("of at most 1025 wait for accept()") && said.contains("somaxconn = 4096"),
        "{said}"
    );
    let (_, page) = answer("/", "text/html").await;
    assert!(page.contains("fetch(\"/sockets.json?explain\")"), "{page}");
}

#[tokio::test]
async fn a_browser_gets_the_live_page_and_a_scraper_its_numbers() {
    let (_, page) = answer("/", "text/html,*/*").await;
    assert!(page.starts_with("<!doctype html>") && page.contains("/sockets.json"), "{page}");
    let (_, numbers) = answer("/metrics", "*/*").await;
    assert!(numbers.contains("lastack_sockets{state=\"LISTEN\"} 1"), "{numbers}");
}
