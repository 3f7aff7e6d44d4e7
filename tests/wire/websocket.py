"""A small WebSocket client (RFC 6455): enough to be a browser phone."""

import base64
import os
import struct

from ringhold import expect

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket:
    """Over a connected socket, plain or TLS; `headers` replace or add to those of the handshake."""

    def __init__(self, connection, host, **headers):
        self.socket = connection
        self._bytes = b""
        lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol": "sip"}
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        self.socket.sendall(("GET / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value) + "\r\n").encode())
        while b"\r\n\r\n" not in self._bytes and self._more():
            pass
        self.answer, _, self._bytes = self._bytes.partition(b"\r\n\r\n")

    def _more(self):
        more = self.socket.recv(65536)
        self._bytes += more
        return more

    def accepted(self):
        expect(self.answer.startswith(b"HTTP/1.1 101 "), f"switched: {self.answer}")
        expect(b"sec-websocket-protocol: sip" in self.answer.lower(), f"to sip: {self.answer}")
        return self

    def send(self, data, kind=TEXT, final=True):
        mask = os.urandom(4)
        length = len(data)
        head = bytes([(0x80 if final else 0) | kind])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 65536:
            head += bytes([0x80 | 126]) + struct.pack("!H", length)
        else:
            head += bytes([0x80 | 127]) + struct.pack("!Q", length)
        self.socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def _take(self, count):
        while len(self._bytes) < count:
            expect(self._more(), "the connection was closed")
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def receive(self):
        """(kind, data) of the next frame; servers do not mask."""
        first, second = self._take(2)
        expect(first & 0x80 and not second & 0x80, "one whole frame, unmasked")
        length = second
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(length)
