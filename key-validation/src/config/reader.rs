//! Reads the raw types from JSON, and tells the path of what is wrong.
//!
//! The first fault is kept and reading goes on, with something in the place of what is wrong; [`read`] and
//! [`read_lenient`], the only ways in, tell of the fault. So no field needs a branch of its own, which keeps the module
//! small.

use std::cell::OnceCell;
use std::fmt;

use serde_json::{Map, Value};

use super::ConfigError;
use super::duration::Duration;

/// A type that is read from JSON.
pub(crate) trait Read: Sized {
    /// The value at a node, or something in its place after a fault.
    fn read(node: Node<'_>) -> Self;
}

impl Read for String {
    fn read(node: Node<'_>) -> Self {
        node.string()
    }
}

/// Reads a type from a value, with no member that is not known.
///
/// # Errors
/// [`ConfigError`] with the path of the first fault.
pub(super) fn read<T: Read>(value: &Value) -> Result<T, ConfigError> {
    let (read, fault) = read_with(value, UnknownMembers::Refused);
    fault.map_or(Ok(read), Err)
}

/// Reads one record that a newer program may have written: it may have members that are not known, which are ignored.
/// After a fault, such as a name that is not known, the record must not let anything through.
pub(crate) fn read_lenient<T: Read>(value: &Value) -> (T, Option<ConfigError>) {
    read_with(value, UnknownMembers::Ignored)
}

fn read_with<T: Read>(value: &Value, unknown_members: UnknownMembers) -> (T, Option<ConfigError>) {
    let reading = Reading { unknown_members, fault: OnceCell::new() };
    let read = T::read(Node { value, path: Path::Root, reading: &reading });
    (read, reading.fault.into_inner())
}

/// What is the same throughout one reading.
struct Reading {
    unknown_members: UnknownMembers,
    /// The first.
    fault: OnceCell<ConfigError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownMembers {
    Refused,
    Ignored,
}

#[derive(Clone, Copy)]
enum Path<'n> {
    Root,
    Member(&'n Path<'n>, &'n str),
    Index(&'n Path<'n>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("$"),
            Self::Member(Self::Root, name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// A value, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Node<'n> {
    value: &'n Value,
    path: Path<'n>,
    reading: &'n Reading,
}

impl<'n> Node<'n> {
    /// Notes what is wrong here, in words for a person; of all faults the first is told.
    #[inline(never)]
    pub(super) fn fault(self, reason: impl fmt::Display) {
        self.reading.fault.get_or_init(|| ConfigError::new(self.path, reason));
    }

    #[inline(never)]
    fn mismatch(self, expected: &str) {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.fault(format_args!("found {found}, expected {expected}"));
    }

    #[inline(never)]
    pub(super) fn boolean(self) -> bool {
        let read = self.value.as_bool();
        if read.is_none() {
            self.mismatch("true or false");
        }
        read.unwrap_or_default()
    }

    /// Whether the value is an object in which this member is `true`.
    pub(super) fn has_true(self, member: &str) -> bool {
        self.value.get(member).and_then(Value::as_bool) == Some(true)
    }

    /// A whole number from 0 to `most`.
    #[inline(never)]
    pub(super) fn whole(self, most: u32) -> u32 {
        let read = self.value.as_u64();
        if read.is_none() {
            self.mismatch("a whole number, not negative");
        }
        let read = read.unwrap_or_default();
        if read > u64::from(most) {
            self.fault(format_args!("found {read}, expected at most {most}"));
        }
        u32::try_from(read).unwrap_or_default()
    }

    /// Seconds since the epoch.
    #[inline(never)]
    pub(super) fn seconds(self) -> u64 {
        let read = self.value.as_u64();
        if read.is_none() {
            self.mismatch("whole seconds since the epoch");
        }
        read.unwrap_or_default()
    }

    #[inline(never)]
    pub(super) fn text(self) -> &'n str {
        let read = self.value.as_str();
        if read.is_none() {
            self.mismatch("a string");
        }
        read.unwrap_or_default()
    }

    #[inline(never)]
    pub(super) fn string(self) -> String {
        self.text().to_owned()
    }

    #[inline(never)]
    pub(super) fn strings(self) -> Vec<String> {
        self.items(String::read)
    }

    /// A value that is one of these names.
    pub(super) fn choice<T: Copy>(self, choices: &[(&str, T)], otherwise: T) -> T {
        let name = self.text();
        let found = choices.iter().find(|choice| choice.0 == name);
        if found.is_none() {
            self.unknown("variant", name, choices.iter().map(|choice| choice.0));
        }
        found.map_or(otherwise, |choice| choice.1)
    }

    /// Notes a name that is not one of those that are known here.
    #[inline(never)]
    pub(super) fn unknown<'k>(self, kind: &str, name: &str, known: impl Iterator<Item = &'k str>) {
        let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
        let one_of = if known.len() > 1 { "one of " } else { "" };
        self.fault(format_args!("unknown {kind} `{name}`, expected {one_of}{}", known.join(", ")));
    }

    /// What each item of an array is read as.
    // A loop: an iterator's adapters are made anew for each type.
    pub(super) fn items<T>(self, read: impl Fn(Node<'_>) -> T) -> Vec<T> {
        let mut items = Vec::new();
        while let Some(item) = self.item(items.len()) {
            items.push(read(item));
        }
        items
    }

    #[inline(never)]
    fn item(&self, index: usize) -> Option<Node<'_>> {
        let Value::Array(items) = self.value else {
            self.mismatch("an array");
            return None;
        };
        Some(Node { value: items.get(index)?, path: Path::Index(&self.path, index), ..*self })
    }

    #[inline(never)]
    fn map(self) -> Option<&'n Map<String, Value>> {
        let map = self.value.as_object();
        if map.is_none() {
            self.mismatch("an object");
        }
        map
    }

