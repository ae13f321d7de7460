//! The kernel's TCP offering echo, discard and chargen on loopback: a blocking thread per connection.

use super::{Peer, Service, loopback};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What one call reads or writes: `lastack serve` reads as much, and its chargen writes less at a time.
const CHUNK: usize = 128 << 10;
/// Starts the three services, which last as long as the process.
pub(super) fn start() -> io::Result<Peer> {
    Ok(Peer {
        name: "kernel, loopback",
        echo: open(Service::Echo)?,
        discard: open(Service::Discard)?,
        chargen: open(Service::Chargen)?,
    })
}

fn open(service: Service) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(loopback(0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that leaves ends its connection, and nothing else.
            thread::spawn(move || drop(serve(service, &stream)));
        }
    });
    Ok(address)
}

fn serve(service: Service, mut stream: &TcpStream) -> io::Result<()> {
    let mut chunk = vec![b'x'; CHUNK];
    loop {
        if service == Service::Chargen {
            stream.write_all(&chunk)?;
            continue;
        }
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return stream.shutdown(Shutdown::Write);
        }
        if service == Service::Echo {
            stream.write_all(&chunk[..length])?;
        }
    }
}
