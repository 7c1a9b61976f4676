//! What the usual stacks take for the same: Apache with `mod_auth_openidc`, nginx with the phantom-token recipe.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::client::PATH;
use crate::h2load::{Protocol, Target};
use crate::machine;
use crate::process::Process;
use crate::slices::{self, Cost, Variant};
use crate::stage::Stage;

const TOKEN: &str = "hot-3q2fDk9vWn7Lr1Tz8XyBcE5mHs4PgJ6aKoUwQ0iR";
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// Ports of the two servers and of the TLS in front of the identity provider, which `mod_auth_openidc` insists on.
struct Ports {
    nginx_floor: u16,
    nginx: u16,
    apache_floor: u16,
    apache: u16,
    tls: u16,
}

/// nginx, then Apache, each without and with its introspection, over HTTP/1.1.
pub fn measure(stage: &Stage) -> Result<Vec<Cost>> {
    let ports = Ports {
        nginx_floor: free_port()?,
        nginx: free_port()?,
        apache_floor: free_port()?,
        apache: free_port()?,
        tls: free_port()?,
    };
    let directory = prepare()?;
    let mut nginx = start_nginx(&directory, &ports, stage.identity_provider_address)?;
    let mut apache = start_apache(&directory, &ports)?;
    wait_for(&mut nginx, ports.nginx)?;
    wait_for(&mut apache, ports.apache)?;
    let variant = |name: &str, process: &Process, port: u16| {
        let target = Target {
            url: format!("http://127.0.0.1:{port}{PATH}"),
            token: Some(TOKEN.to_owned()),
            protocol: Protocol::Http1,
        };
        Variant::new(name, process.id(), target)
    };
    let variants = [
        variant("nginx", &nginx, ports.nginx_floor),
        variant("nginx, phantom token", &nginx, ports.nginx),
        variant("Apache", &apache, ports.apache_floor),
        variant("Apache, mod_auth_openidc", &apache, ports.apache),
    ];
    slices::measure(&variants, stage.plan)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn prepare() -> Result<PathBuf> {
    let directory = std::env::current_dir()?.join("target/benches/run/elsewhere");
    let page = directory.join("pages").join(PATH.trim_start_matches('/'));
    fs::create_dir_all(page.parent().context("the page's directory")?)?;
    fs::write(page, "")?;
    let status = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(&directory)
        .stderr(std::process::Stdio::null())
        .status()
        .context("openssl req")?;
    if !status.success() {
        bail!("openssl req ended with {status}");
    }
    Ok(directory)
}

fn start_nginx(directory: &Path, ports: &Ports, identity_provider: SocketAddr) -> Result<Process> {
    let Ports { nginx_floor, nginx, tls, .. } = ports;
    let path = directory.display();
    let configuration = format!(
        r#"daemon off; worker_processes 1; pid {path}/nginx.pid; error_log {path}/nginx-error.log;
user root;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000; client_body_temp_path {path}/nginx-bodies;
    proxy_temp_path {path}/nginx-proxy; proxy_cache_path {path}/nginx-cache keys_zone=answers:10m;
    map $http_authorization $token {{ "~^Bearer (?<bearer>.+)$" $bearer; }}
    server {{ listen 127.0.0.1:{nginx_floor}; location / {{ empty_gif; }} }}
    server {{
        listen 127.0.0.1:{nginx};
        location / {{ auth_request /introspect; proxy_set_header authorization ""; empty_gif; }}
        location = /introspect {{
            internal; proxy_pass http://{identity_provider}; proxy_method POST; proxy_pass_request_headers off;
            proxy_set_header content-type application/x-www-form-urlencoded; proxy_set_body token=$token;
            proxy_cache answers; proxy_cache_methods POST; proxy_cache_key $token; proxy_cache_valid 200 5m;
        }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl; ssl_certificate {path}/certificate.pem; ssl_certificate_key {path}/key.pem;
        location / {{ proxy_pass http://{identity_provider}; }}
    }}
}}
"#
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration)?;
    start("/usr/sbin/nginx", &["-c", &file.display().to_string()], directory.join("nginx.log"))
}

fn start_apache(directory: &Path, ports: &Ports) -> Result<Process> {
    let Ports { apache_floor, apache, tls, .. } = ports;
    let modules: String = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc"]
        .iter()
        .map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"))
        .collect();
    let path = directory.display();
    let configuration = format!(
        r"{modules}
ServerName localhost
User www-data
Group www-data
PidFile {path}/apache.pid
DefaultRuntimeDir {path}
ErrorLog {path}/apache-error.log
DocumentRoot {path}/pages
Listen 127.0.0.1:{apache_floor}
Listen 127.0.0.1:{apache}
MaxKeepAliveRequests 0
KeepAliveTimeout 60
ServerLimit 2
StartServers 2
ThreadLimit 256
ThreadsPerChild 256
MinSpareThreads 64
MaxSpareThreads 512
MaxRequestWorkers 512
OIDCCryptoPassphrase bench
OIDCOAuthIntrospectionEndpoint https://localhost:{tls}/introspect
OIDCOAuthClientID gateway
OIDCOAuthClientSecret secret
OIDCOAuthSSLValidateServer Off
OIDCOAuthRemoteUserClaim username
OIDCCacheType shm
<VirtualHost 127.0.0.1:{apache}>
    <Location />
        AuthType oauth20
        Require valid-user
    </Location>
</VirtualHost>
<VirtualHost 127.0.0.1:{apache_floor}>
    <Location />
        Require all granted
    </Location>
</VirtualHost>
"
    );
    let file = directory.join("apache.conf");
    fs::write(&file, configuration)?;
    start("/usr/sbin/apache2", &["-D", "FOREGROUND", "-f", &file.display().to_string()], directory.join("apache.log"))
}

fn start(program: &str, arguments: &[&str], log: PathBuf) -> Result<Process> {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Process::start(&machine::MEASURED_CORE.to_string(), Path::new(program), &arguments, log)
}

fn wait_for(process: &mut Process, port: u16) -> Result<()> {
    for _ in 0..500 {
        process.check()?;
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("nothing listens:\n{}", process.log())
}
