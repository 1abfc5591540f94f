//! The only place with `unsafe`: system calls that the safe wrappers lack.
#![expect(unsafe_code, reason = "system calls without a safe wrapper live here and nowhere else")]

mod batch;
mod child;
mod send;

use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use intent::IfIndex;
use rustix::io::Errno;
use wire::MacAddr;

pub(crate) use batch::ReceiveBatch;
pub(crate) use child::{Bond, Credentials, above_targets, occupy_targets, prepare_child};
pub use child::{inherited, inherited_pair};
pub(crate) use send::{Head, Outgoing, SendBatch};

/// Sets a socket option whose value is an `int`.
pub(crate) fn set_option(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: i32,
) -> Result<(), Errno> {
    let length = u32::try_from(size_of::<i32>()).unwrap_or(4);
    // SAFETY: the pointer and the length describe `value`, which outlives the call; the descriptor is borrowed.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    checked(result)
}

/// Takes pages of a file that nobody may write out of this process's memory; what is needed comes back by itself.
pub(crate) fn unmap_pages(range: &Range<usize>) -> Result<(), Errno> {
    let start = std::ptr::without_provenance_mut(range.start);
    // SAFETY: the caller names a mapping of a file that cannot be written: every page is there again, as it was, when
    // it is touched.
    checked(unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) })
}

/// Gives what the allocator holds and nobody uses back to the kernel.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes no pointers.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Has the kernel say when it took a packet in, where it can.
pub(crate) fn ask_for_stamps(fd: BorrowedFd<'_>) {
    let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
}

/// The number of a socket's network namespace (`SO_NETNS_COOKIE`, Linux 5.14).
pub(crate) fn namespace_cookie(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut cookie: u64 = 0;
    let mut length = length_of::<u64>();
    // SAFETY: the pointers describe `cookie` and its length, which outlive the call; the descriptor is borrowed.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    checked(result).map(|()| cookie)
}

/// Binds a packet socket to one interface and one type of frame.
pub(crate) fn bind_link(
    fd: BorrowedFd<'_>,
    interface: IfIndex,
    ether_type: u16,
) -> Result<(), Errno> {
    let address = libc::sockaddr_ll {
        sll_family: libc::sa_family_t::try_from(libc::AF_PACKET).unwrap_or(0),
        sll_protocol: ether_type.to_be(),
        sll_ifindex: i32::try_from(interface.0).unwrap_or(0),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer and the length describe `address`, which outlives the call; the descriptor is borrowed.
    let result = unsafe {
        libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length_of::<libc::sockaddr_ll>())
    };
    checked(result)
}

/// Lets a packet socket hear every multicast frame of one interface.
pub(crate) fn join_all_multicast(fd: BorrowedFd<'_>, interface: IfIndex) -> Result<(), Errno> {
    join(fd, interface, libc::PACKET_MR_ALLMULTI, None)
}

/// Lets a packet socket hear frames to one multicast address of one interface.
pub(crate) fn join_multicast(
    fd: BorrowedFd<'_>,
    interface: IfIndex,
    group: MacAddr,
) -> Result<(), Errno> {
    join(fd, interface, libc::PACKET_MR_MULTICAST, Some(group))
}

fn join(
    fd: BorrowedFd<'_>,
    interface: IfIndex,
    kind: i32,
    group: Option<MacAddr>,
) -> Result<(), Errno> {
    let mut address = [0; 8];
    if let Some(group) = group {
        address[..6].copy_from_slice(&group.0);
    }
    let request = libc::packet_mreq {
        mr_ifindex: i32::try_from(interface.0).unwrap_or(0),
        mr_type: u16::try_from(kind).unwrap_or(0),
        mr_alen: if group.is_some() { 6 } else { 0 },
        mr_address: address,
    };
    // SAFETY: the pointer and the length describe `request`, which outlives the call; the descriptor is borrowed.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            length_of::<libc::packet_mreq>(),
        )
    };
    checked(result)
}

