//! Environment variables over the file.

use serde_json::{Map, Value};

use super::ConfigurationError;

const PREFIX: &str = "GATEHOUSE__";
/// What platforms tell the database by, unless our own variable is there too, and the field that it sets.
const DATABASE: [(&str, &str); 2] = [("DATABASE_URL", "URL"), ("DATABASE_URL_FILE", "URL_FILE")];

/// Sets what the variables of our prefix say. Values are read as YAML, so that lists and numbers can be given too.
pub(super) fn overlay(
    value: &mut Value,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<(), ConfigurationError> {
    let variables: Vec<_> = variables.collect();
    let is_ours =
        |name: &str| ["URL", "URL_FILE", "PATH"].iter().any(|field| name == format!("{PREFIX}DATABASE__{field}"));
    let names_database = variables.iter().any(|(name, _)| is_ours(name));
    for (name, text) in variables {
        let of_platform = DATABASE.iter().find(|(known, _)| *known == name && !names_database);
        let path = match (name.strip_prefix(PREFIX), of_platform) {
            (Some(path), _) => path.to_owned(),
            (None, Some((_, field))) => format!("DATABASE__{field}"),
            (None, None) => continue,
        };
        set(value, &path, &text).map_err(|reason| ConfigurationError::new(&name, reason))?;
    }
    Ok(())
}

fn set(mut place: &mut Value, path: &str, text: &str) -> Result<(), &'static str> {
    for part in path.split("__") {
        let members = place.as_object_mut().ok_or("is below something that has no fields")?;
        place = members.entry(field(part)).or_insert_with(|| Value::Object(Map::new()));
    }
    // What looks like a list or an object is one; everything else is text until its field says otherwise.
    *place = match serde_norway::from_str(text) {
        Ok(structured @ (Value::Array(_) | Value::Object(_) | Value::Bool(_))) => structured,
        _ => Value::from(text),
    };
    Ok(())
}

/// `KEY_FILE` -> `keyFile`.
fn field(part: &str) -> String {
    let mut words = part.split('_').map(str::to_ascii_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at_checked(1).unwrap_or((&word, ""));
        format!("{name}{}{rest}", initial.to_ascii_uppercase())
    })
}
