//! Users in a directory (RFC 4511): one search for each, on a connection that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use key_validation::Secret;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions, ldap_escape};
use serde_json::Map;

use super::{User, UserStore, UserStoreError, claim, in_time, is_no_name};

/// What stands for the user's name in [`Directory::user_filter`].
pub const PLACEHOLDER: &str = "{user}";

/// Result codes (RFC 4511 appendix A.1).
const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_CREDENTIALS: u32 = 49;
/// Codes that speak of the server's state: busy, unavailable, unwilling, time limit.
const MOMENTARY: [u32; 4] = [3, 51, 52, 53];

/// A directory and how users are found in it.
#[derive(Clone, Debug)]
pub struct Directory {
    /// `ldap://` or `ldaps://`.
    pub url: String,
    /// Whether the connection becomes TLS before anything is said on it.
    pub start_tls: bool,
    /// Who searches; anonymously when none.
    pub bind: Option<(String, Secret)>,
    /// Below which entry.
    pub search_base: String,
    /// The filter (RFC 4515) with [`PLACEHOLDER`].
    pub user_filter: String,
    /// Claims by the attributes whose values they are.
    pub claims: BTreeMap<String, String>,
    /// The attribute with the roles.
    pub role_attribute: Option<String>,
    /// What of a value is the role.
    pub role_value: RoleValue,
}

/// What of a role attribute's value is the role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleValue {
    /// All of it.
    #[default]
    Whole,
    /// It is the name of a group's entry, such as `cn=clerks,ou=groups,dc=example`: the role is `clerks`.
    FirstRdn,
}

/// Users in a directory.
pub struct LdapUserStore {
    directory: Directory,
    within: Duration,
    /// Bound, once there is one.
    connection: Mutex<Option<Ldap>>,
}

impl LdapUserStore {
    /// Connects at the first look-up; each ends after `within`.
    pub fn new(directory: Directory, within: Duration) -> Self {
        Self { directory, within, connection: Mutex::new(None) }
    }

    fn kept(&self) -> Option<Ldap> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|kept| !kept.clone().is_closed())
    }

    fn keep(&self, connection: Option<Ldap>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    /// On the connection that is kept; when the server has ended it meanwhile, on another one.
    async fn search(&self, name: &str) -> Result<Option<User>, UserStoreError> {
        if let Some(kept) = self.kept() {
            match self.search_on(kept, name).await {
                Err(UserStoreError::Unavailable(_)) => {}
                outcome => return outcome,
            }
        }
        let connection = self.connect().await?;
        let found = self.search_on(connection.clone(), name).await?;
        self.keep(Some(connection));
        Ok(found)
    }

    async fn connect(&self) -> Result<Ldap, UserStoreError> {
        let settings = LdapConnSettings::new().set_conn_timeout(self.within).set_starttls(self.directory.start_tls);
        let connected = LdapConnAsync::with_settings(settings, &self.directory.url).await;
        let (connection, mut ldap) = connected.map_err(|error| failure(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::warn!(%error, "a connection to the user store broke");
            }
        });
        if let Some((dn, password)) = &self.directory.bind {
            let bound = ldap.simple_bind(dn, password.expose()).await.map_err(|error| failure(&error))?;
            match bound.rc {
                SUCCESS => {}
                INVALID_CREDENTIALS => {
                    return Err(UserStoreError::Misconfigured("it refuses `bindDn` with `bindPassword`".to_owned()));
                }
                code => return Err(refusal(code)),
            }
        }
        Ok(ldap)
    }

    async fn search_on(&self, mut ldap: Ldap, name: &str) -> Result<Option<User>, UserStoreError> {
        let directory = &self.directory;
        let filter = directory.user_filter.replace(PLACEHOLDER, &ldap_escape(name));
        let attributes: Vec<&str> =
            directory.claims.keys().chain(&directory.role_attribute).map(String::as_str).collect();
        // One more than there may be.
        ldap.with_search_options(SearchOptions::new().sizelimit(2));
        let found = ldap.search(&directory.search_base, Scope::Subtree, &filter, attributes).await;
        let found = found.map_err(|error| failure(&error))?;
        let mut entries: Vec<_> = found.0.into_iter().filter(|entry| !entry.is_ref()).collect();
        match (found.1.rc, entries.len()) {
            (SUCCESS | SIZE_LIMIT_EXCEEDED, 2..) => {
                Err(UserStoreError::Misconfigured("`userFilter` fits several users of one name".to_owned()))
            }
            (SUCCESS, _) => Ok(entries.pop().map(|entry| self.user(&SearchEntry::construct(entry)))),
            (NO_SUCH_OBJECT, _) => Err(UserStoreError::Misconfigured("there is no `searchBase`".to_owned())),
            (code, _) => Err(refusal(code)),
        }
    }

    fn user(&self, entry: &SearchEntry) -> User {
        let values = |name: &str| -> Vec<String> {
            // Servers answer in their own spelling of a name.
            let mut attributes = entry.attrs.iter();
            let found = attributes.find(|(attribute, _)| attribute.eq_ignore_ascii_case(name));
            found.map(|(_, values)| values.clone()).unwrap_or_default()
        };
        let claims = self.directory.claims.iter();
        let claims: Map<_, _> =
            claims.filter_map(|(attribute, name)| Some((name.clone(), claim(values(attribute))?))).collect();
        let roles = self.directory.role_attribute.iter().flat_map(|name| values(name));
        let roles: BTreeSet<String> = match self.directory.role_value {
            RoleValue::Whole => roles.collect(),
            RoleValue::FirstRdn => roles.filter_map(|dn| first_rdn(&dn)).collect(),
        };
        User { claims, roles }
    }
}

