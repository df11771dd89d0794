"""The proxy alone: tunnels, many and odd clients, limits, names that lead elsewhere, the upstream proxy."""
import os
import socket
import struct
import threading
import time

import proxylib
from proxylib import (ELSEWHERE, ELSEWHERE_TOO, SLOW, TOKEN, Proxy, Server, Web, auth, echo, read_all, read_head, simple, status_of)

HERE = ["127.0.0.1", "localhost"]


def connect(p, target, more="", s=None, early=b""):
    s = s or p.connect()
    s.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{auth()}{more}\r\n".encode("latin-1") + early)
    head, rest = read_head(s)
    return status_of(head), rest, s


def through_and_half_closed():
    e = Server(echo)
    with Proxy({"allow": HERE}) as p:
        code, rest, s = connect(p, f"localhost:{e.port}", early=b"early")
        assert code == 200
        data = os.urandom(8 << 20)
        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        got = read_all(s, rest)
        assert got == b"early" + data
        sender.join()
        end = p.wait_event(lambda e: e["ended"])
        assert end["bytes_in"] == end["bytes_out"] == len(got), end
        assert end["address"] == "127.0.0.1" and end["mode"] == "connect", end


def the_server_speaks_first():
    def ssh(s):
        s.sendall(b"SSH-2.0-x\r\n")
        assert s.recv(100)
        s.sendall(b"bye")
    e = Server(ssh)
    with Proxy({"allow": HERE}) as p:
        code, rest, s = connect(p, f"127.0.0.1:{e.port}")
        while len(rest) < 11:
            rest += s.recv(100)
        assert rest == b"SSH-2.0-x\r\n"
        s.sendall(b"SSH-2.0-y\r\n")
        assert read_all(s) == b"bye"


def asked_again_after_407():
    e = Server(echo)
    with Proxy({"allow": HERE}) as p:
        s = p.connect()
        s.sendall(b"CONNECT localhost:%d HTTP/1.1\r\nHost: x\r\n\r\n" % e.port)
        head, rest = read_head(s)
        assert status_of(head) == 407 and "Proxy-Authenticate: Basic" in head
        n = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        while len(rest) < n:
            rest += s.recv(n)
        assert connect(p, f"localhost:{e.port}", s=s)[0] == 200


def refused():
    with Proxy({"allow": HERE}) as p:
        for target, want in (("evil.test:443", 403), ("169.254.169.254:80", 403), ("metadata.google.internal:80", 403),
                             ("localhost", 400), ("localhost:0", 400), ("localhost:99999", 400), ("localhost:1", 502),
                             ("local\x00host:1", 400), ("localhost%00:1", 400), ("localhost:1:2", 400),
                             ("user@localhost:1", 400), ("http://localhost:1", 400), ("/x", 404)):
            code = connect(p, target)[0]
            assert code in (want, 400), (target, code)
            assert code >= 400
        assert p.alive()


