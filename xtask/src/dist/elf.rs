//! Whether a program needs a dynamic linker: the heads of an ELF file of 64 bits and little end.

#[cfg(test)]
mod tests;

/// PT_INTERP: the linker that the kernel must start first.
const INTERPRETER: u32 = 3;

/// True for an ELF program that names no interpreter.
pub(super) fn is_static(octets: &[u8]) -> bool {
    if octets.get(..6) != Some(b"\x7fELF\x02\x01") {
        return false;
    }
    let Some(heads) = heads(octets) else { return false };
    !heads.is_empty() && !heads.contains(&INTERPRETER)
}

/// The kinds of its program headers; None when they are not all there.
fn heads(octets: &[u8]) -> Option<Vec<u32>> {
    let two = |at: usize| Some(u16::from_le_bytes(*octets.get(at..)?.first_chunk()?) as usize);
    let first = usize::try_from(u64::from_le_bytes(*octets.get(0x20..)?.first_chunk()?)).ok()?;
    let (length, count) = (two(0x36)?, two(0x38)?);
    let kind = |index: usize| {
        let at = first.checked_add(index.checked_mul(length)?)?;
        Some(u32::from_le_bytes(*octets.get(at..)?.first_chunk()?))
    };
    (0..count).map(kind).collect()
}
