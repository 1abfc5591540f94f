//! The weight of what is tracked: that of its block, and what a line says instead.

use core::num::IntErrorKind;

use vrrp::Weight;

use crate::syntax::{Directive, Word};

/// The weight that a line has of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    number: i16,
    /// Where it says so; else as the block has it, whatever number that has.
    reverse: Option<bool>,
}

/// A line that is left out, which the check of its words has reported.
pub(super) struct LeftOut;

impl Own {
    /// `weight N [reverse|noreverse]` behind a name; none where nothing is written, or no such number can be.
    pub(super) fn behind(
        line: &Directive,
        most: i16,
        is_strict: bool,
    ) -> Result<Option<Self>, LeftOut> {
        let mut words = line.arguments.iter().map(|word| word.text.as_str());
        match words.next() {
            None => return Ok(None),
            Some("weight") => {}
            Some(_) => return Err(LeftOut),
        }
        let number = match words.next().ok_or(LeftOut)?.parse::<i64>() {
            Ok(number) => Some(number),
            // What is no number is read as 0, as the incumbent does.
            Err(error) if *error.kind() == IntErrorKind::InvalidDigit => Some(0),
            Err(_) => None,
        };
        let reverse = match words.next() {
            Some("reverse") => Some(true),
            Some("noreverse") => Some(false),
            Some(_) if is_strict => return Err(LeftOut),
            None | Some(_) => None,
        };
        let number = number.and_then(|number| i16::try_from(number).ok());
        let number = number.filter(|number| (-MOST..=MOST).contains(number));
        Ok(number.map(|number| Self { number: number.clamp(-most, most), reverse }))
    }

    /// What comes of it over the weight of a block.
    pub(super) const fn over(self, block: Weight) -> Weight {
        let (Weight::Fault { reverse } | Weight::Priority { reverse, .. }) = block;
        let reverse = match self.reverse {
            Some(reverse) => reverse,
            None => reverse,
        };
        of(self.number, reverse)
    }
}

/// `N [reverse|noreverse]`.
pub(in crate::lower) fn weight(words: &[Word], most: i16) -> Option<Weight> {
    let number: i16 = words.first()?.text.parse().ok()?;
    let reverse = words.get(1).is_some_and(|word| word.text == "reverse");
    Some(of(number.clamp(-most, most), reverse))
}

/// A weight of 0 is that of a fault.
const fn of(number: i16, reverse: bool) -> Weight {
    match number {
        0 => Weight::Fault { reverse },
        weight => Weight::Priority { weight, reverse },
    }
}

/// The greatest number that is taken for a weight.
const MOST: i16 = 254;

#[cfg(test)]
mod tests {
    use vrrp::Weight::{Fault, Priority};

    use super::*;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    /// What one instance tracks so, where the block of it says `block`; and whether something was said of it.
    fn tracked(keyword: &str, block: &str, line: &str) -> (Option<Weight>, bool) {
        let text = format!(
            "vrrp_script it {{\n script /bin/true\n {block}\n}}\ntrack_file it {{\n file /run/number\n {block}\n}}\n\
             vrrp_track_process it {{\n process nginx\n {block}\n}}\nbfd_instance it {{\n neighbor_ip 192.0.2.9\n {block}\n}}\n\
             vrrp_instance A {{\n interface eth0\n virtual_router_id 1\n {keyword} {{\n it {line}\n }}\n\
             virtual_ipaddress {{\n 192.0.2.1\n }}\n}}\n"
        );
        let environment = Environment::of_host("host");
        let checked = crate::check(&SourceSet::single("x.conf", text), &environment);
        let tracking = checked.model.instances.first().map(|it| it.parameters.tracking.clone());
        let at = format!("`{}`", line.split(' ').next_back().unwrap_or_default());
        let is_told = checked.diagnostics.iter().any(|it| it.message.starts_with(&at));
        (tracking.unwrap_or_default().first().map(|it| it.weight), is_told)
    }

    const ALL: [&str; 4] = ["track_script", "track_file", "track_process", "track_bfd"];

    #[test]
    fn a_line_changes_the_number_and_only_by_its_word_the_reverse() {
        for (line, weight) in [
            ("", Priority { weight: 5, reverse: true }),
            ("weight -10", Priority { weight: -10, reverse: true }),
            ("weight -10 reverse", Priority { weight: -10, reverse: true }),
            ("weight -10 noreverse", Priority { weight: -10, reverse: false }),
            ("weight 0", Fault { reverse: true }),
            ("weight 0 noreverse", Fault { reverse: false }),
        ] {
            for keyword in ALL {
                let (tracked, is_told) = tracked(keyword, "weight 5 reverse", line);
                assert_eq!((tracked, is_told), (Some(weight), false), "{keyword} {line}");
            }
        }
        let (plain, _) = tracked("track_script", "weight 5", "weight 7 reverse");
        assert_eq!(plain, Some(Priority { weight: 7, reverse: true }));
    }

    #[test]
    fn a_line_that_cannot_be_meant_is_left_out_and_told() {
        for keyword in ALL {
            for line in ["reverse", "noreverse", "weight", "wieght"] {
                assert_eq!(tracked(keyword, "weight 5", line), (None, true), "{keyword} {line}");
            }
            for line in ["weight 255", "weight -40000", "weight 99999999999999999999"] {
                let block = Some(Priority { weight: 5, reverse: true });
                assert_eq!(tracked(keyword, "weight 5 reverse", line), (block, true), "{line}");
            }
            let (none, _) = tracked(keyword, "weight 5 reverse", "weight ten");
            assert_eq!(none, Some(Fault { reverse: true }));
        }
        let of = |keyword| tracked(keyword, "weight 5 reverse", "weight 7 revers");
        let without_the_word = (Some(Priority { weight: 7, reverse: true }), true);
        assert_eq!([of("track_script"), of("track_process")], [without_the_word; 2]);
        assert_eq!([of("track_file"), of("track_bfd")], [(None, true); 2]);
    }

    #[test]
    fn what_keepalived_cuts_is_cut() {
        let of = |keyword| tracked(keyword, "", "weight -254").0;
        assert_eq!(of("track_script"), Some(Priority { weight: -253, reverse: false }));
        assert_eq!(of("track_file"), Some(Priority { weight: -254, reverse: false }));
    }
}