def wrong_passwords():
    with Proxy({"allow": HERE}) as p:
        for line in ("", "Proxy-Authorization: Basic\r\n", "Proxy-Authorization: Basic %%%\r\n",
                     "Proxy-Authorization: Bearer " + TOKEN + "\r\n", auth(TOKEN[:-1]), auth(TOKEN + "x"), auth(""),
                     "Proxy-Authorization: Basic " + "A" * 900 + "\r\n", auth() + auth()):
            s = p.connect()
            s.sendall(f"CONNECT localhost:1 HTTP/1.1\r\nHost: x\r\n{line}\r\n".encode())
            assert status_of(read_head(s)[0]) == 407, line
    with Proxy({"allow": HERE, "no_auth": True}) as p:
        s = p.connect()
        s.sendall(b"CONNECT localhost:1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(read_head(s)[0]) == 502


def two_thousand():
    e = Server(echo)
    with Proxy({"allow": HERE}) as p:
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        n = 2000
        if hard < 3 * n:
            n = hard // 4
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        idle = p.rss()
        tunnels = []
        for i in range(n):
            s = p.connect()
            s.sendall(f"CONNECT localhost:{e.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
            tunnels.append(s)
        for s in tunnels:
            head, rest = read_head(s)
            assert status_of(head) == 200 and not rest
        for i, s in enumerate(tunnels):
            s.sendall(b"%d." % i)
        for i, s in enumerate(tunnels):
            got = b""
            while not got.endswith(b"."):
                got += s.recv(100)
            assert got == b"%d." % i
        used = p.rss() - idle
        print(f"     {n} tunnels: {used} kB, {used / n:.1f} kB each")
        assert used / n < 20 or SLOW != 1, used  # the sanitizers' memory is no measure
        for s in tunnels:
            s.close()
        proxylib.until(lambda: len([e for e in p.events() if e["ended"]]) == n)
        assert connect(p, f"localhost:{e.port}")[0] == 200


def too_many_wait():
    e = Server(echo)
    with Proxy({"allow": HERE, "max_connections": 4}) as p:
        held = [connect(p, f"localhost:{e.port}")[2] for _ in range(4)]
        s = p.connect()
        s.sendall(f"CONNECT localhost:{e.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
        s.settimeout(0.4)
        try:
            s.recv(1)
            raise AssertionError("a fifth was served")
        except TimeoutError:
            pass
        held[0].close()
        s.settimeout(10)
        assert status_of(read_head(s)[0]) == 200


def out_of_descriptors():
    import resource
    e = Server(echo)
    with Proxy({"allow": HERE}) as p:
        resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (40, 40))
        many = [p.connect() for _ in range(60)]
        time.sleep(0.5)
        before = sum(map(int, open(f"/proc/{p.process.pid}/stat").read().split()[13:15]))
        time.sleep(1)
        after = sum(map(int, open(f"/proc/{p.process.pid}/stat").read().split()[13:15]))
        assert after - before < 30, "it spins without descriptors"
        for s in many:
            s.close()
        assert connect(p, f"localhost:{e.port}")[0] == 200


def slow_and_oversize_heads():
    e = Server(echo)
    with Proxy({"allow": HERE}) as p:
        slow = p.connect()  # a byte now and then holds nobody else up
        text = f"CONNECT localhost:{e.port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode()
        for i in range(len(text) - 1):
            slow.sendall(text[i:i + 1])
            if i % 20 == 0:
                assert connect(p, f"localhost:{e.port}")[0] == 200
        slow.sendall(text[-1:])
        assert status_of(read_head(slow)[0]) == 200
        for extra, want in (("X: " + "y" * 60000 + "\r\n", 200), ("X: " + "y" * 70000 + "\r\n", 431),
                            ("X: y\r\n" * 140, 431), ("X: " + "y" * 70000, 431)):
            assert connect(p, f"localhost:{e.port}", extra)[0] == want, (len(extra), want)
        s = p.connect()  # without an end
        try:
            for _ in range(1000):
                s.sendall(b"x" * 65536)
        except OSError:
            pass
        assert p.rss() < 30000


def smuggled():
    """What a lax server would read as a second request never becomes one."""
    w = Web(lambda m, t, h, b: simple(t.encode()))
    hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    tricks = [
        f"Content-Length: 5\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\nContent-Length: {len(hidden) + 5}\r\n\r\n0\r\n\r\n{hidden}",
        f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n0\n\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeX\r\n0\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n{hidden}",
        f"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{hidden}",
        f"Content-Length: +{len(hidden)}\r\n\r\n{hidden}",
    ]
    with Proxy({"allow": HERE}) as p:
        for trick in tricks:
            s = p.connect()
            s.sendall((f"POST http://127.0.0.1:{w.port}/first HTTP/1.1\r\nHost: x\r\n{auth()}" + trick).encode())
            data = read_all(s)
            assert data.split(b" ")[1] in (b"400", b"501"), (trick, data)
            assert data.count(b"HTTP/1.1 ") == 1, (trick, data)
            s.close()
        assert not any(t == "/hidden" for _, t, *_ in w.seen), w.seen


def resets():
    def reset(s):
        s.recv(10)
        s.sendall(b"some")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    w = Server(reset)
    with Proxy({"allow": HERE}) as p:
        for _ in range(20):
            s = connect(p, f"localhost:{w.port}")[2]
            s.sendall(b"x")
            got = read_all(s)
            assert got.endswith(b"<RST>"), got
        assert p.alive()


class Resolver:
    """Answers A with what the table says (a list gives one after the other); AAAA with nothing."""

    def __init__(self, table):
        self.table, self.asked = table, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            q, peer = self.socket.recvfrom(4096)
            at, labels = 12, []
            while q[at]:
                labels.append(q[at + 1:at + 1 + q[at]].decode())
                at += 1 + q[at]
            name, kind = ".".join(labels).lower(), struct.unpack(">H", q[at + 1:at + 3])[0]
            question = q[12:at + 5]
            answers = []
            if kind == 1:
                self.asked.append(name)
                v = self.table.get(name, [])
                answers = v.pop(0) if v and isinstance(v[0], list) else v
            code = 0 if name in self.table else 3
            out = q[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(answers), 0, 0) + question
            for a in answers:
                out += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(a)
            self.socket.sendto(out, peer)


def rebinding():
    e = Server(echo, address=ELSEWHERE)
    r = Resolver({"good.test": [ELSEWHERE], "meta.test": ["169.254.169.254"], "any.test": ["0.0.0.0"],
                  "mixed.test": ["169.254.169.254", ELSEWHERE], "turns.test": [[ELSEWHERE], ["169.254.169.254"]],
                  "multicast.test": ["224.0.0.1"], "here.test": ["127.0.0.1"], "broadcast.test": ["255.255.255.255"]})
    with Proxy({"allow": ["*.test"], "resolver": r.address}) as p:
        assert connect(p, f"good.test:{e.port}")[0] == 200
        assert connect(p, f"GOOD.test.:{e.port}")[0] == 200
        for name in ("meta.test", "any.test", "multicast.test", "here.test", "broadcast.test"):
            assert connect(p, f"{name}:{e.port}")[0] == 403, name
        assert connect(p, f"mixed.test:{e.port}")[0] == 200
        assert connect(p, f"turns.test:{e.port}")[0] == 200
        assert connect(p, f"turns.test:{e.port}")[0] == 403
        assert connect(p, f"nothere.test:{e.port}")[0] == 502
        r.asked.clear()
        assert connect(p, f"secret-data.evil:{e.port}")[0] == 403
        assert not r.asked, "a name that is not listed was asked for"
    with Proxy({"allow": ["*.test"], "deny_private": True, "resolver": r.address}) as p:
        assert connect(p, f"good.test:{e.port}")[0] == 403


def next_address():
    """The first address does not answer; the second does."""
    e = Server(echo, address=ELSEWHERE_TOO)
    r = Resolver({"two.test": [ELSEWHERE, ELSEWHERE_TOO]})
    with Proxy({"allow": ["*.test"], "resolver": r.address}) as p:
        code, _, s = connect(p, f"two.test:{e.port}")
        assert code == 200
        s.close()
        assert p.wait_event(lambda e: e["ended"])["address"] == ELSEWHERE_TOO


def upstream_proxy():
    e = Server(echo, address=ELSEWHERE)
    seen = []

    def parent(s):
        head, rest = read_head(s)
        seen.append(head)
        if "refused" in head:
            s.sendall(b"HTTP/1.1 403 No\r\n\r\n")
            return
        s.sendall(b"HTTP/1.1 200 OK\r\n\r\nfrom parent")
        echo(s)
    up = Server(parent)
    r = Resolver({"direct.test": [ELSEWHERE]})
    with Proxy({"allow": ["*.test"], "resolver": r.address, "upstream_proxy": f"127.0.0.1:{up.port}",
                "upstream_bypass": ["direct.test"]}) as p:
        code, rest, s = connect(p, "far.test:443")
        while len(rest) < 11:
            rest += s.recv(100)
        assert code == 200 and rest == b"from parent"
        assert seen[0].startswith("CONNECT far.test:443 HTTP/1.1\r\n") and TOKEN not in seen[0], seen
        assert not r.asked, "the upstream proxy resolves"
        assert connect(p, "refused.test:443")[0] == 502
        assert connect(p, "evil.example:443")[0] == 403
        assert connect(p, f"direct.test:{e.port}")[0] == 200 and len(seen) == 2


if __name__ == "__main__":
    cases = [through_and_half_closed, the_server_speaks_first, asked_again_after_407, refused, wrong_passwords,
             two_thousand, too_many_wait, out_of_descriptors, slow_and_oversize_heads, smuggled, resets]
    if proxylib.in_own_network():
        cases += [rebinding, next_address, upstream_proxy]
    else:
        print("no network namespaces here: names that lead elsewhere are not tried")
    proxylib.main(cases)
