//! Applications out of the key manager's feed, which may know more than this gateway does.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Application, Subscription};
use crate::config::raw::{self, KeyType};
use crate::config::{Lenient, Read, read_lenient};
use crate::feed::FoundApplication;

/// An application with the key and the subscriptions that one of its clients calls by.
#[derive(Debug)]
pub struct CopiedApplication {
    /// The application.
    pub application: Application,
    /// What the client is for.
    pub key_type: KeyType,
    subscriptions: BTreeMap<String, Subscription>,
    /// Subscriptions that cannot be understood, and so are none.
    pub refused_subscriptions: usize,
}

impl CopiedApplication {
    /// The application as its records say; `knows_provider` tells which identity providers this gateway has.
    ///
    /// `None` when its own record cannot be understood whole, names an identity provider that is not known, has not
    /// this client, or is another's: such an application has no subscription.
    pub fn read(
        found: &FoundApplication,
        (provider, client_id): (&str, &str),
        knows_provider: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let raw: raw::Application = understood(&found.record)?;
        if raw.id != found.id || !raw.keys.iter().all(|key| knows_provider(&key.identity_provider)) {
            return None;
        }
        let (application, keys) = Application::from_raw(raw);
        let key = keys.iter().find(|key| key.identity_provider == provider && key.client_id == client_id)?;
        let subscription = |(api_id, record): (&String, &Value)| {
            let raw: raw::Subscription = understood(record)?;
            let belongs = raw.api_id == *api_id && raw.application_id == application.id;
            belongs.then(|| (api_id.clone(), Subscription { tier: raw.tier, state: raw.state }))
        };
        let subscriptions: BTreeMap<_, _> = found.subscriptions.iter().filter_map(subscription).collect();
        let refused_subscriptions = found.subscriptions.len().saturating_sub(subscriptions.len());
        Some(Self { key_type: key.key_type, application, subscriptions, refused_subscriptions })
    }

    /// Its subscription to an API.
    pub fn subscription(&self, api_id: &str) -> Option<&Subscription> {
        self.subscriptions.get(api_id)
    }
}

/// A record in which nothing is wrong but members that are not known.
fn understood<T: Read>(record: &Value) -> Option<T> {
    let Lenient { read, fault } = read_lenient(record);
    fault.is_none().then_some(read)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::raw::SubscriptionState;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn found(edit: impl FnOnce(&mut Value, &mut Value)) -> FoundApplication {
        let mut record = json!({
            "id": "shop",
            "owner": "bob",
            "keys": [{"identityProvider": "idp", "clientId": "c", "keyType": "SANDBOX"}],
        });
        let mut subscription = json!({"apiId": "a", "applicationId": "shop", "tier": "Gold", "state": "BLOCKED"});
        edit(&mut record, &mut subscription);
        let other = json!({"apiId": "b", "applicationId": "shop"});
        let subscriptions = [("a".to_owned(), subscription), ("b".to_owned(), other)].into_iter().collect();
        FoundApplication { id: "shop".to_owned(), record, subscriptions }
    }

    fn read(found: &FoundApplication) -> Option<CopiedApplication> {
        CopiedApplication::read(found, ("idp", "c"), |name| name == "idp")
    }

    #[test]
    fn reads_application_key_and_subscriptions() {
        let copied = read(&found(|_, _| {})).unwrap();

        assert_eq!((copied.application.id.as_str(), copied.application.owner.as_deref()), ("shop", Some("bob")));
        assert_eq!(copied.key_type, KeyType::Sandbox);
        let subscription = copied.subscription("a").unwrap();
        assert_eq!((subscription.tier.as_str(), subscription.state), ("Gold", SubscriptionState::Blocked));
        assert!(copied.subscription("other").is_none());
    }

    #[test]
    fn members_that_are_not_known_are_ignored() {
        let found = found(|application, subscription| {
            application["since"] = json!("2031");
            application["keys"][0]["since"] = json!(["2031"]);
            subscription["since"] = json!(2031);
        });

        let copied = read(&found).unwrap();

        assert_eq!(copied.refused_subscriptions, 0);
        assert!(copied.subscription("a").is_some());
    }

    #[test]
    fn an_application_that_is_not_understood_is_none() {
        type Edit = fn(&mut Value);
        let edits: [(&str, Edit); 6] = [
            ("unknown key type", |record| record["keys"][0]["keyType"] = json!("STAGING")),
            ("unknown identity provider", |record| {
                record["keys"].as_array_mut().unwrap().push(json!({"identityProvider": "new", "clientId": "d"}));
            }),
            ("client of another", |record| record["keys"][0]["clientId"] = json!("d")),
            ("other id", |record| record["id"] = json!("bank")),
            ("wrong type", |record| record["owner"] = json!(1)),
            ("no object", |record| *record = json!("shop")),
        ];
        for (name, edit) in edits {
            assert!(read(&found(|record, _| edit(record))).is_none(), "{name}");
        }
    }

    #[test]
    fn a_subscription_that_is_not_understood_is_none_and_the_others_stay() {
        type Edit = fn(&mut Value);
        let edits: [(&str, Edit); 4] = [
            ("unknown state", |record| record["state"] = json!("TRIAL")),
            ("of another application", |record| record["applicationId"] = json!("bank")),
            ("to another API", |record| record["apiId"] = json!("c")),
            ("no object", |record| *record = json!(true)),
        ];
        for (name, edit) in edits {
            let copied = read(&found(|_, subscription| edit(subscription))).unwrap();

            assert!(copied.subscription("a").is_none(), "{name}");
            assert!(copied.subscription("b").is_some(), "{name}");
            assert_eq!(copied.refused_subscriptions, 1, "{name}");
        }
    }
}
