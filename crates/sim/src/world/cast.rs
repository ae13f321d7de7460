//! Who is in a world, and what will happen to them: all of it drawn from the seed before the clock starts.

use super::WorldOptions;
use super::dice::Dice;
use super::host::Host;
use super::link::LinkOptions;
use super::plan::{Leave, Plan};
use super::stream::Side;
use lastack_observe::Instant;
use lastack_stack::{Config, Knobs};
use lastack_wire::tcp::Flags;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Worlds begin here, so that nothing needs a time before the clock's zero.
pub(super) const START: Instant = Instant::from_millis(1_000_000);

/// The port where everybody is welcome, one with a short queue, one that nobody holds.
pub(super) const PORT: u16 = 80;
pub(super) const NARROW_PORT: u16 = 81;
pub(super) const CLOSED_PORT: u16 = 82;

/// How two ends find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// A client connects to a listener's port.
    Listener(u16),
    /// Both connect at once: client port, server port.
    Crossing(u16, u16),
    /// As `Listener`, from a port of one's own.
    From(u16),
    /// The client connects to the stranger.
    Stranger,
}

/// A conversation that will begin.
#[derive(Clone, Debug)]
pub(super) struct Meet {
    pub(super) at: Instant,
    pub(super) client: usize,
    pub(super) server: usize,
    pub(super) v6: bool,
    pub(super) meeting: Meeting,
    pub(super) orderly: bool,
    pub(super) plans: [Plan; 2],
}

/// Something that happens to the world.
#[derive(Clone, Copy, Debug)]
pub(super) enum Incident {
    /// A host's device goes away.
    LoseDevice(usize),
    /// A host's narrow listener closes.
    CloseListener(usize),
    /// The stranger sends a SYN.
    Knock(usize),
    /// The stranger sends something for one of its flows.
    Speak,
}

/// A time in which a link carries nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) from: Instant,
    pub(super) to: Instant,
    /// A router says so by ICMP.
    pub(super) refuse: bool,
}

/// A whole world.
pub(super) struct Cast {
    pub(super) hosts: Vec<Host>,
    pub(super) links: Vec<LinkOptions>,
    pub(super) meets: Vec<Meet>,
    pub(super) incidents: Vec<(Instant, Incident)>,
    pub(super) outages: Vec<Outage>,
    /// A flow in which both ends have sent this flag is refused by a router from then on.
    pub(super) refuse_after: Option<Flags>,
    /// Backlog of the narrow listeners, and when they begin to accept.
    pub(super) narrow: (u32, Instant),
}

/// Draws a world.
pub(super) fn draw(dice: &mut Dice, options: WorldOptions) -> Cast {
    let count = dice.between(2, 3) as usize;
    let hosts = (0..count).map(|index| host(index, dice, options)).collect();
    let links = (0..count * count).map(|_| link(dice, options)).collect();
    let mut meets = Vec::new();
    let octets_max = dice.pick(&[2_000, 20_000, 100_000]);
    for _ in 0..dice.between(2, 8) {
        meets.push(meet(dice, options, count, octets_max));
    }
    if options.rough && dice.chance(400) {
        let closer = dice.pick(&[Side::Client, Side::Server]);
        meets.extend(twice_from_one_port(dice, count, closer));
    }
    let mut cast = Cast {
        hosts,
        links,
        meets,
        incidents: Vec::new(),
        outages: Vec::new(),
        refuse_after: dice
            .pick(&[None, None, None, None, Some(Flags::FIN), Some(Flags::SYN)])
            .filter(|_| options.rough),
        narrow: (dice.below(3) as u32, START + dice.micros(0, 10_000_000)),
    };
    if options.rough {
        trouble(&mut cast, dice, count);
    }
    cast
}

fn host(index: usize, dice: &mut Dice, options: WorldOptions) -> Host {
    let mut config = Config::new(Vec::new());
    config.knobs = knobs(dice, options.rough);
    config.device.checksum_offload = dice.chance(300);
    config.device.tso = config.device.checksum_offload && dice.chance(800);
    if options.rough && dice.chance(300) {
        config.limits.half_open = dice.between(1, 4) as u32;
    }
    if options.rough && dice.chance(100) {
        config.limits.connections = dice.between(1, 5) as u32;
    }
    let last = index as u8 + 1;
    let addresses = [
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(last))),
    ];
    Host::new(config, addresses, options.shards, dice)
}

fn knobs(dice: &mut Dice, rough: bool) -> Knobs {
    let mut knobs = Knobs {
        tcp_timestamps: dice.pick(&[0, 1, 1, 1, 2]),
        tcp_sack: dice.chance(800),
        tcp_window_scaling: dice.chance(800),
        tcp_early_retrans: dice.pick(&[0, 3, 3]),
        tcp_fin_timeout: dice.pick(&[5, 60]),
        // Clients only; servers with cookies, too; both without.
        tcp_fastopen: dice.pick(&[1, 0x403, 0x607, 0x607]),
        ..Knobs::default()
    };
    if rough {
        knobs.tcp_syn_retries = dice.between(1, 6) as u8;
        knobs.tcp_syn_linear_timeouts = dice.pick(&[0, 4]);
        knobs.tcp_synack_retries = dice.between(1, 5) as u8;
        knobs.tcp_retries2 = dice.pick(&[3, 6, 15]);
        knobs.tcp_orphan_retries = dice.pick(&[0, 0, 2]);
        knobs.tcp_max_orphans = dice.pick(&[0, 1, 4096, 4096, 4096]);
        knobs.tcp_max_tw_buckets = dice.pick(&[0, 1, 4096, 4096, 4096]);
        knobs.tcp_abort_on_overflow = dice.chance(300);
        knobs.tcp_rfc1337 = dice.chance(100);
        knobs.tcp_ecn = dice.pick(&[0, 1, 2, 2]);
        if dice.chance(100) {
            knobs.tcp_mem = dice.pick(&[[2, 4, 8], [20, 30, 40]]);
        }
        knobs.tcp_keepalive_time = dice.pick(&[5, 7200]);
    }
    knobs
}