/// Puts this thread under SCHED_RR; what it forks starts under the ordinary policy.
pub(crate) fn set_round_robin(priority: u32, resets_on_fork: bool) -> Result<(), Errno> {
    let parameters =
        libc::sched_param { sched_priority: i32::try_from(priority).unwrap_or(i32::MAX) };
    let flag = if resets_on_fork { libc::SCHED_RESET_ON_FORK } else { 0 };
    let policy = libc::SCHED_RR | flag;
    // SAFETY: the pointer describes `parameters`, which outlives the call; 0 is the calling thread.
    checked(unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) })
}

/// The priority of this thread under SCHED_RR; none under another policy.
pub(crate) fn round_robin() -> Option<u32> {
    let mut parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: both ask about the calling thread, and the pointer is to a value that outlives the calls.
    let (policy, asked) =
        unsafe { (libc::sched_getscheduler(0), libc::sched_getparam(0, &raw mut parameters)) };
    let is_round_robin = policy >= 0 && policy & !libc::SCHED_RESET_ON_FORK == libc::SCHED_RR;
    let priority = (is_round_robin && asked == 0).then_some(parameters.sched_priority)?;
    u32::try_from(priority).ok()
}

fn length_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

fn checked(result: i32) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// The error of the call that failed last in this thread.
pub(crate) fn last_errno() -> Errno {
    errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

/// An error number as a value; `EIO` for what is none, which the value's own constructor panics on.
pub(crate) fn errno(raw: i32) -> Errno {
    let known = (1..=ERRNO_MAX).contains(&raw);
    Errno::from_raw_os_error(if known { raw } else { libc::EIO })
}

/// `MAX_ERRNO` of linux/err.h.
const ERRNO_MAX: i32 = 4095;

/// A time of day in the local time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalTime {
    /// Such as 2026.
    pub year: i32,
    /// 0 to 11.
    pub month: usize,
    /// 1 to 31.
    pub day: u32,
    /// 0 is Sunday.
    pub weekday: usize,
    /// 0 to 23.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
    /// 0 to 60.
    pub second: u32,
    /// Seconds that its clocks are ahead of UTC.
    pub east_of_utc: i64,
}

/// The local time of `seconds` since 1970.
#[must_use]
pub fn local_time(seconds: i64) -> LocalTime {
    // SAFETY: a tm of zeros is a valid value of that plain C structure.
    let mut broken: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers describe values that outlive the call.
    let result = unsafe { libc::localtime_r(&raw const seconds, &raw mut broken) };
    if result.is_null() {
        return LocalTime::default();
    }
    let small = |value: i32| u32::try_from(value).unwrap_or(0);
    LocalTime {
        year: broken.tm_year.saturating_add(1900),
        month: usize::try_from(broken.tm_mon).unwrap_or(0),
        day: small(broken.tm_mday),
        weekday: usize::try_from(broken.tm_wday).unwrap_or(0),
        hour: small(broken.tm_hour),
        minute: small(broken.tm_min),
        second: small(broken.tm_sec),
        east_of_utc: broken.tm_gmtoff,
    }
}

/// From asm-generic/socket.h; libc lacks it.
const SO_NETNS_COOKIE: libc::c_int = 71;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_error_number_is_an_error_all_the_same() {
        assert_eq!(errno(libc::ENOENT), Errno::NOENT);
        for raw in [0, -1, 4096, i32::MIN, i32::MAX] {
            assert_eq!(errno(raw), Errno::IO);
        }
    }

    #[test]
    fn local_time_is_a_day_of_a_year_in_every_zone() {
        // Noon of 2 January 1971 in UTC is that day or one beside it elsewhere.
        let time = local_time(366 * 86_400 + 43_200);
        assert_eq!((time.year, time.month), (1971, 0));
        assert!((2..=3).contains(&time.day) && time.hour < 24 && time.minute < 60);
        assert_eq!(time.weekday, [6, 0][usize::try_from(time.day - 2).unwrap()]);
        assert_eq!(local_time(i64::MAX), LocalTime::default());
    }
}
