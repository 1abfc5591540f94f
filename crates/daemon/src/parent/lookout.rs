//! Lookouts: threads that look at what may hang, such as a file system over a network.
//!
//! A lookout is given orders, tells news, and says what it goes to before it goes there. One that does not come back in
//! time is left behind: whoever gave the orders is told where it hangs and orders another one elsewhere. When it comes
//! back after all, that is told too, and it ends.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clock::Instant;
use kernel::eventloop::{EventLoop, Token, now};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// One lookout at work, and those left behind. `O` are its orders, `P` a place that it goes to, `N` its news.
#[derive(Debug)]
pub(super) struct Lookout<O, P, N> {
    name: &'static str,
    duty: Duty<O, P, N>,
    sender: Sender<News<P, N>>,
    news: Receiver<News<P, N>>,
    /// Readable once there is news.
    told: OwnedFd,
    at_work: Option<Arc<Desk<O, P>>>,
    left_behind: usize,
    suspicion: Option<Suspicion>,
}

/// What a lookout does until it is dismissed.
pub(super) type Duty<O, P, N> = fn(&Hand<O, P, N>) -> Result<(), Dismissed>;

/// What came from lookouts.
#[derive(Debug)]
pub(super) enum News<P, N> {
    /// One at work tells this.
    Told(N),
    /// One that was left behind came back from there.
    Back(P),
}

/// Nobody waits for this lookout any more.
#[derive(Debug)]
pub(super) struct Dismissed;

/// A lookout that is away for long: it may hang, or all of us stood still.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    /// When it went away.
    gone: Instant,
    /// Until when it may come back.
    until: Instant,
}

/// What a lookout and its principal share.
#[derive(Debug)]
struct Desk<O, P> {
    state: Mutex<State<O, P>>,
    /// Readable once the state has something for the lookout.
    wake: OwnedFd,
}

#[derive(Debug)]
struct State<O, P> {
    orders: Option<O>,
    /// Where it is, and since when.
    place: Option<(P, Instant)>,
    is_dismissed: bool,
}

impl<O, P> Desk<O, P> {
    fn state(&self) -> MutexGuard<'_, State<O, P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O, P, N> Lookout<O, P, N>
where
    O: Send + 'static,
    P: Clone + Send + 'static,
    N: Send + 'static,
{
    /// Nobody is at work yet.
    ///
    /// **Errors**: the kernel refuses a descriptor.
    fn new(name: &'static str, duty: Duty<O, P, N>) -> rustix::io::Result<Self> {
        let told = signal()?;
        let (sender, news) = channel();
        let (at_work, suspicion) = (None, None);
        Ok(Self { name, duty, sender, news, told, at_work, left_behind: 0, suspicion })
    }

    /// Gives orders to the one of `place`, which is made for the first.
    ///
    /// **Errors**: as for the two.
    pub(super) fn send(
        place: &mut Option<Self>,
        events: &EventLoop,
        token: Token,
        name: &'static str,
        duty: Duty<O, P, N>,
        orders: O,
    ) -> anyhow::Result<()> {
        if place.is_none() {
            let new = Self::new(name, duty)?;
            events.add(&new, token)?;
            *place = Some(new);
        }
        if let Some(lookout) = place {
            lookout.order(orders)?;
        }
        Ok(())
    }

    /// Gives orders in place of those before.
    ///
    /// **Errors**: the kernel refuses a thread or a descriptor, or too many were left behind.
    fn order(&mut self, orders: O) -> std::io::Result<()> {
        let desk = match &self.at_work {
            Some(desk) => Arc::clone(desk),
            None => self.hire()?,
        };
        desk.state().orders = Some(orders);
        ring(&desk.wake);
        Ok(())
    }

    /// Sends the one at work home.
    pub(super) fn dismiss(&mut self) {
        self.suspicion = None;
        let Some(desk) = self.at_work.take() else { return };
        let mut state = desk.state();
        state.is_dismissed = true;
        self.left_behind += usize::from(state.place.is_some());
        drop(state);
        ring(&desk.wake);
    }

    /// Whether one was left behind and has not come back.
    pub(super) const fn has_left_one(&self) -> bool {
        self.left_behind > 0
    }

    /// When [`Self::late`] is to be asked again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.suspicion.map(|suspicion| suspicion.until)
    }

