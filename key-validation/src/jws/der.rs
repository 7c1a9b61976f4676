//! As much of ASN.1 DER (X.690) as private keys and ECDSA signatures need.
//!
//! The crates for it would be an eighth of the module.

/// Tags.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// Object identifiers, encoded.
pub(super) const ID_EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const ID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(super) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Takes encoded elements apart from the left.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            // Keys are far below 64 KiB; more octets of length are not needed.
            long @ (0x81 | 0x82) => {
                let (length, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                (length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(content)
    }

    /// The next element, a sequence, to take apart.
    pub(super) fn sequence(&mut self) -> Option<Self> {
        self.take(SEQUENCE).map(Self)
    }

    /// The next element, an integer that is not negative, without leading zeros.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let octets = self.take(INTEGER)?;
        let is_negative = octets.first()? & 0x80 != 0;
        let leading = octets.iter().take_while(|octet| **octet == 0).count();
        octets.get(leading..).filter(|_| !is_negative)
    }
}

/// An element with this tag and content.
pub(super) fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = content.len();
    let mut element = vec![tag];
    // The content of what is written here is a key's: far below 64 KiB.
    let [.., high, low] = length.to_be_bytes();
    match length {
        0..=0x7f => element.push(low),
        0x80..=0xff => element.extend([0x81, low]),
        _ => element.extend([0x82, high, low]),
    }
    element.extend(content);
    element
}

/// An integer element of these octets, which are not negative.
pub(super) fn unsigned(octets: &[u8]) -> Vec<u8> {
    let needs_zero = octets.first().is_none_or(|first| first & 0x80 != 0);
    element(INTEGER, &[if needs_zero { &[0] } else { &[] }, octets])
}

/// An RSA public key (SPKI, RFC 3279 section 2.3.1).
pub(super) fn rsa_public_key(modulus: &[u8], public_exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[&unsigned(modulus), &unsigned(public_exponent)]);
    public_key(&[&element(OBJECT_IDENTIFIER, &[RSA_ENCRYPTION]), &element(NULL, &[])], &key)
}

/// A public key on P-256 (SPKI, RFC 5480 section 2), from its point.
pub(super) fn p256_public_key(point: &[u8]) -> Vec<u8> {
    let (kind, curve) = (element(OBJECT_IDENTIFIER, &[ID_EC_PUBLIC_KEY]), element(OBJECT_IDENTIFIER, &[PRIME256V1]));
    public_key(&[&kind, &curve], point)
}

fn public_key(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    // A bit string begins with the number of bits that its last octet lacks.
    element(SEQUENCE, &[&element(SEQUENCE, algorithm), &element(BIT_STRING, &[&[0], key])])
}

/// An ECDSA signature on P-256, from r and s (32 octets each) as JWS has them.
pub(super) fn ecdsa_signature(jws: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = jws.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    Some(element(SEQUENCE, &[&unsigned(shortest(r)), &unsigned(shortest(s))]))
}

/// Without leading zeros, as DER has integers.
fn shortest(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}