    /// An object that is read by others.
    #[inline(never)]
    pub(super) fn any_object(self) -> Value {
        self.map().map_or(Value::Null, |_| self.value.clone())
    }

    /// An object whose members have names of the user's choice, and strings.
    #[inline(never)]
    pub(super) fn strings_by_name(self) -> Vec<(String, String)> {
        let mut strings = Vec::new();
        let Some(map) = self.map() else { return strings };
        for (name, value) in map {
            let node = Node { value, path: Path::Member(&self.path, name), ..self };
            strings.push((name.clone(), node.string()));
        }
        strings
    }

    /// The one member of an object, with its name.
    pub(super) fn only_member<T>(self, read: impl FnOnce(&str, Node<'_>) -> T) -> Option<T> {
        let members = self.map()?;
        let Some((name, value)) = members.iter().next().filter(|_| members.len() == 1) else {
            self.mismatch("exactly one member");
            return None;
        };
        Some(read(name, Node { value, path: Path::Member(&self.path, name), ..self }))
    }

    /// An object whose members `read` asks for; what it does not ask for is not known.
    pub(super) fn object<T>(self, read: impl FnOnce(&mut Members<'_>) -> T) -> T {
        let mut members = Members { node: self, map: self.map(), known: Vec::new() };
        let read = read(&mut members);
        members.finish();
        read
    }
}

/// The members of an object.
pub(super) struct Members<'n> {
    node: Node<'n>,
    /// Absent when the value is no object.
    map: Option<&'n Map<String, Value>>,
    /// The names that were asked for.
    known: Vec<&'static str>,
}

impl Members<'_> {
    /// A member that may be absent.
    #[inline(never)]
    pub(super) fn get(&mut self, name: &'static str) -> Option<Node<'_>> {
        self.known.push(name);
        let value = self.map?.get(name)?;
        Some(Node { value, path: Path::Member(&self.node.path, name), ..self.node })
    }

    /// A member that may be absent, or `null`, which means the same.
    #[inline(never)]
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Node<'_>> {
        self.get(name).filter(|node| !node.value.is_null())
    }

    /// A member that must be there.
    #[inline(never)]
    pub(super) fn required(&mut self, name: &'static str) -> Node<'_> {
        if !self.map.is_some_and(|map| map.contains_key(name)) {
            self.node.fault(format_args!("missing field `{name}`"));
        }
        let absent = Node { value: &Value::Null, path: Path::Root, ..self.node };
        self.get(name).unwrap_or(absent)
    }

    #[inline(never)]
    pub(super) fn boolean_or(&mut self, name: &'static str, default: bool) -> bool {
        self.get(name).map_or(default, Node::boolean)
    }

    #[inline(never)]
    pub(super) fn whole_or(&mut self, name: &'static str, default: u32) -> u32 {
        self.get(name).map_or(default, |node| node.whole(u32::MAX))
    }

    #[inline(never)]
    pub(super) fn duration_or(&mut self, name: &'static str, default: Duration) -> Duration {
        self.get(name).map_or(default, Duration::read)
    }

    pub(super) fn list<T: Read>(&mut self, name: &'static str) -> Vec<T> {
        self.get(name).map_or_else(Vec::new, |node| node.items(T::read))
    }

    #[inline(never)]
    pub(super) fn strings(&mut self, name: &'static str) -> Vec<String> {
        self.get(name).map_or_else(Vec::new, Node::strings)
    }

    #[inline(never)]
    pub(super) fn optional_string(&mut self, name: &'static str) -> Option<String> {
        self.optional(name).map(Node::string)
    }

    /// A member that may be `null`, which means something else than its absence.
    #[inline(never)]
    pub(super) fn nullable_string_or(
        &mut self,
        name: &'static str,
        default: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        self.get(name).map_or_else(default, |node| if node.value.is_null() { None } else { Some(node.string()) })
    }

    /// A member whose type has a default.
    pub(super) fn or_default<T: Read + Default>(&mut self, name: &'static str) -> T {
        self.get(name).map_or_else(T::default, T::read)
    }

    #[inline(never)]
    fn finish(self) {
        let unknown = self.map.and_then(|map| map.keys().find(|name| !self.known.contains(&name.as_str())));
        let Some(name) = unknown else { return };
        if self.node.reading.unknown_members == UnknownMembers::Refused {
            let node = Node { path: Path::Member(&self.node.path, name), ..self.node };
            node.unknown("field", name, self.known.iter().copied());
        }
    }
}

#[cfg(test)]
mod tests;
