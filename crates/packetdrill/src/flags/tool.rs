//! What the tool was told on its own command line and hands to nobody: the device's MTU and our address.
//!
//! With a library in the kernel's place the tool makes no device, so `--mtu=1520` (which its IPv6 scripts count on) and
//! `--local_ip=` would be lost. The tool loads us into its own process, so the process's command line is the tool's.
//! `so_flags` come after and win. Not here: options inside a script, which only the tool reads.

/// The command line of this process in the words of `so_flags`; none when it is not the tool's.
pub(super) fn words() -> Vec<String> {
    std::fs::read("/proc/self/cmdline").map(|line| read(&line)).unwrap_or_default()
}

/// `arguments` as /proc has them: each ends with a zero octet.
fn read(arguments: &[u8]) -> Vec<String> {
    let arguments: Vec<_> =
        arguments.split(|&octet| octet == 0).map(|text| String::from_utf8_lossy(text)).collect();
    if !arguments.iter().any(|text| text.starts_with("--so_filename")) {
        return Vec::new();
    }
    let mut words = Vec::new();
    for (at, text) in arguments.iter().enumerate() {
        for (option, word) in [("--mtu", "mtu"), ("--local_ip", "local")] {
            let value = match text.strip_prefix(option) {
                Some("") => arguments.get(at + 1).map(|value| value.as_ref()),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            words.extend(value.map(|value| format!("{word}={value}")));
        }
    }
    words
}

#[cfg(test)]
mod tests;
