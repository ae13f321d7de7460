//! From a seed and a number to a sequence. Half of the segments are odd in one way, some in two or three; calls are those that
//! make sense where the sequence began, and sometimes others.

use super::{AckAt, Call, PeerOptions, Profile, SackAt, SeqAt, Sequence, Setup, Shape, Stamp, Start, Step};
use lastack_sim::world::Dice;
use lastack_wire::tcp::Flags;

/// The sequence with this number.
pub fn sequence(seed: u64, index: u64) -> Sequence {
    // Far apart, so that neighbouring seeds share no sequence.
    let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index));
    // Every state has its turn.
    let start = Start::ALL[(index % Start::ALL.len() as u64) as usize];
    let setup = setup(&mut dice, start);
    let count = dice.between(2, 6);
    let steps = (0..count).map(|_| step(&mut dice, &setup)).collect();
    Sequence { name: (seed, index), setup, steps }
}

fn setup(dice: &mut Dice, start: Start) -> Setup {
    let profile = match dice.below(16) {
        0..6 => Profile::Default,
        6..13 => Profile::Unlimited,
        13 => Profile::Rfc1337,
        14 => Profile::Bare,
        _ => Profile::Cookies,
    };
    let data = [0, 0, 0, 1, 100, 1000, 1448, 3000];
    Setup {
        start,
        ipv6: dice.chance(400),
        profile,
        peer: peer(dice),
        rcvbuf: dice.chance(150).then(|| dice.pick(&[2304, 4096, 8192, 16384])),
        nodelay: dice.chance(200),
        unread: dice.pick(&data).min(1400),
        unacknowledged: dice.pick(&data),
    }
}

fn peer(dice: &mut Dice) -> PeerOptions {
    let isn = match dice.below(4) {
        0 => 0u32.wrapping_sub(dice.between(1, 3000) as u32),
        1 => (1 << 31) - dice.between(0, 2000) as u32,
        _ => dice.below(1 << 32) as u32,
    };
    PeerOptions {
        isn,
        mss: (!dice.chance(60)).then(|| dice.pick(&[1460, 1460, 1460, 1460, 536, 1000, 8960, 88])),
        timestamps: dice.chance(650).then(|| {
            let near_wrap = 0u32.wrapping_sub(dice.between(1, 20) as u32);
            dice.pick(&[1000, 1000, 7, near_wrap, (1 << 31) - 3, 0x8000_0003])
        }),
        sack: dice.chance(700),
        window_scale: dice.chance(700).then(|| dice.pick(&[7, 7, 0, 2, 14, 15])),
        window: dice.pick(&[65535, 65535, 65535, 5000, 1000, 1, 0]),
    }
}

fn step(dice: &mut Dice, setup: &Setup) -> Step {
    match dice.below(100) {
        0..62 => Step::Segment(shape(dice, setup)),
        62..97 => Step::Call(call(dice, setup.start)),
        _ => Step::Wait(dice.pick(&[20, 110, 350, 700])),
    }
}

fn call(dice: &mut Dice, start: Start) -> Call {
    let sizes = [1, 100, 1000, 1448, 4000, 20000];
    let any = [
        Call::Read(1 << 16),
        Call::Read(dice.pick(&sizes)),
        Call::Write(dice.pick(&sizes)),
        Call::Write(dice.pick(&sizes)),
        Call::ShutdownWrite,
        Call::ShutdownRead,
        Call::ShutdownBoth,
        Call::Close,
        Call::Close,
        Call::Abort,
        Call::TakeError,
        Call::Nodelay(dice.chance(500)),
        Call::Cork(dice.chance(500)),
        Call::Quickack(dice.chance(500)),
        Call::Keepalive(dice.chance(500)),
    ];
    let early = [Call::Accept, Call::CloseListener, Call::Accept];
    match start {
        Start::Closed => dice.pick(&[Call::Listen, Call::Connect, Call::Accept, Call::Close]),
        Start::Listen | Start::SynRecv | Start::Unaccepted if dice.chance(500) => dice.pick(&early),
        _ if dice.chance(30) => Call::CloseListener,
        _ => dice.pick(&any),
    }
}

