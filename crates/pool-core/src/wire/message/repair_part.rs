//! One part of a result, without the fields that are not of their types.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Whether a text is a value of some type.
///
/// It reads text, which every type of the protocol is read from anyway. The code that reads them from a
/// borrowed [`Value`] would be built for this alone, in each program with a pool.
type Reads = fn(&str) -> bool;

/// Whether a text is a value of this type.
pub(super) fn reads<T: DeserializeOwned>(text: &str) -> bool {
    serde_json::from_str::<T>(text).is_ok()
}

/// A value that some parts were left out of.
pub(super) struct Repaired<T> {
    pub(super) value: T,
    pub(super) left_out: usize,
}

/// The part without the optional fields that cannot be read. `None`: it cannot be read without them
/// either.
///
/// A field that is an object or a list is kept without those of its own members that cannot be read.
pub(super) fn without_unreadable_fields(part: Value, reads: Reads) -> Option<Repaired<Value>> {
    if reads(&part.to_string()) {
        return Some(Repaired {
            value: part,
            left_out: 0,
        });
    }
    [&OPTIONAL[..], &OPTIONAL_MOSTLY[..]]
        .into_iter()
        .find_map(|names| {
            let mut bare = part.clone();
            let mut fields = Vec::new();
            take_fields(&mut bare, names, &mut Place::default(), &mut fields);
            reads(&bare.to_string()).then(|| refilled(bare, fields, reads))
        })
}

/// The place of a value in its part: the members on the way to it.
#[derive(Clone, Default)]
struct Place(Vec<String>);

impl Place {
    fn in_part<'p>(&self, part: &'p mut Value) -> Option<&'p mut Value> {
        let mut members = self.0.iter();
        members.try_fold(part, |value, member| value.get_mut(member))
    }
}

/// A field that was taken out of a part.
struct Field {
    parent: Place,
    name: String,
    value: Value,
}

/// Takes the optional fields out of an object and of the objects in it.
fn take_fields(value: &mut Value, names: &[&str], place: &mut Place, taken: &mut Vec<Field>) {
    let Some(members) = value.as_object_mut() else {
        return;
    };
    let is_capabilities = place.0.last().is_some_and(|member| member == CAPABILITIES);
    let is_optional = |name: &String| is_capabilities || names.contains(&name.as_str());
    let optional: Vec<String> = members
        .keys()
        .filter(|name| is_optional(name))
        .cloned()
        .collect();
    for name in optional {
        if let Some(value) = members.remove(&name) {
            let parent = place.clone();
            taken.push(Field {
                parent,
                name,
                value,
            });
        }
    }
    if place.0.len() == DEPTH {
        return;
    }
    for (name, value) in members {
        place.0.push(name.clone());
        take_fields(value, names, place, taken);
        place.0.pop();
    }
}

/// The part with every field back that can be read in it.
fn refilled(bare: Value, fields: Vec<Field>, reads: Reads) -> Repaired<Value> {
    let mut refill = Refill {
        part: Repaired {
            value: bare,
            left_out: 0,
        },
        trials: 0,
        reads,
    };
    for field in fields {
        refill.add(field);
    }
    refill.part
}

struct Refill {
    part: Repaired<Value>,
    /// How often the part was decoded.
    trials: usize,
    reads: Reads,
}

impl Refill {
    /// Adds a field, or what can be read of it.
    fn add(&mut self, field: Field) {
        let Field {
            parent,
            name,
            value,
        } = field;
        if self.fits(&parent, &name, &value) {
            return;
        }
        let empty = match &value {
            Value::Array(_) => Value::Array(Vec::new()),
            Value::Object(_) => Value::Object(Map::new()),
            _ => Value::Null,
        };
        if empty.is_null() || !self.fits(&parent, &name, &empty) {
            self.part.left_out += 1;
            return;
        }
        let mut place = parent;
        place.0.push(name);
        match value {
            Value::Array(items) => items.into_iter().for_each(|item| self.push(&place, item)),
            Value::Object(members) => members
                .into_iter()
                .for_each(|(name, value)| self.insert(&place, &name, &value)),
            _ => {}
        }
    }

    fn insert(&mut self, place: &Place, name: &str, value: &Value) {
        if !self.fits(place, name, value) {
            self.part.left_out += 1;
        }
    }

    fn push(&mut self, place: &Place, item: Value) {
        if let Some(Value::Array(items)) = place.in_part(&mut self.part.value) {
            items.push(item);
        }
        if !self.is_readable()
            && let Some(Value::Array(items)) = place.in_part(&mut self.part.value)
        {
            items.pop();
            self.part.left_out += 1;
        }
    }

    /// Adds a member to the object at this place, unless the part cannot be read with it.
    fn fits(&mut self, place: &Place, name: &str, value: &Value) -> bool {
        if let Some(Value::Object(members)) = place.in_part(&mut self.part.value) {
            members.insert(name.to_owned(), value.clone());
        }
        if self.is_readable() {
            return true;
        }
        if let Some(Value::Object(members)) = place.in_part(&mut self.part.value) {
            members.remove(name);
        }
        false
    }

    fn is_readable(&mut self) -> bool {
        self.trials += 1;
        self.trials <= MAX_TRIALS && (self.reads)(&self.part.value.to_string())
    }
}

/// The object whose members are all optional.
const CAPABILITIES: &str = "capabilities";
/// How deep fields are looked for: that of a resource within a content block of a message.
const DEPTH: usize = 3;
/// How often one part is decoded at most, so that a part made for it costs no more than that.
const MAX_TRIALS: usize = 64;
/// The fields that no type of the protocol demands.
const OPTIONAL: [&str; 20] = [
    "_meta",
    "annotations",
    "arguments",
    "cacheScope",
    "description",
    "hasMore",
    "icons",
    "instructions",
    "isError",
    "lastModified",
    "nextCursor",
    "outputSchema",
    "priority",
    "requestState",
    "resultType",
    "size",
    "title",
    "total",
    "ttlMs",
    "websiteUrl",
];
/// With the one that images and audio demand.
const OPTIONAL_MOSTLY: [&str; 5] = ["_meta", "annotations", "mimeType", "size", "title"];
