//! `lastack connect`: netcat over a stack of its own on a TUN device, or over a socket that a running stack lends.
//!
//! The end of stdin is a half close; the command ends when the peer has said everything, as nc does. What the network does
//! (a refusal, a reset, silence) is exit status 1; what cannot be set up is 2.

use super::serve::{become_user, bring_up, successor};
use crate::Verdict;
use crate::control::{Ask, Reply, client::Client, lend};
use crate::options::{ConnectOptions, Wanted};
use anyhow::{Context, Result, anyhow, bail};
use lastack::net::{Driver, Handle, TcpStream};
use lastack::observe::State;
use lastack::stack::Config;
use std::future::Future;
use std::io::{self, Cursor};
use std::net::ToSocketAddrs;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The own device's largest packet, in octets.
const MTU: u16 = 1500;
/// How long the last segments of an own stack may take before its device goes.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why there was no orderly end.
#[derive(Debug)]
enum Failure {
    /// The network's doing.
    Peer(anyhow::Error),
    /// Ours.
    Setup(anyhow::Error),
}

/// Connects and carries octets until the peer has ended.
pub(crate) fn run(options: &ConnectOptions) -> Result<Verdict> {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let (runtime, outcome) = match &options.stack {
        Some(wanted) => {
            let runtime = runtime().context("starting the runtime")?;
            let outcome = runtime.block_on(borrowed(options, wanted));
            (runtime, outcome)
        }
        None => {
            let (device, place) = bring_up("lastack%d", MTU, &options.address)?;
            if let Some(user) = successor() {
                become_user(user)?;
            }
            let runtime = runtime().context("starting the runtime")?;
            let outcome = runtime.block_on(async {
                let (handle, driver) = Driver::spawn(device, Config::new(place.stack.clone()))
                    .context("starting the stack")
                    .map_err(Failure::Setup)?;
                let outcome = own(options, &handle).await;
                farewell(&handle).await;
                // Whatever became of the stack: the connection's end is what counts here.
                let _ = driver.await;
                outcome
            });
            (runtime, outcome)
        }
    };
    // A thread may wait for stdin for ever.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => Ok(Verdict::Fine),
        Err(Failure::Peer(error)) => {
            eprintln!("lastack: {error:#}");
            Ok(Verdict::Found)
        }
        Err(Failure::Setup(error)) => Err(error),
    }
}

async fn own(options: &ConnectOptions, handle: &Handle) -> Result<(), Failure> {
    let to = (options.host.as_str(), options.port);
    let connecting = TcpStream::connect_on(handle, to);
    let mut stream = or_interrupt(connecting)
        .await
        .with_context(|| format!("connecting to {} port {}", options.host, options.port))
        .map_err(Failure::Peer)?;
    let outcome = {
        let (mut reads, writes) = stream.split();
        let hear = async {
            let mut out = tokio::io::stdout();
            tokio::io::copy(&mut reads, &mut out).await?;
            out.flush().await
        };
        until_heard(hear, say(writes)).await
    };
    if outcome.is_err() {
        stream.abort();
    }
    outcome
}

async fn borrowed(options: &ConnectOptions, wanted: &Wanted) -> Result<(), Failure> {
    let address = (options.host.as_str(), options.port)
        .to_socket_addrs()
        .and_then(|mut all| all.next().ok_or_else(|| io::Error::other("the name has no address")))
        .with_context(|| format!("looking up {}", options.host))
        .map_err(Failure::Setup)?;
    let mut client = Client::open(wanted.name()).map_err(Failure::Setup)?;
    client.ask(Ask::Connect { host: address.ip(), port: address.port() }).map_err(Failure::Setup)?;
    client.wait_as_long_as_it_takes().map_err(Failure::Setup)?;
    match client.reply().map_err(Failure::Peer)? {
        Reply::Connected => {}
        _ => return Err(Failure::Setup(anyhow!("stack {} answered another question", client.name))),
    }
    let (stream, ahead) = client.into_stream().map_err(Failure::Setup)?;
    let stream = stream
        .set_nonblocking(true)
        .and_then(|()| tokio::net::UnixStream::from_std(stream))
        .context("watching the connection")
        .map_err(Failure::Setup)?;
    let (reads, writes) = stream.into_split();
    let mut reads = Cursor::new(ahead).chain(reads);
    let hear = async {
        let mut out = tokio::io::stdout();
        let mut piece = Vec::new();
        while lend::next_piece(&mut reads, &mut piece).await? != 0 {
            out.write_all(&piece).await?;
            out.flush().await?;
        }
        Ok(())
    };
    until_heard(hear, say(writes)).await
}

/// Sends stdin, then ends this side.
async fn say(mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    pour(&mut tokio::io::stdin(), &mut to).await
}

async fn pour(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    tokio::io::copy(from, to).await?;
    to.shutdown().await
}

/// Until the peer has said everything, or something went wrong. That we have said everything ends nothing.
async fn until_heard(
    hear: impl Future<Output = io::Result<()>>,
    say: impl Future<Output = io::Result<()>>,
) -> Result<(), Failure> {
    let said = async {
        match say.await {
            Ok(()) => std::future::pending().await,
            failed => failed,
        }
    };
    let both = async {
        tokio::select! {
            end = hear => end,
            end = said => end,
        }
    };
    or_interrupt(both).await.context("the connection").map_err(Failure::Peer)
}

async fn or_interrupt<T>(work: impl Future<Output = io::Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => Ok(done?),
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

/// Lets the last segments out, then ends the stack. TIME_WAIT is not waited for: the device goes with it.
async fn farewell(handle: &Handle) {
    let quiet = async {
        while let Ok(census) = handle.census().await {
            if census.total() == census.count(State::TimeWait) + census.count(State::FinWait2) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // A peer that answers nothing is not waited for any longer.
    let _ = tokio::time::timeout(FAREWELL, quiet).await;
    handle.shutdown().await;
}
