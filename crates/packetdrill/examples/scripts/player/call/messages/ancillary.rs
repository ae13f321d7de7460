//! Ancillary data: `{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1000}` and its kin, as octets and compared.

use crate::player::values::{field, number};
use lastack_sim::script::ast::Value;

/// A header's octets; data and the next header begin at a multiple of eight.
const HEADER: usize = 16;

/// What stands for "any" among statistics.
const ANY: u64 = 0xffff_ffff;

/// Octets of the statistics' values by their number, as `linux/tcp.h` has them.
const STATISTICS: [usize; 23] = [4, 8, 8, 8, 8, 8, 8, 8, 4, 4, 4, 1, 1, 4, 1, 4, 4, 4, 8, 8, 4, 4, 4];
/// Those that are times.
const TIMES: [u16; 3] = [1, 2, 3];

/// For times: when the script began, and how far they may lie apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) begun: i64,
    pub(super) tolerance: i64,
}

/// One expected item.
#[derive(Clone, Debug)]
pub(super) struct Item {
    level: i32,
    kind: i32,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Number(i32),
    /// Microseconds since the script began; zero: any.
    Stamp(i64),
    /// errno, origin, type, code, info, data.
    Error([u32; 6]),
    /// Number and value.
    Statistics(Vec<(u16, u64)>),
}

impl Item {
    pub(super) fn new(value: &Value) -> Result<Item, String> {
        let part = |name: &str| field(value, name).ok_or_else(|| format!("an item needs `{name}`"));
        Ok(Item {
            level: number(part("cmsg_level")?)? as i32,
            kind: number(part("cmsg_type")?)? as i32,
            data: Data::new(part("cmsg_data")?)?,
        })
    }

    fn len(&self) -> usize {
        HEADER
            + match &self.data {
                Data::Number(_) => 4,
                Data::Stamp(_) => 48,
                // An address follows the error.
                Data::Error(_) if self.level == libc::SOL_IP => 16 + 16,
                Data::Error(_) => 16 + 28,
                Data::Statistics(list) => {
                    list.iter().map(|(kind, _)| (4 + width(*kind)).next_multiple_of(4)).sum()
                }
            }
    }
}

fn width(kind: u16) -> usize {
    STATISTICS.get(usize::from(kind)).copied().unwrap_or(0)
}

impl Data {
    fn new(value: &Value) -> Result<Data, String> {
        let word = |name: &str| field(value, name).map(number).transpose();
        if let (Some(seconds), Some(nanos)) = (word("scm_sec")?, word("scm_nsec")?) {
            return Ok(Data::Stamp(seconds * 1_000_000 + nanos / 1000));
        }
        if field(value, "ee_errno").is_some() {
            let mut all = [0; 6];
            let names = ["ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data"];
            for (place, name) in all.iter_mut().zip(names) {
                *place = word(name)?.ok_or_else(|| format!("an error needs `{name}`"))? as u32;
            }
            return Ok(Data::Error(all));
        }
        let Value::Fields(fields) = value else { return Ok(Data::Number(number(value)? as i32)) };
        let mut list = Vec::new();
        for (name, value) in fields {
            let kind = number(&Value::Words(vec![name.clone()]))? as u16;
            list.push((kind, if *value == Value::Any { ANY } else { number(value)? as u64 }));
        }
        Ok(Data::Statistics(list))
    }
}

/// Writes items for a message that is sent, and where room is wanted; the octets that they take.
pub(super) fn write(control: &mut [u64], items: &[Item]) -> usize {
    let mut octets = Vec::new();
    for item in items {
        let begins = octets.len();
        octets.extend_from_slice(&item.len().to_ne_bytes());
        octets.extend_from_slice(&item.level.to_ne_bytes());
        octets.extend_from_slice(&item.kind.to_ne_bytes());
        if let Data::Number(number) = item.data {
            octets.extend_from_slice(&number.to_ne_bytes());
        }
        octets.resize((begins + item.len()).next_multiple_of(8), 0);
    }
    for (word, chunk) in control.iter_mut().zip(octets.chunks(8)) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_ne_bytes(eight);
    }
    octets.len()
}

