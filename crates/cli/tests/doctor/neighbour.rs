//! A second network namespace, joined to the test's own by a veth pair: 10.9.0.1 here, 10.9.0.2 there.

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

type Work = Box<dyn FnOnce() + Send>;

/// A thread that lives there.
pub(crate) struct Neighbour {
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip is installed");
    assert!(status.success(), "ip {words}");
}

impl Neighbour {
    pub(crate) fn new() -> Neighbour {
        let (work, todo) = channel::<Work>();
        let (ready, thread_id) = channel();
        let thread = thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("the test is already in one of its own");
            ready.send(gettid()).expect("the test waits");
            todo.into_iter().for_each(|work| work());
        });
        let id = thread_id.recv().expect("the thread is alive");
        ip(&format!("link add here type veth peer name there netns {id}"));
        ip("addr add 10.9.0.1/24 dev here");
        ip("link set here up");
        let neighbour = Neighbour { work: Some(work), thread: Some(thread) };
        neighbour.run(|| {
            ip("addr add 10.9.0.2/24 dev there");
            ip("link set there up");
            ip("link set lo up");
        });
        neighbour
    }

    /// Runs something there, and waits for it. Threads that it starts stay there.
    pub(crate) fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let (done, result) = channel();
        let work = move || {
            let _ = done.send(work());
        };
        self.work.as_ref().expect("open").send(Box::new(work)).expect("the thread is alive");
        result.recv().expect("the work did not panic")
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
