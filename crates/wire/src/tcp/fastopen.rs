//! The Fast Open option (RFC 7413 section 4.1.1) in both its forms: kind 34, and the experiment that came before it (kind
//! 254, magic 0xF989), which Linux still reads and answers in kind.
//!
//! Not here: what a cookie means.

use std::fmt;

/// Octets of the longest cookie.
const LEN_MAX: usize = 16;
/// Octets of the shortest cookie.
const LEN_MIN: usize = 4;

/// A cookie: 4 to 16 octets, an even number of them, or none: then it stands for the wish to get one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FastOpenCookie {
    octets: [u8; LEN_MAX],
    len: u8,
}

impl FastOpenCookie {
    /// No cookie.
    pub const NONE: FastOpenCookie = FastOpenCookie { octets: [0; LEN_MAX], len: 0 };

    /// A cookie of these octets; `None` when there cannot be such a cookie.
    pub fn new(octets: &[u8]) -> Option<FastOpenCookie> {
        let fits = octets.is_empty() || (LEN_MIN..=LEN_MAX).contains(&octets.len());
        if !fits || !octets.len().is_multiple_of(2) {
            return None;
        }
        let mut cookie = FastOpenCookie { len: octets.len() as u8, ..FastOpenCookie::NONE };
        cookie.octets[..octets.len()].copy_from_slice(octets);
        Some(cookie)
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }

    /// True when it is none: a request.
    pub fn is_none(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for FastOpenCookie {
    /// Who knows a cookie can send as its owner, so it is shown by nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FastOpenCookie({} octets)", self.len)
    }
}

/// The option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct FastOpen {
    /// The cookie; none in a SYN asks for one.
    pub cookie: FastOpenCookie,
    /// It has the form of the experiment.
    pub experimental: bool,
}

impl FastOpen {
    /// The option with these octets as its cookie; `None` when there cannot be such a cookie.
    pub fn new(cookie: &[u8], experimental: bool) -> Option<FastOpen> {
        Some(FastOpen { cookie: FastOpenCookie::new(cookie)?, experimental })
    }
}
