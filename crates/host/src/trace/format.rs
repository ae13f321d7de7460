//! The files by which the kernel tells where the fields of a record are: `events/…/format` and `events/header_page`.
//!
//! Nothing of them is taken on trust: a field lies where the file says only if it has a width that can be read, and reading it
//! checks the record's length.

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) offset: usize,
    pub(super) size: usize,
}

impl Field {
    /// Its octets.
    pub(super) fn of<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        record.get(self.offset..self.offset.checked_add(self.size)?)
    }

    /// As a number of the machine's order, of one, two, four or eight octets.
    pub(super) fn number(&self, record: &[u8]) -> Option<u64> {
        let octets = self.of(record)?;
        Some(match octets.len() {
            1 => octets[0].into(),
            2 => u16::from_ne_bytes(*octets.first_chunk()?).into(),
            4 => u32::from_ne_bytes(*octets.first_chunk()?).into(),
            8 => u64::from_ne_bytes(*octets.first_chunk()?),
            _ => return None,
        })
    }
}

/// The number of an event, from its `format` file.
pub(super) fn id(text: &str) -> Option<u16> {
    text.lines().find_map(|line| line.strip_prefix("ID:"))?.trim().parse().ok()
}

/// The field of this name: `field:__u8 saddr[4]; offset:32; size:4; signed:0;`. The first one counts.
pub(super) fn field(text: &str, name: &str) -> Option<Field> {
    text.lines().find_map(|line| {
        let mut parts = line.trim_start().split(';').map(str::trim);
        let declaration = parts.next()?.strip_prefix("field:")?;
        let declared = declaration.split_whitespace().next_back()?;
        if declared.split('[').next()? != name {
            return None;
        }
        let (mut offset, mut size) = (None, None);
        for part in parts {
            match part.split_once(':') {
                Some(("offset", value)) => offset = value.parse().ok(),
                Some(("size", value)) => size = value.parse().ok(),
                _ => {}
            }
        }
        // Nothing that is read here lies further away than a page is long.
        let field = Field { offset: offset?, size: size? };
        (field.offset <= 1 << 16 && field.size <= 1 << 20).then_some(field)
    })
}
