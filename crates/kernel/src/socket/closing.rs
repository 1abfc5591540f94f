//! Sockets that are closed aside.
//!
//! Closing a packet socket waits until no processor looks at it any more (`synchronize_net`): ten or twenty milliseconds.
//! In a loop that advertises that is long, and hundreds add up to seconds: threads that come and go with the work do it,
//! and wait together.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use socket2::Socket;

/// A socket, with the end of a channel that hangs up when the other descriptor of the same socket is closed.
type Leftover = (Socket, Receiver<()>);

/// From whoever lets go of sockets, who does not wait for the threads, to these, who take turns at the other end.
static QUEUE: OnceLock<(Sender<Leftover>, Mutex<Receiver<Leftover>>)> = OnceLock::new();
/// Threads that close.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// Closes `last` aside, once `first`, which is the same socket, is closed.
pub(super) fn close(last: Socket, first: Receiver<()>) {
    let queue = QUEUE.get_or_init(|| {
        let (leave, take) = channel();
        (leave, Mutex::new(take))
    });
    // The other end lives as long as the process.
    let _ = queue.0.send((last, first));
    // A thread that finds nothing more counts itself out before it looks once more.
    fence(Ordering::SeqCst);
    if AT_WORK.fetch_add(1, Ordering::SeqCst) >= THREADS {
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
        return;
    }
    let thread = Builder::new().name("close".to_owned()).stack_size(STACK);
    if thread.spawn(work).is_err() && AT_WORK.fetch_sub(1, Ordering::SeqCst) == 1 {
        // Nobody is there and nobody is to be had: this descriptor goes, and the last one is that of whoever asked.
        while let Some((last, _)) = next() {
            drop(last);
        }
    }
}

/// Waits until everything is closed that was to be closed aside, for `longest` at most: for the end of a process, which
/// else closes what is left one by one.
pub fn wait_for_closing(longest: Duration) {
    let until = Instant::now() + longest;
    while AT_WORK.load(Ordering::SeqCst) > 0 && Instant::now() < until {
        thread::sleep(LOOK);
    }
}

fn work() {
    loop {
        while let Some((last, first)) = next() {
            let _ = first.recv();
            drop(last);
        }
        AT_WORK.fetch_sub(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // What came before it was counted out found enough threads at work.
        let Some((last, first)) = next() else { return };
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        let _ = first.recv();
        drop(last);
    }
}

fn next() -> Option<Leftover> {
    // Whoever panicked took nothing.
    QUEUE.get()?.1.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
}

/// Sockets that are closed at a time.
const THREADS: usize = 32;
/// Bytes: it calls hardly anything.
const STACK: usize = 64 * 1024;
const LOOK: Duration = Duration::from_millis(1);
