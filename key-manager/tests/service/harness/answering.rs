//! A server that answers as a test says.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Answers every connection with `answer`, in which `{issuer}` stands for its own address; the address.
pub(crate) async fn serve(answer: impl Fn(&str, &str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let issuer = format!("http://{}", listener.local_addr().expect("the address"));
    let own = issuer.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let length = connection.read(&mut request).await.unwrap_or(0);
            let answer = answer(&own, &String::from_utf8_lossy(&request[..length]));
            if answer.is_empty() {
                // Hangs for as long as the test runs.
                tokio::spawn(async move {
                    let _connection = connection;
                    std::future::pending::<()>().await;
                });
                continue;
            }
            // A client that has seen enough has gone.
            let _ = connection.write_all(&answer).await;
        }
    });
    issuer
}

pub(crate) fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}
