//! Points in time as milliseconds since the epoch.

use key_validation::UnixTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
pub(crate) fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_millis().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
    u64::deserialize(deserializer).map(UnixTime::from_millis)
}

pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Serialize, Serializer, UnixTime};

    #[expect(clippy::ref_option, reason = "serde wants a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(time: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(UnixTime::as_millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixTime>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(UnixTime::from_millis))
    }
}
