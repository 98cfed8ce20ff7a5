//! In which order the operations of a queue are done: so that each finds what it stands on, however they were sent.

use std::collections::{HashMap, HashSet, VecDeque};
use uuid::Uuid;

/// What an operation stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Activities come first: tallies and results are filed to them.
    Activities,
    /// Then tallies: a result takes in those that are there.
    Tallies,
    /// Then results.
    Results,
}

/// An operation, as far as the order goes.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Its stage.
    pub stage: Stage,
    /// The thing that it is about.
    pub id: Uuid,
    /// The version of it that it changes; 0 for what makes it.
    pub version: i64,
}

/// The places of the operations in the order in which they are done: by stage, within a stage as they were sent, but of
/// one thing the lower version first.
#[must_use]
pub fn order(nodes: &[Node]) -> Vec<usize> {
    let mut as_sent: Vec<(usize, Node)> = nodes.iter().copied().enumerate().collect();
    as_sent.sort_by_key(|(place, node)| (node.stage, *place));
    let mut by_version = as_sent.clone();
    by_version.sort_by_key(|(_, node)| node.version);
    let mut waiting: HashMap<(Stage, Uuid), VecDeque<usize>> = HashMap::new();
    for (place, node) in by_version {
        waiting.entry((node.stage, node.id)).or_default().push_back(place);
    }
    let mut ordered = Vec::with_capacity(nodes.len());
    let mut done = HashSet::with_capacity(nodes.len());
    for (place, node) in as_sent {
        let Some(of_the_same) = waiting.get_mut(&(node.stage, node.id)) else { continue };
        while !done.contains(&place) {
            let Some(next) = of_the_same.pop_front() else { break };
            done.insert(next);
            ordered.push(next);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(stage: Stage, id: u128, version: i64) -> Node {
        Node { stage, id: Uuid::from_u128(id), version }
    }

    #[test]
    fn what_is_stood_on_comes_first_and_the_rest_as_it_was_sent() {
        use Stage::{Activities, Results, Tallies};
        let sent = [
            node(Results, 7, 1),    // 0: submits what 2 makes
            node(Results, 8, 0),    // 1
            node(Results, 7, 0),    // 2
            node(Tallies, 1, 0),    // 3
            node(Activities, 1, 1), // 4: changes what 5 makes
            node(Activities, 1, 0), // 5
            node(Tallies, 2, 0),    // 6
        ];
        assert_eq!(order(&sent), [5, 4, 3, 6, 2, 0, 1]);
    }

    #[test]
    fn of_one_thing_the_lower_version_comes_first_and_equal_ones_stay() {
        let sent = [3, 1, 2, 2].map(|version| node(Stage::Results, 7, version));
        assert_eq!(order(&sent), [1, 2, 3, 0]);
        assert_eq!(order(&[]), Vec::<usize>::new());
    }

    #[test]
    fn every_operation_is_done_once_whatever_the_order() {
        let sent: Vec<Node> = (0..1_000_u32)
            .map(|n| {
                let stage = [Stage::Results, Stage::Activities, Stage::Tallies][usize::try_from(n % 3).unwrap()];
                node(stage, u128::from(n * 7 % 11), i64::from(n * 13 % 17))
            })
            .collect();
        let mut ordered = order(&sent);
        ordered.sort_unstable();
        assert_eq!(ordered, (0..1_000).collect::<Vec<_>>());
    }
}
