//! The places of a line.

use crate::line::Line;

#[test]
fn a_line_numbers_its_places_from_where_another_one_ended() {
    let mut line = Line::default();
    let old = line.push_back(1, "old");
    assert_eq!(line.next_number(), 1);
    line.push_back(1, "next");
    assert_eq!(line.next_number(), 2);
    let mut line = Line::numbered_from(line.next_number());
    assert_eq!(line.next_number(), 2);
    let new = line.push_back(1, "new");
    assert_eq!(line.get(old), None);
    assert_eq!(line.get(new), Some(&"new"));
}
