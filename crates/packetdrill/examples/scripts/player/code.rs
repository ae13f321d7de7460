//! `%{ ... }%`: Python that is run when the script is over, with what the socket under test said at each block's moment.

use libc::{c_int, c_void};
use std::fmt::Write as _;
use std::path::Path;

const PREAMBLE: &str = "\
import sys, traceback
def excepthook(kind, value, trace):
  sys.stderr.write('line %d: ' % _line)
  sys.stderr.write(''.join(traceback.format_exception_only(kind, value)))
sys.excepthook = excepthook
";

const NAMES: &[(&str, u64)] = &[
    ("TCP_ESTABLISHED", 1),
    ("TCP_SYN_SENT", 2),
    ("TCP_SYN_RECV", 3),
    ("TCP_FIN_WAIT1", 4),
    ("TCP_FIN_WAIT2", 5),
    ("TCP_TIME_WAIT", 6),
    ("TCP_CLOSE", 7),
    ("TCP_CLOSE_WAIT", 8),
    ("TCP_LAST_ACK", 9),
    ("TCP_LISTEN", 10),
    ("TCP_CLOSING", 11),
    ("TCP_CA_Open", 0),
    ("TCP_CA_Disorder", 1),
    ("TCP_CA_CWR", 2),
    ("TCP_CA_Recovery", 3),
    ("TCP_CA_Loss", 4),
    ("TCPI_OPT_TIMESTAMPS", 1),
    ("TCPI_OPT_SACK", 2),
    ("TCPI_OPT_WSCALE", 4),
    ("TCPI_OPT_ECN", 8),
    ("TCPI_OPT_ECN_SEEN", 16),
    ("TCPI_OPT_SYN_DATA", 32),
    ("TCPI_ECN_MODE_DISABLED", 0),
    ("TCPI_ECN_MODE_RFC3168", 1),
    ("TCPI_ECN_MODE_ACCECN", 2),
    ("TCPI_ECN_MODE_PENDING", 3),
];

/// Fields of `struct tcp_info` in `linux/tcp.h`: name, first octet, octets.
const INFO: &[(&str, usize, usize)] = &[
    ("state", 0, 1),
    ("ca_state", 1, 1),
    ("retransmits", 2, 1),
    ("probes", 3, 1),
    ("backoff", 4, 1),
    ("options", 5, 1),
    ("rto", 8, 4),
    ("ato", 12, 4),
    ("snd_mss", 16, 4),
    ("rcv_mss", 20, 4),
    ("unacked", 24, 4),
    ("sacked", 28, 4),
    ("lost", 32, 4),
    ("retrans", 36, 4),
    ("fackets", 40, 4),
    ("last_data_sent", 44, 4),
    ("last_ack_sent", 48, 4),
    ("last_data_recv", 52, 4),
    ("last_ack_recv", 56, 4),
    ("pmtu", 60, 4),
    ("rcv_ssthresh", 64, 4),
    ("rtt", 68, 4),
    ("rttvar", 72, 4),
    ("snd_ssthresh", 76, 4),
    ("snd_cwnd", 80, 4),
    ("advmss", 84, 4),
    ("reordering", 88, 4),
    ("rcv_rtt", 92, 4),
    ("rcv_space", 96, 4),
    ("total_retrans", 100, 4),
    ("pacing_rate", 104, 8),
    ("max_pacing_rate", 112, 8),
    ("bytes_acked", 120, 8),
    ("bytes_received", 128, 8),
    ("segs_out", 136, 4),
    ("segs_in", 140, 4),
    ("notsent_bytes", 144, 4),
    ("min_rtt", 148, 4),
    ("data_segs_in", 152, 4),
    ("data_segs_out", 156, 4),
    ("delivery_rate", 160, 8),
    ("busy_time", 168, 8),
    ("rwnd_limited", 176, 8),
    ("sndbuf_limited", 184, 8),
    ("delivered", 192, 4),
    ("delivered_ce", 196, 4),
    ("bytes_sent", 200, 8),
    ("bytes_retrans", 208, 8),
    ("dsack_dups", 216, 4),
    ("reord_seen", 220, 4),
    ("rcv_ooopack", 224, 4),
    ("snd_wnd", 228, 4),
    ("rcv_wnd", 232, 4),
    ("rehash", 236, 4),
    ("total_rto", 240, 2),
    ("total_rto_recoveries", 242, 2),
    ("total_rto_time", 244, 4),
    ("received_ce", 248, 4),
    ("delivered_e1_bytes", 252, 4),
    ("delivered_e0_bytes", 256, 4),
    ("delivered_ce_bytes", 260, 4),
    ("received_e1_bytes", 264, 4),
    ("received_e0_bytes", 268, 4),
    ("received_ce_bytes", 272, 4),
];

const MEMINFO: [&str; 9] = [
    "RMEM_ALLOC",
    "RCVBUF",
    "WMEM_ALLOC",
    "SNDBUF",
    "FWD_ALLOC",
    "WMEM_QUEUED",
    "OPTMEM",
    "BACKLOG",
    "DROPS",
];

/// The octets that the tool has room for.
const INFO_OCTETS: u32 = 280;

