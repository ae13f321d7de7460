use super::*;

/// What a writer of a million octets gets rid of while ten segments of 1000 octets leave at once, in pairs.
fn taken(memory: usize, goal: usize, low_water: usize) -> usize {
    let mut space = SendSpace { memory, goal, piece: 2000, unsent: 0, tail: 0, low_water };
    let (mut flight, mut waiting) = (0, 0);
    loop {
        let room = space.room(flight, waiting, 0);
        if room == 0 {
            return flight + waiting;
        }
        let leaves = (waiting + room).min(10_000 - flight);
        (flight, waiting) = (flight + leaves, waiting + room - leaves);
        space.tail = ((space.tail + room) % goal).min(waiting);
        if leaves > 0 {
            space.tail = waiting;
        }
    }
}

/// What was sent is cut off the front: the last packet stays as it is, and a full one takes nothing more.
#[test]
fn a_full_packet_stays_full_when_others_leave() {
    let space = SendSpace {
        memory: 42_000,
        goal: 25_000,
        piece: 5000,
        unsent: 30_000,
        tail: 25_000,
        low_water: usize::MAX,
    };
    assert_eq!(space.room(20_000, 30_000, 0), 0, "no memory for another");
    assert_eq!(space.room(2000, 30_000, 0), 25_000);
    let begun = SendSpace { tail: 5000, ..space };
    assert_eq!(begun.room(20_000, 30_000, 0), 20_000);
    assert_eq!(begun.room(20_000, 31_000, 1000), 19_000);
}

/// As Linux 6.18 took them (measured): windows of 8 MiB, 64 KiB, 50,000 octets and 32 KiB.
#[test]
fn packets_are_filled_beyond_the_limit() {
    assert_eq!(taken(8000, 65_000, usize::MAX), 75_000);
    assert_eq!(taken(40_000, 65_000, usize::MAX), 75_000);
    assert_eq!(taken(200_000, 65_000, usize::MAX), 205_000);
    assert_eq!(taken(8000, 32_000, usize::MAX), 42_000);
    assert_eq!(taken(42_000, 25_000, usize::MAX), 60_000);
    assert_eq!(taken(46_080, 16_000, usize::MAX), 42_000);
}

#[test]
fn what_waits_is_bounded_by_the_low_water_mark() {
    assert_eq!(taken(1_000_000, 16_000, 32_000), 42_000);
    assert_eq!(taken(1_000_000, 16_000, 1), 26_000);
}
