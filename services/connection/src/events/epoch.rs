//! What becomes of cursors when a log is restored from a backup. The events after the backup are lost, and their
//! sequences must not be given to others: a reader that saw the lost ones would take the new ones for them, and miss
//! them. So a restored log goes on 2^40 higher. The upper part of a sequence is then how often the log was restored, the
//! lower part still counts its events, and a cursor that lies among the lost events is told from one that does not.

pub(crate) use entente_store::RESTORED_STEP as STEP;

/// How many events there are after one sequence, up to another.
pub(crate) fn count(from: i64, to: i64) -> i64 {
    (to - from).rem_euclid(STEP)
}

/// The first sequence that no event before the next restoration can have.
pub(crate) fn end(sequence: i64) -> i64 {
    (sequence / STEP).saturating_add(1).saturating_mul(STEP)
}

/// Where a cursor stands in an older part of a log, of which `newest` is the newest event or one before that part began.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Events of its part follow, up to this one.
    Before(i64),
    /// It has seen all of its part; the log goes on after this sequence.
    AtEnd(i64),
    /// It has seen events that are lost: those after this sequence.
    Lost(i64),
}

/// See [`Place`].
pub(crate) fn place(cursor: i64, newest: i64) -> Place {
    let newest = cursor - cursor % STEP + newest % STEP;
    match cursor.cmp(&newest) {
        std::cmp::Ordering::Less => Place::Before(newest),
        std::cmp::Ordering::Equal => Place::AtEnd(cursor.saturating_add(STEP)),
        std::cmp::Ordering::Greater => Place::Lost(newest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_among_lost_events_is_told_from_the_others() {
        assert_eq!(place(3, 7), Place::Before(7));
        assert_eq!(place(7, 7), Place::AtEnd(STEP + 7));
        assert_eq!(place(8, 7), Place::Lost(7));
        // Restored twice, and nothing happened between.
        assert_eq!(place(STEP + 7, 7), Place::AtEnd(2 * STEP + 7));
        assert_eq!(place(STEP + 8, 7), Place::Lost(STEP + 7));
        assert_eq!((end(0), end(7), end(STEP - 1), end(STEP)), (STEP, STEP, STEP, 2 * STEP));
    }

    #[test]
    fn events_are_counted_over_a_restoration() {
        assert_eq!(count(3, 7), 4);
        assert_eq!(count(3, STEP + 8), 5);
        assert_eq!(count(7, 3 * STEP + 7), 0);
    }
}
