//! Maps that take thousands of entries in one by one, and keep them.

use std::collections::BTreeMap;

/// When a map is to be built anew.
///
/// A map that takes its entries in one by one, in the order of their keys, keeps its nodes half empty; one that is
/// built at once has full ones. This is done whenever a map has grown by an eighth, so that each entry that comes costs
/// the moving of nine at most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packing {
    /// The fewest entries since the map was built.
    least: usize,
}

impl Packing {
    /// Builds `map` anew where that is worth it; to be called for one map only, when a batch of changes is done.
    pub fn pack<K: Ord, V>(&mut self, map: &mut BTreeMap<K, V>) {
        self.least = self.least.min(map.len());
        if map.len().saturating_sub(self.least) > self.least / 8 + FEW {
            *map = std::mem::take(map).into_iter().collect();
            self.least = map.len();
        }
    }
}

/// So few more are not worth it, however small the map was.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_built_anew_once_it_has_grown_and_keeps_what_it_held() {
        let mut packing = Packing::default();
        let mut map = BTreeMap::new();
        let mut built = 0;
        for number in 0..4_000 {
            map.insert(number, -number);
            let least = packing.least;
            packing.pack(&mut map);
            built += usize::from(packing.least != least);
        }
        assert!(map.iter().map(|(key, value)| (*key, -*value)).eq((0..4_000).zip(0..4_000)));
        assert!((10..40).contains(&built), "{built} times");
    }

    #[test]
    fn a_map_that_is_built_anew_takes_less_memory() {
        let mut map: BTreeMap<u64, u64> = BTreeMap::new();
        for number in 0..4_000 {
            map.insert(number, number);
        }
        let cost = allocation_counter::measure(|| Packing::default().pack(&mut map));
        // Half of it: nodes of eleven entries that held six.
        assert!(cost.bytes_current < -30_000, "{} bytes", cost.bytes_current);
    }

    #[test]
    fn what_went_and_came_again_counts_as_growth() {
        let mut packing = Packing::default();
        let mut map: BTreeMap<i32, ()> = (0..100).map(|number| (number, ())).collect();
        packing.pack(&mut map);
        assert_eq!(packing.least, 100);
        map.clear();
        packing.pack(&mut map);
        assert_eq!(packing.least, 0);
        map.extend((0..100).map(|number| (number, ())));
        packing.pack(&mut map);
        assert_eq!(packing.least, 100);
    }
}
