//! `lastack ss --events`, `--watch` and `--by netns` on a real kernel; iproute2's `ss -E` is the witness of what was destroyed.

use super::{NOBODY, Zoo, columns, for_nobody, in_namespace, lastack, skipped};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A program that prints until it is told to end.
struct Watcher {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Watcher {
    fn new(command: &mut Command) -> Watcher {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let reader = |pipe| {
            let lines = Arc::clone(&lines);
            let read = move || {
                let all = BufReader::new(pipe).lines().map_while(Result::ok);
                all.for_each(|line| lines.lock().unwrap().push(line));
            };
            thread::spawn(read)
        };
        let readers = pipes.into_iter().map(reader).collect();
        Watcher { child, lines, readers }
    }

    fn until(&self, what: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.lines.lock().unwrap().iter().any(|line| what(line)) {
            assert!(Instant::now() < deadline, "{:?}", self.lines.lock().unwrap());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ctrl-C; what it printed.
    fn end(mut self) -> (bool, Vec<String>) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).unwrap();
        let status = self.child.wait().unwrap();
        self.readers.into_iter().for_each(|reader| reader.join().unwrap());
        (status.success(), std::mem::take(&mut *self.lines.lock().unwrap()))
    }
}

fn watch(words: &[&str]) -> Watcher {
    Watcher::new(Command::new(env!("CARGO_BIN_EXE_lastack")).arg("ss").args(words))
}

/// A life whose client closes first; the client's port.
fn life() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
    let client = TcpStream::connect("127.0.0.1:8080").unwrap();
    let port = client.local_addr().unwrap().port();
    let (mut server, _) = listener.accept().unwrap();
    drop(client);
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    port
}

#[test]
fn destroyed_sockets_are_those_of_ss() {
    in_namespace(|| {
        if Command::new("ss").arg("-V").output().is_err() {
            return skipped("ss of iproute2 is not installed");
        }
        let theirs = Watcher::new(Command::new("ss").args(["-tnHE"]));
        let ours = watch(&["-tnHE"]);
        ours.until(|line| line.starts_with("state changes"));
        // It holds some lines back until there are more, and does not say when it begins to listen.
        let deadline = Instant::now() + Duration::from_secs(20);
        while theirs.lines.lock().unwrap().len() < 20 && Instant::now() < deadline {
            life();
            thread::sleep(Duration::from_millis(10));
        }
        let last = life().to_string();
        ours.until(|line| line.starts_with("UNCONN") && line.contains(&last) && !line.contains("from:"));
        let (well, told) = ours.end();
        assert!(well);
        // What theirs showed, ours showed with the same columns.
        let destroyed: Vec<String> =
            told.into_iter().filter(|line| line.starts_with("UNCONN") && !line.contains("from:")).collect();
        let destroyed = columns(&destroyed.join("\n"));
        let mut theirs = theirs.end().1;
        // Its end cuts a line in two.
        theirs.pop();
        let theirs = columns(&theirs.join("\n"));
        assert!(theirs.len() >= 18, "{theirs:?}");
        for line in &theirs {
            assert!(destroyed.contains(line), "{line} is not in {destroyed:?}");
        }
    });
}

#[test]
fn changes_of_state_are_shown_with_the_age_of_the_state_before() {
    in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let old = TcpStream::connect("127.0.0.1:8080").unwrap();
        let old_port = old.local_addr().unwrap().port().to_string();
        let ours = watch(&["-tnE", "--age", "dport = :8080"]);
        ours.until(|line| line.starts_with("state changes"));
        ours.until(|line| line.starts_with("State "));
        let sampled = ours.lines.lock().unwrap().iter().any(|line| line.contains("sampled"));
        if sampled {
            skipped("ss --events: the tracepoint may not be had here; it sampled");
        }
        drop(old);
        ours.until(|line| line.contains(&old_port) && line.contains("from:ESTAB"));
        drop(listener);
        let port = if sampled { None } else { Some(life().to_string()) };
        if let Some(port) = &port {
            ours.until(|line| {
                line.starts_with("UNCONN") && line.contains(port) && line.contains("from:FIN-WAIT-2")
            });
        }
        let (well, told) = ours.end();
        assert!(well, "{told:?}");
        let line = told.iter().find(|line| line.contains(&old_port) && line.contains("from:ESTAB")).unwrap();
        assert!(line.contains(" age:>="), "it was there when the watch began: {line}");
        if let Some(port) = &port {
            let line =
                told.iter().find(|line| line.contains(port) && line.contains("from:SYN-SENT")).unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!((words[0], words[1], words[2]), ("ESTAB", "-", "-"), "{line}");
            assert!(!line.contains(">="), "its beginning was seen: {line}");
        }
        // The filter: only those to the port.
        assert!(!told.iter().any(|line| line.starts_with("CLOSE-WAIT")), "{told:?}");
    });
}

