//! Segments and ICMP errors: `S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 7 ecr 5,nop,wscale 10>`.

use super::ast::{Action, Icmp, Marks, Opt, Segment};
use super::lexer::Token;
use super::parser::{Parsed, Parser};
use lastack_wire::tcp::Flags;

impl Parser<'_> {
    /// What follows `<`: a segment, or an ICMP error with the part it quotes before or after it.
    pub(super) fn inbound(&mut self) -> Parsed<Action> {
        let marks = self.marks()?;
        let quoted = if self.at_sign('[') { Some(self.quoted()?) } else { None };
        if let Some(foreign) = self.foreign() {
            return Ok(foreign);
        }
        if self.peek() != Some(&Token::Word("icmp")) {
            return if quoted.is_some() {
                Err(self.expected("`icmp`"))
            } else {
                Ok(Action::Send(self.segment(true, marks)?))
            };
        }
        self.advance();
        let kind = self.icmp_kind()?;
        let quoted = if quoted.is_none() && self.at_sign('[') { Some(self.quoted()?) } else { quoted };
        Ok(Action::SendIcmp(Icmp { kind, quoted }))
    }

    /// What follows `>`.
    pub(super) fn outbound(&mut self) -> Parsed<Action> {
        let marks = self.marks()?;
        match self.foreign() {
            Some(foreign) => Ok(foreign),
            None if self.peek() == Some(&Token::Word("icmp")) => {
                Ok(self.pass_over("an ICMP packet of the stack"))
            }
            None => Ok(Action::Expect(self.segment(false, marks)?)),
        }
    }

    /// UDP, and packets within packets: read to the end of their line.
    fn foreign(&mut self) -> Option<Action> {
        let what = match self.peek() {
            Some(Token::Word("udp")) => "UDP",
            Some(Token::Word("ipv4" | "ipv6" | "gre" | "GREv0" | "mpls")) => "a packet within a packet",
            _ => return None,
        };
        Some(self.pass_over(what))
    }

    fn pass_over(&mut self, what: &str) -> Action {
        let line = self.line();
        while self.peek().is_some() && self.line() == line {
            self.advance();
        }
        Action::Foreign(what.to_owned())
    }

    /// A TCP segment after its arrow.
    pub(super) fn segment(&mut self, inbound: bool, mut marks: Marks) -> Parsed<Segment> {
        let flags = self.flags(&mut marks)?;
        // `seq` before the numbers is an older spelling.
        self.take_word("seq");
        let (start, len) = self.sequence()?;
        let ack = if self.take_word("ack") { Some(self.number()?) } else { None };
        let window = if self.take_word("win") { Some(self.number()?) } else { None };
        let urgent = if self.take_word("urg") { Some(self.number()?) } else { None };
        if inbound && window.is_none() {
            return Err(self.expected("`win`: a segment that is sent needs its window"));
        }
        let mut options = Some(Vec::new());
        if self.take_sign('<') {
            options = self.options(inbound)?;
        }
        self.fuzz_words();
        Ok(Segment { flags, start, len, ack, window, urgent, options, marks })
    }

    /// `{ mut tcp mss }`: what a variant of the tool would damage; the packet counts as it stands.
    fn fuzz_words(&mut self) {
        if !self.at_sign('{') {
            return;
        }
        while self.peek().is_some() && !self.take_sign('}') {
            self.advance();
        }
    }

    /// Flag letters stand together without spaces; `.` is ACK, `-` is none, a digit is the ACE field.
    fn flags(&mut self, marks: &mut Marks) -> Parsed<Flags> {
        let mut flags = Flags::default();
        let mut end = self.span().start;
        let mut seen = false;
        loop {
            let letters: &str = match self.peek() {
                Some(Token::Word(word)) => word,
                Some(Token::Number(ace)) if ace.starts_with('.') || seen => ace,
                Some(Token::Sign('.')) => ".",
                Some(Token::Sign('-')) => "-",
                _ => break,
            };
            if self.span().start != end {
                break;
            }
            for letter in letters.chars() {
                match letter {
                    'A' => marks.ae = true,
                    '0'..='7' => marks.ace = Some(letter as u8 - b'0'),
                    _ => flags = flags.with(self.flag(letter)?),
                }
            }
            end = self.span().end;
            seen = true;
            self.advance();
        }
        // AccECN: AE, CWR and ECE are one number (draft-ietf-tcpm-accurate-ecn section 3.1).
        if let Some(ace) = marks.ace.filter(|ace| *ace > 0) {
            marks.ae = ace & 4 != 0;
            let bit = |set: bool, flag: Flags| if set { flag } else { Flags::default() };
            flags = flags.with(bit(ace & 2 != 0, Flags::CWR)).with(bit(ace & 1 != 0, Flags::ECE));
        }
        if seen { Ok(flags) } else { Err(self.expected("flags such as `S.`")) }
    }

    fn flag(&self, letter: char) -> Parsed<Flags> {
        Ok(match letter {
            'S' => Flags::SYN,
            'F' => Flags::FIN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'U' => Flags::URG,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            '-' => Flags::default(),
            _ => return Err(self.error("flags are letters of SFRPUEWA, `.` for ACK, or `-`")),
        })
    }

    /// `1:1001(1000)`: the length must be what lies between the numbers.
    pub(super) fn sequence(&mut self) -> Parsed<(u32, u32)> {
        let start: u32 = self.number()?;
        self.need_sign(':')?;
        let place = self.span();
        let end: u32 = self.number()?;
        self.need_sign('(')?;
        let len: u32 = self.number()?;
        self.need_sign(')')?;
        if start.wrapping_add(len) != end {
            let there = start.wrapping_add(len);
            let message = format!("{start} and {len} octets make {there}, not {end}");
            return Err(self.error_at(place.start, &message));
        }
        if len > 65_535 {
            return Err(self.error_at(place.start, "no segment carries more than 65535 octets"));
        }
        Ok((start, len))
    }

    fn options(&mut self, inbound: bool) -> Parsed<Option<Vec<Opt>>> {
        if self.peek() == Some(&Token::Ellipsis) {
            if inbound {
                return Err(self.error("a segment that is sent needs its options in full"));
            }
            self.advance();
            self.need_sign('>')?;
            return Ok(None);
        }
        let mut options = Vec::new();
        while !self.take_sign('>') {
            if !options.is_empty() {
                self.need_sign(',')?;
            }
            options.push(self.one_option()?);
        }
        Ok(Some(options))
    }

    fn one_option(&mut self) -> Parsed<Opt> {
        let place = self.span().start;
        Ok(match self.word()? {
            "eol" => Opt::Eol,
            "nop" => Opt::Nop,
            "mss" => Opt::Mss(self.number()?),
            "wscale" => Opt::WindowScale(self.number()?),
            "sackOK" => Opt::SackOk,
            "sack" => {
                let mut blocks = Vec::new();
                while matches!(self.peek(), Some(Token::Number(_))) {
                    let left = self.number()?;
                    self.need_sign(':')?;
                    blocks.push((left, self.number()?));
                }
                Opt::Sack(blocks)
            }
            "TS" => {
                self.need_word("val")?;
                let value = self.number()?;
                self.need_word("ecr")?;
                Opt::Timestamps(value, self.number()?)
            }
            "md5" => Opt::Md5(self.cookie()?),
            "ECN" => self.acc_ecn()?,
            "FO" => Opt::FastOpen(self.cookie()?),
            "FOEXP" => Opt::FastOpenExperiment(self.cookie()?),
            other => return Err(self.error_at(place, &format!("`{other}` is no TCP option known here"))),
        })
    }

    /// `e1b 1 ceb 0 e0b 1`, or the other way round; the last ones may be missing.
    fn acc_ecn(&mut self) -> Parsed<Opt> {
        let order = self.peek() == Some(&Token::Word("e1b"));
        let names = if order { ["e1b", "ceb", "e0b"] } else { ["e0b", "ceb", "e1b"] };
        let mut counters = Vec::new();
        for name in names {
            if !self.take_word(name) {
                break;
            }
            counters.push(self.number()?);
        }
        Ok(Opt::AccEcn(order, counters))
    }

    /// Hexadecimal digits, which may look like a number, a word or both; or nothing.
    fn cookie(&mut self) -> Parsed<Vec<u8>> {
        let place = self.span().start;
        let mut last = place..place;
        let mut digits = String::new();
        while let Some(Token::Number(part) | Token::Word(part)) = self.peek() {
            // The words that a definition stands for are all where its name is.
            if self.span().start != last.end && self.span() != last {
                break;
            }
            digits.push_str(part);
            last = self.span();
            self.advance();
        }
        let octet = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let octets: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(octet).collect();
        octets.ok_or_else(|| self.error_at(place, "a cookie is an even number of hexadecimal digits"))
    }
}
