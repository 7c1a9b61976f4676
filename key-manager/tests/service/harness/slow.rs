//! A way to a server on which everything takes its time.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// The base URL of a way to the server at `base`; each connection begins after `delay`.
pub(crate) async fn way_to(base: &str, delay: Duration) -> String {
    let target = base.strip_prefix("http://").expect("a base URL").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("the address"));
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                if let Ok(mut there) = TcpStream::connect(target).await {
                    // Either end may have gone.
                    let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                }
            });
        }
    });
    url
}
