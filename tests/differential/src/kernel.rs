//! The kernel's side: a network namespace of our own with a TUN interface, and everything one can ask the kernel in it.
//!
//! A segment that is written to the TUN is worked on before the call returns, so its answer can be read at once.

mod batch;
mod calls;

pub use batch::play;

use crate::engine::Place;
use crate::sequence::Profile;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use lastack_device::tun::{self, Ipv6, Tun};
use lastack_device::{Device, Sent};
use lastack_host::counters::KernelCounters;
use lastack_host::tune::{self, Target};
use lastack_host::{Diag, Extensions};
use lastack_observe::{Counters, Flow};
use lastack_sim::octets::{self, Ends, Seen};
use lastack_stack::{Knobs, knobs};
use lastack_wire::{Offload, Packet, Payload};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const KERNEL: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));
const KERNEL_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 1));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2));
const PEER_6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x18, 0, 0, 0, 0, 0, 2));
const PREFIXES: [(IpAddr, u8); 2] = [(KERNEL, 24), (KERNEL_6, 64)];
const MTU: u16 = 1500;
/// Frames taken in one go.
const BATCH: usize = 256;
/// Local ports, one per run of a sequence, so that no run meets what another left.
const PORTS: std::ops::Range<u16> = 2000..32_000;

/// What is set for every profile: a congestion control that any namespace may have and both know, and no cache of what other connections
/// learnt about a peer.
const BASE: [(&str, &str); 2] =
    [("net.ipv4.tcp_congestion_control", "reno"), ("net.ipv4.tcp_no_metrics_save", "1")];

/// Knobs of what this kernel has; it may have more than the stack knows.
const SETS: [&str; 2] =
    ["net.ipv4.tcp_available_congestion_control", "net.ipv4.tcp_allowed_congestion_control"];

/// The kernel in a namespace. The thread that made it is in that namespace for good.
#[derive(Debug)]
pub struct Kernel {
    tun: Tun,
    diag: Diag,
    began: Instant,
    profile: Option<Profile>,
    place: Place,
    port: u16,
    peer_port: u16,
}

impl Kernel {
    /// Moves the calling thread to a fresh namespace with a TUN interface. `Err` says why that cannot be had here.
    pub fn enter() -> Result<Kernel> {
        // The successor is unsafe for the sake of descriptors (UnshareFlags::FILES); namespaces are no matter of memory.
        #[allow(deprecated)]
        rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).context("no network namespace")?;
        let config = tun::Config { name: "lastack0".to_owned(), mtu: MTU, host: PREFIXES.to_vec() };
        let tun = Tun::create(&config)?;
        if tun.ipv6() != Ipv6::Ready {
            bail!("IPv6 is disabled on this host");
        }
        let place = Place { addresses: PREFIXES.to_vec(), knobs: Knobs::default() };
        let mut kernel = Kernel {
            tun,
            diag: Diag::open()?,
            began: Instant::now(),
            profile: None,
            place,
            port: PORTS.start,
            peer_port: 10_000,
        };
        for (name, value) in BASE {
            set(name, value)?;
        }
        kernel.set_profile(Profile::Default)?;
        Ok(kernel)
    }

    /// Sets the knobs of a profile and reads them back for the stack.
    pub fn set_profile(&mut self, profile: Profile) -> Result<()> {
        if self.profile == Some(profile) {
            return Ok(());
        }
        if let Some(before) = self.profile {
            for (name, _) in before.sysctls() {
                let knob = knobs::table::find(name).context("a profile names a knob")?;
                set(name, &knob.read(&Knobs::default()))?;
            }
        }
        for (name, value) in profile.sysctls() {
            set(name, value)?;
        }
        self.profile = Some(profile);
        for knob in knobs::table::all().into_iter().filter(|knob| !SETS.contains(&knob.name)) {
            // What this kernel does not have keeps its default.
            if let Ok(value) = lastack_host::sysctl::value(knob.name) {
                knob.write(&mut self.place.knobs, &value)
                    .with_context(|| format!("{} is {value} here", knob.name))?;
            }
        }
        Ok(())
    }

    /// Where the stack must be to be compared.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A fresh pair of ports, from the peer's view.
    fn ends(&mut self, ipv6: bool) -> Ends {
        self.port += 1;
        if !PORTS.contains(&self.port) {
            self.port = PORTS.start;
            self.peer_port += 1;
        }
        let (kernel, peer) = if ipv6 { (KERNEL_6, PEER_6) } else { (KERNEL, PEER) };
        Ends { from: SocketAddr::new(peer, self.peer_port), to: SocketAddr::new(kernel, self.port) }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn write(&mut self, packet: &[u8]) -> Result<()> {
        let packet =
            Packet { head: packet.into(), payload: Payload::from(Bytes::new()), offload: Offload::default() };
        match self.tun.send(&packet)? {
            Sent::Done => Ok(()),
            Sent::Full => bail!("the TUN takes no more"),
        }
    }

    /// Everything TCP that the kernel has sent.
    fn read(&mut self) -> Result<Vec<Seen>> {
        let mut frames = Vec::new();
        while !self.tun.receive(BATCH, &mut |frame| frames.push(frame))?.drained {}
        let packets = frames.iter().flat_map(octets::cut);
        Ok(packets.filter_map(|packet| octets::decode(&packet).ok().flatten()).collect())
    }

    /// Waits until the kernel sends something or the time comes.
    fn wait(&self, until: Duration) -> Result<()> {
        let Some(left) = until.checked_sub(self.now()).filter(|left| !left.is_zero()) else { return Ok(()) };
        let lastack_device::Readiness::Descriptor(tun) = self.tun.readiness() else { return Ok(()) };
        let timeout = Timespec::try_from(left).context("a wait of seconds")?;
        let mut polled = [PollFd::from_borrowed_fd(tun.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error).context("poll()"),
        }
    }

    fn counters(&self) -> Result<Counters> {
        Ok(KernelCounters::read()?.known())
    }

    fn row(&mut self, ends: Ends) -> Result<Option<crate::trace::Row>> {
        let flow = Flow { local: ends.to, remote: ends.from };
        let row = self.diag.lookup(&flow, Extensions::default(), |view| crate::trace::Row {
            state: view.state(),
            timer: view.timer(),
            recv_queue: view.recv_queue(),
            send_queue: view.send_queue(),
        });
        Ok(row?)
    }

    /// Ends whatever is left of a flow.
    fn forget(&mut self, ends: Ends) -> Result<()> {
        let flow = Flow { local: ends.to, remote: ends.from };
        let target = self.diag.lookup(&flow, Extensions::default(), |view| Target {
            flow,
            interface: view.interface(),
            cookie: view.cookie(),
        })?;
        if let Some(target) = target {
            // It may end by itself meanwhile.
            let _ = tune::destroy(&mut self.diag, &target);
        }
        Ok(())
    }
}

fn set(name: &str, value: &str) -> Result<()> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    fs::write(&path, value).with_context(|| format!("writing {value} to {path}"))
}
