//! Every call to the host, and the only unsafe code.
//!
//! The SDK's own wrappers panic on a status that they do not expect and on header values that are not UTF-8; these
//! return errors and octets. See the proxy-wasm ABI 0.2.1.
#![allow(unsafe_code, reason = "calls to the host pass raw pointers")]

use std::ptr;
use std::time::Duration;

use key_validation::UnixTime;
use key_validation::cache::{NotSet, SharedData, SharedValue};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, MetricType};

/// A call that the host refused, with its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostError(u32);

impl std::fmt::Display for HostError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the host answered status {}", self.0)
    }
}

const OK: u32 = 0;
/// `proxy_continue_stream`'s name for the request.
const HTTP_REQUEST: u32 = 0;
/// Lets the proxy choose the gRPC status by the HTTP status.
const NO_GRPC_STATUS: i32 = -1;

mod abi {
    unsafe extern "C" {
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            max_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            version: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            version: u32,
        ) -> u32;
        pub(super) fn proxy_register_shared_queue(name: *const u8, name_size: usize, queue: *mut u32) -> u32;
        pub(super) fn proxy_enqueue_shared_queue(queue: u32, value: *const u8, value_size: usize) -> u32;
        pub(super) fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) fn proxy_continue_stream(stream: u32) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize)
        -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            argument: *const u8,
            argument_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, metric: *mut u32) -> u32;
        pub(super) fn proxy_increment_metric(metric: u32, offset: i64) -> u32;
        pub(super) fn proxy_record_metric(metric: u32, value: u64) -> u32;
    }
}

fn check(status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError(status)) }
}

/// Takes over the buffer that a call returns; empty when it returns none.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    check(call(&raw mut data, &raw mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host allocates by the SDK's `proxy_on_memory_allocate`, which gives away a boxed slice of exactly
    // this size from the global allocator, and it gives up the buffer when it returns it.
    Ok(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(data, size)) }.into_vec())
}

/// The system clock; the end of time when the host cannot tell, so that everything has expired.
pub(crate) fn now() -> UnixTime {
    let mut nanoseconds = 0;
    // SAFETY: the host writes one integer.
    let told = check(unsafe { abi::proxy_get_current_time_nanoseconds(&raw mut nanoseconds) });
    told.map_or(UnixTime::MAX, |()| UnixTime::from_millis(nanoseconds / 1_000_000))
}

/// A header map, serialised; see [`HeaderMap`].
pub(crate) fn headers(map: MapType) -> Result<HeaderMap, HostError> {
    // SAFETY: the host writes the address and size of a buffer that it allocates.
    returned(|data, size| unsafe { abi::proxy_get_header_map_pairs(map as u32, data, size) }).map(HeaderMap)
}

/// Header names and values in one buffer, as the host serialises them: the number of headers, the size of each name
/// and value, then the names and values, each followed by a NUL.
pub(crate) struct HeaderMap(Vec<u8>);

impl HeaderMap {
    /// The names and values; `None` when the buffer is not what the ABI says.
    pub(crate) fn pairs(&self) -> Option<Vec<(&[u8], &[u8])>> {
        fn integer(octets: &mut &[u8]) -> Option<usize> {
            let (integer, rest) = octets.split_first_chunk()?;
            *octets = rest;
            usize::try_from(u32::from_le_bytes(*integer)).ok()
        }
        fn text<'a>(octets: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
            let (text, rest) = octets.split_at_checked(size)?;
            let (0, rest) = rest.split_first().map(|(end, rest)| (*end, rest))? else { return None };
            *octets = rest;
            Some(text)
        }
        if self.0.is_empty() {
            return Some(Vec::new());
        }
        let mut sizes = self.0.as_slice();
        let count = integer(&mut sizes)?;
        let mut texts = sizes.get(count.checked_mul(8)?..)?;
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, value) = (integer(&mut sizes)?, integer(&mut sizes)?);
            pairs.push((text(&mut texts, name)?, text(&mut texts, value)?));
        }
        Some(pairs)
    }
}

