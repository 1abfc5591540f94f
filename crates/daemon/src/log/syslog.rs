//! The socket of syslog(3).

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::now;

use super::backlog::Offered;

/// Whoever listens at `/dev/log`, if anybody does.
#[derive(Debug, Default)]
pub(super) struct Syslog {
    socket: Option<UnixDatagram>,
    /// Until when nobody is looked for again.
    absent_until: Option<Instant>,
}

impl Syslog {
    /// Sends one line.
    pub(super) fn send(&mut self, line: &[u8]) -> Offered {
        for _ in 0..2 {
            let Some(socket) = self.reach() else { return Offered::Nobody };
            match socket.send(line) {
                Ok(_) => return Offered::Taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Offered::Full,
                // It was restarted: the new one is asked at once.
                Err(_) => self.socket = None,
            }
        }
        Offered::Nobody
    }

    /// To look for somebody costs more than to write the line: where there is nobody, that is not done for each.
    fn reach(&mut self) -> Option<&UnixDatagram> {
        if self.socket.is_none() {
            let now = now();
            if self.absent_until.is_some_and(|until| now < until) {
                return None;
            }
            self.socket = connect();
            self.absent_until = self.socket.is_none().then(|| now + PAUSE);
        }
        self.socket.as_ref()
    }
}

fn connect() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect("/dev/log").ok()?;
    Some(socket)
}

/// After which time somebody is looked for again.
const PAUSE: Duration = Duration::from_millis(100);
