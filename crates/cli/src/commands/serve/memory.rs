//! How much memory the machine has, for the knobs that Linux computes from it.

#[cfg(test)]
mod tests;

/// Octets of memory; `None` when the kernel does not tell.
pub(crate) fn of_machine() -> Option<u64> {
    total(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// `MemTotal` of /proc/meminfo, in octets.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
