//! A tap: writes what passes a device to a pcapng stream, both directions, and lets it pass unchanged.
//!
//! Packets start at the IP header (LINKTYPE_RAW). Super-frames are written whole. A partial checksum is finished in the
//! written copy only, so that a reader of the file sees no false alarm. A tap that cannot write stops writing, never
//! the traffic.

#[cfg(test)]
mod tests;

use crate::gated::{Gate, Verdict};
use lastack_wire::{Checksum, Frame, Packet, checksum};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};
use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// LINKTYPE_RAW of the tcpdump registry: IPv4 or IPv6, told apart by the version field.
const LINKTYPE_RAW: u32 = 101;

/// Which way a packet went, as `epb_flags` numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into the stack.
    In = 1,
    /// Out of the stack.
    Out = 2,
}

/// Writes packets as pcapng blocks of one interface, with times in nanoseconds.
pub struct Capture<W: Write> {
    writer: PcapNgWriter<BufWriter<W>>,
}

impl<W: Write> Capture<W> {
    /// Writes the file's head. `interface` is the name that a reader shows.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn new(writer: W, interface: &str) -> io::Result<Capture<W>> {
        let mut writer = PcapNgWriter::new(BufWriter::new(writer)).map_err(into_io)?;
        let description = InterfaceDescriptionBlock {
            linktype: DataLink::from(LINKTYPE_RAW),
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Owned(interface.to_owned())),
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        };
        writer.write_pcapng_block(description).map_err(into_io)?;
        Ok(Capture { writer })
    }

    /// Writes one packet. `at` is the time since the Unix epoch, `data` begins with the IP header.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn write(
        &mut self,
        at: Duration,
        direction: Direction,
        data: Cow<'_, [u8]>,
        checksum: Checksum,
    ) -> io::Result<()> {
        let data = finished(data, checksum);
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: at,
            original_len: data.len() as u32,
            data,
            options: vec![EnhancedPacketOption::Flags(direction as u32)],
        };
        self.writer.write_pcapng_block(block).map_err(into_io)?;
        Ok(())
    }

    /// Pushes what is buffered to the writer.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.get_mut().flush()
    }
}

fn into_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// The packet with its checksum as it would stand on a wire.
fn finished(data: Cow<'_, [u8]>, state: Checksum) -> Cow<'_, [u8]> {
    let Checksum::Partial { start, offset } = state else { return data };
    let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
    if field + 2 > data.len() {
        return data;
    }
    let mut data = data.into_owned();
    // The field holds the pseudo-header's sum and is summed with the rest.
    let finished = !checksum::sum(&data[start..]);
    data[field..field + 2].copy_from_slice(&finished.to_be_bytes());
    Cow::Owned(data)
}

/// The gate that writes what passes.
pub struct Tap<W: Write> {
    capture: Result<Capture<W>, io::Error>,
    clock: fn() -> Duration,
    unflushed: bool,
}

impl<W: Write + Send> Tap<W> {
    /// A tap for the device called `interface`; packets are stamped with the system's clock.
    ///
    /// # Errors
    /// What the writer answers to the file's head.
    pub fn new(writer: W, interface: &str) -> io::Result<Tap<W>> {
        Tap::with_clock(writer, interface, system_clock)
    }

    /// The same; packets are stamped with `clock`, the time since the Unix epoch.
    ///
    /// # Errors
    /// What the writer answers to the file's head.
    pub fn with_clock(writer: W, interface: &str, clock: fn() -> Duration) -> io::Result<Tap<W>> {
        Ok(Tap { capture: Ok(Capture::new(writer, interface)?), clock, unflushed: true })
    }

    /// Why the tap stopped writing, if it did.
    pub fn failure(&self) -> Option<&io::Error> {
        self.capture.as_ref().err()
    }

    fn record(&mut self, write: impl FnOnce(&mut Capture<W>, Duration) -> io::Result<()>) {
        let at = (self.clock)();
        if let Ok(capture) = &mut self.capture {
            self.unflushed = true;
            if let Err(error) = write(capture, at) {
                self.capture = Err(error);
            }
        }
    }
}

fn system_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl<W: Write + Send> Gate for Tap<W> {
    fn arrives(&mut self, frame: &Frame) -> Verdict {
        self.record(|capture, at| {
            capture.write(at, Direction::In, Cow::Borrowed(&frame.data), frame.offload.checksum)
        });
        Verdict::Pass
    }

    fn sent(&mut self, packet: &Packet) {
        self.record(|capture, at| {
            let data = Cow::Owned(packet.to_frame().data.into());
            capture.write(at, Direction::Out, data, packet.offload.checksum)
        });
    }

    /// A quiet moment: somebody may be reading the file along.
    fn drained(&mut self) {
        if std::mem::take(&mut self.unflushed)
            && let Ok(capture) = &mut self.capture
            && let Err(error) = capture.flush()
        {
            self.capture = Err(error);
        }
    }
}
