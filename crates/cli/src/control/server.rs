//! The stack's side of its control socket: bounded in clients, in octets and in time.

#[cfg(test)]
mod tests;

use super::{About, Ask, REQUEST_MAX, Reply, Request, VERSION, lend};
use anyhow::{Result, anyhow, bail};
use lastack::net::Handle;
use lastack::observe::Event;
use lastack::stack::Cursor;
use lastack::stack::knobs::{Knob, KnobError, table};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, broadcast};

/// Clients at a time; a further one gets an error.
const CLIENTS_MAX: usize = 64;
/// Rows of one reply.
const ROWS_PER_REPLY: usize = 256;
/// How long a client may take for its next request, or for reading an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What requests are answered from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) handle: Handle,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) about: Arc<About>,
}

/// Serves clients until the stack ends.
pub(crate) async fn serve(listener: UnixListener, source: Source) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Out of descriptors: some will be free again.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let source = source.clone();
        match places.clone().try_acquire_owned() {
            Ok(place) => tokio::spawn(async move {
                client(stream, source).await;
                drop(place);
            }),
            Err(_) => tokio::spawn(async move {
                let full = Reply::Error(format!("{CLIENTS_MAX} clients are here already: try again later"));
                let _ = send(&mut stream, &full).await;
            }),
        };
    }
}

/// Answers one client until it leaves, errs or is silent for too long.
async fn client(stream: UnixStream, source: Source) {
    let mut stream = BufReader::new(stream);
    loop {
        let ask = match in_time(request(&mut stream)).await {
            Ok(None) => return,
            Ok(Some(ask)) => ask,
            Err(error) => {
                // The client may be gone.
                let _ = send(stream.get_mut(), &Reply::Error(error.to_string())).await;
                return;
            }
        };
        if let Ask::Connect { host, port } = ask {
            return lend::serve(stream, &source.handle, (host, port).into()).await;
        }
        let stream = stream.get_mut();
        if let Err(error) = answer(stream, &source, ask).await {
            let _ = send(stream, &Reply::Error(error.to_string())).await;
            return;
        }
    }
}

/// The next request; `None` when the client has left.
async fn request(stream: &mut BufReader<UnixStream>) -> Result<Option<Ask>> {
    let mut line = Vec::new();
    let read = stream.take(REQUEST_MAX).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        bail!("a request is one line of at most {REQUEST_MAX} octets");
    }
    parse(&line).map(Some)
}

/// Reads a request's line.
fn parse(line: &[u8]) -> Result<Ask> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let no_request = |error| anyhow!("not a request: {error}");
    // First the version alone: what else is in the line depends on it.
    let Version { version } = serde_json::from_slice(line).map_err(no_request)?;
    if version != VERSION {
        bail!(
            "this stack speaks version {VERSION} of the control protocol, not {version}: use the same lastack for both"
        );
    }
    Ok(serde_json::from_slice::<Request>(line).map_err(no_request)?.ask)
}

async fn answer(stream: &mut UnixStream, source: &Source, ask: Ask) -> Result<()> {
    let handle = &source.handle;
    match ask {
        Ask::About => send(stream, &Reply::About((*source.about).clone())).await,
        Ask::Census => send(stream, &Reply::Census(handle.census().await?)).await,
        Ask::Counters => send(stream, &Reply::Counters(Box::new(handle.counters().await?))).await,
        Ask::Sockets | Ask::SocketsWithInfo => {
            let first = Cursor::default();
            let mut cursor = Some(if matches!(ask, Ask::Sockets) { first } else { first.with_info() });
            while let Some(at) = cursor {
                let (rows, next) = handle.page(at, ROWS_PER_REPLY).await?;
                send(stream, &Reply::Sockets(rows)).await?;
                cursor = next;
            }
            send(stream, &Reply::End).await
        }
        Ask::Knobs => {
            let knobs = handle.knobs().await?;
            let shown = |knob: &Knob| (knob.name.to_owned(), knob.read(&knobs));
            send(stream, &Reply::Knobs(table::all().into_iter().map(shown).collect())).await
        }
        Ask::TurnKnob { name, value } => {
            let reply = match turn(handle, &name, value).await? {
                Ok((name, value)) => Reply::KnobTurned(name, value),
                Err(error) => Reply::KnobRefused(error.to_string()),
            };
            send(stream, &reply).await
        }
        Ask::Events => follow(stream, source.events.subscribe()).await,
        Ask::Connect { .. } => bail!("a connect request ends the requests"),
    }
}

/// Turns a knob of the running stack; what it is called and has now.
async fn turn(handle: &Handle, name: &str, value: String) -> Result<Result<(String, String), KnobError>> {
    let knob = match table::find(name) {
        Ok(knob) => knob,
        Err(error) => return Ok(Err(error)),
    };
    let turned = handle.change_knobs(move |knobs| knob.write(knobs, &value)).await?;
    let knobs = handle.knobs().await?;
    Ok(turned.map(|()| (knob.name.to_owned(), knob.read(&knobs))))
}

/// Sends events until the client leaves; one that cannot follow is told.
async fn follow(stream: &mut UnixStream, mut events: broadcast::Receiver<Event>) -> Result<()> {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            left = stream.readable() => return left.map_err(Into::into),
        };
        match event {
            Ok(event) => send(stream, &Reply::Event(event)).await?,
            Err(broadcast::error::RecvError::Lagged(lost)) => bail!("{lost} events were lost: read faster"),
            Err(broadcast::error::RecvError::Closed) => return send(stream, &Reply::End).await,
        }
    }
}

pub(super) async fn send(stream: &mut UnixStream, reply: &Reply) -> Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    in_time(async { Ok(stream.write_all(&line).await?) }).await
}

async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => bail!("nothing happened for {} seconds", PATIENCE.as_secs()),
    }
}
