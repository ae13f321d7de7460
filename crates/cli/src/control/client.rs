//! The commands' side of a control socket: finds the stack that is meant and asks it.

use super::{About, Ask, REPLY_MAX, Reply, Request, VERSION, folder};
use crate::values::StackName;
use anyhow::{Context, Result, anyhow, bail};
use lastack::observe::{Census, Counters, SocketRow};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a stack may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a running stack.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: StackName,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// The stack with this name; without a name, the only one that is running.
    pub(crate) fn open(wanted: Option<&StackName>) -> Result<Client> {
        let mut found = Vec::new();
        for (name, path) in folder::running() {
            if wanted.is_some_and(|wanted| *wanted != name) {
                continue;
            }
            match UnixStream::connect(&path) {
                Ok(stream) => found.push((name, stream)),
                // A stack that was killed leaves its socket behind.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("connecting to {}", path.display()));
                }
            }
        }
        match (found.pop(), found.len()) {
            (Some((name, stream)), 0) => {
                stream.set_read_timeout(Some(PATIENCE)).context("preparing the connection")?;
                stream.set_write_timeout(Some(PATIENCE)).context("preparing the connection")?;
                Ok(Client { name, stream: BufReader::new(stream) })
            }
            (Some((last, _)), _) => {
                let mut names: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
                names.push(last.to_string());
                bail!("several stacks are running: say which: --stack {}", names.join(" or --stack "))
            }
            (None, _) => Err(nobody(wanted)),
        }
    }

    /// Sends a request.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<()> {
        let mut line = serde_json::to_vec(&Request { version: VERSION, ask })?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).with_context(|| format!("asking stack {}", self.name))
    }

    /// The next reply; an error that the stack tells is ours.
    pub(crate) fn reply(&mut self) -> Result<Reply> {
        let mut line = Vec::new();
        (&mut self.stream)
            .take(REPLY_MAX)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("waiting for stack {}", self.name))?;
        if line.last() != Some(&b'\n') {
            bail!("stack {} ended in the middle of its answer", self.name);
        }
        match serde_json::from_slice(&line) {
            Ok(Reply::Error(why)) => bail!("stack {}: {why}", self.name),
            Ok(reply) => Ok(reply),
            Err(error) => bail!("stack {} answered what is no answer: {error}", self.name),
        }
    }

    /// Every socket, one after the other.
    pub(crate) fn sockets(&mut self, each: impl FnMut(SocketRow)) -> Result<()> {
        self.each_socket(Ask::Sockets, each)
    }

    /// The same with TCP_INFO.
    pub(crate) fn sockets_with_info(&mut self, each: impl FnMut(SocketRow)) -> Result<()> {
        self.each_socket(Ask::SocketsWithInfo, each)
    }

    fn each_socket(&mut self, ask: Ask, mut each: impl FnMut(SocketRow)) -> Result<()> {
        self.ask(ask)?;
        loop {
            match self.reply()? {
                Reply::Sockets(rows) => rows.into_iter().for_each(&mut each),
                Reply::End => return Ok(()),
                _ => return Err(self.other()),
            }
        }
    }

    /// How many flows are in each state.
    pub(crate) fn census(&mut self) -> Result<Census> {
        self.ask(Ask::Census)?;
        match self.reply()? {
            Reply::Census(census) => Ok(census),
            _ => Err(self.other()),
        }
    }

    /// Every counter.
    pub(crate) fn counters(&mut self) -> Result<Counters> {
        self.ask(Ask::Counters)?;
        match self.reply()? {
            Reply::Counters(counters) => Ok(*counters),
            _ => Err(self.other()),
        }
    }

    /// Every knob with its value.
    pub(crate) fn knobs(&mut self) -> Result<Vec<(String, String)>> {
        self.ask(Ask::Knobs)?;
        match self.reply()? {
            Reply::Knobs(knobs) => Ok(knobs),
            _ => Err(self.other()),
        }
    }

    /// Turns a knob: its name and value now, or why not.
    pub(crate) fn turn_knob(&mut self, name: &str, value: &str) -> Result<Result<(String, String), String>> {
        self.ask(Ask::TurnKnob { name: name.to_owned(), value: value.to_owned() })?;
        match self.reply()? {
            Reply::KnobTurned(name, value) => Ok(Ok((name, value))),
            Reply::KnobRefused(why) => Ok(Err(why)),
            _ => Err(self.other()),
        }
    }

    /// Who it is.
    pub(crate) fn about(&mut self) -> Result<About> {
        self.ask(Ask::About)?;
        match self.reply()? {
            Reply::About(about) => Ok(about),
            _ => Err(self.other()),
        }
    }

    /// For an answer that has the network's time, not the stack's.
    pub(crate) fn wait_as_long_as_it_takes(&self) -> Result<()> {
        self.stream.get_ref().set_read_timeout(None).context("preparing the connection")
    }

    /// The bare connection, after a reply that hands it over, and what was read beyond that reply.
    pub(crate) fn into_stream(self) -> Result<(UnixStream, Vec<u8>)> {
        let ahead = self.stream.buffer().to_vec();
        let stream = self.stream.into_inner();
        stream.set_write_timeout(None).context("preparing the connection")?;
        Ok((stream, ahead))
    }

    fn other(&self) -> anyhow::Error {
        anyhow!("stack {} answered another question", self.name)
    }
}

/// There is no stack that is meant: what to do.
fn nobody(wanted: Option<&StackName>) -> anyhow::Error {
    let others = folder::others();
    if others.iter().any(|other| wanted.is_none_or(|wanted| wanted == other)) {
        let names: Vec<String> = others.iter().map(StackName::to_string).collect();
        return anyhow!(
            "no stack of yours is running; other users have control sockets ({}): ask as root",
            names.join(", ")
        );
    }
    match wanted {
        Some(wanted) => {
            let left = folder::left_over(wanted).map_or_else(String::new, |path| {
                format!(" ({} is left from one that was killed; the next start removes it)", path.display())
            });
            anyhow!(
                "no stack of yours called {wanted} is running{left}: `lastack serve --name {wanted}` starts one"
            )
        }
        None => anyhow!("no stack of yours is running: `sudo lastack serve` starts one"),
    }
}
