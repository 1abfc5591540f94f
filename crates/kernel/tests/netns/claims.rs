//! Words that are held for as long as somebody lives.

use kernel::namespace::Namespace;
use kernel::socket::Claim;
use rustix::io::Errno;

use crate::Test;

pub const TESTS: &[Test] = &[("a_word_is_held_by_one_in_a_namespace_until_he_is_gone", held)];

fn held() {
    let word = "steadfast/1-2-3";
    assert!(!Claim::is_held(word));
    let claim = Claim::hold(word).unwrap();
    // However often it is asked.
    for _ in 0..100 {
        assert!(Claim::is_held(word));
    }
    assert!(!Claim::is_held("steadfast/1-2-4"));
    assert_eq!(Claim::hold(word).unwrap_err(), Errno::ADDRINUSE);
    let elsewhere = || (Claim::is_held(word), Claim::hold(word).is_ok());
    assert_eq!(Namespace::create().unwrap().within(elsewhere).unwrap(), (false, true));
    drop(claim);
    assert!(!Claim::is_held(word));
    // What cannot be a word may be held by anybody.
    assert!(Claim::is_held(&"x".repeat(200)));
}
