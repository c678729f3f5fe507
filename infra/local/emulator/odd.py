"""Serves requests that the fast HTTP parser rejects, although API Gateway passes them on, such as
one with a raw `<` in its path.

The first bytes of such a connection go to the slower parser, which accepts them or answers 400.
"""

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Lenient(HttpToolsProtocol):
    """A connection that changes to the slower parser if the fast one rejects what it receives."""

    received = b""

    def data_received(self, data: bytes) -> None:
        self.received = data
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        slower = H11Protocol(self.config, self.server_state, self.app_state, self.loop)
        self.connections.discard(self)
        self.transport.set_protocol(slower)
        slower.connection_made(self.transport)
        slower.data_received(self.received)