/// Serialises headers as [`HeaderMap`] reads them.
fn serialise(headers: &[(&str, &str)]) -> Vec<u8> {
    let size = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut octets = u32::try_from(headers.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for (name, value) in headers {
        octets.extend(size(name));
        octets.extend(size(value));
    }
    for (name, value) in headers {
        for text in [name, value] {
            octets.extend_from_slice(text.as_bytes());
            octets.push(0);
        }
    }
    octets
}

/// Replaces all occurrences of a request header.
pub(crate) fn set_request_header(name: &str, value: &str) -> Result<(), HostError> {
    let map = MapType::HttpRequestHeaders as u32;
    // SAFETY: the host reads both texts before it returns.
    check(unsafe { abi::proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Removes all occurrences of a request header.
pub(crate) fn remove_request_header(name: &str) -> Result<(), HostError> {
    // SAFETY: the host reads the name before it returns.
    check(unsafe { abi::proxy_remove_header_map_value(MapType::HttpRequestHeaders as u32, name.as_ptr(), name.len()) })
}

/// The body of the HTTP call's response.
pub(crate) fn call_response_body(size: usize) -> Result<Vec<u8>, HostError> {
    let buffer = BufferType::HttpCallResponseBody as u32;
    // SAFETY: the host writes the address and size of a buffer that it allocates.
    returned(|data, returned| unsafe { abi::proxy_get_buffer_bytes(buffer, 0, size, data, returned) })
}

/// Makes an HTTP call of this context. The SDK must know of it to deliver the response.
pub(crate) fn dispatch(
    cluster: &str,
    headers: &[(&str, String)],
    body: &str,
    timeout: Duration,
) -> Result<u32, HostError> {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    hostcalls::dispatch_http_call(cluster, headers, Some(body.as_bytes()), Vec::new(), timeout)
        .map_err(|status| HostError(status as u32))
}

/// The proxy's shared data.
pub(crate) struct HostSharedData;

impl SharedData for HostSharedData {
    fn get(&self, key: &str) -> Option<SharedValue> {
        let mut version = 0;
        // SAFETY: the host reads the key, and writes the version and the place of a buffer that it allocates.
        let bytes = returned(|data, size| unsafe {
            abi::proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut version)
        });
        bytes.ok().map(|bytes| SharedValue { bytes, version })
    }

    fn set(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<(), NotSet> {
        let version = version.unwrap_or(0);
        // SAFETY: the host reads both texts before it returns.
        let status =
            unsafe { abi::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) };
        check(status).map_err(|_| NotSet)
    }
}

/// A queue whose items wake this root context.
pub(crate) fn register_queue(name: &str) -> Result<u32, HostError> {
    let mut queue = 0;
    // SAFETY: the host reads the name and writes one integer.
    check(unsafe { abi::proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) })?;
    Ok(queue)
}

/// Puts an empty item into a queue.
pub(crate) fn enqueue(queue: u32) -> Result<(), HostError> {
    // SAFETY: the host reads no octets of an empty item.
    check(unsafe { abi::proxy_enqueue_shared_queue(queue, ptr::null(), 0) })
}

/// Takes an item out of a queue; an error when there is none.
pub(crate) fn dequeue(queue: u32) -> Result<(), HostError> {
    // SAFETY: the host writes the address and size of a buffer that it allocates.
    returned(|data, size| unsafe { abi::proxy_dequeue_shared_queue(queue, data, size) }).map(drop)
}

/// Sets how often the root context's timer wakes it; never, when zero.
pub(crate) fn set_tick_period(period: Duration) -> Result<(), HostError> {
    let period = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: no memory is involved.
    check(unsafe { abi::proxy_set_tick_period_milliseconds(period) })
}

/// Makes the calls below, and those about headers, concern another context of this worker.
pub(crate) fn set_effective_context(context_id: u32) -> Result<(), HostError> {
    // SAFETY: no memory is involved.
    check(unsafe { abi::proxy_set_effective_context(context_id) })
}

/// Lets a paused request go on. Its headers cannot be changed any more.
pub(crate) fn resume_request() -> Result<(), HostError> {
    // SAFETY: no memory is involved.
    check(unsafe { abi::proxy_continue_stream(HTTP_REQUEST) })
}

/// Answers a request; `details` are for the access log.
pub(crate) fn send_local_response(
    status: u16,
    details: &str,
    headers: &[(&str, &str)],
    body: &str,
    grpc_status: Option<u8>,
) -> Result<(), HostError> {
    let headers = serialise(headers);
    // SAFETY: the host reads all texts before it returns.
    check(unsafe {
        abi::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status.map_or(NO_GRPC_STATUS, i32::from),
        )
    })
}

/// Puts a text into filter state `wasm.<name>`.
pub(crate) fn set_filter_state(name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: the host reads both texts before it returns.
    check(unsafe { abi::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Calls a function that the proxy offers by name.
pub(crate) fn call_foreign_function(name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
    // SAFETY: the host reads both texts, and writes the address and size of a buffer that it allocates.
    returned(|data, size| unsafe {
        abi::proxy_call_foreign_function(name.as_ptr(), name.len(), argument.as_ptr(), argument.len(), data, size)
    })
}

/// Defines a metric, or finds the one of this name.
pub(crate) fn define_metric(kind: MetricType, name: &str) -> Result<u32, HostError> {
    let mut metric = 0;
    // SAFETY: the host reads the name and writes one integer.
    check(unsafe { abi::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut metric) })?;
    Ok(metric)
}

/// Adds one to a counter.
pub(crate) fn increment_metric(metric: u32) -> Result<(), HostError> {
    // SAFETY: no memory is involved.
    check(unsafe { abi::proxy_increment_metric(metric, 1) })
}

/// Sets a gauge, or records a value in a histogram.
pub(crate) fn record_metric(metric: u32, value: u64) -> Result<(), HostError> {
    // SAFETY: no memory is involved.
    check(unsafe { abi::proxy_record_metric(metric, value) })
}

/// Random octets of the host's cryptographic source.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).ok()?;
    Some(octets)
}
