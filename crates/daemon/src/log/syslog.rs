//! The socket of syslog(3).

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::now;

use super::backlog::Offered;

/// Whoever listens at a path, if anybody does.
#[derive(Debug)]
pub(super) struct Syslog {
    path: &'static Path,
    socket: Option<UnixDatagram>,
    /// Until when nobody is looked for again.
    absent_until: Option<Instant>,
}

impl Default for Syslog {
    fn default() -> Self {
        Self::at(Path::new("/dev/log"))
    }
}

impl Syslog {
    /// Of whoever listens there.
    pub(super) const fn at(path: &'static Path) -> Self {
        Self { path, socket: None, absent_until: None }
    }

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
            self.socket = connect(self.path);
            self.absent_until = self.socket.is_none().then(|| now + PAUSE);
        }
        self.socket.as_ref()
    }
}

fn connect(path: &Path) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(path).ok()?;
    Some(socket)
}

/// After which time somebody is looked for again.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A path where nobody listens yet.
    pub(in crate::log) fn nowhere(name: &str) -> &'static Path {
        let name = format!("steadfast-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        Box::leak(path.into_boxed_path())
    }

    #[test]
    fn where_nobody_listens_nobody_is_looked_for_again_for_a_while() {
        let path = nowhere("absent");
        let mut syslog = Syslog::at(path);
        assert_eq!(syslog.send(b"lost"), Offered::Nobody);
        let until = syslog.absent_until.unwrap();
        assert!(until <= now() + PAUSE);
        let listener = UnixDatagram::bind(path).unwrap();
        syslog.absent_until = Some(now() + Duration::from_secs(3600));
        assert_eq!(syslog.send(b"lost"), Offered::Nobody);
        syslog.absent_until = Some(now());
        assert_eq!(syslog.send(b"heard"), Offered::Taken);
        let mut bytes = [0; 16];
        assert_eq!(listener.recv(&mut bytes).unwrap(), b"heard".len());
        std::fs::remove_file(path).unwrap();
    }
}
