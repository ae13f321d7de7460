//! axum serves on our listener, and hyper fetches: a web framework needs one small trait of its own, nothing of ours.

mod world;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::routing::get;
use axum::serve::{IncomingStream, Listener};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use lastack_device::memory::Config;
use lastack_net::{TcpListener, TcpStream};
use std::io;
use std::net::SocketAddr;
use tokio::sync::oneshot;
use world::{LEFT, Side, pair, right, soon};

/// What axum::serve takes instead of tokio's listener.
struct Axum(TcpListener);

impl Listener for Axum {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        self.0.accept().await.expect("the stack lives")
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[derive(Clone)]
struct Peer(SocketAddr);

impl axum::extract::connect_info::Connected<IncomingStream<'_, Axum>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Axum>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

async fn fetch(side: &Side, path: &str) -> (StatusCode, String) {
    let stream = soon(TcpStream::connect_on(&side.handle, right(80))).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path).header("host", "lastack.test").body(Empty::<Bytes>::new()).unwrap();
    let response = soon(sender.send_request(request)).await.expect("an answer");
    let status = response.status();
    let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn axum_serves_and_shuts_down() {
    let (left, right_side) = pair(Config::default());
    let listener = soon(TcpListener::bind_on(&right_side.handle, right(80))).await.unwrap();
    let app = Router::new()
        .route("/hello/{name}", get(|Path(name): Path<String>| async move { format!("hello {name}") }))
        .route("/peer", get(|ConnectInfo(Peer(peer))| async move { peer.ip().to_string() }));
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(Axum(listener), app.into_make_service_with_connect_info::<Peer>());
    let server = tokio::spawn(async move {
        server
            .with_graceful_shutdown(async {
                stopped.await.expect("the test stops it");
            })
            .await
    });

    assert_eq!(fetch(&left, "/hello/axum").await, (StatusCode::OK, "hello axum".to_owned()));
    assert_eq!(fetch(&left, "/peer").await, (StatusCode::OK, LEFT.to_string()));
    assert_eq!(fetch(&left, "/nowhere").await.0, StatusCode::NOT_FOUND);
    stop.send(()).unwrap();
    soon(server).await.unwrap().expect("an orderly end");
    let refused = soon(TcpStream::connect_on(&left.handle, right(80))).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}
