use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn load(yaml: &str, variables: &[(&str, &str)]) -> Result<Configuration, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gatehouse.yaml");
    std::fs::write(&file, yaml).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Configuration::load(Some(&file), variables).map_err(|error| error.to_string())
}

#[test]
fn the_environment_wins_over_the_file() {
    let yaml = format!("server: {{listen: '127.0.0.1:1'}}\nsealing: {{key: '{KEY}'}}");
    let configuration = load(&yaml, &[("GATEHOUSE__SERVER__LISTEN", "127.0.0.1:2"), ("OTHER", "x")]).unwrap();

    assert_eq!(configuration.listen.port(), 2);
    assert_eq!(configuration.operators_listen.port(), 8081);
}

#[test]
fn secrets_can_be_in_files_and_end_before_the_line_break() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).unwrap();

    let configuration = load("", &[("GATEHOUSE__SEALING__KEY_FILE", file.to_str().unwrap())]).unwrap();

    let SealingKey::Given(key) = configuration.sealing_key else { panic!("no key") };
    assert_eq!(key.expose(), KEY);
}

#[test]
fn a_database_is_named_by_platforms_by_our_variables_or_in_the_file() {
    let sealed = format!("sealing: {{key: '{KEY}'}}\n");
    let (one, two) = ("postgres://km:hunter2@db/one", "postgres://km:hunter2@db/two");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("url");
    std::fs::write(&file, format!("{one}\n")).unwrap();
    let file = file.to_str().unwrap();
    let in_yaml = format!("{sealed}database: {{url: '{one}'}}");
    for (yaml, variables, expected) in [
        (&in_yaml, &[][..], Some(one)),
        (&in_yaml, &[("DATABASE_URL", two)], Some(two)),
        (&sealed, &[("DATABASE_URL", two), ("GATEHOUSE__DATABASE__URL", one)], Some(one)),
        (&sealed, &[("GATEHOUSE__DATABASE__URL_FILE", file)], Some(one)),
        (&sealed, &[("DATABASE_URL_FILE", file)], Some(one)),
        (&sealed, &[("DATABASE_URL", two), ("GATEHOUSE__DATABASE__PATH", "here.db")], None),
        (&sealed, &[], None),
    ] {
        let url = match load(yaml, variables).unwrap().database {
            Database::Postgres(url) => Some(url.expose().to_owned()),
            Database::Sqlite(_) => None,
        };
        assert_eq!(url.as_deref(), expected, "{yaml} {variables:?}");
    }
}

#[test]
fn lists_can_come_from_the_environment() {
    let gateways = "[{name: edge-1, credential: 0123456789abcdef}]";
    let configuration = load("", &[("GATEHOUSE__SEALING__KEY", KEY), ("GATEHOUSE__GATEWAYS", gateways)]).unwrap();

    assert_eq!(configuration.gateways[0].name, "edge-1");
}

#[test]
fn says_where_and_what_is_wrong_and_shows_no_secret() {
    let sealed = format!("sealing: {{key: '{KEY}'}}\n");
    let both = format!("sealing: {{key: '{KEY}', keyFile: /k}}");
    for (yaml, expected) in [
        ("", "sealing.key: is missing, and so is `sealing.keyFile`"),
        (
            "sealing: {key: hunter2}",
            "sealing.key: must be 32 octets in base64, as `openssl rand -base64 32` makes them",
        ),
        ("sealing: {key: [hunter2]}", "sealing.key: must be a string"),
        (&both, "sealing.key: is given, and `sealing.keyFile` too; one of the two goes"),
        (
            &(sealed.clone() + "server: {port: 1}"),
            "server.port: unknown field `port`, expected one of `listen`, `publicUrl`, `lameDuck`",
        ),
        (&(sealed.clone() + "server: {listen: here}"), "server.listen: invalid socket address syntax"),
        (
            &(sealed.clone() + "callers: {bootstrapCredential: hunter2}"),
            "callers.bootstrapCredential: must have 16 characters or more",
        ),
        (
            &(sealed.clone() + "gateways: [{name: 'a/b', credential: 0123456789abcdef}]"),
            "gateways[0].name: must be 1 to 63 letters, digits, `.`, `_` and `-`",
        ),
        (&(sealed.clone() + "database: {wait: 0s}"), "database.wait: must be `1s` or more"),
        (&(sealed.clone() + "feed: {compactAfter: 59m}"), "feed.compactAfter: must be `1h` or more"),
        (
            &(sealed.clone() + "clients: {secretDisplay: never}"),
            "clients.secretDisplay: unknown variant `never`, expected `always` or `once`",
        ),
        (&(sealed.clone() + "gateways: [{name: a}]"), "gateways[0].credential: is missing"),
        (
            &(sealed.clone() + "database: {url: 'mysql://km:hunter2@db/one'}"),
            "database.url: must be a URL like `postgres://user:password@host:5432/database`",
        ),
        (
            &(sealed + "database: {url: 'postgres://km:hunter2@db/one', path: here.db}"),
            "database.path: is given, and `database.url` too; one of the two goes",
        ),
    ] {
        let error = load(yaml, &[]).unwrap_err();
        assert_eq!(error, expected, "{yaml}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_key_that_lasts_no_restart_has_to_be_allowed() {
    let configuration = load("sealing: {allowEphemeralKey: true}", &[]).unwrap();
    assert!(matches!(configuration.sealing_key, SealingKey::Ephemeral));
}

#[test]
fn debug_shows_no_secret() {
    let yaml = format!("sealing: {{key: '{KEY}'}}\ncallers: {{bootstrapCredential: 0123456789abcdef}}");
    let shown = format!("{:?}", load(&yaml, &[]).unwrap());

    assert!(!shown.contains(KEY) && !shown.contains("0123456789abcdef"), "{shown}");
}
