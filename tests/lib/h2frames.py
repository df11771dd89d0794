"""HTTP/2 by the frame, for what no client or server of every day would send."""
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
OK = b"\x88"  # ":status: 200", of HPACK's table


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def text(s):
    """A string of HPACK, as it is."""
    b = s.encode()
    if len(b) < 127:
        return bytes([len(b)]) + b
    out, n = b"\x7f", len(b) - 127
    while n >= 128:
        out, n = out + bytes([n % 128 + 128]), n // 128
    return out + bytes([n]) + b


def fields(*pairs):
    return b"".join(b"\0" + text(k) + text(v) for k, v in pairs)


class Connection:
    """One end over a socket that speaks TLS already; what is asked of it is answered while it waits for frames."""

    def __init__(self, s, client=True):
        self.s, self.have, self.ended = s, b"", False
        s.sendall((PREFACE if client else b"") + frame(SETTINGS, 0, 0))
        if not client:
            while len(self.have) < len(PREFACE) and self.more():
                pass
            assert self.have.startswith(PREFACE), self.have
            self.have = self.have[len(PREFACE):]

    def more(self):
        try:
            got = self.s.recv(65536)
        except (ConnectionError, ssl.SSLError) as e:
            if isinstance(e, (ssl.SSLWantReadError, TimeoutError)):
                raise
            got = b""
        self.ended = not got
        self.have += got
        return bool(got)

    def send(self, *args):
        self.s.sendall(frame(*args))

    def request(self, stream, authority, path="/", method="GET", end=True):
        self.send(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, fields(
            (":method", method), (":scheme", "https"), (":authority", authority), (":path", path)))

    def next(self, *kinds):
        """(kind, flags, stream, payload) of the next frame, or the next of these; None at the end."""
        while True:
            while len(self.have) < 9 or len(self.have) < 9 + int.from_bytes(self.have[:3], "big"):
                if not self.more():
                    return None
            n = int.from_bytes(self.have[:3], "big")
            kind, flags, stream = struct.unpack("!BBI", self.have[3:9])
            payload, self.have = self.have[9:9 + n], self.have[9 + n:]
            if kind == SETTINGS and not flags & ACK:
                self.send(SETTINGS, ACK, 0)
            elif kind == DATA and payload:
                for s in (0, stream):
                    self.send(WINDOW_UPDATE, 0, s, struct.pack("!I", len(payload)))
            if not kinds or kind in kinds:
                return kind, flags, stream & 0x7fffffff, payload
