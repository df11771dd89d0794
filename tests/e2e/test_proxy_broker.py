"""The proxy and the broker's end of its socket, which is played here: questions, events, whose a connection is, the end."""
import ctypes
import os
import socket
import time

import proxylib
from proxylib import SLOW, Proxy, Server, Web, auth, echo, read_body, read_head, simple, status_of, until

HERE = ["127.0.0.1", "localhost"]
READY, FAILED, EVENT, ASK, DROP, WHO, ANSWER, PEER, ALLOW, QUIT = 1, 2, 3, 4, 5, 6, 64, 65, 66, 67


class Event(ctypes.Structure):
    _fields_ = [("mode", ctypes.c_uint8), ("decision", ctypes.c_uint8), ("intercepted", ctypes.c_uint8),
                ("websocket", ctypes.c_uint8), ("http2", ctypes.c_uint8), ("ended", ctypes.c_uint8),
                ("port", ctypes.c_uint16), ("peer_port", ctypes.c_uint16), ("status", ctypes.c_uint16),
                ("connection", ctypes.c_uint64), ("bytes_in", ctypes.c_uint64), ("bytes_out", ctypes.c_uint64),
                ("duration_us", ctypes.c_uint64), ("time_ns", ctypes.c_uint64), ("host", ctypes.c_char * 254),
                ("address", ctypes.c_char * 48), ("method", ctypes.c_char * 24), ("path", ctypes.c_char * 1024),
                ("route", ctypes.c_char * 64), ("rule", ctypes.c_char * 320), ("reason", ctypes.c_char * 256),
                ("category", ctypes.c_char * 40), ("auth_mechanism", ctypes.c_char * 24),
                ("auth_outcome", ctypes.c_char * 12), ("injection", ctypes.c_char * 16)]


class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint32), ("id", ctypes.c_uint32), ("pid", ctypes.c_int32), ("port", ctypes.c_uint16),
                ("granted", ctypes.c_uint8), ("scope", ctypes.c_uint8), ("timeout_s", ctypes.c_uint32),
                ("event", Event), ("text", ctypes.c_char * 512)]


def get(p, kind=None, seconds=5):
    """The next message, or the next of that kind."""
    p.broker.settimeout(seconds * SLOW)
    while True:
        data = p.broker.recv(65536)
        assert data, "the proxy is gone"
        assert len(data) == ctypes.sizeof(Message), (len(data), ctypes.sizeof(Message))
        m = Message.from_buffer_copy(data)
        if kind in (None, m.type):
            return m


def say(p, kind, **fields):
    m = Message(type=kind)
    for name, value in fields.items():
        setattr(m, name, value)
    p.broker.sendall(bytes(m))


def open_tunnel(p, port, host="localhost"):
    s = p.connect()
    s.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode())
    return s


def events_of_a_tunnel():
    e = Server(echo)
    with Proxy({"allow": HERE}, broker=True) as p:
        m = get(p)
        assert (m.type, m.port) == (READY, p.port)
        s = open_tunnel(p, e.port)
        assert status_of(read_head(s)[0]) == 200
        m = get(p)
        assert (m.type, m.event.host, m.event.decision, m.event.ended) == (EVENT, b"localhost", 0, 0)
        assert m.event.peer_port == s.getsockname()[1] and m.event.port == e.port
        s.sendall(b"abc")
        assert s.recv(3) == b"abc"
        s.close()
        m = get(p)
        assert (m.event.ended, m.event.bytes_in, m.event.bytes_out, m.event.address) == (1, 3, 3, b"127.0.0.1")
        assert m.event.duration_us and m.event.connection == 1


