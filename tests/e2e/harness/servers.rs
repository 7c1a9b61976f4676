//! The runtime on which in-process servers live; each test has a runtime of its own that ends with the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("start a runtime")
});

/// Listens on a free port and lets `serve` have the connections for as long as the test binary runs.
pub(crate) fn serve<F>(serve: impl FnOnce(TcpListener) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a free port");
    listener.set_nonblocking(true).expect("make the listener non-blocking");
    let address = listener.local_addr().expect("the listener's address");
    let _entered = RUNTIME.enter();
    let listener = TcpListener::from_std(listener).expect("hand the listener to the runtime");
    RUNTIME.spawn(serve(listener));
    address
}

/// An address where connections are refused, for as long as the socket is kept: bound, but not listening, so that no one
/// else gets the port.
pub(crate) fn deaf() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("bind a free port");
    let address = socket.local_addr().expect("the socket's address");
    (socket, address)
}
