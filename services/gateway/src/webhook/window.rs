//! Which events are under way. Pure.

use std::collections::{BTreeSet, HashMap, VecDeque};

use axum::body::Bytes;

use crate::identus::events::Change;

/// The most events between the cursor and the newest event seen: as many may come again after a restart.
const MAX_SPAN: i64 = 10_000;

/// What a call tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// The body, under ACA-Py's topic.
    Topic(&'static str, Bytes),
    /// A change whose body is made when it is delivered.
    Change(Change),
}

/// An event to deliver.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub(super) sequence: i64,
    /// Events with one lane are delivered one after the other.
    pub(super) lane: String,
    pub(super) content: Content,
}

/// The events that are not done with, by lane.
#[derive(Debug)]
pub(super) struct Window {
    seen: i64,
    unfinished: BTreeSet<i64>,
    /// The events that wait in each lane of which one is being delivered.
    lanes: HashMap<String, VecDeque<Job>>,
}

impl Window {
    /// Nothing under way, and everything up to the cursor done.
    pub(super) fn new(cursor: i64) -> Self {
        Self { seen: cursor, unfinished: BTreeSet::new(), lanes: HashMap::new() }
    }

    /// Everything up to here was read.
    pub(super) fn see(&mut self, cursor: i64) {
        self.seen = self.seen.max(cursor);
    }

    /// The sequence up to which everything was read.
    pub(super) fn seen(&self) -> i64 {
        self.seen
    }

    /// The sequence up to which everything is done.
    pub(super) fn cursor(&self) -> i64 {
        self.unfinished.first().map_or(self.seen, |oldest| oldest - 1)
    }

    /// Whether another event may be read.
    pub(super) fn has_room(&self, limit: usize) -> bool {
        self.unfinished.len() < limit && self.seen - self.cursor() < MAX_SPAN
    }

    /// Takes an event, and gives it back if it can be delivered now.
    pub(super) fn add(&mut self, job: Job) -> Option<Job> {
        self.see(job.sequence);
        self.unfinished.insert(job.sequence);
        match self.lanes.get_mut(&job.lane) {
            Some(waiting) => {
                waiting.push_back(job);
                None
            }
            None => {
                self.lanes.insert(job.lane.clone(), VecDeque::new());
                Some(job)
            }
        }
    }

    /// An event is done with. Gives the next of its lane.
    pub(super) fn finish(&mut self, job: &Job) -> Option<Job> {
        self.unfinished.remove(&job.sequence);
        let next = self.lanes.get_mut(&job.lane)?.pop_front();
        if next.is_none() {
            self.lanes.remove(&job.lane);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(sequence: i64, lane: &str) -> Job {
        Job {
            sequence,
            lane: lane.to_owned(),
            content: Content::Topic("connections", Bytes::new()),
        }
    }

    #[test]
    fn a_lane_is_delivered_in_order_and_others_go_on() {
        let mut window = Window::new(10);
        assert_eq!(window.add(job(11, "a")), Some(job(11, "a")));
        assert_eq!(window.add(job(12, "a")), None);
        assert_eq!(window.add(job(13, "b")), Some(job(13, "b")));
        assert_eq!(window.cursor(), 10);
        assert_eq!(window.finish(&job(13, "b")), None);
        assert_eq!(window.cursor(), 10, "11 is not done");
        assert_eq!(window.finish(&job(11, "a")), Some(job(12, "a")));
        assert_eq!(window.cursor(), 11);
        assert_eq!(window.finish(&job(12, "a")), None);
        assert_eq!(window.cursor(), 13);
        assert_eq!(window.add(job(14, "a")), Some(job(14, "a")), "the lane is free again");
    }

    #[test]
    fn events_that_are_of_no_interest_move_the_cursor() {
        let mut window = Window::new(0);
        window.see(7);
        assert_eq!(window.cursor(), 7);
        window.see(5);
        assert_eq!((window.cursor(), window.seen()), (7, 7));
        window.add(job(8, "a"));
        window.see(9);
        assert_eq!((window.cursor(), window.seen()), (7, 9));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut window = Window::new(0);
        window.add(job(1, "a"));
        assert!(window.has_room(2));
        window.add(job(2, "a"));
        assert!(!window.has_room(2));
        window.finish(&job(2, "a"));
        window.see(MAX_SPAN);
        assert!(!window.has_room(2), "one stuck event does not let the rest run away");
    }
}
