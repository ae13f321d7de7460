//! What a packet's IP header says: `[ect0]`, `(tos 0x1a)`, `(ttl 63)`, `[ce, flowlabel 0x5]`; and `(41000 > 8080)`.

use super::lexer::Token;
use super::parser::{Parsed, Parser};

/// What a script says of an IP header, and of the ports when it names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The octet with DSCP and ECN.
    pub tos: Tos,
    /// Time to live or hop limit; zero: not named.
    pub ttl: u8,
    /// IPv6 flow label; zero: not named.
    pub flow_label: u32,
    /// Source and destination port; zero: the flow's own.
    pub ports: (u16, u16),
    /// The flag AE of AccECN.
    pub ae: bool,
    /// The ACE field, when the script names the three flags as one number.
    pub ace: Option<u8>,
}

/// What is said of DSCP and ECN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tos {
    /// Nothing; on a packet that is sent: zero.
    #[default]
    Unsaid,
    /// The two bits of ECN.
    Ecn(u8),
    /// Either ECT(0) or ECT(1).
    Ect01,
    /// The whole octet.
    Whole(u8),
}

impl Marks {
    /// True when a packet with these marks, as it was seen, is as the script says. Flow labels are another matter: a script
    /// only says which of them are the same.
    pub fn header_fits(&self, seen: &Marks) -> bool {
        let Tos::Whole(octet) = seen.tos else { return true };
        self.tos.fits(octet) && (self.ttl == 0 || self.ttl == seen.ttl)
    }
}

impl Tos {
    /// The octet for a packet that is sent.
    pub fn octet(self) -> u8 {
        match self {
            Tos::Unsaid => 0,
            Tos::Ect01 => 2,
            Tos::Ecn(octet) | Tos::Whole(octet) => octet,
        }
    }

    /// True when a packet with this octet is as was said.
    pub fn fits(self, octet: u8) -> bool {
        match self {
            Tos::Unsaid => true,
            Tos::Ecn(bits) => octet & 3 == bits,
            Tos::Ect01 => matches!(octet & 3, 1 | 2),
            Tos::Whole(whole) => octet == whole,
        }
    }
}

impl Parser<'_> {
    /// What stands between the arrow and the flags.
    pub(super) fn marks(&mut self) -> Parsed<Marks> {
        let mut marks = Marks::default();
        let close = match self.peek() {
            Some(Token::Sign('[')) => ']',
            Some(Token::Sign('(')) => ')',
            _ => return self.ports(marks),
        };
        if close == ')' && !matches!(self.peek_second(), Some(Token::Word(_))) {
            return self.ports(marks);
        }
        // A number after the bracket begins what an ICMP error quotes.
        if !matches!(self.peek_second(), Some(Token::Word(_))) {
            return Ok(marks);
        }
        self.advance();
        while !self.take_sign(close) {
            match self.word()? {
                "noecn" => marks.tos = Tos::Ecn(0),
                "ect1" => marks.tos = Tos::Ecn(1),
                "ect0" => marks.tos = Tos::Ecn(2),
                "ce" => marks.tos = Tos::Ecn(3),
                "ect01" => marks.tos = Tos::Ect01,
                "tos" => marks.tos = Tos::Whole(self.number()?),
                "ttl" => marks.ttl = self.number()?,
                "flowlabel" => marks.flow_label = self.number()?,
                other => return Err(self.error(&format!("`{other}` is no mark of an IP header"))),
            }
            self.take_sign(',');
        }
        self.ports(marks)
    }

    /// `41000 > 8080`, which some write in parentheses.
    fn ports(&mut self, mut marks: Marks) -> Parsed<Marks> {
        if self.take_sign('(') {
            marks = self.ports(marks)?;
            self.need_sign(')')?;
            return Ok(marks);
        }
        if matches!(self.peek(), Some(Token::Number(_))) && self.peek_second() == Some(&Token::Sign('>')) {
            let from = self.number()?;
            self.need_sign('>')?;
            marks.ports = (from, self.number()?);
        }
        Ok(marks)
    }
}
