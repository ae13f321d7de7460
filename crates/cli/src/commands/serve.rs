//! `lastack serve`: a stack on a TUN device with four services. The device goes when the program does.

mod counted;
mod http;
mod network;
mod ports;
mod services;

use crate::Verdict;
use crate::options::ServeOptions;
use anyhow::{Context, Result, anyhow};
use lastack::device::Device;
use lastack::device::tap::Tapped;
use lastack::device::tun::{self, Ipv6, Tun};
use lastack::net::{Driver, Handle};
use lastack::stack::Config;
use network::Network;
use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use tokio::signal::unix::{SignalKind, signal};

/// Serves until Ctrl-C (or SIGTERM), or until the device is taken away.
pub(crate) fn run(options: &ServeOptions) -> Result<Verdict> {
    let capture = match &options.pcap {
        Some(path) => Some(File::create(path).with_context(|| format!("creating {}", path.display()))?),
        None => None,
    };
    let network = Network::first_free(&network::read())?;
    let tun = Tun::create(&tun::Config {
        name: options.device.as_str().to_owned(),
        mtu: options.mtu,
        host: network.host(),
    })
    // Its message holds its source already.
    .map_err(|error| anyhow!("{error}"))?;
    let speaks = |(address, _): &(IpAddr, u8)| address.is_ipv4() || tun.ipv6() == Ipv6::Ready;
    let place = Place {
        host: network.host().into_iter().filter(speaks).collect(),
        stack: network.stack().into_iter().filter(speaks).collect(),
    };
    let device: Box<dyn Device> = match capture {
        Some(file) => Box::new(Tapped::new(tun, file).context("writing the head of the capture")?),
        None => Box::new(tun),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(serve(device, place))
}

/// Who has which address.
struct Place {
    host: Vec<(IpAddr, u8)>,
    stack: Vec<(IpAddr, u8)>,
}

async fn serve(device: Box<dyn Device>, place: Place) -> Result<Verdict> {
    // Before anything is announced: who reads the announcement may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mtu = device.mtu();
    let (handle, mut driver) = Driver::spawn(device, Config::new(place.stack.clone()))?;
    let serving = async {
        for (address, _) in &place.stack {
            ports::open(&handle, *address).await?;
        }
        announce(&handle, mtu, &place)?;
        std::future::pending::<Result<()>>().await
    };
    let outcome = tokio::select! {
        outcome = serving => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        ended = &mut driver => return ended.context("the driver's task")?.map(|()| Verdict::Fine).map_err(Into::into),
    };
    handle.shutdown().await;
    driver.await.context("the driver's task")??;
    outcome.map(|()| Verdict::Fine)
}

/// What is where, and lines to copy. On stdout: it is this command's result.
fn announce(handle: &Handle, mtu: u16, place: &Place) -> io::Result<()> {
    let list = |addresses: &[(IpAddr, u8)]| {
        let words: Vec<String> =
            addresses.iter().map(|(address, prefix)| format!("{address}/{prefix}")).collect();
        words.join("  ")
    };
    let mut out = io::stdout().lock();
    writeln!(out, "device {}  mtu {mtu}", handle.device())?;
    writeln!(out, "host   {}", list(&place.host))?;
    writeln!(out, "stack  {}", list(&place.stack))?;
    writeln!(out, "serves echo 7, discard 9, chargen 19, http 80; Ctrl-C ends it and removes the device")?;
    writeln!(out)?;
    for (address, _) in &place.stack {
        match address {
            IpAddr::V4(v4) => writeln!(out, "  curl -v http://{v4}/\n  printf hello | nc -N {v4} 7")?,
            IpAddr::V6(v6) => writeln!(out, "  curl -v 'http://[{v6}]/'")?,
        }
    }
    out.flush()
}
