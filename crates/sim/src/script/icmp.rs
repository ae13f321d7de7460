//! ICMP errors: `icmp unreachable frag_needed mtu 1400 [1:1001(1000)]`, `icmp type_11 code_0`.

use super::ast::IcmpKind;
use super::lexer::Token;
use super::parser::{Parsed, Parser};

/// Codes of `unreachable` with ICMPv4's number.
const UNREACHABLE: [(&str, u8); 21] = [
    ("net_unreachable", 0),
    ("host_unreachable", 1),
    ("protocol_unreachable", 2),
    ("port_unreachable", 3),
    ("source_route_failed", 5),
    ("net_unknown", 6),
    ("host_unknown", 7),
    ("source_host_isolated", 8),
    ("net_prohibited", 9),
    ("host_prohibited", 10),
    ("net_unreachable_for_tos", 11),
    ("host_unreachable_for_tos", 12),
    ("packet_filtered", 13),
    ("precedence_violation", 14),
    ("precedence_cutoff", 15),
    // ICMPv6's own names, with the code of ICMPv4 that means the same.
    ("no_route", 0),
    ("admin_prohibited", 13),
    ("not_neighbour", 5),
    ("address_unreachable", 1),
    ("exceeded_hop_limit", 0),
    ("exceeded_frag_time", 1),
];

/// Other types, with ICMPv4's number.
const TYPES: [(&str, u8); 12] = [
    ("echo_reply", 0),
    ("source_quench", 4),
    ("redirect", 5),
    ("echo_request", 8),
    ("time_exceeded", 11),
    ("parameter_problem", 12),
    ("timestamp_request", 13),
    ("timestamp_reply", 14),
    ("information_request", 15),
    ("information_reply", 16),
    ("address_mask_request", 17),
    ("address_mask_reply", 18),
];

impl Parser<'_> {
    pub(super) fn quoted(&mut self) -> Parsed<(u32, u32)> {
        self.need_sign('[')?;
        let range = self.sequence()?;
        self.need_sign(']')?;
        Ok(range)
    }

    pub(super) fn icmp_kind(&mut self) -> Parsed<IcmpKind> {
        if self.take_word("packet_too_big") {
            self.need_word("mtu")?;
            return Ok(IcmpKind::TooBig(self.number()?));
        }
        if !self.take_word("unreachable") {
            return self.other_kind();
        }
        // Without a code it is zero.
        let Some(&Token::Word(word)) = self.peek() else { return Ok(IcmpKind::Unreachable(0)) };
        if word == "frag_needed" {
            self.advance();
            let mtu = if self.take_word("mtu") { self.number()? } else { 0 };
            return Ok(IcmpKind::TooBig(mtu));
        }
        let named = UNREACHABLE.iter().find(|(name, _)| *name == word).map(|(_, code)| *code);
        let code = named.or_else(|| word.strip_prefix("code_")?.parse().ok());
        let code = code.ok_or_else(|| self.expected("a kind of unreachable, such as `frag_needed`"))?;
        self.advance();
        Ok(IcmpKind::Unreachable(code))
    }

    fn other_kind(&mut self) -> Parsed<IcmpKind> {
        let place = self.span().start;
        let word = self.word()?;
        let named = TYPES.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
        let kind = named.or_else(|| word.strip_prefix("type_")?.parse().ok());
        let kind =
            kind.ok_or_else(|| self.error_at(place, &format!("`{word}` is no ICMP error known here")))?;
        let mut code = 0;
        if let Some(&Token::Word(word)) = self.peek()
            && let Some(number) = word
                .strip_prefix("code_")
                .and_then(|number| number.parse().ok())
                .or_else(|| UNREACHABLE.iter().find(|(name, _)| *name == word).map(|(_, code)| *code))
        {
            code = number;
            self.advance();
        }
        Ok(IcmpKind::Other(kind, code))
    }
}
