"""The proxy alone: HTTP/1.1 both ways, what is not HTTP/1.1, and what must reach the other side unchanged."""
import hashlib
import socket
import threading
import time

import proxylib
from proxylib import (SLOW, Proxy, Server, Web, auth, read_all, read_body, read_head, simple,
                      status_of)

HERE = ["127.0.0.1", "localhost"]


def ask(p, text, s=None):
    """Sends bytes, reads one answer: status, head, body, socket."""
    s = s or p.connect()
    s.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
    head, rest = read_head(s)
    body, _ = read_body(s, head, rest) if head else (b"", b"")
    return status_of(head), head, body, s


def forward(w, method="GET", path="/", headers="", body=""):
    return (f"{method} http://127.0.0.1:{w.port}{path} HTTP/1.1\r\nHost: 127.0.0.1:{w.port}\r\n"
            f"{auth()}{headers}\r\n{body}")


def keep_alive_and_check_anew():
    w = Web(lambda m, t, h, b: simple(f"{m} {t} {len(b)}".encode()))
    with Proxy({"allow": HERE}) as p:
        code, _, body, s = ask(p, forward(w, path="/a?b=c"))
        assert (code, body) == (200, b"GET /a?b=c 0")
        code, _, body, _ = ask(p, forward(w, "POST", "/b", "Content-Length: 3\r\n", "abc"), s)
        assert (code, body) == (200, b"POST /b 3")
        code, _, body, _ = ask(p, f"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n{auth()}\r\n", s)
        assert code == 403 and b"--allow-domain" in body, body
        # No advice that could not help.
        code, _, body, _ = ask(p, f"GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n{auth()}\r\n", s)
        assert code == 403 and b"never" in body and b"--allow-domain" not in body, body
        code, *_ = ask(p, "GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n", s)
        assert code == 407
        code, *_ = ask(p, f"GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n{auth('b' * 64)}\r\n", s)
        assert code == 407
        code, *_ = ask(p, forward(w), s)
        assert code == 200
        assert w.connections == 1, w.connections
        assert "proxy-authorization" not in w.seen[0][2]


def pipelined():
    w = Web(lambda m, t, h, b: simple(t.encode()))
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(b"".join(forward(w, path=f"/{i}").encode() for i in range(200)))
        rest = b""
        for i in range(200):
            head, rest = read_head(s, rest)
            body, rest = read_body(s, head, rest)
            assert body == b"/%d" % i, (i, body)


def hop_by_hop():
    w = Web(lambda m, t, h, b: simple(headers="Connection: X-Gone, close\r\nX-Gone: 1\r\nX-Stays: 2\r\n"
                                              "Alt-Svc: h3=\":443\"\r\nKeep-Alive: 5\r\n"))
    with Proxy({"allow": HERE}) as p:
        code, head, _, _ = ask(p, forward(w, headers="Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\n"
                                          "X-Other: 2\r\nTE: gzip\r\nProxy-Connection: x\r\nKeep-Alive: 3\r\n"))
        assert code == 200 and "X-Stays" in head and "X-Gone" not in head and "Alt-Svc" not in head, head
        seen = w.seen[0][2]
        assert seen["x-other"] == "2"
        for name in ("x-mine", "te", "proxy-connection", "keep-alive", "proxy-authorization", "connection"):
            assert name not in seen, seen


def bodies_both_ways():
    big = hashlib.sha256(b"x").digest() * 200000  # 6.4 MB

    def answer(m, t, h, b):
        if t == "/length":
            return simple(b)
        if t == "/chunks":
            return (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                    b"".join(b"%x\r\n%s\r\n" % (len(b[i:i + 70001]), b[i:i + 70001])
                             for i in range(0, len(b), 70001)) + b"0\r\nTrailer: x\r\n\r\n")

        def to_end(s):
            s.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b)
            return False
        return to_end
    w = Web(answer)
    with Proxy({"allow": HERE}) as p:
        for path in ("/length", "/chunks", "/end"):
            for framing in ("length", "chunked"):
                if framing == "length":
                    head, body = f"Content-Length: {len(big)}\r\n", big
                else:
                    head = "Transfer-Encoding: chunked\r\n"
                    body = b"".join(b"%X;ext=1\r\n%s\r\n" % (len(big[i:i + 99999]), big[i:i + 99999])
                                    for i in range(0, len(big), 99999)) + b"0\r\n\r\n"
                s = p.connect()
                sender = threading.Thread(target=s.sendall,
                                          args=(forward(w, "POST", path, head).encode() + body,))
                sender.start()
                head, rest = read_head(s)
                got, _ = read_body(s, head, rest)
                sender.join()
                assert w.seen[-1][3] == big
                assert got == big, (path, framing, len(got), head)
                s.close()
        if SLOW == 1:  # the sanitizers' memory is no measure
            assert p.rss() < 40000, p.rss()


def no_bodies():
    def answer(m, t, h, b):
        if t == "/304":
            return b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: x\r\n\r\n"
        if t == "/204":
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        if m == "HEAD":
            return b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
        return simple()
    w = Web(answer)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        for method, path, want in (("HEAD", "/", "1234"), ("GET", "/304", "500"), ("GET", "/204", None)) * 2:
            s.sendall(forward(w, method, path).encode())
            head, rest = read_head(s)
            assert not rest and (want or "Content-Length") in head + ("" if want else "Content-Length"), head
        assert ask(p, forward(w), s)[2] == b"hello"
        assert w.connections == 1


