//! `docs/behaviour.md` against the sources: every row has a test, and every test that it names is there.

use std::collections::BTreeSet;
use std::path::Path;

use super::harness::place;

/// A row: its id, and how the names of its tests begin.
fn rows(document: &str) -> Vec<(String, Vec<String>)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let id = cells.first()?.trim();
        let tests = cells.last()?.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect();
        id.starts_with(|first: char| first.is_ascii_digit()).then(|| (id.to_owned(), tests))
    };
    document.lines().filter_map(row).collect()
}

/// Whether a test's name carries this row of the order of decisions, or any row where the rows have no numbers.
fn shows(test: &str, id: &str) -> bool {
    match id.split_once('.') {
        Some(("1", row)) => test.starts_with(&format!("s1_{row}_")) || row == "order" && test.starts_with("s1_"),
        _ => test.starts_with('s') && test[1..].starts_with(|first: char| first.is_ascii_digit()),
    }
}

/// The names of all tests below a directory.
fn tests_in(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests_in(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("a source file");
            names.extend(tests_of(&source));
        }
    }
}

/// The functions that follow a test attribute.
fn tests_of(source: &str) -> Vec<String> {
    let attributed = source.split("test]\n").skip(1).chain(source.split("flavor = \"multi_thread\")]\n").skip(1));
    attributed
        .filter_map(|rest| {
            let line = rest.lines().map(str::trim).find(|line| !line.starts_with("#[") && !line.starts_with("//"))?;
            let name = line.trim_start_matches("async ").strip_prefix("fn ")?;
            name.split_once('(').map(|(name, _)| name.to_owned())
        })
        .collect()
}

#[test]
fn every_row_names_tests_that_are_there() {
    let root = place::repository_root();
    let document = std::fs::read_to_string(root.join("docs/behaviour.md")).expect("docs/behaviour.md");
    let mut names = BTreeSet::new();
    for directory in ["tests/e2e", "key-validation/src", "src", "key-manager/src", "key-manager/tests"] {
        tests_in(&root.join(directory), &mut names);
    }
    let rows = rows(&document);

    for (id, tests) in &rows {
        assert!(tests.iter().any(|test| shows(test, id)), "{id} names no test that carries a row in its name");
        for test in tests {
            assert!(names.iter().any(|name| name.starts_with(test)), "{id}: no test is called `{test}..`");
        }
    }
    let ids: BTreeSet<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id is there twice");
    for number in 1..=16 {
        assert!(ids.contains(format!("1.{number}").as_str()), "row {number} of section 1 is missing");
    }
}

#[test]
fn a_row_is_told_from_what_is_none() {
    let document =
        "| row | what | tests |\n|---|---|---|\n| 1.1 | a `word` | `s1_1_`, `other_` |\n| 1.2 | nothing | - |\n";

    let expected = [("1.1".to_owned(), vec!["s1_1_".to_owned(), "other_".to_owned()]), ("1.2".to_owned(), vec![])];
    assert_eq!(rows(document), expected);
    assert_eq!(tests_of("#[test]\nfn one() {}\nfn none() {}\n#[tokio::test]\nasync fn two() {}\n"), ["one", "two"]);
}
