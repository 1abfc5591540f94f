//! A busy loop: the neighbour who never sleeps.

use std::hint::black_box;

/// Computes until the process is ended.
pub fn run() -> ! {
    let mut sum = 0_u64;
    loop {
        sum = black_box(sum.wrapping_add(1));
    }
}
