//! Keys that make Fast Open cookies, and the text of `net.ipv4.tcp_fastopen_key`.

use std::fmt;
use std::str::FromStr;

/// One key: 16 octets. Shown by nothing but [`FastOpenKeys::reveal`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FastOpenKey([u8; FastOpenKey::LEN]);

impl FastOpenKey {
    /// Octets of a key.
    pub const LEN: usize = 16;

    /// The key with these octets, as TCP_FASTOPEN_KEY gives them.
    pub const fn new(octets: [u8; FastOpenKey::LEN]) -> FastOpenKey {
        FastOpenKey(octets)
    }

    /// The octets, for who may read TCP_FASTOPEN_KEY.
    pub const fn octets(&self) -> [u8; FastOpenKey::LEN] {
        self.0
    }

    /// The two words of SipHash's key.
    pub(super) fn words(&self) -> [u64; 2] {
        let both = u128::from_le_bytes(self.0);
        [both as u64, (both >> 64) as u64]
    }

    fn parts(&self) -> [u32; 4] {
        let both = u128::from_le_bytes(self.0);
        [0, 32, 64, 96].map(|shift| (both >> shift) as u32)
    }
}

impl fmt::Debug for FastOpenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FastOpenKey")
    }
}

/// The key that makes cookies, and the one before it, whose cookies are still taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastOpenKeys {
    /// Makes cookies.
    pub primary: FastOpenKey,
    /// Only checks them.
    pub backup: Option<FastOpenKey>,
}

impl FastOpenKeys {
    /// One key and no backup.
    pub const fn new(primary: FastOpenKey) -> FastOpenKeys {
        FastOpenKeys { primary, backup: None }
    }

    /// The keys from the octets of TCP_FASTOPEN_KEY: 16, or 32 with a backup. `None` for another length (EINVAL).
    pub fn from_octets(octets: &[u8]) -> Option<FastOpenKeys> {
        let key = |octets: &[u8]| octets.try_into().ok().map(FastOpenKey::new);
        match octets.len() {
            FastOpenKey::LEN => Some(FastOpenKeys::new(key(octets)?)),
            32 => {
                let (primary, backup) = octets.split_at(FastOpenKey::LEN);
                Some(FastOpenKeys { primary: key(primary)?, backup: Some(key(backup)?) })
            }
            _ => None,
        }
    }

    /// The octets, 16 or 32, for who may read TCP_FASTOPEN_KEY.
    pub fn octets(&self) -> Vec<u8> {
        let backup = self.backup.as_ref().map(FastOpenKey::octets);
        self.primary.octets().into_iter().chain(backup.into_iter().flatten()).collect()
    }

    /// The text of the sysctl: `a-b-c-d` or `a-b-c-d,e-f-g-h`. It tells the secret to whoever reads it, as Linux tells root.
    pub fn reveal(&self) -> String {
        let text = |key: &FastOpenKey| {
            let [a, b, c, d] = key.parts();
            format!("{a:08x}-{b:08x}-{c:08x}-{d:08x}")
        };
        match &self.backup {
            Some(backup) => format!("{},{}", text(&self.primary), text(backup)),
            None => text(&self.primary),
        }
    }
}

/// Text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl FromStr for FastOpenKey {
    type Err = NoKey;

    /// Four hexadecimal numbers of up to eight digits with dashes between them.
    fn from_str(text: &str) -> Result<FastOpenKey, NoKey> {
        let mut both = 0_u128;
        let mut count = 0;
        for (place, part) in text.split('-').enumerate() {
            let digits = (1..=8).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !digits || place > 3 {
                return Err(NoKey);
            }
            let part = u32::from_str_radix(part, 16).map_err(|_| NoKey)?;
            both |= u128::from(part) << (32 * place);
            count = place + 1;
        }
        if count == 4 { Ok(FastOpenKey(both.to_le_bytes())) } else { Err(NoKey) }
    }
}

impl FromStr for FastOpenKeys {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<FastOpenKeys, NoKey> {
        match text.trim().split_once(',') {
            Some((primary, backup)) => {
                Ok(FastOpenKeys { primary: primary.parse()?, backup: Some(backup.parse()?) })
            }
            None => Ok(FastOpenKeys::new(text.trim().parse()?)),
        }
    }
}
