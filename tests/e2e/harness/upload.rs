//! A request of which the test sends one piece after the other.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{self, Answer};
use super::call::ANSWER_DEADLINE;

pub(crate) struct Upload {
    stream: TcpStream,
    case: String,
    /// Octets so far, head and framing included.
    pub(crate) sent: usize,
}

impl Upload {
    pub(super) fn new(stream: TcpStream, case: String) -> Self {
        Self { stream, case, sent: 0 }
    }

    /// Sends these bytes as they are; the gateway may have closed the connection, as it may after an answer.
    pub(crate) async fn send(&mut self, piece: impl AsRef<[u8]>) {
        let piece = piece.as_ref();
        let _ = self.stream.write_all(piece).await;
        self.sent += piece.len();
    }

    /// The gateway's answer; the request may still be incomplete.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut response = Vec::new();
        let receive = async {
            while !answer::is_whole(&response, false) {
                if self.stream.read_buf(&mut response).await.unwrap_or_default() == 0 {
                    break;
                }
            }
        };
        timeout(ANSWER_DEADLINE, receive).await.unwrap_or_else(|_| panic!("no answer in {ANSWER_DEADLINE:?}"));
        Answer::parse(&response, &self.case).expect("an answer")
    }

    pub(crate) fn case(&self) -> &str {
        &self.case
    }
}
