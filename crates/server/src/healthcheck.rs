//! Whether the service on the listening address is alive, asked without an HTTP client.

use anyhow::{Context, Result, bail};
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(2);

/// The address to ask: a service that listens on all addresses is asked on the machine's own.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

/// Asks `/healthz`.
pub fn run(listen: SocketAddr) -> Result<ExitCode> {
    let address = reachable(listen);
    let silent = || format!("nobody answers on {address}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(silent)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(silent)?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).with_context(silent)?;
    if &status != b"HTTP/1.1 200" {
        bail!("what answers on {address} is not well");
    }
    Ok(ExitCode::SUCCESS)
}
