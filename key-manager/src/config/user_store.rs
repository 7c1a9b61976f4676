//! `userStore`: where users' claims and roles are.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::duration::DurationText;
use super::secret::{self, SecretText};
use super::{ConfigurationError, UserClaim};
use crate::users::REGISTERED;
use crate::users::ldap::{Directory, PLACEHOLDER, RoleValue};
use crate::users::sql::Database;

/// Where users' claims and roles are.
#[derive(Clone, Debug)]
pub struct UserStoreConfiguration {
    /// Which member of an introspection answer names the user there.
    pub look_up_by: UserClaim,
    /// How long a look-up may take.
    pub timeout: Duration,
    /// The user store.
    pub kind: UserStoreKind,
}

/// Kinds of user stores.
#[derive(Clone, Debug)]
pub enum UserStoreKind {
    /// A directory.
    Ldap(Directory),
    /// A database.
    Sql(Database),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawUserStore {
    #[serde(default = "username")]
    look_up_by: UserClaim,
    #[serde(default = "two_seconds")]
    timeout: DurationText,
    ldap: Option<RawLdap>,
    sql: Option<RawSql>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawLdap {
    url: String,
    #[serde(default)]
    start_tls: bool,
    bind_dn: Option<String>,
    bind_password: Option<SecretText>,
    bind_password_file: Option<PathBuf>,
    search_base: String,
    user_filter: String,
    #[serde(default)]
    claims: BTreeMap<String, String>,
    role_attribute: Option<String>,
    #[serde(default)]
    role_value: RoleValue,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSql {
    url: Option<SecretText>,
    url_file: Option<PathBuf>,
    query: String,
    role_column: Option<String>,
}

fn username() -> UserClaim {
    UserClaim::Username
}

fn two_seconds() -> DurationText {
    DurationText(Duration::from_secs(2))
}

impl RawUserStore {
    pub(super) fn check(self) -> Result<UserStoreConfiguration, ConfigurationError> {
        let kind = match (self.ldap, self.sql) {
            (Some(ldap), None) => UserStoreKind::Ldap(ldap.check()?),
            (None, Some(sql)) => UserStoreKind::Sql(sql.check()?),
            _ => return Err(wrong("", "needs one of `ldap` and `sql`")),
        };
        if self.timeout.0.is_zero() {
            return Err(wrong(".timeout", "must be `1s` or more"));
        }
        Ok(UserStoreConfiguration { look_up_by: self.look_up_by, timeout: self.timeout.0, kind })
    }
}

impl RawLdap {
    fn check(self) -> Result<Directory, ConfigurationError> {
        let url = url::Url::parse(&self.url).ok();
        let scheme = url.filter(|url| url.has_host() && url.path().trim_matches('/').is_empty());
        let scheme = scheme.map(|url| url.scheme().to_owned());
        match (scheme.as_deref(), self.start_tls) {
            (Some("ldap"), _) | (Some("ldaps"), false) => {}
            (Some("ldaps"), true) => return Err(wrong(".ldap.startTls", "is for ldap:// alone")),
            _ => return Err(wrong(".ldap.url", "must be ldap:// or ldaps:// with a host, and no path")),
        }
        let is_filter = |filter: &str| ldap3::parse_filter(filter).is_ok();
        if !self.user_filter.contains(PLACEHOLDER) || !is_filter(&self.user_filter.replace(PLACEHOLDER, "x")) {
            let reason = format!("must be a filter (RFC 4515) with `{PLACEHOLDER}`, such as `(uid={PLACEHOLDER})`");
            return Err(wrong(".ldap.userFilter", &reason));
        }
        if let Some((attribute, name)) = self.claims.iter().find(|(_, name)| REGISTERED.contains(&name.as_str())) {
            let reason = format!("`{name}` is the identity provider's to say");
            return Err(wrong(&format!(".ldap.claims.{attribute}"), &reason));
        }
        let password = secret::resolve(
            "userStore.ldap.bindPassword",
            self.bind_password.as_ref(),
            self.bind_password_file.as_deref(),
        )?;
        let bind = match (self.bind_dn.filter(|dn| !dn.is_empty()), password) {
            // A bind with a name and no password succeeds, and proves nothing (RFC 4513 section 5.1.2).
            (Some(_), None) => return Err(wrong(".ldap.bindPassword", "is missing, and so is its file")),
            (None, Some(_)) => return Err(wrong(".ldap.bindDn", "is missing")),
            (dn, password) => dn.zip(password),
        };
        Ok(Directory {
            url: self.url,
            start_tls: self.start_tls,
            bind,
            search_base: self.search_base,
            user_filter: self.user_filter,
            claims: self.claims,
            role_attribute: self.role_attribute,
            role_value: self.role_value,
        })
    }
}

impl RawSql {
    fn check(self) -> Result<Database, ConfigurationError> {
        let url = secret::resolve("userStore.sql.url", self.url.as_ref(), self.url_file.as_deref())?;
        let url = url.ok_or_else(|| wrong(".sql.url", "is missing, and so is `userStore.sql.urlFile`"))?;
        if !Database::is_known(&url) {
            return Err(wrong(".sql.url", "must be sqlite: with a file, or postgres://"));
        }
        if !self.query.contains("$1") {
            return Err(wrong(".sql.query", "must have `$1` in the place of the user's name"));
        }
        Ok(Database { url, query: self.query, role_column: self.role_column })
    }
}

fn wrong(field: &str, reason: &str) -> ConfigurationError {
    ConfigurationError::new(format!("userStore{field}"), reason)
}