def asked():
    e = Server(echo)
    with Proxy({"allow": ["127.0.0.1"], "ask": True}, broker=True) as p:
        get(p, READY)
        waiting = open_tunnel(p, e.port)
        m = get(p, ASK)
        assert (m.event.host, m.event.port, m.event.method) == (b"localhost", e.port, b"CONNECT")
        assert open_tunnel(p, e.port, "127.0.0.1") and get(p, EVENT).event.host == b"127.0.0.1"  # nobody else waits
        waiting.settimeout(0.3)
        try:
            waiting.recv(1)
            raise AssertionError("answered without an answer")
        except TimeoutError:
            waiting.settimeout(10)
        say(p, ANSWER, id=m.id + 1000, granted=1)  # of nobody
        say(p, ANSWER, id=m.id, granted=0, text=b"not today")
        head, rest = read_head(waiting)
        assert status_of(head) == 403 and b"not today" in read_body(waiting, head, rest)[0]
        waiting = open_tunnel(p, e.port)
        m = get(p, ASK)
        waiting.close()
        assert get(p, DROP).id == m.id
        say(p, ANSWER, id=m.id, granted=1)  # too late
        waiting = open_tunnel(p, e.port)
        m = get(p, ASK)
        say(p, ANSWER, id=m.id, granted=1)  # once
        assert status_of(read_head(waiting)[0]) == 200
        waiting = open_tunnel(p, e.port)
        m = get(p, ASK)
        say(p, ALLOW, port=e.port, event=Event(host=b"localhost", port=e.port))
        say(p, ANSWER, id=m.id, granted=1, scope=1)
        code = status_of(read_head(waiting)[0])
        assert code == 200, code
        again = open_tunnel(p, e.port)
        assert status_of(read_head(again)[0]) == 200
        assert p.alive()


def whose_connection():
    e = Server(echo)
    with Proxy({"allow": HERE, "check_peer": True}, broker=True) as p:
        get(p, READY)
        mine, other = open_tunnel(p, e.port), open_tunnel(p, e.port)
        asks = {m.port: m for m in (get(p, WHO), get(p, WHO))}
        say(p, PEER, id=asks[mine.getsockname()[1]].id, pid=os.getpid())
        say(p, PEER, id=asks[other.getsockname()[1]].id, pid=0)
        assert status_of(read_head(mine)[0]) == 200
        try:
            assert other.recv(100) == b""
        except ConnectionResetError:
            pass


def no_event_is_lost():
    """The broker does not read for a while: work stops, memory does not grow, then all events are there."""
    w = Web(lambda m, t, h, b: simple())
    with Proxy({"allow": HERE}, broker=True) as p:
        get(p, READY)
        p.broker.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = p.rss()
        clients = [p.connect() for _ in range(20)]
        for s in clients:
            s.sendall(f"GET http://127.0.0.1:{w.port}/ HTTP/1.1\r\nHost: x\r\n{auth()}\r\n".encode() * 100)
        time.sleep(1)
        assert p.rss() - before < 20000, p.rss() - before
        decided = ended = 0
        while ended < 2000:
            m = get(p, EVENT, 10)
            ended += m.event.ended
            decided += not m.event.ended
        assert decided == 2000, decided
        for s in clients:
            rest = b""
            for _ in range(100):
                head, rest = read_head(s, rest)
                body, rest = read_body(s, head, rest)
                assert body == b"hello"


def ends_with_the_broker():
    for how in ("quit", "closed"):
        with Proxy({"allow": HERE}, broker=True) as p:
            get(p, READY)
            held = p.connect()
            if how == "quit":
                say(p, QUIT)
            else:
                p.broker.close()
            until(lambda: not p.alive())
            assert held.recv(1) == b""


def nonsense_of_the_broker():
    with Proxy({"allow": HERE}, broker=True) as p:
        get(p, READY)
        for junk in (b"", b"x", bytes(ctypes.sizeof(Message)), b"\xff" * ctypes.sizeof(Message)):
            if junk:
                p.broker.send(junk)
        s = open_tunnel(p, 1)
        assert status_of(read_head(s)[0]) == 502 and p.alive()


def failing_starts():
    for config in ({"resolver": "nonsense"}, {"ca_cert": "/nowhere", "ca_key": "/nowhere"}):
        with Proxy(config, broker=True) as p:
            m = get(p)
            assert m.type == FAILED and m.text, (m.type, m.text)
            until(lambda: not p.alive())
            assert p.process.returncode == 1


def confined():
    """What a bug in it could still do: nothing with files, programs or processes."""
    with Proxy({"allow": HERE}, broker=True) as p:
        get(p, READY)
        with open(f"/proc/{p.process.pid}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        links = []
        for fd in os.listdir(f"/proc/{p.process.pid}/fd"):
            if int(fd) > 2:
                links.append(os.readlink(f"/proc/{p.process.pid}/fd/{fd}"))
        for link in links:
            assert not link.startswith("/") or link in ("/dev/null", p.log), links
        # Three as given, those of the loop and of the keys process; nothing that happened to be open.
        assert len(links) < 16, links


if __name__ == "__main__":
    proxylib.main([events_of_a_tunnel, asked, whose_connection, no_event_is_lost, ends_with_the_broker,
                   nonsense_of_the_broker, failing_starts, confined])
