//! The TCP header on the wire (RFC 9293 section 3.1): reading as Linux reads, writing in Linux's order of options.

use smallvec::SmallVec;

use super::{FastOpen, Flags, Header, Options, SackBlock, Timestamps};
use crate::Seq;
use crate::error::{Layer, ParseError, fixed};
use crate::frame::Head;

/// Octets of a header without options.
pub const HEADER_LEN: usize = 20;
/// Octets that options can take.
pub const OPTIONS_LEN_MAX: usize = 40;
/// Where the checksum field lies in the header.
pub const CHECKSUM_OFFSET: usize = 16;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const FAST_OPEN: u8 = 34;
/// Shared by experiments (RFC 6994); the two octets after the length say which.
const EXPERIMENT: u8 = 254;
const EXPERIMENT_FAST_OPEN: [u8; 2] = [0xf9, 0x89];

/// Reads a segment's header: source port, destination port, header, and the header's length in octets (where the
/// payload starts). The checksum is not looked at: that needs the IP addresses.
pub fn parse(data: &[u8]) -> Result<(u16, u16, Header, usize), ParseError> {
    let field = fixed::<HEADER_LEN>(data, Layer::Tcp)?;
    let word = |at: usize| u16::from_be_bytes([field[at], field[at + 1]]);
    let double = |at: usize| u32::from(word(at)) << 16 | u32::from(word(at + 2));
    let header_len = usize::from(field[12] >> 4) * 4;
    if header_len < HEADER_LEN {
        return Err(ParseError::Length { layer: Layer::Tcp, claimed: header_len, bound: "20 is the least" });
    }
    let options = data.get(HEADER_LEN..header_len).ok_or(ParseError::Truncated {
        layer: Layer::Tcp,
        needed: header_len,
        found: data.len(),
    })?;
    let flags = Flags(field[13]);
    let header = Header {
        seq: Seq(double(4)),
        ack: Seq(double(8)),
        flags,
        window: word(14),
        urgent: word(18),
        options: Options::parse(options, flags.syn()),
    };
    Ok((word(0), word(2), header, header_len))
}

/// Appends the header with its ports and options, checksum zero; returns its length in octets.
pub fn emit(source_port: u16, destination_port: u16, header: &Header, out: &mut Head) -> usize {
    let mut octets = [0; HEADER_LEN + OPTIONS_LEN_MAX];
    let options_len = header.options.emit(&mut octets[HEADER_LEN..]);
    let header_len = HEADER_LEN + options_len;
    octets[0..2].copy_from_slice(&source_port.to_be_bytes());
    octets[2..4].copy_from_slice(&destination_port.to_be_bytes());
    octets[4..8].copy_from_slice(&header.seq.0.to_be_bytes());
    octets[8..12].copy_from_slice(&header.ack.0.to_be_bytes());
    octets[12] = (header_len as u8 / 4) << 4;
    octets[13] = header.flags.0;
    octets[14..16].copy_from_slice(&header.window.to_be_bytes());
    octets[18..20].copy_from_slice(&header.urgent.to_be_bytes());
    out.extend_from_slice(&octets[..header_len]);
    header_len
}

impl Options {
    /// Reads an option area. A length that makes no sense ends the reading and what was read before counts; an option of
    /// the wrong length is skipped; of two of a kind the later one counts; a zero MSS is none; options of a SYN are
    /// ignored elsewhere. Linux does all of this.
    pub fn parse(mut area: &[u8], syn: bool) -> Options {
        let mut options = Options::default();
        while let [kind, rest @ ..] = area {
            match *kind {
                END => break,
                NOP => area = rest,
                kind => {
                    let Some(len) = rest.first().map(|&len| usize::from(len)) else { break };
                    if len < 2 || len > area.len() {
                        break;
                    }
                    options.take(kind, &area[2..len], syn);
                    area = &area[len..];
                }
            }
        }
        options
    }

    fn take(&mut self, kind: u8, value: &[u8], syn: bool) {
        match (kind, value) {
            (MSS, &[high, low]) if syn && (high, low) != (0, 0) => {
                self.mss = Some(u16::from_be_bytes([high, low]));
            }
            (WINDOW_SCALE, &[shift]) if syn => self.window_scale = Some(shift),
            (SACK_PERMITTED, []) if syn => self.sack_permitted = true,
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                let value = u32::from_be_bytes([a, b, c, d]);
                let echo = u32::from_be_bytes([e, f, g, h]);
                self.timestamps = Some(Timestamps { value, echo });
            }
            (SACK, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => {
                self.sack = blocks.chunks_exact(8).map(read_block).collect::<SmallVec<_>>();
            }
            (FAST_OPEN, cookie) if syn => self.take_fast_open(cookie, false),
            (EXPERIMENT, [high, low, cookie @ ..]) if syn && [*high, *low] == EXPERIMENT_FAST_OPEN => {
                self.take_fast_open(cookie, true);
            }
            _ => {}
        }
    }