#[test]
fn without_rights_changes_are_sampled_and_that_is_said() {
    in_namespace(|| {
        if !nix::unistd::geteuid().is_root() {
            return skipped("only root can become nobody");
        }
        let (_folder, program) = for_nobody();
        let words = ["ss", "-nE", "--json", "state", "time-wait"];
        let ours = Watcher::new(Command::new(&program).args(words).uid(NOBODY).gid(NOBODY));
        ours.until(|line| line.contains("\"events\""));
        let port = life();
        ours.until(|line| line.contains("\"change\"") && line.contains(&port.to_string()));
        let (well, told) = ours.end();
        assert!(well, "{told:?}");
        let begun: serde_json::Value =
            serde_json::from_str(told.iter().find(|line| line.contains("\"events\"")).unwrap()).unwrap();
        assert_eq!(begun["events"], "sampling");
        assert!(begun["why_not_tracepoint"].as_str().unwrap().contains("root"), "{begun}");
        let change: serde_json::Value =
            serde_json::from_str(told.iter().find(|line| line.contains("\"change\"")).unwrap()).unwrap();
        assert_eq!((&change["to"], &change["from"]), (&"TIME_WAIT".into(), &"CLOSE".into()));
    });
}

#[test]
fn who_watches_sees_ages_grow() {
    in_namespace(|| {
        let _listener = TcpListener::bind("127.0.0.1:8080").unwrap();
        let _client = TcpStream::connect("127.0.0.1:8080").unwrap();
        let ours = watch(&["-n", "-H", "--age", "--watch=0.2", "dport = :8080"]);
        ours.until(|line| line.contains("age:>=000ms"));
        ours.until(|line| line.contains("age:>=4") || line.contains("age:>=6"));
        let (_, told) = ours.end();
        assert!(told.iter().any(|line| line.starts_with("ESTAB")), "{told:?}");
    });
}

#[test]
fn a_watched_census_tells_how_many_went_from_which_state_to_which() {
    in_namespace(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lastack"));
        let ours = Watcher::new(command.args(["states", "--watch", "0.5"]));
        ours.until(|line| line.contains("\"transitions\""));
        for _ in 0..10 {
            life();
        }
        let reports = |lines: &[String]| -> Vec<serde_json::Value> {
            lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
        };
        let seen = |lines: &[String], from: &str, to: &str| -> u64 {
            let all = reports(lines);
            let changes = all.iter().flat_map(|report| report["transitions"]["changes"].as_array().unwrap());
            let these = changes.filter(|change| change["from"] == from && change["to"] == to);
            these.map(|change| change["count"].as_u64().unwrap()).sum()
        };
        let traced = ours.lines.lock().unwrap().iter().any(|line| line.contains("\"source\":\"tracepoint\""));
        let (from, to) = if traced { ("FIN_WAIT2", "CLOSE") } else { ("CLOSE", "TIME_WAIT") };
        if !traced {
            skipped("states --watch: the tracepoint may not be had here; it sampled");
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while seen(&ours.lines.lock().unwrap(), from, to) < 10 {
            assert!(Instant::now() < deadline, "{:?}", ours.lines.lock().unwrap());
            thread::sleep(Duration::from_millis(50));
        }
        let (well, told) = ours.end();
        assert!(well);
        assert_eq!(seen(&told, from, to), 10);
        if traced {
            assert_eq!((seen(&told, "CLOSE", "SYN_SENT"), seen(&told, "LAST_ACK", "CLOSE")), (10, 10));
            assert_eq!(reports(&told).last().unwrap()["transitions"]["missed"]["lost"], 0);
        }
    });
}

#[test]
fn every_network_namespace_is_counted() {
    in_namespace(|| {
        let zoo = Zoo::new();
        // This thread's is found only through a process in it: a child that waits.
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let name = format!("sleep[{}]", child.id());
        let mine = |report: &serde_json::Value| {
            report["groups"].as_array().unwrap().iter().find(|group| group["name"] == name.as_str()).cloned()
        };
        let report: serde_json::Value =
            serde_json::from_str(&lastack(&["ss", "-a", "--by", "netns", "--json"])).unwrap();
        let group = mine(&report);
        let narrowed: serde_json::Value =
            serde_json::from_str(&lastack(&["ss", "--by", "netns", "--json", "state", "listening"])).unwrap();
        let narrowed = mine(&narrowed);
        child.kill().unwrap();
        child.wait().unwrap();
        let (group, narrowed) = (group.unwrap(), narrowed.unwrap());
        assert_eq!(group["states"]["LISTEN"], 2);
        assert!(group["states"]["CLOSE_WAIT"].as_u64().unwrap() > 0);
        assert_eq!(
            (&narrowed["states"]["LISTEN"], &narrowed["states"]["CLOSE_WAIT"]),
            (&2.into(), &0.into())
        );
        drop(zoo);
    });
}