fn link(dice: &mut Dice, options: WorldOptions) -> LinkOptions {
    let delay = dice.micros(10, dice.clone().pick(&[200, 5_000, 60_000]));
    LinkOptions {
        delay,
        jitter: if dice.chance(500) { Duration::ZERO } else { dice.micros(0, 20_000) },
        loss: dice.between(0, u64::from(options.loss_max) * 10) as u32,
        duplicate: dice.pick(&[0, 0, 5, 50]),
        reorder: dice.pick(&[0, 0, 10, 100]),
        corrupt: dice.pick(&[0, 0, 2, 10]),
        rate: dice.pick(&[0, 0, 50_000, 500_000, 5_000_000]),
        queue: dice.between(20_000, 200_000),
    }
}

fn meet(dice: &mut Dice, options: WorldOptions, count: usize, octets_max: u64) -> Meet {
    let client = dice.below(count as u64) as usize;
    let server = (client + dice.between(1, count as u64 - 1) as usize) % count;
    let orderly = !options.rough || dice.chance(200);
    // Behind bad links nobody closes before everything is acknowledged: an orphan gives up much sooner.
    let patient = options.loss_max > 10 || dice.chance(300);
    let plans = if orderly {
        [Plan::orderly(dice, true, octets_max, patient), Plan::orderly(dice, false, octets_max, patient)]
    } else {
        [Plan::rough(dice, octets_max), Plan::rough(dice, octets_max)]
    };
    let port = dice.between(20_000, 30_000) as u16;
    let meeting = match dice.below(20) {
        0 | 1 if options.shards == 1 => Meeting::Crossing(port, port + 1),
        2..=4 if !orderly => Meeting::Listener(NARROW_PORT),
        5 if !orderly => Meeting::Listener(CLOSED_PORT),
        6 | 7 if !orderly => Meeting::Stranger,
        _ => Meeting::Listener(PORT),
    };
    let v6 = dice.chance(300) && meeting != Meeting::Stranger;
    let mut plans = plans;
    if matches!(meeting, Meeting::Listener(_)) && plans[0].begins_to_write() {
        plans[0].options.fast_open.connect = dice.chance(500);
    }
    Meet { at: START + dice.micros(0, 3_000_000), client, server, v6, meeting, orderly, plans }
}

/// `closer` closes first, so its TIME_WAIT is in the way when the client comes back from the same port: at the server a
/// better SYN must reopen it, at the client connect() must take it over.
fn twice_from_one_port(dice: &mut Dice, count: usize, closer: Side) -> Vec<Meet> {
    let (at, port) = (START + dice.micros(0, 1_000_000), dice.between(31_000, 32_000) as u16);
    let first = dice.micros(50_000, 900_000);
    (0..2u64)
        .map(|round| {
            let mut plans = [Plan::rough(dice, 100), Plan::rough(dice, 100)];
            let [early, late] = match closer {
                Side::Client => [0, 1],
                Side::Server => [1, 0],
            };
            plans[early].leave = if round == 0 { Leave::CloseAt(first) } else { Leave::HalfClose };
            plans[late].leave = Leave::CloseAfterEnd;
            plans.iter_mut().for_each(|plan| plan.octets = 0);
            // The port is held by its TIME_WAIT; bind() is let in all the same (TIMELINES T38).
            plans[0].options.reuseaddr = true;
            let at = at + Duration::from_secs(round * dice.between(3, 20));
            Meet {
                at,
                client: 0,
                server: count - 1,
                v6: false,
                meeting: Meeting::From(port),
                orderly: false,
                plans,
            }
        })
        .collect()
}

fn trouble(cast: &mut Cast, dice: &mut Dice, count: usize) {
    let any_host = |dice: &mut Dice| dice.below(count as u64) as usize;
    let soon = |dice: &mut Dice| START + dice.micros(10_000, 6_000_000);
    if dice.chance(300) {
        let from = soon(dice);
        let length = Duration::from_secs(dice.pick(&[2, 20, 150, 1100]));
        cast.outages.push(Outage { from, to: from + length, refuse: dice.chance(300) });
    }
    if dice.chance(250) {
        let host = any_host(dice);
        cast.incidents.push((soon(dice), Incident::LoseDevice(host)));
    }
    if dice.chance(400) {
        let host = any_host(dice);
        cast.incidents.push((soon(dice), Incident::CloseListener(host)));
    }
    if dice.chance(500) {
        for _ in 0..dice.between(1, 12) {
            let host = any_host(dice);
            cast.incidents.push((soon(dice), Incident::Knock(host)));
        }
        for _ in 0..dice.between(1, 20) {
            cast.incidents.push((soon(dice) + dice.micros(0, 60_000_000), Incident::Speak));
        }
    }
}
