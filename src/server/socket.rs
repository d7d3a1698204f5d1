//! A socket that reports what goes through it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Peer;
use super::activity::Activity;
use super::refusals::refused;
use crate::telemetry::reasons::Refusal;

/// A socket whose reads and writes are reported to `activity`.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) socket: S,
    pub(super) activity: Activity,
    pub(super) peer: Peer,
}

impl<S> Watched<S> {
    fn has_written<'a>(&self, polled: &Poll<io::Result<usize>>, slices: impl Iterator<Item = &'a [u8]>) {
        let Poll::Ready(Ok(written)) = polled else { return };
        let mut left = *written;
        let written = slices.map(|slice| {
            let slice = &slice[..left.min(slice.len())];
            left -= slice.len();
            slice
        });
        for _ in 0..self.activity.has_written(written) {
            refused(Refusal::Http2, self.peer, &"a malformed request");
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.socket).poll_read(context, buffer);
        let bytes = &buffer.filled()[before..];
        // `Ready` without bytes is the end of the stream.
        if polled.is_pending() || !bytes.is_empty() {
            self.activity.has_read(bytes);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.has_written(&polled, std::iter::once(bytes));
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.has_written(&polled, slices.iter().map(|slice| &**slice));
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// hyper calls this when it has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_flush(context);
        if let Poll::Ready(Ok(())) = polled {
            self.activity.has_flushed();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// The bytes that have been written to a socket and that the other side has not received.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library offers this request")]
pub(super) fn unsent(socket: std::os::fd::BorrowedFd<'_>) -> u64 {
    use std::os::fd::AsRawFd;
    let mut bytes: libc::c_int = 0;
    // SAFETY: the descriptor is open while it is borrowed, and TIOCOUTQ (tcp(7): SIOCOUTQ) writes one int.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 { u64::try_from(bytes).unwrap_or(0) } else { 0 }
}

/// Returns 0: on this system, written bytes count as received.
#[cfg(not(target_os = "linux"))]
pub(super) fn unsent(_: std::os::fd::BorrowedFd<'_>) -> u64 {
    0
}
