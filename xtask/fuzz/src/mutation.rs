//! How inputs are changed.

use super::numbers::Numbers;

/// An input made of `base` by a few changes; some of them take a part of `other`, or a word.
pub(crate) fn mutate(numbers: &mut Numbers, base: &[u8], other: &[u8], words: &[&str]) -> Vec<u8> {
    let mut input = base.to_vec();
    for _ in 0..=numbers.below(MOST_CHANGES) {
        change(numbers, &mut input, other, words);
    }
    input.truncate(MOST_BYTES);
    input
}

fn change(numbers: &mut Numbers, input: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let at = numbers.below(input.len() + 1);
    let end = at + numbers.below((input.len() - at).min(MOST_MOVED) + 1);
    match numbers.below(8) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << numbers.below(8);
            }
        }
        1 => input.insert(at, numbers.next() as u8),
        2 => drop(input.drain(at..end)),
        3 => {
            let copy = input[at..end].to_vec();
            let to = numbers.below(input.len() + 1);
            input.splice(to..to, copy);
        }
        4 => {
            let from = numbers.below(other.len() + 1);
            let until = from + numbers.below((other.len() - from).min(MOST_MOVED) + 1);
            input.splice(at..end, other[from..until].iter().copied());
        }
        5 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = [0, b'\n', b'\r', b'"', b'\\', b' ', b'9', 0xff][numbers.below(8)];
            }
        }
        _ if words.is_empty() => {}
        _ => {
            let word = words[numbers.below(words.len())].bytes();
            input.splice(at..at, word);
        }
    }
}

const MOST_CHANGES: usize = 6;
const MOST_MOVED: usize = 64;
/// Longer inputs are slower, and reach nothing else.
const MOST_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let inputs = |seed| {
            let mut numbers = Numbers::new(seed);
            let input = |_| mutate(&mut numbers, b"data: {}\n\n", b"event: x", &["id:"]);
            (0..50).map(input).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
        assert!(inputs(7).iter().any(|input| input != b"data: {}\n\n"));
    }
}
