//! Who closes a socket.

use std::ops::Deref;
use std::sync::mpsc::{Sender, channel};

use socket2::Socket;

use super::closing;

/// A socket, closed by whoever lets go of it last, or aside (see [`closing`]).
#[derive(Debug)]
pub(super) struct Handle {
    socket: Socket,
    /// Goes after the socket, which a thread waits for.
    closed: Option<Sender<()>>,
}

impl Handle {
    pub(super) const fn closed_here(socket: Socket) -> Self {
        Self { socket, closed: None }
    }

    /// For a packet socket.
    pub(super) fn closed_aside(socket: Socket) -> Self {
        // Nobody listens until then.
        Self { socket, closed: Some(channel().0) }
    }
}

impl Deref for Handle {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(closed) = &mut self.closed
            && let Ok(last) = self.socket.try_clone()
        {
            let (sender, ours_is_closed) = channel();
            *closed = sender;
            closing::close(last, ours_is_closed);
        }
    }
}