def http10():
    def answer(m, t, h, b):
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    w = Web(answer)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(f"GET http://127.0.0.1:{w.port}/ HTTP/1.0\r\n{auth()}\r\n".encode())
        head, rest = read_head(s)
        assert "chunked" not in head and read_all(s, rest) == b"hello", head


def continue_100():
    def talk(s):
        head, rest = read_head(s)
        assert "100-continue" in head and not rest
        if "/no" in head:
            s.sendall(simple(status="417 No"))
            return
        s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(rest) < 5:
            rest += s.recv(10)
        s.sendall(simple(rest, headers="Connection: close\r\n"))
    w = Server(talk)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(forward(w, "POST", "/", "Expect: 100-continue\r\nContent-Length: 5\r\n").encode())
        head, rest = read_head(s)
        assert status_of(head) == 100 and not rest, head
        assert ask(p, "12345", s)[2] == b"12345"
        code, head, _, s = ask(p, forward(w, "POST", "/no", "Expect: 100-continue\r\nContent-Length: 5\r\n"))
        assert code == 417 and "close" in head, head


def first_byte_of_a_stream():
    def events(m, t, h, b):
        def send(s):
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            time.sleep(0.3)
            for i in range(3):
                data = b"data: %f\n\n" % time.monotonic()
                s.sendall(b"%x\r\n%s\r\n" % (len(data), data))
                time.sleep(0.3)
            s.sendall(b"0\r\n\r\n")
        return send
    w = Web(events)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        start = time.monotonic()
        s.sendall(forward(w).encode())
        head, rest = read_head(s)
        assert time.monotonic() - start < 0.2 * SLOW, "the head waited for the body"
        for _ in range(3):
            data = rest or s.recv(4096)
            rest = b""
            late = time.monotonic() - float(data.split(b"data: ")[1].split()[0])
            assert late < 0.1 * SLOW, late


def websocket():
    def talk(s):
        head, rest = read_head(s)
        assert "Upgrade: websocket" in head and "Connection: Upgrade" in head, head
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Accept: x\r\n\r\nfirst")
        while True:
            part = s.recv(4096)
            if not part:
                break
            s.sendall(part.upper())
    w = Server(talk)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(forward(w, headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n").encode())
        head, rest = read_head(s)
        assert status_of(head) == 101 and "upgrade: websocket" in head.lower(), head
        while len(rest) < 5:
            rest += s.recv(10)
        assert rest == b"first"
        s.sendall(b"abc")
        assert s.recv(10) == b"ABC"
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b""
        p.wait_event(lambda e: e["ended"] and e.get("status") == 101 and e["bytes_out"] == 3)
        # Another protocol is not switched to.
        got = []

        def plain(s):
            head, _ = read_head(s)
            got.append(head)
            s.sendall(simple())
        h2c = Server(plain)
        assert ask(p, forward(h2c, headers="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                              "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"))[0] == 200
        assert "pgrade" not in got[0] and "HTTP2" not in got[0], got


def resets_mid_body():
    def cut(m, t, h, b):
        def send(s):
            if t == "/chunk":
                s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            elif t == "/bad":
                s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
            elif t == "/length":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            elif t == "/head":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
            elif t == "/junk":
                s.sendall(b"SSH-2.0-x\r\n\r\n")
            elif t == "/two":
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
            time.sleep(0.1)
            return False
        return send
    w = Web(cut)
    with Proxy({"allow": HERE}) as p:
        for path in ("/chunk", "/length", "/bad"):
            s = p.connect()
            s.sendall(forward(w, path=path).encode())
            data = read_all(s)
            assert b"hello" in data and b"\r\n0\r\n\r\n" not in data, (path, data)
            s.close()
        for path in ("/head", "/junk", "/none", "/two"):
            assert ask(p, forward(w, path=path))[0] == 502, path
        assert p.alive()


def stale_connection():
    """The server closes after each answer without saying so; the next request is made again."""
    count = []

    def talk(s):
        read_head(s)
        count.append(1)
        s.sendall(simple())
        if len(count) % 2:
            read_head(s)  # takes a second request, and closes without an answer
    w = Server(talk)
    with Proxy({"allow": HERE}) as p:
        s = None
        for _ in range(6):
            code, _, _, s = ask(p, forward(w), s)
            assert code == 200, code


def slow_reader():
    size = 64 << 20
    sent = []

    def many(m, t, h, b):
        def send(s):
            s.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            block = b"x" * 65536
            for _ in range(size // len(block)):
                s.sendall(block)
                sent.append(len(block))
        return send
    w = Web(many)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(forward(w).encode())
        time.sleep(1)
        assert sum(sent) < 32 << 20, "the proxy takes what nobody reads"
        assert p.rss() < 30000, p.rss()
        head, rest = read_head(s)
        got = len(rest)
        while got < size:
            got += len(s.recv(1 << 20))
        assert got == size


def client_leaves():
    gone = threading.Event()

    def slow(m, t, h, b):
        def send(s):
            s.settimeout(10)
            gone.set() if not s.recv(10) else None
            return False
        return send
    w = Web(slow)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(forward(w).encode())
        time.sleep(0.2)
        s.close()
        assert gone.wait(5 * SLOW), "the server was not told"
        p.wait_event(lambda e: e["ended"] and "went away" in e.get("reason", ""))


if __name__ == "__main__":
    proxylib.main([keep_alive_and_check_anew, pipelined, hop_by_hop, bodies_both_ways, no_bodies, http10,
                   continue_100, first_byte_of_a_stream, websocket, resets_mid_body, stale_connection,
                   slow_reader, client_leaves])
