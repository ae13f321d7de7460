//! One file of tests, compiled and run against tokio's sockets over the kernel and against ours over a lastack stack.
//!
//! `cargo test -p lastack-net --test parity -- --list` names every test twice: `kernel::...` and `lastack::...`. A test
//! of `parity/` that is missing in the list here is dead code, which CI refuses.

#![allow(clippy::duplicate_mod, reason = "that is the point")]

#[path = "parity"]
mod kernel_sockets {
    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    #[path = "body.rs"]
    pub(crate) mod body;
}

#[path = "parity"]
mod our_sockets {
    use lastack_net::{TcpListener, TcpSocket, TcpStream};
    #[path = "body.rs"]
    pub(crate) mod body;
}

use lastack_device::memory;
use lastack_net::Driver;
use lastack_net::stack::Config;
use std::future::Future;
use std::time::Duration;

/// Longer than a test may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test with a stack that has the addresses which the tests use.
async fn on_a_stack(test: impl Future<Output = ()>) {
    let (device, _other_end) = memory::pair(memory::Config::default());
    let addresses = ["127.0.0.1", "127.0.0.9"].map(|address| (address.parse().unwrap(), 8));
    let config = Config::new(addresses.to_vec());
    let (handle, _driver) = Driver::spawn(device, config).unwrap();
    tokio::time::timeout(PATIENCE, handle.scope(test)).await.expect("done within half a minute");
}

macro_rules! both {
    ($($test:ident,)*) => {
        mod kernel {
            $(#[tokio::test]
            async fn $test() {
                let test = super::kernel_sockets::body::$test();
                tokio::time::timeout(super::PATIENCE, test).await.expect("done within half a minute");
            })*
        }

        mod lastack {
            $(#[tokio::test]
            async fn $test() {
                super::on_a_stack(super::our_sockets::body::$test()).await;
            })*
        }
    };
}

both! {
    a_stream_has_its_addresses_and_options,
    buffers_of_a_vectored_write_arrive_in_order,
    peeking_takes_nothing_and_sees_all_that_came,
    try_forms_do_not_wait,
    try_forms_fill_several_buffers,
    a_growing_buffer_takes_what_it_has_room_for,
    readiness_says_which,
    attempts_are_made_when_ready,
    polls_answer_as_their_futures_do,
    borrowed_halves_serve_one_task,
    owned_halves_come_together_again,
    halves_of_two_streams_do_not,
    dropping_the_write_half_ends_the_stream,
    forgetting_the_write_half_does_not,
    a_mebibyte_goes_both_ways,
    two_streams_are_copied_into_each_other,
    lines_are_read_through_a_buffer,
    shutdown_is_a_half_close,
    writing_after_shutdown_is_a_broken_pipe,
    shutting_down_twice_is_no_error,
    a_linger_time_of_zero_resets,
    octets_left_unread_reset,
    a_reset_is_told_once,
    an_abandoned_read_loses_nothing,
    an_abandoned_accept_loses_nothing,
    an_abandoned_write_was_not_made,
    a_socket_keeps_its_options,
    buffer_sizes_are_doubled_and_bounded,
    a_socket_listens_with_a_backlog,
    a_socket_connects_from_its_address,
    a_listener_keeps_its_ttl,
    several_tasks_accept,
    an_address_in_use_is_refused,
    an_address_is_free_again,
    a_port_without_listener_refuses,
    a_foreign_address_cannot_be_bound,
    the_first_address_that_answers_is_taken,
    an_address_of_the_other_family_is_refused,
}