/// All blocks of a script.
pub(super) struct Program {
    name: String,
    text: String,
}

impl Program {
    pub(super) fn new(script: &Path) -> Program {
        Program { name: script.display().to_string(), text: String::new() }
    }

    /// A block, with what the socket says now.
    pub(super) fn add(&mut self, line: usize, code: &str, fd: c_int) -> Result<(), String> {
        if self.text.is_empty() {
            self.text.push_str(PREAMBLE);
            let _ = writeln!(self.text, "_file = {:?}", self.name);
        }
        let info = option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, INFO_OCTETS)?;
        self.info(&info);
        self.congestion(&option(fd, libc::IPPROTO_TCP, libc::TCP_CC_INFO, 20)?);
        let memory = option(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, 36)?;
        for (index, name) in MEMINFO.iter().enumerate() {
            let _ = writeln!(self.text, "SK_MEMINFO_{name} = {}", number(&memory, index * 4, 4));
        }
        let _ = writeln!(self.text, "_line = {line}\n{}\n", code.trim_matches([' ', '\t']));
        Ok(())
    }

    fn info(&mut self, info: &[u8]) {
        for (name, value) in NAMES {
            let _ = writeln!(self.text, "{name} = {value}");
        }
        for (name, at, len) in INFO {
            let _ = writeln!(self.text, "tcpi_{name} = {}", number(info, *at, *len));
        }
        let octet = |at: usize| info.get(at).copied().unwrap_or(0);
        let _ = writeln!(self.text, "tcpi_snd_wscale = {}", octet(6) & 15);
        let _ = writeln!(self.text, "tcpi_rcv_wscale = {}", octet(6) >> 4);
        let _ = writeln!(self.text, "tcpi_delivery_rate_app_limited = {}", octet(7) & 1);
        let ecn = octet(276);
        let fields =
            [("ecn_mode", ecn & 3), ("accecn_opt_seen", ecn >> 2 & 3), ("accecn_fail_mode", ecn >> 4)];
        for (name, value) in fields {
            let _ = writeln!(self.text, "tcpi_{name} = {value}");
        }
        let _ = writeln!(self.text, "tcpi_fastopen_client_fail = {}", octet(7) >> 1 & 3);
    }

    /// `union tcp_cc_info`: nothing for those that tell nothing, as reno and cubic.
    fn congestion(&mut self, info: &[u8]) {
        if info.len() < 16 {
            return;
        }
        let fields = ["dctcp_enabled", "dctcp_ce_state", "dctcp_alpha", "dctcp_ab_ecn", "dctcp_ab_tot"];
        let places = [(0, 2), (2, 2), (4, 4), (8, 4), (12, 4)];
        for (name, (at, len)) in fields.iter().zip(places) {
            let _ = writeln!(self.text, "{name} = {}", number(info, at, len));
        }
    }

    /// Runs everything; the line of the block that fails, and what it says.
    pub(super) fn run(&self) -> Result<(), (usize, String)> {
        if self.text.is_empty() {
            return Ok(());
        }
        let ran = std::process::Command::new("python3").args(["-c", &self.text]).output();
        let ran = ran.map_err(|error| (0, format!("python3 cannot be run: {error}")))?;
        if ran.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ran.stderr).trim().replace('\n', "; ");
        let rest = said.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
        Err(match rest.and_then(|(line, why)| Some((line.parse().ok()?, why))) {
            Some((line, why)) => (line, self.explain(line, why)),
            None => (0, said),
        })
    }

    /// An assertion without a message names nothing: the values that it speaks of are of use.
    fn explain(&self, line: usize, why: &str) -> String {
        let mark = format!("\n_line = {line}\n");
        let Some((before, after)) = self.text.split_once(&mark) else { return why.to_owned() };
        let code = after.split("\n\n").next().unwrap_or(after).trim();
        let mut text = format!("{why} in `{}`, where", code.replace('\n', "; "));
        for word in code.split(|c: char| !c.is_alphanumeric() && c != '_') {
            let start = format!("\n{word} = ");
            if word.starts_with("tcpi_") || word.starts_with("SK_MEMINFO") {
                let value = before.rsplit(&start).next().and_then(|rest| rest.lines().next());
                let named = format!(" {word} = {}", value.unwrap_or("?"));
                if !text.contains(&named) {
                    text.push_str(&named);
                }
            }
        }
        text
    }
}

fn number(octets: &[u8], at: usize, len: usize) -> u64 {
    let octets = octets.get(at..at + len).unwrap_or(&[]);
    octets.iter().rev().fold(0, |all, octet| all << 8 | u64::from(*octet))
}

/// getsockopt() past the table, as the tool does it for code.
fn option(fd: c_int, level: c_int, name: c_int, room: u32) -> Result<Vec<u8>, String> {
    let (mut value, mut len) = (vec![0_u8; room as usize], room);
    let to: *mut c_void = value.as_mut_ptr().cast();
    // SAFETY: a local buffer and its length.
    let told = unsafe { lastack_packetdrill::getsockopt(fd, level, name, to, &mut len) };
    value.truncate(len as usize);
    if told == 0 {
        Ok(value)
    } else {
        Err(format!("getsockopt() has no option {name} of level {level} for code"))
    }
}
