//! As much of protocol buffers as the proxy's foreign functions need: fields of octets and small integers.

/// A message of these length-delimited fields.
pub(crate) fn encode(fields: &[(u8, &[u8])]) -> Vec<u8> {
    const LENGTH_DELIMITED: u8 = 2;
    let mut message = Vec::new();
    for (number, value) in fields {
        message.push(number << 3 | LENGTH_DELIMITED);
        push_varint(&mut message, value.len());
        message.extend_from_slice(value);
    }
    message
}

fn push_varint(message: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        message.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    message.push(u8::try_from(value).unwrap_or(0));
}

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number or truth value.
    Integer(u64),
    /// Octets or text.
    Octets(&'a [u8]),
}

/// The value of a field, the last when it is there several times; `None` too when the message is damaged before it.
pub(crate) fn field(message: &[u8], number: u64) -> Option<Value<'_>> {
    let mut found = None;
    let mut rest = message;
    while !rest.is_empty() {
        let (tag, after) = varint(rest)?;
        let (value, after) = match tag & 7 {
            0 => {
                let (integer, after) = varint(after)?;
                (Value::Integer(integer), after)
            }
            2 => {
                let (size, after) = varint(after)?;
                let (octets, after) = after.split_at_checked(usize::try_from(size).ok()?)?;
                (Value::Octets(octets), after)
            }
            _ => return None,
        };
        if tag >> 3 == number {
            found = Some(value);
        }
        rest = after;
    }
    found
}

fn varint(octets: &[u8]) -> Option<(u64, &[u8])> {
    let length = octets.iter().take(10).position(|octet| octet & 0x80 == 0)?.checked_add(1)?;
    let (integer, rest) = octets.split_at_checked(length)?;
    let value = integer.iter().rev().fold(0, |value, octet| value << 7 | u64::from(octet & 0x7f));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let long = vec![7; 300];
        let message = encode(&[(1, b"sha256"), (2, &long)]);

        assert_eq!(field(&message, 1), Some(Value::Octets(b"sha256")));
        assert_eq!(field(&message, 2), Some(Value::Octets(&long)));
        assert_eq!(field(&message, 3), None);
    }

    #[test]
    fn a_damaged_message_has_no_fields() {
        let message = encode(&[(1, b"sha256")]);
        for length in 1..message.len() {
            assert_eq!(field(&message[..length], 1), None, "{length}");
        }
        assert_eq!(field(&[0xff; 20], 1), None);
    }

    #[test]
    fn reads_a_truth_value() {
        assert_eq!(field(&[0x08, 0x01], 1), Some(Value::Integer(1)));
    }
}
