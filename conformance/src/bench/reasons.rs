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
        &["1000", "memory of all processes"],
        "The code of both processes is 3 MB of it, and both keep about 5 kB for each instance, several maps with the same \
         keys among it.",
    ),
    (
        &["last address over the bound"],
        "Gratuitous ARP of the first addresses goes out before the next ones are set: all is announced much earlier \
         than by the incumbent, which sets all addresses first.",
    ),
];