fn shape(dice: &mut Dice, setup: &Setup) -> Shape {
    let ack = Flags::ACK;
    let flags = match dice.below(32) {
        0..10 => ack,
        10..14 => ack.with(Flags::PSH),
        14..18 => ack.with(Flags::FIN),
        18..21 => Flags::SYN,
        21..23 => Flags::SYN.with(ack),
        23 | 24 => Flags::RST,
        25 => Flags::RST.with(ack),
        26 => Flags::FIN,
        27 => Flags::PSH,
        28 => Flags(0),
        29 => ack.with(Flags::URG),
        30 => ack.with(Flags::FIN).with(Flags::PSH),
        _ => Flags(dice.below(64) as u8),
    };
    let data = flags.0 & (Flags::PSH.0 | Flags::URG.0) != 0 || dice.chance(250);
    let len = if data { length(dice, setup) } else { 0 };
    let mut shape = Shape::plain(flags, len, window(dice, setup));
    if flags.syn() && !setup.start.is_synchronized() {
        shape.seq = SeqAt::Isn(0);
    }
    shape.urgent = dice.pick(&[1, 0, 2, 100, len]);
    for _ in 0..dice.pick(&[0, 0, 0, 1, 1, 1, 2, 3]) {
        odd(dice, setup, &mut shape);
    }
    shape
}

fn length(dice: &mut Dice, setup: &Setup) -> u16 {
    let mss = setup.peer.mss.unwrap_or(536).min(1400);
    dice.pick(&[1, 1, 10, 100, 100, 500, mss, 1400, 1400])
}

fn window(dice: &mut Dice, setup: &Setup) -> u16 {
    let same = setup.peer.window;
    dice.pick(&[same, same, same, same, 65535, 0, 1, 1000, 229])
}

/// Makes one thing of an ordinary segment odd.
fn odd(dice: &mut Dice, setup: &Setup, shape: &mut Shape) {
    match dice.below(12) {
        0..4 => {
            let near = dice.pick(&[-1, 1, -10, 10, 100, -100, -1400, 1400, -70_000, 100_000]);
            let far = [i32::MIN, i32::MAX, -2_000_000_000];
            shape.seq = match dice.below(10) {
                0..5 => SeqAt::Next(near),
                5 => SeqAt::Next(dice.pick(&far)),
                6 | 7 => SeqAt::Edge(dice.pick(&[0, -1, 1, -100, 5000])),
                _ => SeqAt::Isn(dice.pick(&[0, 1, -1, 100_000, -100_000])),
            };
        }
        4..8 => {
            let near = dice.pick(&[-1, 1, 1000, -100, -1000, -70_000, 70_000, i32::MIN, i32::MAX]);
            shape.ack = match dice.below(10) {
                0..5 => AckAt::Next(near),
                5..8 => AckAt::Una(dice.pick(&[0, 0, 0, 1, -1, 100])),
                _ => AckAt::Iss(dice.pick(&[0, 1, -1])),
            };
        }
        8 | 9 if setup.peer.timestamps.is_some() => {
            shape.stamp = dice.pick(&[
                Stamp::Same,
                Stamp::Same,
                Stamp::Older(1),
                Stamp::Older(1000),
                Stamp::Older(1 << 31),
                Stamp::Missing,
                Stamp::NoEcho,
                Stamp::Echo(-1),
                Stamp::Echo(1000),
                Stamp::Echo(-100_000),
            ]);
        }
        8 | 9 => shape.stamp = Stamp::Forced,
        10 => {
            shape.sack = dice.pick(&[
                SackAt::Tail(1),
                SackAt::Tail(100),
                SackAt::Tail(1000),
                SackAt::Below,
                SackAt::Beyond,
            ]);
        }
        _ => shape.damaged = dice.chance(300),
    }
}

#[cfg(test)]
mod tests;
