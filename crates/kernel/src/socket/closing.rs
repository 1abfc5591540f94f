//! Sockets that are closed aside.
//!
//! Closing a packet socket waits until no processor looks at it any more (`synchronize_net`), some 20 ms. In a loop that
//! advertises that is long, and hundreds add up to seconds: threads that come and go with the work do it, and wait
//! together.

use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use socket2::Socket;

/// What waits to be closed.
struct Queue {
    /// Each with the end of a channel that hangs up when the other descriptor of the same socket is closed.
    waiting: VecDeque<(Socket, Receiver<()>)>,
    threads: usize,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: VecDeque::new(), threads: 0 });
static IDLE: Condvar = Condvar::new();

/// Closes `last` aside, once `first`, which is the same socket, is closed.
pub(super) fn close(last: Socket, first: Receiver<()>) {
    let mut queue = queue();
    if queue.threads == THREADS {
        queue.waiting.push_back((last, first));
        return;
    }
    let thread = Builder::new().name("close".to_owned()).stack_size(STACK);
    // Where there is no thread to be had, it is closed here after all.
    if thread.spawn(move || work((last, first))).is_ok() {
        queue.threads += 1;
    }
}

/// Waits until everything is closed that was to be closed aside, for `longest` at most: for the end of a process, which
/// else closes what is left one by one.
pub fn wait_for_closing(longest: Duration) {
    let until = Instant::now() + longest;
    let mut queue = queue();
    while queue.threads > 0 {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        queue = IDLE.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn work(first: (Socket, Receiver<()>)) {
    let mut next = Some(first);
    while let Some((last, first)) = next {
        let _ = first.recv();
        drop(last);
        let mut queue = queue();
        next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads -= 1;
            IDLE.notify_all();
        }
    }
}

fn queue() -> MutexGuard<'static, Queue> {
    // Whoever panicked did so between two changes.
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sockets that are closed at a time.
const THREADS: usize = 32;
/// Bytes: it calls hardly anything.
const STACK: usize = 64 * 1024;
