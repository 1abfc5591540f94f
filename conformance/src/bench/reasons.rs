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
         (`vrrp_address_lifetime forever`) the work is about half. The rest is the kernel's work for each packet.",
    ),
    (
        &["Backup, adverts", "processor time"],
        "Adverts that come evenly spread are read a few at a time, and a wake-up costs more than the packets.",
    ),
    (
        &["1000", "memory of all processes"],
        "Both processes of ours keep about 6 kB for each instance, several maps with the same keys among it.",
    ),
    (
        &["last address over the bound"],
        "Gratuitous ARP of the first addresses goes out before the next ones are set: all is announced much earlier \
         than by the incumbent, which sets all addresses first.",
    ),
];
