//! A disk without space: a real one, in a mount namespace of the program's own.

use std::path::Path;
use std::process::Command;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::database::Database;
use crate::harness::program::Program;
use crate::harness::scratch;
use crate::harness::served::DEVPORTAL;

/// What the disk has beside the database, to be taken away.
const BALLAST_KIB: u32 = 1024;

/// Runs the program given as arguments with a disk of 3 MiB in place of the folder `$1`.
const SMALL_DISK: &str = r#"
mount -t tmpfs -o size=3m tmpfs "$1"
dd if=/dev/zero of="$1/ballast" bs=1024 count="$2" 2>/dev/null
echo $$ > "$3"
shift 3
exec "$@"
"#;

fn may_mount() -> bool {
    Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status().is_ok_and(|it| it.success())
}

async fn create(program: &Program, number: usize) -> (StatusCode, Value) {
    let body = json!({"name": format!("Shop {number}"), "throttlingPolicy": "Unlimited",
        "description": "x".repeat(400), "attributes": {"a": "y".repeat(30_000)}});
    program.send(Method::POST, &format!("{DEVPORTAL}/applications"), Some(body)).await.expect("an answer")
}

#[tokio::test]
async fn s8_a_disk_without_space_is_503_and_loses_nothing() {
    if !may_mount() {
        // Nothing else makes a disk full without harm to everybody else.
        eprintln!("not run: only root may mount");
        return;
    }
    let directory = scratch("disk-full");
    let (database, id) = (Database::empty().await, directory.join("program.pid"));
    let Database::Sqlite(disk) = &database else { panic!("another database's disk is not its client's") };
    let disk = disk.path();
    let wrapper = ["unshare", "-m", "sh", "-euc", SMALL_DISK, "sh"].map(str::to_owned);
    let of_disk = [disk.display().to_string(), BALLAST_KIB.to_string(), id.display().to_string()];
    let wrapper: Vec<String> = wrapper.into_iter().chain(of_disk).collect();
    let program = Program::start_within(&wrapper, &directory, "program", &database, &[]).await;

    let mut taken = 0;
    let (status, refused) = loop {
        let (status, body) = create(&program, taken).await;
        if status != StatusCode::CREATED {
            break (status, body);
        }
        taken += 1;
        assert!(taken < 200, "the disk is larger than it should be");
    };

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
    assert_eq!((&refused["code"], &refused["error"]), (&json!(503), &json!([])), "{refused}");
    assert!(refused["description"].as_str().is_some_and(|text| text.contains("nothing was changed")), "{refused}");
    let listed = async || program.good(Method::GET, &format!("{DEVPORTAL}/applications?limit=500"), None).await;
    assert_eq!(listed().await["count"], json!(taken), "what was written is there, and nothing else");
    assert_eq!(create(&program, taken).await.0, StatusCode::SERVICE_UNAVAILABLE, "it goes on to refuse");

    let id = std::fs::read_to_string(id).unwrap();
    let inside = disk.strip_prefix("/").unwrap();
    std::fs::remove_file(Path::new("/proc").join(id.trim()).join("root").join(inside).join("ballast")).unwrap();
    let (status, body) = create(&program, taken).await;
    assert_eq!(status, StatusCode::CREATED, "there is space again: {body}");
    assert_eq!(listed().await["count"], json!(taken + 1));
}
