//! Debian's slapd, with users and groups; it ends with the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::process::Supervised;
use super::{free_port, scratch};

const ADMINISTRATOR: &str = "cn=admin,dc=example,dc=org";
const PASSWORD: &str = "password-of-the-directory";

/// Users of oidc-provider's, as the organisation knows them, and one whose name is all that is special in a filter.
/// Groups go last: their members learn of it when they are added.
const ENTRIES: &str = r"dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: uid=alice,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: alice
cn: Alice Doe
sn: Doe
mail: alice@example.org
departmentNumber: sales
departmentNumber: support

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob Roe
sn: Roe

dn: cn=Odd,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: a*(b)\c
cn: Odd
sn: Odd
mail: odd@example.org

dn: cn=twin one,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: twin one
sn: Twin

dn: cn=twin two,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: twin
cn: twin two
sn: Twin

dn: cn=clerks,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: clerks
member: uid=alice,ou=people,dc=example,dc=org
";

pub(crate) struct Slapd {
    process: Option<Supervised>,
    directory: PathBuf,
    port: u16,
    tls_port: u16,
}

impl Slapd {
    pub(crate) fn start(name: &str) -> Self {
        let directory = scratch(name);
        std::fs::create_dir(directory.join("db")).expect("the folder of the database");
        make_certificates(&directory);
        std::fs::write(directory.join("slapd.conf"), configuration(&directory)).expect("write it");
        if is_root() {
            let status = Command::new("chown").args(["-R", "openldap:openldap"]).arg(&directory).status();
            assert!(status.expect("run chown").success(), "slapd is not installed");
        }
        let mut slapd = Self { process: None, directory, port: free_port(), tls_port: free_port() };
        slapd.run();
        let mut add = Command::new("ldapadd");
        add.args(["-x", "-D", ADMINISTRATOR, "-w", PASSWORD, "-H", &slapd.url()]).stdin(Stdio::piped());
        let mut add = add.stdout(Stdio::null()).spawn().expect("ldapadd is not installed");
        let mut entries = add.stdin.take().expect("its input");
        std::io::Write::write_all(&mut entries, ENTRIES.as_bytes()).expect("its input");
        drop(entries);
        assert!(add.wait().expect("the end of ldapadd").success());
        slapd
    }

    /// Starts it again after [`Self::stop`].
    pub(crate) fn run(&mut self) {
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=openldap", "--regid=openldap", "--init-groups", "/usr/sbin/slapd"]);
            command
        } else {
            Command::new("/usr/sbin/slapd")
        };
        command.arg("-f").arg(self.directory.join("slapd.conf")).args(["-d", "0", "-h"]);
        command.arg(format!("{} {}", self.url(), self.tls_url()));
        self.process = Some(Supervised::start(&command, self.directory.with_extension("log")));
        let end = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = self.process.as_ref().map(Supervised::log_tail).unwrap_or_default();
            assert!(Instant::now() < end, "slapd does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Stops it where it is, or lets it go on: `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = std::fs::read_to_string(self.directory.join("slapd.pid")).expect("its id");
        let status = Command::new("kill").arg(format!("-{name}")).arg(id.trim()).status();
        assert!(status.expect("run kill").success());
    }

    pub(crate) fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// By TLS, with a certificate of the authority `authority`.
    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls_port)
    }

    /// The certificate of an authority: `authority` has issued the server's, `stranger` has not.
    pub(crate) fn authority(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.pem"))
    }

    /// Those of a user store in it.
    pub(crate) fn settings(&self) -> Value {
        json!({"timeout": "1s", "ldap": {
            "url": self.url(), "bindDn": ADMINISTRATOR, "bindPassword": PASSWORD,
            "searchBase": "ou=people,dc=example,dc=org", "userFilter": "(&(objectClass=inetOrgPerson)(uid={user}))",
            "claims": {"mail": "email", "departmentnumber": "departments", "telephoneNumber": "phone_number"},
            "roleAttribute": "memberOf", "roleValue": "firstRdn",
        }})
    }
}

fn configuration(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        r#"include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {directory}/slapd.pid
TLSCACertificateFile {directory}/authority.pem
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
database mdb
suffix "dc=example,dc=org"
rootdn "{ADMINISTRATOR}"
rootpw {PASSWORD}
directory {directory}/db
maxsize 16777216
index objectClass,uid eq
overlay memberof
access to * by * none
"#
    )
}

/// An authority with a certificate of it for `localhost`, and another authority.
fn make_certificates(directory: &Path) {
    std::fs::write(directory.join("extensions"), "subjectAltName=DNS:localhost\n").expect("write it");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for arguments in [
        format!("req -x509 -subj /CN=authority {key} -keyout authority.key -out authority.pem"),
        format!("req -x509 -subj /CN=stranger {key} -keyout stranger.key -out stranger.pem"),
        format!("req -subj /CN=localhost {key} -keyout server.key -out server.csr"),
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -extfile extensions \
         -out server.pem"
            .to_owned(),
    ] {
        let mut openssl = Command::new("openssl");
        let output = openssl.args(arguments.split_ascii_whitespace()).current_dir(directory).output();
        let output = output.expect("start openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("run id");
    output.stdout.trim_ascii() == b"0"
}
