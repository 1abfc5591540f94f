//! What is known of the causes where a goal is not met. The report quotes it only for figures that missed theirs.

/// The cause for the figure of this name, if one is known.
#[must_use]
pub fn reason(figure: &str) -> Option<&'static str> {
    REASONS.iter().find(|(words, _)| words.iter().all(|word| figure.contains(word))).map(|r| r.1)
}

/// Words that the name of a figure contains, and the cause: the first row that fits counts.
const REASONS: &[(&[&str], &str)] = &[
    (
        &["Active: processor time"],
        "Leases of virtual addresses are renewed, which the incumbent does not do: without them \
         (`vrrp_address_lifetime forever`) the work is a fifth less. Most of the rest is the kernel's work for each packet.",
    ),
    (
        &["Backup, adverts", "processor time"],
        "Adverts are read 50 times a second; the rest is the work for each packet, half of it the kernel's.",
    ),
    (
        &["memory of all processes"],
        "The code of both processes is 4 MB of it. The VRRP process keeps 3 kB for each instance (what the configuration \
         says, the election, several maps with the same keys), the parent 1 kB (the text, history, programs).",
    ),
    (
        &["memory for each server"],
        "A sixth of it is the text of the configuration, which the parent keeps. In the checker process a check takes 150 bytes \
         for what it found and when, its server 90, what both are called and ask 140, their places in other trees the rest.",
    ),
    (
        &["start of 1:"],
        "Each process is a program that is started anew, so that none inherits anything, and reads the configuration itself; \
         the incumbent's are copies of the first.",
    ),
    (
        &["reload of 1000, nothing changed: processor time"],
        "The configuration is read and compared by the parent, which answers for its errors, and by the VRRP process.",
    ),
    (
        &["first echo reply"],
        "The announcement is as early as the incumbent's or earlier. Then the loop, which has real-time priority, works for \
         0.2 ms more (the other announcements, the news for the parent) and so does the thread of the fence, while the \
         client shares the two processors with them.",
    ),
    (
        &["first gratuitous ARP"],
        "The medians differ by less than ours spread. The machine itself is late at times: a real-time program that only waits, with \
         nothing else, wakes up to 8 ms late in one of five runs of eight seconds, because the hypervisor takes a processor away.",
    ),
    (
        &["error of a gap"],
        "The machine itself is late at times: a real-time program that only waits, with nothing else, wakes up to 8 ms late in one \
         of five runs of eight seconds, because the hypervisor takes a processor away.",
    ),
    (
        &["start until all stand"],
        "The parent reads the configuration, which answers for its errors, before the others do; then both others read it, \
         beside each other. That is more than half of the time.",
    ),
    (
        &["HTTP checks a second", "processor time"],
        "A check makes 13 calls of the kernel. Four of them are the runtime's own: it wakes itself when a timer is set that is \
         earlier than the one it waits for, and looks whether something else is due.",
    ),
    (
        &["last address over the bound"],
        "Gratuitous ARP of the first addresses goes out before the next ones are set: all is announced much earlier \
         than by the incumbent, which sets all addresses first.",
    ),
];
