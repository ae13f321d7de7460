//! ICMP for IPv4 on the wire (RFC 792, RFC 1191 for the MTU).

use crate::checksum;
use crate::error::{Layer, ParseError, fixed};
use crate::icmp::{self, Echo, HEADER_LEN, Message, Problem, Quoted};

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;

/// Codes of "destination unreachable" (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
pub mod code {
    /// No way to the network.
    pub const NET_UNREACHABLE: u8 = 0;
    /// No way to the host.
    pub const HOST_UNREACHABLE: u8 = 1;
    /// The host does not speak the protocol.
    pub const PROTOCOL_UNREACHABLE: u8 = 2;
    /// Nobody has the port.
    pub const PORT_UNREACHABLE: u8 = 3;
    /// Too big, and DF is set; surfaced as [`Problem::TooBig`](crate::icmp::Problem::TooBig).
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    /// A source route failed.
    pub const SOURCE_ROUTE_FAILED: u8 = 5;
    /// A filter forbids the host.
    pub const HOST_PROHIBITED: u8 = 10;
    /// A filter forbids it.
    pub const PROHIBITED: u8 = 13;
    /// Of Time Exceeded: the rest of a packet's fragments did not come in time.
    pub const FRAGMENTS_EXPIRED: u8 = 1;
}

/// Reads a message: the whole IP payload, checksum verified. An error whose quote is unreadable is
/// [`Message::Other`], as nobody can be told of it.
pub fn parse(data: &[u8]) -> Result<Message, ParseError> {
    let field = fixed::<HEADER_LEN>(data, Layer::Icmpv4)?;
    if checksum::sum(data) != 0xffff {
        return Err(ParseError::Checksum(Layer::Icmpv4));
    }
    let [kind, code, _, _, word @ ..] = *field;
    let problem = match (kind, code) {
        (ECHO_REPLY, _) => return Ok(Message::EchoReply(Echo::from_word(word))),
        (ECHO_REQUEST, _) => return Ok(Message::EchoRequest(Echo::from_word(word))),
        (UNREACHABLE, code::FRAGMENTATION_NEEDED) => {
            Problem::TooBig { mtu: u32::from(u16::from_be_bytes([word[2], word[3]])) }
        }
        (UNREACHABLE, code) => Problem::Unreachable { code },
        (TIME_EXCEEDED, code) => Problem::TimeExceeded { code },
        (PARAMETER_PROBLEM, code) => Problem::ParameterProblem { code, pointer: u32::from(word[0]) },
        _ => return Ok(Message::Other { kind, code }),
    };
    Ok(match Quoted::ipv4(&data[HEADER_LEN..]) {
        Some(quoted) => Message::Error { problem, quoted },
        None => Message::Other { kind, code },
    })
}

/// The eight octets of an echo reply before its data, checksum zero.
pub fn echo_reply(echo: Echo) -> [u8; HEADER_LEN] {
    icmp::head(ECHO_REPLY, 0, echo.to_word())
}

/// The eight octets of an echo request before its data, checksum zero.
pub fn echo_request(echo: Echo) -> [u8; HEADER_LEN] {
    icmp::head(ECHO_REQUEST, 0, echo.to_word())
}

/// The eight octets of an error before its quote, checksum zero.
pub fn error(problem: Problem) -> [u8; HEADER_LEN] {
    match problem {
        Problem::Unreachable { code } => icmp::head(UNREACHABLE, code, [0; 4]),
        Problem::TooBig { mtu } => {
            let [high, low] = u16::try_from(mtu).unwrap_or(u16::MAX).to_be_bytes();
            icmp::head(UNREACHABLE, code::FRAGMENTATION_NEEDED, [0, 0, high, low])
        }
        Problem::TimeExceeded { code } => icmp::head(TIME_EXCEEDED, code, [0; 4]),
        Problem::ParameterProblem { code, pointer } => {
            icmp::head(PARAMETER_PROBLEM, code, [u8::try_from(pointer).unwrap_or(u8::MAX), 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests;
