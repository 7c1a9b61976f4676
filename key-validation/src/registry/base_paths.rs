//! Finds APIs by base path and host: a tree of segments.

use std::collections::{BTreeMap, HashMap};

use super::{Api, ApiIndex, ApiMatch, Host};
use crate::config::ConfigError;
use crate::target::Segment;

/// The base paths of all APIs.
#[derive(Debug, Default)]
pub(super) struct BasePaths {
    root: Node,
}

/// What is served at one base path, and the longer ones.
#[derive(Debug, Default)]
struct Node {
    children: BTreeMap<Box<[u8]>, Node>,
    by_host: HashMap<Box<str>, ApiIndex>,
    on_any_host: Option<ApiIndex>,
}

impl BasePaths {
    /// Indexes all APIs.
    ///
    /// # Errors
    /// [`ConfigError`] when a request could belong to two of them.
    pub(super) fn index(apis: &[Api]) -> Result<Self, ConfigError> {
        let mut index = Self::default();
        for (position, api) in apis.iter().enumerate() {
            for base_path in api.base_paths() {
                let mut node = &mut index.root;
                for segment in base_path {
                    node = node.children.entry(segment.clone()).or_default();
                }
                if let Some(other) = node.add(api.hosts(), ApiIndex(position)) {
                    let other = apis.get(other.0).map_or("", |other| other.id.as_str());
                    return Err(ConfigError::new(
                        format!("registry.apis[{position}].context"),
                        format!("`{other}` and `{}` have the same base path on the same host", api.id),
                    ));
                }
            }
        }
        Ok(index)
    }

    /// The API with the longest base path that begins the target and is served on the host.
    #[inline]
    pub(super) fn find(&self, host: &Host<'_>, segments: &[Segment<'_>]) -> Option<ApiMatch> {
        let mut node = &self.root;
        let mut found = None;
        for (depth, segment) in (1..).zip(segments) {
            let Some(child) = node.children.get(segment.octets()) else { break };
            node = child;
            if let Some(index) = node.served_on(host) {
                found = Some(ApiMatch { index, base_segments: depth });
            }
        }
        found
    }
}

impl Node {
    /// Adds an API; another that is already here on one of its hosts is in its way.
    fn add(&mut self, hosts: &[String], index: ApiIndex) -> Option<ApiIndex> {
        if hosts.is_empty() {
            return self.on_any_host.replace(index);
        }
        // A host that the same API names twice is in nobody's way.
        let before = |host: &String| self.by_host.insert(host.as_str().into(), index);
        hosts.iter().filter_map(before).find(|other| *other != index)
    }

    /// The API that names the host, else the one that is served on any.
    #[inline]
    fn served_on(&self, host: &Host<'_>) -> Option<ApiIndex> {
        self.by_host.get(host.as_str()).copied().or(self.on_any_host)
    }
}
