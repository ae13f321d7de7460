//! ICMP for IPv6 on the wire (RFC 4443). Its checksum covers a pseudo header. Neighbour discovery is not here.

use std::net::Ipv6Addr;

use crate::checksum;
use crate::error::{Layer, ParseError, fixed};
use crate::icmp::{self, Echo, HEADER_LEN, Message, Problem, Quoted};
use crate::protocol::Protocol;

const UNREACHABLE: u8 = 1;
const TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

/// Codes of "destination unreachable" (RFC 4443 section 3.1) and "parameter problem" (section 3.4).
pub mod code {
    /// No route to the destination.
    pub const NO_ROUTE: u8 = 0;
    /// A filter forbids it.
    pub const PROHIBITED: u8 = 1;
    /// The address cannot be reached.
    pub const ADDRESS_UNREACHABLE: u8 = 3;
    /// Nobody has the port.
    pub const PORT_UNREACHABLE: u8 = 4;
    /// Parameter problem: a next header that nobody knows.
    pub const UNKNOWN_NEXT_HEADER: u8 = 1;
}

/// Reads a message: the whole IP payload, checksum verified. An error whose quote is unreadable is
/// [`Message::Other`], as nobody can be told of it.
pub fn parse(source: Ipv6Addr, destination: Ipv6Addr, data: &[u8]) -> Result<Message, ParseError> {
    let field = fixed::<HEADER_LEN>(data, Layer::Icmpv6)?;
    let mut sum = checksum::pseudo_header(source.into(), destination.into(), Protocol::ICMPV6, data.len());
    sum.add(data);
    if sum.fold() != 0xffff {
        return Err(ParseError::Checksum(Layer::Icmpv6));
    }
    let [kind, code, _, _, word @ ..] = *field;
    let problem = match kind {
        ECHO_REPLY => return Ok(Message::EchoReply(Echo::from_word(word))),
        ECHO_REQUEST => return Ok(Message::EchoRequest(Echo::from_word(word))),
        UNREACHABLE => Problem::Unreachable { code },
        TOO_BIG => Problem::TooBig { mtu: u32::from_be_bytes(word) },
        TIME_EXCEEDED => Problem::TimeExceeded { code },
        PARAMETER_PROBLEM => Problem::ParameterProblem { code, pointer: u32::from_be_bytes(word) },
        _ => return Ok(Message::Other { kind, code }),
    };
    Ok(match Quoted::ipv6(&data[HEADER_LEN..]) {
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
        Problem::TooBig { mtu } => icmp::head(TOO_BIG, 0, mtu.to_be_bytes()),
        Problem::TimeExceeded { code } => icmp::head(TIME_EXCEEDED, code, [0; 4]),
        Problem::ParameterProblem { code, pointer } => {
            icmp::head(PARAMETER_PROBLEM, code, pointer.to_be_bytes())
        }
    }
}

#[cfg(test)]
mod tests;
