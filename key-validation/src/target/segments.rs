//! The segments of a target, without allocation while they are few.

use super::Segment;

/// More than the targets of ordinary APIs have.
const FEW: usize = 12;

/// Segments in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segments<'a> {
    few: [Segment<'a>; FEW],
    length: usize,
    /// All of them, once they are more than a few.
    many: Vec<Segment<'a>>,
}

impl<'a> Segments<'a> {
    #[inline]
    pub(super) fn push(&mut self, segment: Segment<'a>) {
        if let Some(place) = self.few.get_mut(self.length) {
            *place = segment;
            self.length = self.length.saturating_add(1);
            return;
        }
        if self.many.is_empty() {
            self.many.extend(std::mem::take(&mut self.few));
        }
        self.many.push(segment);
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[Segment<'a>] {
        if self.many.is_empty() { self.few.get(..self.length).unwrap_or_default() } else { &self.many }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn few_and_many_keep_their_order() {
        for length in 0..FEW * 3 {
            let names: Vec<String> = (0..length).map(|number| number.to_string()).collect();
            let path = format!("/{}", names.join("/"));
            let target = Target::parse(path.as_bytes()).unwrap();
            let octets = target.segments().iter().map(|segment| segment.octets().to_vec());
            assert_eq!(octets.collect::<Vec<_>>(), names.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
    }
}
