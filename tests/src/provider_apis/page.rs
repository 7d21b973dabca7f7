//! Pages of lists: by number, and after a cursor.

use serde_json::Value;

/// How lists are cut into pages.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pages {
    /// Size that no page exceeds.
    pub(super) limit: Option<usize>,
    /// Whether a page begins with the last item of the page before.
    pub(super) repeat: bool,
}

/// A page with a number.
pub(super) struct NumberedPage<'a> {
    pub(super) items: Vec<&'a Value>,
    /// Position of the first item in the list, counted from 1.
    pub(super) from: usize,
    /// Number of the last page, or 0 if the list is empty.
    pub(super) last: usize,
    pub(super) size: usize,
}

/// A page after a cursor.
pub(super) struct CursorPage<'a> {
    pub(super) items: Vec<&'a Value>,
    pub(super) has_more: bool,
    pub(super) size: usize,
}

impl Pages {
    /// Size of a page, and the number of items that it shares with the page before.
    fn size(self, asked: usize) -> (usize, usize) {
        let size = self.limit.map_or(asked, |limit| asked.min(limit)).max(1);
        (size, usize::from(self.repeat && size > 1))
    }

    /// Returns the page with a number, counted from 1.
    pub(super) fn numbered<'a>(self, list: &[&'a Value], number: usize, asked: usize) -> NumberedPage<'a> {
        let (size, shared) = self.size(asked);
        let step = size - shared;
        let last = if list.is_empty() { 0 } else { list.len().saturating_sub(shared).div_ceil(step).max(1) };
        let start = number.saturating_sub(1).saturating_mul(step);
        let items = if number > last { Vec::new() } else { list.iter().skip(start).take(size).copied().collect() };
        NumberedPage { items, from: start + 1, last, size }
    }

    /// Returns the page of matching items that begins at a position in the list of all items.
    pub(super) fn from<'a>(
        self,
        list: &[&'a Value],
        position: usize,
        asked: usize,
        matches: impl Fn(&Value) -> bool,
    ) -> CursorPage<'a> {
        let (size, shared) = self.size(asked);
        let (before, rest) = list.split_at(position);
        let repeated = before.iter().rev().filter(|item| matches(item)).take(shared);
        let mut items: Vec<&Value> = repeated.chain(rest.iter().filter(|item| matches(item))).copied().collect();
        let has_more = items.len() > size;
        items.truncate(size);
        CursorPage { items, has_more, size }
    }
}

/// Sorts by a key in descending order. Of two objects with the same key, the one that was created later is the first.
pub(super) fn newest_first<'a, K: Ord>(
    objects: impl Iterator<Item = &'a Value>,
    key: impl Fn(&Value) -> K,
) -> Vec<&'a Value> {
    let mut list: Vec<&Value> = objects.collect();
    list.sort_by_key(|object| key(object));
    list.reverse();
    list
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Walks all numbered pages of the numbers below `count`.
    fn walk(pages: Pages, count: u64) -> Vec<Vec<u64>> {
        let values: Vec<Value> = (0..count).map(|number| json!(number)).collect();
        let list: Vec<&Value> = values.iter().collect();
        let last = pages.numbered(&list, 1, 100).last;
        let page = |number| pages.numbered(&list, number, 100).items;
        assert!(page(last + 1).is_empty());
        (1..=last).map(|number| page(number).iter().filter_map(|value| value.as_u64()).collect()).collect()
    }

    #[test]
    fn numbered_pages_hold_each_item() {
        let pages = Pages { limit: Some(3), repeat: false };
        assert_eq!(walk(pages, 0), Vec::<Vec<u64>>::new());
        assert_eq!(walk(pages, 3), [[0, 1, 2]]);
        assert_eq!(walk(pages, 4), [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn numbered_pages_repeat_the_last_item() {
        let pages = Pages { limit: Some(3), repeat: true };
        assert_eq!(walk(pages, 0), Vec::<Vec<u64>>::new());
        assert_eq!(walk(pages, 1), [[0]]);
        assert_eq!(walk(pages, 3), [[0, 1, 2]]);
        assert_eq!(walk(pages, 4), [vec![0, 1, 2], vec![2, 3]]);
        assert_eq!(walk(Pages { limit: Some(1), repeat: true }, 2), [[0], [1]]);
    }
}
