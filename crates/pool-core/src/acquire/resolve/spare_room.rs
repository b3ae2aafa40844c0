//! Headers without room for others.

use std::sync::{Arc, LazyLock};

use http::HeaderMap;

/// The headers of a request that has none: one map for all of them.
pub(crate) fn no_headers() -> Arc<HeaderMap> {
    static NONE: LazyLock<Arc<HeaderMap>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

/// Gives back the room for headers that these have not. A map has room for six headers from its first one
/// on, 100 bytes each, and the pool keeps the headers of a client as long as its key.
pub(crate) fn shrink(headers: &mut Arc<HeaderMap>) {
    let Some(map) = Arc::get_mut(headers) else {
        return;
    };
    if map.is_empty() {
        *headers = no_headers();
    } else if map.capacity() > 2 * map.keys_len() {
        let mut small = HeaderMap::with_capacity(map.keys_len());
        for (name, value) in &*map {
            small.append(name, value.clone());
        }
        *map = small;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn shrunk_headers_are_the_same_without_the_room_for_others() {
        let mut map = HeaderMap::new();
        map.append("x-a", HeaderValue::from_static("1"));
        map.append("x-a", HeaderValue::from_static("2"));
        let before = map.clone();
        map.reserve(50);
        let mut headers = Arc::new(map);
        shrink(&mut headers);
        assert_eq!(*headers, before);
        assert!(headers.capacity() < 50);
        let mut none = Arc::new(HeaderMap::new());
        shrink(&mut none);
        assert!(Arc::ptr_eq(&none, &no_headers()));
    }

    #[test]
    fn headers_that_others_have_too_stay_where_they_are() {
        let mut headers = Arc::new(HeaderMap::with_capacity(50));
        let other = Arc::clone(&headers);
        shrink(&mut headers);
        assert!(Arc::ptr_eq(&headers, &other));
    }
}
