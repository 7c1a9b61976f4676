//! `envoy.yaml` on the real Envoy, which loads the module and lets it read its configuration.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::place;
use super::reading::ENVIRONMENT;

fn module() -> PathBuf {
    let module = place::repository_root().join("target/wasm32-wasip1/release/gatehouse.wasm");
    assert!(module.is_file(), "{} is missing: `make test` builds it", module.display());
    module
}

/// `$ENVOY_PATH`, else what `scripts/envoy-path` prints.
fn envoy() -> PathBuf {
    std::env::var_os("ENVOY_PATH").map_or_else(envoy_by_script, PathBuf::from)
}

fn envoy_by_script() -> PathBuf {
    let output = Command::new(place::repository_root().join("scripts/envoy-path")).output().expect("run the script");
    assert!(output.status.success(), "no Envoy: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a path").trim().into()
}

/// The manifest with the paths of this machine.
fn manifest() -> String {
    let text = place::text(&place::filter_config("envoy.yaml"));
    [
        ("/etc/gatehouse/gatehouse.wasm", module()),
        ("/etc/ssl/certs/ca-certificates.crt", place::fixture("test-only-ca.pem")),
    ]
    .into_iter()
    .fold(text, |text, (placeholder, path)| replace_once(&text, placeholder, path.to_str().expect("UTF-8")))
}

fn replace_once(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` has to be there once");
    text.replace(from, to)
}

/// What Envoy says of a bootstrap: nothing when it accepts it.
fn objection(name: &str, bootstrap: &str, environment: &[(&str, &str)]) -> Option<String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("filter_config");
    std::fs::create_dir_all(&directory).expect("create the directory");
    let file = directory.join(format!("{name}.yaml"));
    std::fs::write(&file, bootstrap).expect("write the bootstrap");
    let mut command = Command::new(envoy());
    command.args(["--mode", "validate", "--log-level", "error", "-c"]).arg(&file);
    for (variable, _) in ENVIRONMENT {
        command.env_remove(variable);
    }
    let output = command.envs(environment.iter().copied()).output().expect("run Envoy");
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn envoy_accepts_the_manifest_with_its_module_and_configuration() {
    assert_eq!(objection("accepted", &manifest(), &ENVIRONMENT), None);
}

#[test]
fn envoy_refuses_the_manifest_when_a_secret_is_not_in_its_environment() {
    let objection = objection("no-secret", &manifest(), &ENVIRONMENT[..1]).expect("refused");

    assert!(objection.contains("configuration refused: backendJwt.signingKey"), "{objection}");
    assert!(objection.contains("GATEHOUSE_SIGNING_KEY"), "{objection}");
}

#[test]
fn envoy_refuses_fields_that_it_does_not_know() {
    let wrong = replace_once(&manifest(), "merge_slashes:", "merge_slashs:");

    let objection = objection("unknown-field", &wrong, &ENVIRONMENT).expect("refused");

    assert!(objection.contains("merge_slashs"), "{objection}");
}

#[test]
fn the_filter_refuses_fields_that_it_does_not_know() {
    let wrong = replace_once(&manifest(), r#""authority": "#, r#""host": "#);

    let objection = objection("unknown-member", &wrong, &ENVIRONMENT).expect("refused");

    assert!(objection.contains("configuration refused: identityProviders[0].introspection"), "{objection}");
}
