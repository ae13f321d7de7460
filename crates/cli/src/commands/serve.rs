//! `lastack serve`: a stack on a TUN device with four services, and forwards to the host. The device goes when the program
//! does.
//!
//! Root makes the device and the control socket; then root is given up, before the first packet is read.

mod allowed;
mod announce;
mod counted;
mod forward;
mod http;
mod log;
mod memory;
mod metrics;
mod network;
mod place;
mod ports;
mod private;
mod privileges;
mod services;

pub(crate) use place::Place;
pub(crate) use privileges::{User, become_user, successor};

use crate::Verdict;
use crate::control::{About, VERSION, folder, server};
use crate::options::ServeOptions;
use crate::values::Cidr;
use allowed::Allowed;
use anyhow::{Context, Result, anyhow};
use lastack::device::Device;
use lastack::device::gated::Gated;
use lastack::device::tap::Tap;
use lastack::device::tun::{self, Tun};
use lastack::net::{Driver, Handle};
use lastack::stack::Config;
use std::fs::File;
use std::os::unix::fs::fchown;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast;

/// Events that a slow reader of the control socket may be behind.
const EVENTS_BEHIND: usize = 4096;

/// Serves until Ctrl-C (or SIGTERM), or until the device is taken away.
pub(crate) fn run(options: &ServeOptions) -> Result<Verdict> {
    if options.private {
        private::enter()?;
    }
    let successor = successor();
    let capture = match &options.pcap {
        Some(path) => Some(File::create(path).with_context(|| format!("creating {}", path.display()))?),
        None => None,
    };
    let brought_up = bring_up(options.device.as_str(), options.mtu, &options.address);
    let (tun, place) = match options.private {
        true => {
            brought_up.context("in the private network, for which /dev/net/tun must be open to its user")?
        }
        false => brought_up?,
    };
    let control = match folder::claim(options.name.as_ref(), tun.name(), successor) {
        Ok(control) => Some(control),
        Err(error) if options.name.is_some() => return Err(error),
        Err(error) => {
            eprintln!(
                "lastack: no control socket, so `lastack ss --stack` will not find this stack: {error:#}"
            );
            None
        }
    };
    privileges::raise_file_limit();
    if let Some(user) = successor {
        if let Some(file) = &capture {
            fchown(file, Some(user.uid), Some(user.gid)).context("giving the capture to its user")?;
        }
        become_user(user)?;
    }
    let networks = place.neighbours().into_iter().chain(options.allow.iter().copied()).collect();
    let device = Gated::new(tun, Allowed::new(networks));
    let device: Box<dyn Device> = match capture {
        Some(file) => {
            let tap = Tap::new(file, device.name()).context("writing the head of the capture")?;
            Box::new(Gated::new(device, tap))
        }
        None => Box::new(device),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    // The claim is held to the end: its socket goes with it.
    let (listener, claim) = control.unzip();
    let name = claim.as_ref().map(|claim| claim.name.to_string());
    runtime.block_on(serve(device, &place, options, listener, name))
}

/// Makes the device in a free place, and says what is special about it.
pub(crate) fn bring_up(name: &str, mtu: u16, addresses: &[Cidr]) -> Result<(Tun, Place)> {
    let mut place = Place::choose(addresses, &network::read())?;
    let config = tun::Config { name: name.to_owned(), mtu, host: place.host.clone() };
    // Its message holds its source already.
    let tun = Tun::create(&config).map_err(|error| anyhow!("{error}"))?;
    place.limit_to(tun.ipv6())?;
    if let Some(remark) = &place.remark {
        eprintln!("{remark}");
    }
    Ok((tun, place))
}

async fn serve(
    device: Box<dyn Device>,
    place: &Place,
    options: &ServeOptions,
    listener: Option<UnixListener>,
    name: Option<String>,
) -> Result<Verdict> {
    // Before anything is announced: who reads the announcement may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mtu = device.mtu();
    let config = Config::new(place.stack.clone());
    let config = match memory::of_machine() {
        Some(octets) => config.with_memory(octets),
        None => config,
    };
    let (handle, mut driver) = Driver::spawn(device, config)?;
    watch(&handle, place, listener, name.as_deref())?;
    let serving = async {
        for (address, _) in &place.stack {
            ports::open(&handle, *address, &options.forward, options.syn_proxy, options.connections).await?;
        }
        announce::print(&announce::Facts { handle: &handle, mtu, place, options, name: name.as_deref() })?;
        if options.private {
            let mut shell = private::shell()?;
            // How the shell ended is the user's business.
            let _ =
                tokio::task::spawn_blocking(move || shell.wait()).await.context("waiting for the shell")?;
            return Ok(());
        }
        std::future::pending::<Result<()>>().await
    };
    let outcome = tokio::select! {
        outcome = serving => outcome,
        // A private shell is interrupted with us, and goes on.
        _ = interrupt.recv(), if !options.private => Ok(()),
        _ = terminate.recv() => Ok(()),
        ended = &mut driver => return ended.context("the driver's task")?.map(|()| Verdict::Fine).map_err(Into::into),
    };
    handle.shutdown().await;
    driver.await.context("the driver's task")??;
    outcome.map(|()| Verdict::Fine)
}

/// Starts the log and the control socket.
fn watch(handle: &Handle, place: &Place, listener: Option<UnixListener>, name: Option<&str>) -> Result<()> {
    let (events, _) = broadcast::channel(EVENTS_BEHIND);
    tokio::spawn(log::follow(handle.clone(), events.clone()));
    if let (Some(listener), Some(name)) = (listener, name) {
        let about = About {
            version: VERSION,
            name: name.to_owned(),
            device: handle.device().to_owned(),
            addresses: place.stack.iter().map(|(address, _)| *address).collect(),
        };
        let listener = tokio::net::UnixListener::from_std(listener).context("watching the control socket")?;
        tokio::spawn(server::serve(
            listener,
            server::Source { handle: handle.clone(), events, about: Arc::new(about) },
        ));
    }
    Ok(())
}