    /// Where the lookout hangs, if it does: it is left behind there. To be asked in each turn.
    pub(super) fn late(&mut self, now: Instant) -> Option<P> {
        let desk = self.at_work.as_ref()?;
        let state = desk.state();
        let place = state.place.as_ref().filter(|(_, gone)| now.since(*gone) >= PATIENCE);
        let Some((place, gone)) = place.cloned() else {
            self.suspicion = None;
            return None;
        };
        drop(state);
        match self.suspicion {
            Some(known) if known.gone == gone && known.until <= now => {
                self.dismiss();
                Some(place)
            }
            Some(known) if known.gone == gone => None,
            Some(_) | None => {
                self.suspicion = Some(Suspicion { gone, until: now + GRACE });
                None
            }
        }
    }

    /// What was told since this was asked last.
    pub(super) fn news(&mut self) -> Vec<News<P, N>> {
        heed(&self.told);
        let news: Vec<News<P, N>> = self.news.try_iter().collect();
        let back = news.iter().filter(|it| matches!(it, News::Back(_))).count();
        self.left_behind = self.left_behind.saturating_sub(back);
        news
    }

    /// Waits for news until then, where there is none.
    pub(super) fn wait(&self, until: Instant) {
        pause(&mut [PollFd::new(&self.told, PollFlags::IN)], Some(until));
    }

    fn hire(&mut self) -> std::io::Result<Arc<Desk<O, P>>> {
        if self.left_behind >= LEFT_BEHIND {
            return Err(std::io::Error::other(format!("{LEFT_BEHIND} looks hang")));
        }
        let state = Mutex::new(State { orders: None, place: None, is_dismissed: false });
        let desk = Arc::new(Desk { state, wake: signal()? });
        let told = self.told.try_clone()?;
        let hand = Hand { desk: Arc::clone(&desk), sender: self.sender.clone(), told };
        let duty = self.duty;
        let thread = std::thread::Builder::new().name(self.name.to_owned());
        thread.spawn(move || duty(&hand).is_err())?;
        self.at_work = Some(Arc::clone(&desk));
        Ok(desk)
    }
}

impl<O, P, N> AsFd for Lookout<O, P, N> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

/// A lookout's end of what it shares with its principal.
#[derive(Debug)]
pub(super) struct Hand<O, P, N> {
    desk: Arc<Desk<O, P>>,
    sender: Sender<News<P, N>>,
    told: OwnedFd,
}

impl<O, P: Clone, N> Hand<O, P, N> {
    /// Waits for orders, for something that can be read, or for a time; takes the orders.
    ///
    /// **Errors**: the lookout is to end.
    pub(super) fn wait(
        &self,
        readable: Option<BorrowedFd<'_>>,
        until: Option<Instant>,
    ) -> Result<Option<O>, Dismissed> {
        let wake = PollFd::new(&self.desk.wake, PollFlags::IN);
        let readable = readable.map(|it| PollFd::from_borrowed_fd(it, PollFlags::IN));
        let mut watched: Vec<PollFd<'_>> = [Some(wake), readable].into_iter().flatten().collect();
        pause(&mut watched, until);
        heed(&self.desk.wake);
        let mut state = self.desk.state();
        if state.is_dismissed { Err(Dismissed) } else { Ok(state.orders.take()) }
    }

    /// Goes to a place and looks.
    ///
    /// **Errors**: that took too long, and the lookout is to end.
    pub(super) fn at<R>(&self, place: P, look: impl FnOnce() -> R) -> Result<R, Dismissed> {
        self.desk.state().place = Some((place.clone(), now()));
        let result = look();
        let mut state = self.desk.state();
        state.place = None;
        if !state.is_dismissed {
            return Ok(result);
        }
        drop(state);
        self.send(News::Back(place));
        Err(Dismissed)
    }

    /// Tells news.
    pub(super) fn tell(&self, news: N) {
        self.send(News::Told(news));
    }

    fn send(&self, news: News<P, N>) {
        // Nobody listens any more when the daemon is ending.
        let _ = self.sender.send(news);
        ring(&self.told);
    }
}

fn signal() -> rustix::io::Result<OwnedFd> {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
}

/// Makes a signal readable.
fn ring(signal: &OwnedFd) {
    let _ = rustix::io::write(signal, &1u64.to_ne_bytes());
}

