//! HTTP/2 frame by frame, for heads that no client would send (RFC 9113; HPACK: RFC 7541, without compression).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any answer takes.
const DEADLINE: Duration = Duration::from_secs(20);

const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const GOAWAY: u8 = 0x7;
const END_STREAM_AND_HEADERS: u8 = 0x1 | 0x4;

/// How a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a head, of which the block is kept as it came.
    Head(Vec<u8>),
    Reset,
    ConnectionClosed,
}

impl End {
    /// Whether it is a head with status 200, which has an index of its own (RFC 7541 appendix A).
    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, Self::Head(block) if block.first() == Some(&0x88))
    }
}

/// Sends one request without a body, its headers in this order and as they are.
pub(crate) async fn send(address: SocketAddr, headers: &[(&str, &str)]) -> End {
    let mut stream = TcpStream::connect(address).await.expect("connect to the gateway");
    let block: Vec<u8> = headers.iter().flat_map(|(name, value)| literal(name, value)).collect();
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_STREAM_AND_HEADERS, 1, &block),
    ];
    stream.write_all(&request.concat()).await.expect("send the request");
    timeout(DEADLINE, end(&mut stream)).await.expect("an end of the stream")
}

/// A header that is neither indexed nor compressed.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127).expect("a short text");
        [&[length], text.as_bytes()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

async fn end(stream: &mut TcpStream) -> End {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return End::ConnectionClosed;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        if stream.read_exact(&mut payload).await.is_err() {
            return End::ConnectionClosed;
        }
        match head[3] {
            HEADERS => return End::Head(payload),
            RST_STREAM => return End::Reset,
            GOAWAY => return End::ConnectionClosed,
            _ => {}
        }
    }
}
