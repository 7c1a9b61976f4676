//! The tables of `filter-config/README.md` against the schema.

use std::collections::BTreeMap;

use serde_json::Value;

use super::place;
use super::plugin_schema::{self, Field};

/// The fields that the tables describe, with the text of their `default` column.
///
/// A row `` | `name` | type | default | .. | `` stands below a heading that names, in backticks, what the field is in;
/// below a heading with several of them, in each.
fn documented(text: &str) -> BTreeMap<String, String> {
    let mut containers: Vec<&str> = Vec::new();
    let mut fields = BTreeMap::new();
    for line in text.lines() {
        if line.starts_with('#') {
            containers = line.split('`').skip(1).step_by(2).collect();
        } else if let Some(row) = line.strip_prefix("| `").filter(|_| !containers.is_empty()) {
            let (field, rest) = row.split_once('`').expect("a closing backtick");
            let default = rest.split(" | ").nth(2).unwrap_or_else(|| panic!("no `default` column: {line}"));
            for container in &containers {
                let path = if *container == "$" { field.to_owned() } else { format!("{container}.{field}") };
                assert_eq!(fields.insert(path.clone(), default.to_owned()), None, "{path} is there twice");
            }
        }
    }
    fields
}

fn readme() -> BTreeMap<String, String> {
    documented(&place::text(&place::filter_config("README.md")))
}

/// Whether the `default` column says what the schema says.
fn tells(column: &str, field: &Field) -> bool {
    match (&field.default, column) {
        (None, "required") => field.required,
        (None, "none" | "`[]`") => !field.required,
        (Some(default), column) => {
            let shown = column.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            shown.is_some_and(|shown| serde_json::from_str::<Value>(shown).is_ok_and(|shown| shown == *default))
        }
        (None, _) => false,
    }
}

#[test]
fn every_field_has_a_row_and_every_row_a_field() {
    let (rows, fields) = (readme(), plugin_schema::fields());

    let missing: Vec<_> = fields.keys().filter(|field| !rows.contains_key(*field)).collect();
    let invented: Vec<_> = rows.keys().filter(|row| !fields.contains_key(*row)).collect();
    assert_eq!((missing, invented), (vec![], vec![]), "(fields without a row, rows without a field)");
}

#[test]
fn the_rows_show_the_defaults_that_the_filter_has() {
    let fields = plugin_schema::fields();
    for (path, column) in readme() {
        let Some(field) = fields.get(&path) else { continue };

        assert!(tells(&column, field), "{path}: the table says {column}, the schema {field:?}");
    }
}

#[test]
fn a_row_is_read_below_each_container_of_its_heading() {
    let rows = documented("## Secrets of `a.b`, `c`\n| `env` | text | none | x |\n## `$`\n| `d` | text | `1` | x |\n");

    let expected = [("a.b.env", "none"), ("c.env", "none"), ("d", "`1`")];
    assert_eq!(rows.into_iter().collect::<Vec<_>>(), expected.map(|(path, column)| (path.into(), column.into())));
}

#[test]
fn a_wrong_default_is_noticed() {
    let with = |required, default| Field { required, default };
    assert!(tells("`5`", &with(false, Some(5.into()))));
    assert!(!tells("`6`", &with(false, Some(5.into()))));
    assert!(!tells("5", &with(false, Some(5.into()))));
    assert!(!tells("required", &with(false, None)));
    assert!(!tells("none", &with(true, None)));
}
