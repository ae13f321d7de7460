//! hyper serves and fetches on our sockets, unchanged: HTTP/1.1 over the in-memory link.

mod world;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use lastack_device::memory::Config;
use lastack_net::{TcpListener, TcpStream};
use std::convert::Infallible;
use world::{pair, pattern, right, soon};

/// Answers with what it got, and says how it was asked.
async fn mirror(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let method = request.method().to_string();
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::builder().header("x-method", method).body(Full::new(body)).expect("a sound response"))
}

async fn serve(listener: TcpListener) -> Infallible {
    loop {
        let (stream, _) = listener.accept().await.expect("the stack lives");
        tokio::spawn(async move {
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(mirror))
                .await
                .expect("an orderly connection");
        });
    }
}

#[tokio::test]
async fn hyper_serves_and_fetches() {
    let (left, right_side) = pair(Config::default());
    let listener = soon(TcpListener::bind_on(&right_side.handle, right(80))).await.unwrap();
    tokio::spawn(serve(listener));

    let stream = soon(TcpStream::connect_on(&left.handle, right(80))).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    // The second request and the third use the same connection.
    for body in [Vec::new(), b"short".to_vec(), pattern(1, 3 << 20)] {
        let method = if body.is_empty() { Method::GET } else { Method::POST };
        let request = Request::builder()
            .method(method.clone())
            .uri("/")
            .header("host", "lastack.test")
            .body(Full::new(Bytes::from(body.clone())))
            .unwrap();
        let response = soon(sender.send_request(request)).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-method"], method.as_str());
        let answer = soon(response.into_body().collect()).await.unwrap().to_bytes();
        assert!(answer == body, "{} octets came back of {}", answer.len(), body.len());
    }
    drop(sender);
    soon(connection).await.unwrap().expect("an orderly end");
}
