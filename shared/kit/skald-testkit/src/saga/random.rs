//! Random scripts: each depends on its seed and on what the harness was made with.

use super::script::{Fault, Runner, Script};
use crate::SeededRng;

/// The random scripts of a harness.
pub(super) struct RandomScripts {
    /// The name of each world, and the number of points of its run without faults.
    worlds: Vec<(&'static str, u32)>,
    runners: Vec<Runner>,
    /// The faults of executions and calls, commands from outside, and steps out of turn.
    kinds: [Vec<Fault>; 3],
    /// An outage loses fewer calls than this. `None` if no command resumes a saga that it parked.
    outage_below: Option<u32>,
    is_wanted: fn(&Fault) -> bool,
}

impl RandomScripts {
    pub(super) fn new(
        worlds: Vec<(&'static str, u32)>,
        runners: Vec<Runner>,
        faults: Vec<Fault>,
        outage_below: Option<u32>,
        is_wanted: fn(&Fault) -> bool,
    ) -> Self {
        let mut kinds = [Vec::new(), Vec::new(), Vec::new()];
        for fault in faults {
            let (is_command, is_stray) =
                (matches!(fault, Fault::Do(_)), matches!(fault, Fault::Stray(_)));
            let kind = usize::from(is_command) + 2 * usize::from(is_stray);
            kinds[kind].push(fault);
        }
        Self { worlds, runners, kinds, outage_below, is_wanted }
    }

    /// The script of this seed.
    pub(super) fn of(&self, seed: u64) -> Script {
        let mut rng = SeededRng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The first numbers of similar seeds are similar.
        rng.below(2);
        let mut pick = |number: usize| rng.below(number.max(1) as u64) as usize;
        let (world, length) = self.worlds[pick(self.worlds.len())];
        let length = length as usize;
        let runners: Vec<Runner> =
            (0..=pick(3)).map(|_| self.runners[pick(self.runners.len())]).collect();
        let scatter = (pick(3) == 0).then(|| pick(1 << 30) as u64);
        let length = if scatter.is_some() { 2 * length } else { length };
        let mut previous = pick(length);
        let mut faults: Vec<(u32, Fault)> = (0..=pick(3))
            .filter_map(|_| {
                // Half of the faults closely follow another one.
                let point = match pick(2) {
                    0 => previous + pick(8),
                    _ => pick(length + length / 4),
                };
                previous = point;
                let point = u32::try_from(point).unwrap_or_default();
                // The share of each kind does not depend on how many commands and steps there are.
                let kind = match pick(8) {
                    0..4 => &self.kinds[0],
                    4..7 => &self.kinds[1],
                    _ => &self.kinds[2],
                };
                Some((point, kind.get(pick(kind.len()))?.clone()))
            })
            .collect();
        if pick(60) == 0
            && let Some(below) = self.outage_below
        {
            let outage = Fault::Outage(u32::try_from(pick(below as usize)).unwrap_or_default());
            let point = u32::try_from(pick(length)).unwrap_or_default();
            if (self.is_wanted)(&outage) {
                faults.push((point, outage));
            }
        }
        faults.sort_by_key(|(point, _)| *point);
        Script { world: world.to_owned(), runners, scatter, faults }
    }
}
