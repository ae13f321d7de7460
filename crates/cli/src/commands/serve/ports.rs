//! Opens the services of one address: a listener for each, a task per listener, a task per connection.

use super::counted::Counted;
use super::{forward, http, services};
use crate::values::Forward;
use anyhow::{Context, Result};
use lastack::net::{Handle, TcpListener, TcpSocket, TcpStream};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Of every listener; `somaxconn` bounds it.
const BACKLOG: u32 = 1024;
/// Where the page is.
const HTTP: u16 = 80;

/// The services that are no web server.
#[derive(Clone, Copy)]
enum Service {
    Echo,
    Discard,
    Chargen,
}

impl Service {
    const ALL: [Service; 3] = [Service::Echo, Service::Discard, Service::Chargen];

    const fn name(self) -> &'static str {
        match self {
            Service::Echo => "echo",
            Service::Discard => "discard",
            Service::Chargen => "chargen",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Service::Echo => 7,
            Service::Discard => 9,
            Service::Chargen => 19,
        }
    }

    async fn serve(self, mut stream: Counted<TcpStream>) -> io::Result<()> {
        match self {
            Service::Echo => services::echo(&mut stream).await,
            Service::Discard => services::discard(&mut stream).await,
            Service::Chargen => services::chargen(&mut stream).await,
        }
    }
}

/// Binds every port of `address` and serves it until the stack ends.
///
/// A forward takes the place of a service on its port, behind a SYN proxy when `syn_proxy` is set.
pub(crate) async fn open(
    handle: &Handle,
    address: IpAddr,
    forwards: &[Forward],
    syn_proxy: bool,
    connections: usize,
) -> Result<()> {
    for forward in forwards {
        let listener = bind(handle, address, forward.port, syn_proxy).await?;
        tokio::spawn(forward::each(listener, forward.clone()));
    }
    let free = |port: u16| forwards.iter().all(|forward| forward.port != port);
    for service in Service::ALL.into_iter().filter(|service| free(service.port())) {
        let listener = bind(handle, address, service.port(), false).await?;
        tokio::spawn(each(listener, service, Arc::new(Semaphore::new(connections))));
    }
    if free(HTTP) {
        let listener = bind(handle, address, HTTP, false).await?;
        let site = http::router(handle.clone());
        tokio::spawn(async { axum::serve(Http(listener), site).await });
    }
    Ok(())
}

/// The option is set before the socket listens, so that no request slips in.
async fn bind(handle: &Handle, address: IpAddr, port: u16, syn_proxy: bool) -> Result<TcpListener> {
    let at = SocketAddr::new(address, port);
    let listening = async {
        let socket = TcpSocket::on(handle, at.into());
        socket.set_options(|options| {
            options.reuseaddr = true;
            options.syn_proxy = syn_proxy;
        });
        socket.bind(at)?;
        let listener = socket.listen(BACKLOG)?;
        listener.listening().await?;
        io::Result::Ok(listener)
    };
    listening.await.with_context(|| format!("binding {at}"))
}

/// Serves every connection in a task of its own, as many at a time as there are places; others wait in the accept queue.
/// Ends with the listener, which ends with the stack.
async fn each(listener: TcpListener, service: Service, places: Arc<Semaphore>) {
    // Nobody closes the semaphore.
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else { return };
        let stream = Counted::new(stream, service.name(), peer);
        tokio::spawn(async move {
            // How it ended is the peer's business; that it ended, and after how much, says `Counted`.
            let _ = service.serve(stream).await;
            drop(place);
        });
    }
}

/// Our listener as axum wants one.
struct Http(TcpListener);

impl axum::serve::Listener for Http {
    type Io = Counted<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.accept().await {
            Ok((stream, peer)) => (Counted::new(stream, "http", peer), peer),
            // A listener only fails with its stack: nothing will ever come.
            Err(_) => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
