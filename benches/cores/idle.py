"""Connections that do nothing."""

import resource
import socket
import time

# Above what is opened, so that none is closed for another.
OPTIONS = ["--max-connections", "20000", "--keep-alive-timeout", "10m"]
# The server needs time to accept them.
SETTLE_SECONDS = 2
# Descriptors of this process beside the connections.
OWN_FILES = 100


def watch(server, count, seconds):
    """Opens connections, asks once on each, and leaves them idle. Returns the percentage of a core that the server takes, the
    number of connections, and the threads that have come with them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(count, hard - OWN_FILES)
    opened = []
    try:
        threads = server.threads()
        for number in range(count):
            # One address has fewer ports than that.
            source = f"127.0.0.{2 + number % 100}"
            opened.append(socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(source, 0)))
            opened[-1].sendall(b"GET /livez HTTP/1.1\r\nHost: glimpse\r\n\r\n")
            if not opened[-1].recv(4096).startswith(b"HTTP/1.1 200"):
                raise SystemExit("The server refuses a connection.")
        time.sleep(SETTLE_SECONDS)
        before, begun = server.cpu_ms(), time.monotonic()
        time.sleep(seconds)
        used = server.cpu_ms() - before
        return used / (time.monotonic() - begun) / 10, count, server.threads() - threads
    finally:
        for connection in opened:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
