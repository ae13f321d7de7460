//! serve, ss, connect and selftest as root, with sudo from a user, and as a user without rights: what each does and says.
//! With `--nocapture` the three transcripts are printed.

use crate::namespace::{has_program, in_namespace};
use crate::program::{STACK, Serve};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Who calls sudo, and who may do nothing; neither needs an account.
const SUDOER: u32 = 54_321;
const STRANGER: u32 = 54_322;

/// A session at a terminal: what was typed, what came.
struct Session {
    _folder: TempDir,
    program: PathBuf,
    text: String,
}

impl Session {
    fn new(title: &str) -> Session {
        // The build folder may be closed to others; a copy in /tmp is not.
        let folder = tempfile::Builder::new().prefix("lastack-as").tempdir().expect("a temporary folder");
        let program = folder.path().join("lastack");
        fs::copy(env!("CARGO_BIN_EXE_lastack"), &program).expect("the program can be copied");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("our own folder");
        Session { _folder: folder, program, text: format!("\n==== {title}\n") }
    }

    /// The program as root: with `sudo_of`, as sudo starts it for that user.
    fn root(&self, sudo_of: Option<u32>) -> Command {
        let mut command = Command::new(&self.program);
        command.env_remove("SUDO_UID").env_remove("SUDO_GID").env_remove("XDG_RUNTIME_DIR");
        if let Some(user) = sudo_of {
            command.env("SUDO_UID", user.to_string()).env("SUDO_GID", user.to_string());
        }
        command
    }

    /// The program as this user, who has no right but to run it.
    fn user(&self, user: u32) -> Command {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={user}")]);
        command.args(["--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]).arg(&self.program);
        command.env_remove("SUDO_UID").env_remove("SUDO_GID").env_remove("XDG_RUNTIME_DIR");
        command
    }

    /// Runs it with `stdin`; returns its exit status and all it said.
    fn run(&mut self, typed: &str, command: &mut Command, stdin: &str) -> (Option<i32>, String) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .args(typed.split_whitespace().skip_while(|word| *word != "lastack").skip(1))
            .spawn()
            .expect("the program starts");
        // Who needs no stdin may be gone already.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let said = [&output.stderr[..], &output.stdout[..]].map(String::from_utf8_lossy).concat();
        let code = output.status.code();
        self.text += &format!("{typed}\n{said}[exit {}]\n", code.unwrap_or(-1));
        (code, said)
    }

    /// Starts serve and notes what it printed, and as whom it goes on.
    fn serve(&mut self, typed: &str, command: &mut Command, name: &str) -> (Serve, String) {
        let serve = Serve::start_from(command.args(["serve", "--name", name]));
        let status = fs::read_to_string(format!("/proc/{}/status", serve.pid())).expect("it runs");
        let uid = status.lines().find(|line| line.starts_with("Uid:")).expect("a user").to_owned();
        self.text += &format!("{typed}\n{}\n[runs on as {uid}]\n", serve.printed().join("\n"));
        (serve, uid)
    }

    fn end(&self) {
        println!("{}", self.text);
    }
}

fn name(role: &str) -> String {
    format!("{role}-{}", std::process::id())
}

#[test]
fn as_root_everything_works_and_root_is_given_up() {
    in_namespace("as_root", || {
        let mut session = Session::new("as root");
        let name = name("root");
        let command = &mut session.root(None);
        let (serve, uid) = session.serve(&format!("# lastack serve --name {name} &"), command, &name);
        assert!(uid.split_whitespace().skip(1).all(|uid| uid == "65534"), "{uid}");
        talks(&mut session, "#", &name, |session| session.root(None));
        assert_eq!(serve.interrupt().code(), Some(0));
        // A stack of its own asks the host: nobody listens there, which the network says, not the rights.
        let command = &mut session.root(None);
        let (code, said) = session.run("# lastack connect 198.18.0.1 4", command, "");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("refused"), "{said}");
        selftest(&mut session, "#", |session| session.root(None));
        session.end();
    });
}

#[test]
fn with_sudo_the_stack_belongs_to_the_user_who_called() {
    const TEST: &str = "with_sudo";
    if !has_program(TEST, "setpriv") {
        return;
    }
    in_namespace(TEST, || {
        let mut session = Session::new("as a user who may use sudo");
        let name = name("sudo");
        let command = &mut session.root(Some(SUDOER));
        let (serve, uid) = session.serve(&format!("$ sudo lastack serve --name {name} &"), command, &name);
        assert!(uid.split_whitespace().skip(1).all(|uid| uid == SUDOER.to_string()), "{uid}");
        // From here on without sudo: the control socket is the user's.
        talks(&mut session, "$", &name, |session| session.user(SUDOER));
        // Another user has no part in it.
        let command = &mut session.user(STRANGER);
        let (code, said) = session.run(&format!("(another) $ lastack ss --stack {name} -a"), command, "");
        assert_eq!(code, Some(2), "{said}");
        assert!(!said.contains("LISTEN"), "{said}");
        assert_eq!(serve.interrupt().code(), Some(0));
        let command = &mut session.root(Some(SUDOER));
        let (code, said) = session.run("$ sudo lastack connect 198.18.0.1 4", command, "");
        assert_eq!(code, Some(1), "{said}");
        selftest(&mut session, "$", |session| session.user(SUDOER));
        session.end();
    });
}

#[test]
fn without_rights_what_needs_none_works_and_the_rest_says_what_to_do() {
    const TEST: &str = "without_rights";
    if !has_program(TEST, "setpriv") {
        return;
    }
    in_namespace(TEST, || {
        let mut session = Session::new("as a user without rights");
        for typed in ["$ lastack serve", "$ lastack connect 198.18.0.1 4"] {
            let command = &mut session.user(STRANGER);
            let (code, said) = session.run(typed, command, "");
            assert_eq!(code, Some(2), "{said}");
            assert!(said.contains("root") || said.contains("CAP_NET_ADMIN"), "it says what to do: {said}");
            assert!(said.trim().lines().count() <= 2, "one clear sentence: {said}");
        }
        let command = &mut session.user(STRANGER);
        let (code, said) = session.run("$ lastack ss --stack -a", command, "");
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("no stack of yours"), "{said}");
        // The kernel's sockets are everybody's to see.
        let _listener = std::net::TcpListener::bind("127.0.0.1:8099").expect("loopback is up");
        let command = &mut session.user(STRANGER);
        let (code, said) = session.run("$ lastack ss -tln", command, "");
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("127.0.0.1:8099"), "{said}");
        selftest(&mut session, "$", |session| session.user(STRANGER));
        session.end();
    });
}

/// ss and connect on a running stack.
fn talks(session: &mut Session, prompt: &str, stack: &str, program: impl Fn(&Session) -> Command) {
    let command = &mut program(session);
    let (code, said) = session.run(&format!("{prompt} lastack ss --stack {stack} -tln"), command, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("LISTEN"), "{said}");
    let command = &mut program(session);
    let (code, said) =
        session.run(&format!("{prompt} lastack connect --stack {stack} {STACK} 7"), command, "hello\n");
    assert_eq!((code, said.trim()), (Some(0), "hello"));
}

fn selftest(session: &mut Session, prompt: &str, program: impl Fn(&Session) -> Command) {
    let command = &mut program(session);
    let (code, said) = session.run(&format!("{prompt} lastack selftest"), command, "");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("passed: 100000 octets"), "{said}");
}