fn heed(signal: &OwnedFd) {
    let _ = rustix::io::read(signal, &mut [0; 8]);
}

/// Waits until something is readable, or until then.
fn pause(watched: &mut [PollFd<'_>], until: Option<Instant>) {
    let rest = until.map(|until| until.since(now()));
    let rest = rest.and_then(|rest| Timespec::try_from(rest).ok());
    // A signal that ends it early does no harm.
    let _ = poll(watched, rest.as_ref());
}

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much longer, from when that was noticed: if all of us stood still, it comes back now.
const GRACE: Duration = Duration::from_millis(250);
/// Lookouts that may hang at one time.
const LEFT_BEHIND: usize = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use super::*;

    /// Goes where it is told to and reads a byte there.
    fn duty(hand: &Hand<(u32, Arc<OwnedFd>), u32, u8>) -> Result<(), Dismissed> {
        loop {
            let Some((number, place)) = hand.wait(None, None)? else { continue };
            let mut byte = [0];
            hand.at(number, || rustix::io::read(&*place, &mut byte))?.unwrap();
            hand.tell(byte[0]);
        }
    }

    fn place() -> (Arc<OwnedFd>, OwnedFd) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (Arc::new(reader), writer)
    }

    fn next(lookout: &mut Lookout<(u32, Arc<OwnedFd>), u32, u8>) -> News<u32, u8> {
        lookout.wait(now() + Duration::from_secs(20));
        lookout.news().pop().unwrap()
    }

    /// Asks until it is late, by a clock of the test's own.
    fn wait_until_gone(lookout: &Lookout<(u32, Arc<OwnedFd>), u32, u8>) {
        while lookout.at_work.as_ref().unwrap().state().place.is_none() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn one_that_hangs_is_left_behind_and_comes_back_some_day() {
        let mut lookout = Lookout::new("test", duty).unwrap();
        let ((first, to_first), (second, to_second)) = (place(), place());
        lookout.order((1, first)).unwrap();
        wait_until_gone(&lookout);
        let began = now();
        assert_eq!(lookout.late(began), None);
        let noticed = began + Duration::from_secs(2);
        assert_eq!(lookout.late(noticed), None, "everything may have stood still");
        assert_eq!(lookout.deadline(), Some(noticed + GRACE));
        assert_eq!(lookout.late(noticed + GRACE), Some(1));
        assert_eq!(lookout.late(noticed + GRACE), None, "said once");
        // Another one does the work meanwhile.
        lookout.order((2, second)).unwrap();
        rustix::io::write(&to_second, b"x").unwrap();
        assert!(matches!(next(&mut lookout), News::Told(b'x')));
        rustix::io::write(&to_first, b"y").unwrap();
        assert!(matches!(next(&mut lookout), News::Back(1)));
        assert_eq!(lookout.left_behind, 0);
    }

    #[test]
    fn one_that_is_slow_within_bounds_tells_its_news() {
        let mut lookout = Lookout::new("test", duty).unwrap();
        let (place, to_place) = place();
        lookout.order((1, place)).unwrap();
        wait_until_gone(&lookout);
        assert_eq!(lookout.late(now() + Duration::from_secs(2)), None);
        rustix::io::write(&to_place, b"x").unwrap();
        assert!(matches!(next(&mut lookout), News::Told(b'x')));
        assert_eq!(lookout.late(now() + Duration::from_secs(9)), None, "it is nowhere");
        assert_eq!(lookout.deadline(), None);
    }

    #[test]
    fn as_many_hang_as_may_and_no_more() {
        let mut lookout = Lookout::new("test", duty).unwrap();
        let (place, to_place) = place();
        for number in 0..16 {
            lookout.order((number, Arc::clone(&place))).unwrap();
            wait_until_gone(&lookout);
            let much_later = now() + Duration::from_secs(9);
            assert_eq!(lookout.late(much_later), None);
            assert_eq!(lookout.late(much_later + GRACE), Some(number));
        }
        assert!(lookout.order((16, Arc::clone(&place))).is_err());
        rustix::io::write(&to_place, b"x").unwrap();
        assert!(matches!(next(&mut lookout), News::Back(_)));
        assert!(lookout.order((16, place)).is_ok());
    }
}