    /// An odd length says nothing; an even one that no cookie has takes back what an option before it said (Linux).
    fn take_fast_open(&mut self, cookie: &[u8], experimental: bool) {
        if cookie.len().is_multiple_of(2) {
            self.fastopen = FastOpen::new(cookie, experimental);
        }
    }

    /// Octets that the options take in a header, padding included; at most 40.
    pub fn len(&self) -> usize {
        self.emit(&mut [0; OPTIONS_LEN_MAX])
    }

    /// True when there is no option at all.
    pub fn is_empty(&self) -> bool {
        *self == Options::default()
    }

    /// Writes the options to the front of `area` (40 octets) and returns their length, a multiple of 4. Order and padding
    /// are Linux's: MSS; SACK-permitted and timestamps together, or each behind two NOPs; NOP and window scale; two NOPs
    /// and SACK; Fast Open and the NOPs that fill it up. Where that does not fit (no segment of ours, but what came in can be written again) the padding goes
    /// first and then the last SACK blocks.
    fn emit(&self, area: &mut [u8]) -> usize {
        let bare = self.bare_len();
        let blocks = self.sack.len().min(4).min((OPTIONS_LEN_MAX - bare.tight).saturating_sub(2) / 8);
        let sack = if blocks > 0 { 4 + 8 * blocks } else { 0 };
        let mut writer = Writer { area, at: 0, aligned: bare.aligned + sack <= OPTIONS_LEN_MAX };
        if let Some(mss) = self.mss {
            writer.option(0, MSS, &mss.to_be_bytes());
        }
        if self.sack_permitted {
            writer.option(if self.timestamps.is_some() { 0 } else { 2 }, SACK_PERMITTED, &[]);
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            let both = u64::from(value) << 32 | u64::from(echo);
            writer.option(if self.sack_permitted { 0 } else { 2 }, TIMESTAMPS, &both.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            writer.option(1, WINDOW_SCALE, &[shift]);
        }
        if blocks > 0 {
            let mut value = [0; 32];
            for (place, block) in value.chunks_exact_mut(8).zip(&self.sack) {
                place[..4].copy_from_slice(&block.left.0.to_be_bytes());
                place[4..].copy_from_slice(&block.right.0.to_be_bytes());
            }
            writer.option(2, SACK, &value[..8 * blocks]);
        }
        if let Some(fastopen) = &self.fastopen {
            writer.fast_open(fastopen);
        }
        writer.finish()
    }

    /// Octets of everything but SACK blocks, without and with padding.
    fn bare_len(&self) -> BareLen {
        let mss = if self.mss.is_some() { 4 } else { 0 };
        let (sack_tight, sack_aligned) = if self.sack_permitted { (2, 4) } else { (0, 0) };
        let (stamps_tight, stamps_aligned) = if self.timestamps.is_some() { (10, 12) } else { (0, 0) };
        let (scale_tight, scale_aligned) = if self.window_scale.is_some() { (3, 4) } else { (0, 0) };
        let shared = if self.sack_permitted && self.timestamps.is_some() { 4 } else { 0 };
        let fast_open = self.fastopen.as_ref().map_or(0, fast_open_len);
        BareLen {
            tight: mss + sack_tight + stamps_tight + scale_tight + fast_open,
            aligned: mss + sack_aligned + stamps_aligned + scale_aligned - shared
                + fast_open.next_multiple_of(4),
        }
    }
}

struct BareLen {
    tight: usize,
    aligned: usize,
}

struct Writer<'a> {
    area: &'a mut [u8],
    at: usize,
    aligned: bool,
}

impl Writer<'_> {
    fn option(&mut self, nops: usize, kind: u8, value: &[u8]) {
        if self.aligned {
            self.area[self.at..self.at + nops].fill(NOP);
            self.at += nops;
        }
        self.area[self.at] = kind;
        self.area[self.at + 1] = value.len() as u8 + 2;
        self.area[self.at + 2..][..value.len()].copy_from_slice(value);
        self.at += value.len() + 2;
    }

    fn fast_open(&mut self, fastopen: &FastOpen) {
        let cookie = fastopen.cookie.as_slice();
        if fastopen.experimental {
            let mut value = [0; 18];
            value[..2].copy_from_slice(&EXPERIMENT_FAST_OPEN);
            value[2..][..cookie.len()].copy_from_slice(cookie);
            self.option(0, EXPERIMENT, &value[..2 + cookie.len()]);
        } else {
            self.option(0, FAST_OPEN, cookie);
        }
        let end = if self.aligned { self.at.next_multiple_of(4) } else { self.at };
        self.area[self.at..end].fill(NOP);
        self.at = end;
    }

    fn finish(self) -> usize {
        let end = self.at.next_multiple_of(4);
        self.area[self.at..end].fill(END);
        end
    }
}

/// Octets of the option without padding.
fn fast_open_len(fastopen: &FastOpen) -> usize {
    2 + if fastopen.experimental { 2 } else { 0 } + fastopen.cookie.as_slice().len()
}

fn read_block(octets: &[u8]) -> SackBlock {
    let word =
        |at: usize| Seq(u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]));
    SackBlock { left: word(0), right: word(4) }
}
