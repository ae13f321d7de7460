//! The client of both peers: the kernel's sockets, blocking, and the wall clock around them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;
const CHUNK: usize = 128 << 10;
const REQUEST: [u8; 100] = [b'q'; 100];
/// A transfer that stands still for so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Writes so many MiB to a discard service and waits for its end of the connection; MiB per second, from the first octet to
/// the moment the service has read the last one.
pub(super) fn pour(discard: SocketAddr, mib: u32) -> io::Result<f64> {
    let mut stream = connect(discard)?;
    let chunk = vec![7; CHUNK];
    let begun = Instant::now();
    for _ in 0..mib as usize * MIB / CHUNK {
        stream.write_all(&chunk)?;
    }
    stream.shutdown(Shutdown::Write)?;
    if stream.read(&mut [0; 1])? != 0 {
        return Err(io::Error::other("discard answered"));
    }
    Ok(rate(mib, begun))
}

/// Reads so many MiB from a chargen service; MiB per second.
pub(super) fn drain(chargen: SocketAddr, mib: u32) -> io::Result<f64> {
    let mut stream = connect(chargen)?;
    let mut chunk = vec![0; CHUNK];
    let mut left = mib as usize * MIB;
    let begun = Instant::now();
    while left > 0 {
        let length = stream.read(&mut chunk)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left = left.saturating_sub(length);
    }
    Ok(rate(mib, begun))
}

/// Sends 100 octets to an echo service and reads them back, so many times; how many a second.
pub(super) fn ask(echo: SocketAddr, times: u32) -> io::Result<f64> {
    let mut stream = connect(echo)?;
    let mut response = [0; REQUEST.len()];
    let begun = Instant::now();
    for _ in 0..times {
        stream.write_all(&REQUEST)?;
        stream.read_exact(&mut response)?;
    }
    if response != REQUEST {
        return Err(io::Error::other("echo answered something else"));
    }
    Ok(rate(times, begun))
}

fn rate(done: u32, begun: Instant) -> f64 {
    f64::from(done) / begun.elapsed().as_secs_f64()
}
