//! Finds APIs by base path and host: a tree of segments.

use std::rc::Rc;

use super::{Api, ApiMatch, Host};
use crate::hash_table::HashTable;
use crate::target::Segment;

/// The base paths of all APIs.
#[derive(Debug, Default)]
pub(super) struct BasePaths {
    root: Node,
}

/// What is served at one base path, and the longer ones.
#[derive(Debug, Default)]
struct Node {
    children: HashTable<Box<[u8]>, Box<Node>>,
    by_host: HashTable<Box<str>, Claims>,
    on_any_host: Claims,
}

/// The APIs that claim to be served at one place; where there are two, neither is.
type Claims = Vec<Rc<Api>>;

impl BasePaths {
    /// Adds an API; gives another one that is in its way.
    pub(super) fn add(&mut self, api: &Rc<Api>) -> Option<Rc<Api>> {
        let mut other = None;
        for base_path in api.base_paths() {
            let mut node = &mut self.root;
            for segment in base_path {
                if node.children.get(segment).is_none() {
                    node.children.insert(segment.clone(), Box::default());
                }
                node = node.children.get_mut(segment)?;
            }
            other = other.or(node.add(api));
        }
        other
    }

    /// Takes an API out.
    pub(super) fn remove(&mut self, api: &Rc<Api>) {
        for base_path in api.base_paths() {
            self.root.remove(base_path, api);
        }
    }

    /// The API with the longest base path that begins the target and is served on the host.
    #[inline]
    pub(super) fn find(&self, host: &Host<'_>, segments: &[Segment<'_>]) -> Option<ApiMatch> {
        let mut node = &self.root;
        let mut found = None;
        for (depth, segment) in (1..).zip(segments) {
            let Some(child) = node.children.get(segment.octets()) else { break };
            node = child;
            if let Some(claims) = node.served_on(host) {
                found = Some((claims, depth));
            }
        }
        let (claims, base_segments) = found?;
        let api = Rc::clone(claims.first()?);
        Some(ApiMatch { api, is_contested: claims.len() > 1, base_segments })
    }
}

impl Node {
    fn add(&mut self, api: &Rc<Api>) -> Option<Rc<Api>> {
        fn claim(claims: &mut Claims, api: &Rc<Api>) -> Option<Rc<Api>> {
            // A host that the same API names twice is in nobody's way.
            let (own, other): (Vec<_>, Vec<_>) = claims.iter().partition(|other| Rc::ptr_eq(other, api));
            let other = other.first().map(|other| Rc::clone(other));
            if own.is_empty() {
                claims.push(Rc::clone(api));
            }
            other
        }
        if api.hosts().is_empty() {
            return claim(&mut self.on_any_host, api);
        }
        let mut other = None;
        for host in api.hosts() {
            let mut claims = self.by_host.remove(host.as_str()).unwrap_or_default();
            other = other.or(claim(&mut claims, api));
            self.by_host.insert(host.as_str().into(), claims);
        }
        other
    }

    fn remove(&mut self, base_path: &[Box<[u8]>], api: &Rc<Api>) {
        let Some((segment, rest)) = base_path.split_first() else {
            let is_other = |other: &Rc<Api>| !Rc::ptr_eq(other, api);
            self.on_any_host.retain(is_other);
            self.by_host.retain(|claims| {
                claims.retain(is_other);
                !claims.is_empty()
            });
            return;
        };
        if let Some(child) = self.children.get_mut(segment) {
            child.remove(rest, api);
            if child.children.is_empty() && child.by_host.is_empty() && child.on_any_host.is_empty() {
                self.children.remove(segment);
            }
        }
    }

    /// The APIs that name the host, else those that are served on any.
    #[inline]
    fn served_on(&self, host: &Host<'_>) -> Option<&Claims> {
        self.by_host.get(host.as_str()).or(Some(&self.on_any_host).filter(|claims| !claims.is_empty()))
    }
}
