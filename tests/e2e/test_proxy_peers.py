#!/usr/bin/env python3
"""Clients and servers of nono-proxy that misbehave: half-open and half-closed clients, empty lists,
redirects with a credential, spellings of a host that is not listed."""
import os
import socket
import time

import proxylib
from proxylib import Proxy, Server, Web, auth, echo, read_all, read_body, read_head, simple, status_of

HERE = ["127.0.0.1", "localhost"]
KEY, PHANTOM = "sk-real-Key+0123456789", "sk-nono-aaaabbbbccccdddd"


def ask(p, text, s=None):
    s = s or p.connect()
    s.sendall(text.encode("latin-1"))
    head, rest = read_head(s)
    return status_of(head), head, read_body(s, head, rest)[0] if head else b""


def half_open():
    """Clients that say half of something and stay, or leave, hold nobody else up and cost little."""
    e = Server(echo)
    w = Web(lambda m, t, h, b: simple(b"hello"))
    with Proxy({"allow": HERE}) as p:
        starts = (b"", b"\x16\x03\x01", b"CONNECT localhost", b"GET http://127.0.0.1:1/ HTTP/1.1\r\nX: ",
                  f"POST http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}Content-Length: 9\r\n\r\nhalf".encode(),
                  f"POST http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}Transfer-Encoding: chunked\r\n\r\n5\r\nhe".encode())
        waiting = []
        for text in starts * 40:
            s = p.connect()
            s.sendall(text)
            waiting.append(s)
        begun = time.monotonic()
        code, _, body = ask(p, f"GET http://127.0.0.1:{w.port}/x HTTP/1.1\r\nHost: x\r\n{auth()}\r\n")
        assert (code, body) == (200, b"hello"), code
        assert time.monotonic() - begun < 2 * proxylib.SLOW
        assert p.rss() < 40000 or proxylib.SLOW != 1, p.rss()
        for i, s in enumerate(waiting):  # half of them close their side only, half leave
            try:
                s.shutdown(socket.SHUT_WR) if i % 2 else s.close()
            except OSError:
                pass
        for s in waiting[1::2]:
            read_all(s)  # ended by the proxy at once, not by a deadline
            s.close()
        proxylib.until(lambda: len(os.listdir(f"/proc/{p.process.pid}/fd")) < 30)
        # A tunnel's half that is closed leaves the other one open.
        s = p.connect()
        s.sendall(f"CONNECT localhost:{e.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
        assert status_of(read_head(s)[0]) == 200
        s.sendall(b"last words")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b"last words"


def empty_list():
    w = Web(lambda m, t, h, b: simple())
    with Proxy({"allow": []}) as p:
        for host in ("127.0.0.1", "localhost", "other.test", "[::1]"):
            assert ask(p, f"CONNECT {host}:{w.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n")[0] == 403, host
            assert ask(p, f"GET http://{host}:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}\r\n")[0] == 403, host
    assert not w.seen and not w.connections


def spellings():
    """What could be read as another name is refused; nothing of it reaches a server or is resolved."""
    w = Web(lambda m, t, h, b: simple())
    bad = ["evil.test\0.localhost", "evil.test%00.localhost", "localhost%2eevil.test", "evil.test#.localhost", "evil.test?localhost",
           "localhost@evil.test", "evil.test\\.localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
           "[::ffff:7f00:2]", "[fe80::1%25lo]", "localhost..", ".localhost", "xn--.localhost.evil", "local_host", "\xe4.test",
           "127.0.0.1.evil.test", "127.0.0.01", "[127.0.0.1]", "local\thost"]
    with Proxy({"allow": ["localhost"]}) as p:
        for host in bad:
            for text in (f"CONNECT {host}:{w.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n",
                         f"GET http://{host}:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}\r\n"):
                code = ask(p, text)[0]
                assert code in (400, 403), (host, code)
        for host in ("LOCALHOST", "localhost."):
            s = p.connect()
            s.sendall(f"CONNECT {host}:{w.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
            assert status_of(read_head(s)[0]) == 200, host
            s.close()
    assert not w.seen, w.seen


def redirects():
    """A redirect is the client's to follow: the key is with its own upstream alone."""
    other = Web(lambda m, t, h, b: simple())
    w = Web(lambda m, t, h, b: simple(b"", "307 Temporary Redirect",
                                      f"Location: http://127.0.0.1:{other.port}/taken\r\nAlt-Svc: h2=\":{other.port}\"\r\n"))
    key = {"mode": 0, "header": "Authorization", "format": "Bearer {}"}
    route = {"name": "api", "upstream": f"http://127.0.0.1:{w.port}", "key": "env://REAL_KEY", "inject": key, "phantom": key}
    with Proxy({"network": {"mode": 2, "routes": [route], "allow": [{"name": "127.0.0.1"}]}, "phantoms": ["api=" + PHANTOM]},
               env={"REAL_KEY": KEY}) as p:
        bearer = f"Authorization: Bearer {PHANTOM}\r\n"
        code, head, _ = ask(p, f"GET /api/x HTTP/1.1\r\nHost: x\r\n{bearer}\r\n")
        assert code == 307 and w.seen[-1][2]["authorization"] == "Bearer " + KEY, (code, w.seen)
        assert "alt-svc" not in head.lower() and KEY not in head and not other.seen, head
        code, head, _ = ask(p, f"GET http://127.0.0.1:{other.port}/taken HTTP/1.1\r\nHost: x\r\n{auth()}{bearer}\r\n")
        assert not any(KEY in seen[4] for seen in other.seen), other.seen


proxylib.main([half_open, empty_list, spellings, redirects])