#[async_trait]
impl UserStore for LdapUserStore {
    async fn find(&self, name: &str) -> Result<Option<User>, UserStoreError> {
        if is_no_name(name) {
            return Ok(None);
        }
        let found = in_time(self.within, self.search(name)).await;
        if found.is_err() {
            // It may be one to a server that is not there any more.
            self.keep(None);
        }
        found
    }
}

fn refusal(code: u32) -> UserStoreError {
    let reason = format!("it answers with result code {code}");
    if MOMENTARY.contains(&code) { UserStoreError::Unavailable(reason) } else { UserStoreError::Misconfigured(reason) }
}

/// Messages of the library name no entries and no values.
fn failure(error: &LdapError) -> UserStoreError {
    match error {
        LdapError::FilterParsing => UserStoreError::Misconfigured("`userFilter` is no filter".to_owned()),
        LdapError::UrlParsing { .. } | LdapError::UnknownScheme(_) => {
            UserStoreError::Misconfigured("`url` is none of a directory".to_owned())
        }
        other => UserStoreError::Unavailable(other.to_string()),
    }
}

/// The value of the first part of a distinguished name (RFC 4514): `clerks` of `cn=clerks,ou=groups`. `None` for what is
/// none, and for a value in hexadecimal.
fn first_rdn(dn: &str) -> Option<String> {
    let (_, rest) = dn.split_once('=')?;
    let mut octets = rest.trim_start().bytes();
    if rest.starts_with('#') {
        return None;
    }
    let mut value = Vec::new();
    while let Some(octet) = octets.next() {
        match octet {
            b',' | b'+' | b';' => break,
            b'\\' => value.push(escaped(&mut octets)?),
            plain => value.push(plain),
        }
    }
    let value = String::from_utf8(value).ok()?;
    Some(value.trim_end().to_owned()).filter(|value| !value.is_empty())
}

/// A special character as it is, or an octet in hexadecimal.
fn escaped(octets: &mut std::str::Bytes<'_>) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let first = octets.next()?;
    match digit(first) {
        Some(high) => Some(high * 16 + digit(octets.next()?)?),
        None => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_name_is_the_first_part_of_its_entrys() {
        for (dn, expected) in [
            ("cn=orders-writers,ou=groups,dc=example,dc=org", Some("orders-writers")),
            ("CN = Clerks , OU=g", Some("Clerks")),
            (r"cn=clerks\, night,ou=groups", Some("clerks, night")),
            (r"cn=caf\C3\A9,ou=groups", Some("café")),
            (r"cn=a\+b+uid=1,ou=groups", Some("a+b")),
            ("cn=alone", Some("alone")),
            ("clerks", None),
            ("cn=,ou=groups", None),
            ("cn=#04024869,ou=groups", None),
            (r"cn=broken\", None),
            (r"cn=broken\C3,ou=groups", None),
        ] {
            assert_eq!(first_rdn(dn).as_deref(), expected, "{dn}");
        }
    }
}