/// Compares what came with what is expected.
pub(super) fn compare(control: &[u64], len: usize, items: &[Item], clock: Clock) -> Result<(), String> {
    let octets: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).take(len).collect();
    let mut rest = octets.as_slice();
    for (index, item) in items.iter().enumerate() {
        let Some((header, _)) = rest.split_at_checked(HEADER) else {
            return Err(format!("expected {} items of ancillary data, got {index}", items.len()));
        };
        let len = word(header, 0, 8) as usize;
        let (level, kind) = (word(header, 8, 4) as i32, word(header, 12, 4) as i32);
        if (level, kind) != (item.level, item.kind) {
            let expected = (item.level, item.kind);
            return Err(format!(
                "expected item {index} of (level, type) {expected:?}, got {:?}",
                (level, kind)
            ));
        }
        let Some(data) = rest.get(HEADER..len).filter(|_| len == item.len()) else {
            return Err(format!("expected item {index} to have {} octets, got {len}", item.len()));
        };
        item.data.compare(data, clock).map_err(|why| format!("item {index} of ancillary data: {why}"))?;
        rest = rest.get(len.next_multiple_of(8)..).unwrap_or(&[]);
    }
    if rest.len() >= HEADER {
        Err(format!("expected {} items of ancillary data, got more", items.len()))
    } else {
        Ok(())
    }
}

fn word(octets: &[u8], at: usize, len: usize) -> u64 {
    octets.get(at..at + len).unwrap_or(&[]).iter().rev().fold(0, |all, octet| all << 8 | u64::from(*octet))
}

impl Data {
    fn compare(&self, data: &[u8], clock: Clock) -> Result<(), String> {
        match self {
            Data::Number(expected) => {
                let got = word(data, 0, 4) as i32;
                if got == *expected { Ok(()) } else { Err(format!("expected {expected}, got {got}")) }
            }
            Data::Stamp(0) => Ok(()),
            Data::Stamp(expected) => {
                let got = word(data, 0, 8) as i64 * 1_000_000 + word(data, 8, 8) as i64 / 1000 - clock.begun;
                let near = (got - expected).abs() <= clock.tolerance;
                if near { Ok(()) } else { Err(format!("expected the time {expected} us, got {got} us")) }
            }
            Data::Error(expected) => {
                let got = [
                    word(data, 0, 4),
                    word(data, 4, 1),
                    word(data, 5, 1),
                    word(data, 6, 1),
                    word(data, 8, 4),
                    word(data, 12, 4),
                ];
                let got = got.map(|number| number as u32);
                if got == *expected { Ok(()) } else { Err(format!("expected {expected:?}, got {got:?}")) }
            }
            Data::Statistics(expected) => statistics(expected, data, clock),
        }
    }
}

fn statistics(expected: &[(u16, u64)], data: &[u8], clock: Clock) -> Result<(), String> {
    let mut at = 0;
    for (kind, value) in expected {
        let (len, got_kind) = (word(data, at, 2) as usize, word(data, at + 2, 2) as u16);
        if (got_kind, len) != (*kind, 4 + width(*kind)) {
            return Err(format!(
                "expected statistic {kind} of {} octets, got {got_kind} of {len}",
                4 + width(*kind)
            ));
        }
        let got = word(data, at + 4, width(*kind));
        let any = *value == ANY & (u64::MAX >> (64 - 8 * width(*kind).min(4)));
        let near = TIMES.contains(kind) && *value > 0 && got.abs_diff(*value) <= clock.tolerance as u64;
        if got != *value && !any && !near {
            return Err(format!("expected statistic {kind} = {value}, got {got}"));
        }
        at += len.next_multiple_of(4);
    }
    Ok(())
}
