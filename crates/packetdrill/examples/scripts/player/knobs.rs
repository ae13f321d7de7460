//! Sysctls of a script for the library: a folder that stands for `/proc/sys`, which the library reads as it runs.

use lastack_sim::script::ast::{Script, Sysctl};
use lastack_stack::knobs::table;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the tool's `defaults.sh` sets where no such file lies beside the script.
const DEFAULTS: &[(&str, &str)] = &[
    ("tcp_rmem", "4096 540000 15728640"),
    ("tcp_wmem", "4096 262144 4194304"),
    ("tcp_timestamps", "1"),
    ("tcp_syn_retries", "5"),
    ("tcp_synack_retries", "5"),
    ("tcp_frto", "2"),
    ("tcp_sack", "1"),
    ("tcp_dsack", "1"),
    ("tcp_reordering", "3"),
    ("tcp_congestion_control", "cubic"),
    ("tcp_slow_start_after_idle", "0"),
    ("tcp_early_retrans", "4"),
    ("tcp_recovery", "1"),
    ("tcp_tso_win_divisor", "3"),
    ("tcp_ecn", "0"),
    ("tcp_pacing_ss_ratio", "200"),
    ("tcp_pacing_ca_ratio", "120"),
    ("tcp_notsent_lowat", "4294967295"),
    ("tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"),
    ("tcp_syncookies", "1"),
];

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, which goes away with the value.
pub(super) struct Knobs {
    folder: PathBuf,
    /// The kernel's own are set, in the namespace of this thread.
    kernel: bool,
}

impl Drop for Knobs {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Knobs {
    /// The folder with what the script's preamble sets.
    pub(super) fn new(script: &Script, kernel: bool) -> Result<Knobs, String> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lastack-scripts-{}-{number}", std::process::id());
        let knobs = Knobs { folder: std::env::temp_dir().join(name), kernel };
        if let Some(path) = &script.defaults {
            for (name, value) in DEFAULTS {
                knobs.write(name, value)?;
            }
            // Servers without the socket option are served in one of the two versions of the file.
            knobs.write("tcp_fastopen", if path.contains("..") { "0x70403" } else { "0x3" })?;
        }
        knobs.set(&script.sysctls)?;
        for (index, (_, octets)) in script.zeros.iter().enumerate() {
            let made = std::fs::create_dir_all(&knobs.folder)
                .and_then(|()| std::fs::File::create(knobs.zeros(index)))
                .and_then(|file| file.set_len(*octets));
            made.map_err(|error| error.to_string())?;
        }
        Ok(knobs)
    }

    /// Where a file of zeros lies that the script makes elsewhere.
    pub(super) fn zeros(&self, index: usize) -> PathBuf {
        self.folder.join(format!("zeros-{index}"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Sets what a command sets.
    pub(super) fn set(&self, sysctls: &[Sysctl]) -> Result<(), String> {
        sysctls.iter().try_for_each(|sysctl| self.write(&sysctl.name, &sysctl.value))
    }

    /// A name without a dot is one of `net.ipv4`. Numbers may be joined by commas, as the tool's helper script has them.
    fn write(&self, name: &str, value: &str) -> Result<(), String> {
        let name = if name.contains('.') { name.to_owned() } else { format!("net.ipv4.{name}") };
        let list = name.ends_with("_ports") || name.ends_with("_key");
        let value = if list { value.to_owned() } else { value.replace(',', " ") };
        if self.kernel {
            return set_kernel(&name, &value);
        }
        if table::find(&name).is_ok() {
            check(&name, &value)?;
        }
        let path = self.folder.join(name.replace('.', "/"));
        let folder = path.parent().ok_or("a sysctl has a folder")?;
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, value)).map_err(|e| e.to_string())
    }
}

/// Knobs that lastack does not have are passed over, as with the real `/proc`; values that it cannot take are told.
fn check(name: &str, value: &str) -> Result<(), String> {
    let knob = table::find(name).map_err(|error| error.to_string())?;
    knob.write(&mut lastack_stack::Knobs::default(), value).map_err(|error| error.to_string())
}

/// A knob of the network namespace; those that this kernel does not have are passed over, as by the tool's helpers.
fn set_kernel(name: &str, value: &str) -> Result<(), String> {
    if !name.starts_with("net.") {
        return Err(format!("{name} is no knob of a network namespace"));
    }
    if name == "net.ipv4.tcp_congestion_control" {
        super::kernel::set_congestion(value);
        return Ok(());
    }
    match std::fs::write(Path::new("/proc/sys").join(name.replace('.', "/")), value) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{name}={value}: {error}")),
        _ => Ok(()),
    }
}
