"""A wire between a client and a real server: what goes over it is seen, and something may happen before it arrives."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_REQUEST = re.compile(rb"^(GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1", re.MULTILINE)


class Wire:
    """Requests by their first line; `before` is told each one, and the server gets it when `before` is done."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda request: None
        threading.Thread(target=self._accept, daemon=True).start()

    def gets(self) -> list[str]:
        """The paths of objects that were fetched."""
        return [line.split(" ")[1] for line in self.requests if line.startswith("GET ") and "list-type" not in line]

    def listings(self) -> int:
        """How often a bucket was listed."""
        return sum("list-type" in line for line in self.requests)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                server = socket.create_connection(self._target)
                threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                for found in _REQUEST.finditer(data) if asks else ():
                    line = found[0].decode()
                    self.requests.append(line)
                    self.before(line)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """No more connections."""
        self._listening.close()


@contextmanager
def wire(target: str) -> Iterator[Wire]:
    """A wire to an endpoint."""
    found = Wire(target)
    try:
        yield found
    finally:
        found.close()
