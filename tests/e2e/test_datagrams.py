#!/usr/bin/env python3
"""Unix datagram sockets: grants of all kinds, what is refused, and ways around the check."""
import json
import os
import shutil
import socket
import subprocess

from clienv import main, until

HEAD = """
import os, socket, sys, threading, time
A, B = (p.replace("@", chr(0)) for p in sys.argv[1:3])
def new():
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def tried(f):
    try:
        return f()
    except OSError as e:
        return e.errno
def connected(p, data):
    s = new()
    s.connect(p)
    s.send(data)
    return s
"""


class Listener:
    def __init__(self, c, path):
        self.path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + path[1:] if path[0] == "@" else path)
        if path[0] != "@":
            os.chmod(path, 0o777)
            if c.uid is not None:
                os.chown(path, c.uid, c.uid)

    def got(self):
        """All that is there."""
        out = []
        while True:
            try:
                out.append(self.sock.recv(1 << 20, socket.MSG_DONTWAIT))
            except BlockingIOError:
                return out


def listeners(c, *names):
    top = os.path.join(c.base, "outside")
    c.as_user(lambda: os.makedirs(os.path.join(top, "d/e"), exist_ok=True))
    return [Listener(c, n if n[0] == "@" else os.path.join(top, n)) for n in names]


def python(c, script, a, b, *flags, **kw):
    return c.nono("run", "-s", *flags, "--", "python3", "-c", HEAD + script, a, b, **kw)


SEND = """
print(tried(lambda: connected(A, b"c") and "yes"), tried(lambda: new().sendto(b"s", A)))
"""


def grants(c):
    abstract = "@nono-dgram-%d.%s" % (os.getpid(), os.path.basename(c.base))
    a, x, y, n = listeners(c, "a", "d/x", "d/e/y", abstract)
    d = os.path.dirname(x.path)
    for flags, reached in (([], []), (["--allow-unix-socket", a.path], [a]),
                           (["--allow-unix-socket-bind", a.path], [a]),
                           (["--allow-unix-socket-dir", d], [x]),
                           (["--allow-unix-socket-dir-bind", d], [x]),
                           (["--allow-unix-socket-subtree", d], [x, y]),
                           (["--allow-unix-socket-subtree-bind", d], [x, y]),
                           (["--allow-unix-socket", abstract], [n]),
                           (["--allow-unix-socket", abstract, "--namespaces", "off"], [n]),
                           (["--allow-unix-socket", a.path, "--namespaces", "off"], [a])):
        for server in (a, x, y, n):
            out = python(c, SEND, server.path, "", *flags)
            want = "yes 1" if server in reached else "13 13"
            assert out.split() == want.split(), (flags, server.path, out, c.err)
            # The session is over: what was sent last has come, too.
            assert sorted(server.got()) == ([b"c", b"s"] if server in reached else []), (flags, server.path)


def refusals(c):
    """What is refused is logged, and says why."""
    a, b = listeners(c, "a", "b")
    for name, script, flags, target, word in (
            ("r1", "tried(lambda: new().connect(B))", ["--allow-unix-socket", a.path], "unix:" + b.path, ""),
            ("r2", "tried(lambda: new().sendto(b'x', B))", ["--allow-unix-socket", a.path], "unix:" + b.path, ""),
            ("r3", "tried(lambda: new().bind('mine'))", ["--allow-unix-socket", a.path, "--namespaces", "off"], "mine", ""),
            ("r5", "tried(lambda: new().bind(chr(0) + 'nono-dgram-name'))", ["--allow-unix-socket", a.path, "--namespaces", "off"],
             "abstract:nono-dgram-name", "not granted"),
            ("r6", "tried(lambda: new().sendmsg([b'x'], [], 0, B))", ["--allow-unix-socket", a.path], "unix:" + b.path, ""),
            ("r4", "tried(new)", ["--no-capability-elevation"], "unix datagram socket", "granted")):
        out = python(c, "print(%s)" % script, a.path, b.path, "--name", name, *flags)
        assert out.split() == ["13"], (name, out)
        rows = [json.loads(x)["event"] for x in c.nono("audit", "show", name, "--kind", "network", "--json").splitlines()]
        assert any(r["decision"] == "denied" and r["target"].endswith(target) and word in (r.get("rule") or "")
                   for r in rows), (name, rows)
    assert c.raw("wrap", "-s", "--", "python3", "-c", HEAD + "sys.exit(tried(new))", "", "")[0] == 13
    assert a.got() == b.got() == []


def programs(c):
    if not shutil.which("logger"):
        return
    a, b = listeners(c, "a", "b")
    c.nono("run", "-s", "--allow-unix-socket", a.path, "--", "logger", "-u", a.path, "hello", "there")
    c.raw("run", "-s", "--allow-unix-socket", a.path, "--", "logger", "-u", b.path, "hello")
    (line,) = a.got()
    assert line.endswith(b": hello there") and b.got() == []


ATTACKS = """
import array, ctypes, struct
s = connected(A, b"1")
tried(lambda: s.sendmsg([b"x"], [], 0, B))
new2 = new()
tried(lambda: new2.sendmsg([b"x"], [], 0, B))
new2.sendmsg([b"2"], [], 0, A)
tried(lambda: new2.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))], 0, A))
for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM):
    tried(lambda: end.sendmsg([b"x"], [], 0, B))
    tried(lambda: end.sendto(b"x", B))
    tried(lambda: end.connect(B))
libc = ctypes.CDLL(None, use_errno=True)
name = ctypes.create_string_buffer(struct.pack("H", 1) + os.fsencode(B) + bytes(1))
text = ctypes.create_string_buffer(b"3")
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
class mmsghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int), ("len", ctypes.c_uint)]
iov = iovec(ctypes.addressof(text), 1)
m = mmsghdr(ctypes.addressof(name), len(name), ctypes.addressof(iov), 1)
libc.sendmmsg(s.fileno(), ctypes.byref(m), 1, 0)
libc.sendmmsg(new2.fileno(), ctypes.byref(m), 1, 0)
# By links and by descriptors: what they lead to is judged.
os.symlink(B, "dgram-link")
for p in ("dgram-link", "/proc/self/cwd/dgram-link", "/proc/self/root" + B):
    tried(lambda: new2.sendmsg([b"x"], [], 0, p))
    tried(lambda: new().connect(p))
os.unlink("dgram-link")
# A name where nothing may be written, also behind a link.
os.symlink(os.path.dirname(B), "dgram-dir")
for p in (B + ".mine", "dgram-dir/mine", "/proc/self/cwd/dgram-dir/mine"):
    assert tried(lambda: new().bind(p)) == 13, p
os.unlink("dgram-dir")
# One that listens with the same name inside, a type that is not the program's, a raw one.
for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW):
    def other():
        o = socket.socket(socket.AF_UNIX, kind)
        o.connect(B)
        o.send(b"x")
    tried(other)
# A child, by inheritance and by message, sends on and can't choose either.
left, right = socket.socketpair()
pid = os.fork()
if pid == 0:
    s.send(b"4")
    fd = array.array("i", right.recvmsg(1, 64)[1][0][2])[0]
    t = socket.socket(fileno=fd)
    t.send(b"5")
    tried(lambda: t.sendto(b"x", B))
    tried(lambda: t.connect(B))
    os._exit(0)
left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
os.waitpid(pid, 0)
# Options that might make it another socket, and names of the host's.
tried(lambda: s.shutdown(socket.SHUT_RD))
tried(lambda: s.listen())
print(tried(lambda: new().bind(chr(0) + "nono-dgram-squatter")), tried(lambda: connected(A, b"6") and 0))
"""

RACE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
names = [bytes([1, 0]) + os.fsencode(p) + bytes(1) for p in (A, B)]
assert len(names[0]) == len(names[1])
name = ctypes.create_string_buffer(names[0])
n, stop = len(names[0]), False
class msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("iov", ctypes.c_void_p),
                ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]
text = ctypes.create_string_buffer(b"m")
iov = (ctypes.c_size_t * 2)(ctypes.addressof(text), 1)
head = msghdr(ctypes.addressof(name), n, ctypes.addressof(iov), 1)
def swap():
    while not stop:
        for x in names:
            ctypes.memmove(name, x, n)
t = threading.Thread(target=swap)
t.start()
for i in range(300):
    s = new()
    libc.sendto(s.fileno(), b"s", 1, 0x40, name, n)
    libc.sendmsg(s.fileno(), ctypes.byref(head), 0x40)
    if libc.connect(s.fileno(), name, n) == 0:
        tried(lambda: s.send(b"c", 0x40))
    s.close()
stop = True
t.join()
"""


def attacks(c):
    a, b = listeners(c, "a", "b")
    for flags in ([], ["--namespaces", "off"]):
        out = python(c, ATTACKS, a.path, b.path, "--allow-unix-socket", a.path, "--allow-cwd", "--allow", c.work, *flags)
        assert out.split() == ["13", "0"], (out, c.err)
        assert sorted(a.got()) == [b"1", b"2", b"4", b"5", b"6"]
        assert sorted(os.listdir(os.path.dirname(b.path))) == ["a", "b", "d"]
        assert b.got() == []
        stop = drain(a)
        python(c, RACE, a.path, b.path, "--allow-unix-socket", a.path, *flags)
        assert stop() and b.got() == []


def addresses(c):
    """sendmsg, sendmmsg and pairs; what a program sees of them."""
    (a,) = listeners(c, "a")
    script = """
import ctypes, struct
print(new().sendmsg([b"one", b"two"], [], 0, A))
libc = ctypes.CDLL(None, use_errno=True)
name = ctypes.create_string_buffer(struct.pack("H", 1) + os.fsencode(A) + bytes(1))
text = ctypes.create_string_buffer(b"mm")
iov = (ctypes.c_size_t * 2)(ctypes.addressof(text), 2)
one = struct.pack("PIPNPNi4xI4x", ctypes.addressof(name), len(name), ctypes.addressof(iov), 1, 0, 0, 0, 77)
many = ctypes.create_string_buffer(one * 2, 128)
q = new()
sent = libc.sendmmsg(q.fileno(), many, 2, 0)
print(sent, struct.unpack_from("I", many, 56)[0], struct.unpack_from("I", many, 64 + 56)[0])
left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
left.send(b"")
left.send(b"there")
right.sendmsg([b"and back"])
print(right.recv(9), right.recv(9), left.recv(9), left.sendto(b"away", A), libc.socketpair(1, 2, 0, None), ctypes.get_errno())
"""
    for flags in ([], ["--namespaces", "off"], ["--block-net"]):
        out = python(c, script, a.path, "", "--allow-unix-socket", a.path, *flags)
        assert out.split("\n")[:3] == ["6", "1 2 77", "b'' b'there' b'and back' 4 -1 14"], (flags, out, c.err)
        assert a.got() == [b"onetwo", b"mm", b"away"]
    # Pairs need no grant.
    out = python(c, "print(tried(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', A)))", a.path, "",
                 "--no-capability-elevation")
    assert out.split() == ["13"] and a.got() == [], out


def names(c):
    """A name below a folder that may be written, of a program inside; answers come to it."""
    a, _ = listeners(c, "a", "b")
    script = """
import array, fcntl, struct
os.chdir(sys.argv[3])
server, client = new(), new()
server.bind("server")
client.bind("client")
print(tried(lambda: server.bind("again")), tried(lambda: new().bind("server")), os.stat("server").st_mode & 0o170000 == 0o140000)
client.connect("server")
for i in range(500):
    client.send(b"%d" % i)
    assert server.recv(9) == b"%d" % i
print(client.send(b"ask"), server.recv(9), server.sendto(b"answer", "client"), client.recv(9))
fresh = new()
fresh.connect("server")
fresh.bind("late")
print(server.sendto(b"late answer", "late"), fresh.send(b"late ask"), server.recv(20))
os.unlink("server")
inside = sys.argv[4] == "own"
print(tried(lambda: server.bind("third")), tried(lambda: new().bind(chr(0) + "nono-name")) == (None if inside else 13),
      tried(lambda: new().bind("")) == (None if inside else 13))
def interfaces(s):
    room = array.array("B", bytes(64 * 40))
    at, n = room.buffer_info()
    size = struct.unpack("iP", fcntl.ioctl(s.fileno(), 0x8912, struct.pack("iP", n, at)))[0]
    return {bytes(room[i:i + 16]).split(bytes(1))[0] for i in range(0, size, 40)}
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
reach = connected(A, b"x")
print(all(interfaces(s) <= {b"lo"} for s in (new(), server, client, reach) + pair) if inside else True)
"""
    for flags, word in (([], ""), (["--namespaces", "off"], ""), (["--block-net"], "own")):
        out = c.nono("run", "-s", "--allow-unix-socket", a.path, "--allow-cwd", "--allow", c.work, *flags, "--", "python3", "-c",
                     HEAD + script, a.path, "", c.work, word)
        want = ["22 98 True", "3 b'ask' 6 b'answer'", "11 8 b'late ask'", "22 True True", "True"]
        assert out.split("\n")[:5] == want, (flags, out, c.err)
        assert a.got() == [b"x"]
        for f in ("client", "late"):
            os.unlink(os.path.join(c.work, f))


def drain(listener):
    """Reads in a process of its own; the function that ends it tells whether there was anything."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        while True:
            listener.sock.recv(100)
            os.write(w, b"x")

    def stop():
        os.close(w)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        with os.fdopen(r, "rb") as f:
            return f.read()
    return stop


FLOOD = """
s = connected(A, b"0")
s.setblocking(False)
n, size = 1, tried(lambda: s.send(bytes(200000)))
while tried(lambda: s.send(b"%d" % n)) is not 11 and n < 100000:
    n += 1
# Others are served, and the broker has time for everything else.
start = time.monotonic()
connected(B, b"other")
for i in range(20):
    open("file%d" % i, "w").close()
many = [tried(lambda: connected(A, b"many")) for i in range(300)]
print(n, size, time.monotonic() - start < 5, any(m == 105 for m in many), flush=True)
del many
input()
while n < 100000 and tried(lambda: s.send(b"last")) == 11:
    time.sleep(0.01)
"""


def flood(c):
    """A listener that is slow keeps the program waiting, and nobody else; nothing is lost."""
    a, b = listeners(c, "a", "b")
    p = c.popen("run", "-s", "--allow-unix-socket-dir", os.path.dirname(a.path), "--allow-cwd", "--allow", c.work, "--",
                "python3", "-W", "ignore", "-c", HEAD + FLOOD, a.path, b.path, stdin=subprocess.PIPE)
    n, size, quick, full = p.stdout.readline().split()
    assert size == b"90" and quick == b"True" and full == b"True", (size, quick, full)
    assert 10 < int(n) < 100000
    assert b.got() == [b"other"]
    seen = []
    p.stdin.write(b"\n")
    p.stdin.flush()

    def ended():
        seen.extend(a.got())
        return p.poll() is not None
    until("the end", ended)
    seen.extend(a.got())
    assert p.returncode == 0, p.stderr.read()
    mine = [x for x in seen if x != b"many"]
    assert mine[:int(n)] == [b"%d" % i for i in range(int(n))] and mine[int(n):] == [b"last"], mine[-5:]


def endings(c):
    """The listener goes: an error at the next message but one, and a new connect works; empty and
    large messages come whole."""
    (a,) = listeners(c, "a")
    script = """
s = connected(A, b"")
s.send(b"y" * 60000)
tried(lambda: new().sendto(b"z" * 60000, A))
print("ready", flush=True)
input()
end = time.monotonic() + 10
while tried(lambda: s.send(b"gone")) == 4 and time.monotonic() < end:
    time.sleep(0.01)
print(tried(lambda: s.send(b"x")), tried(lambda: s.connect(A)), flush=True)
input()
s.connect(A)
print(s.send(b"again"))
"""
    p = c.popen("run", "-s", "--allow-unix-socket", a.path, "--", "python3", "-c", HEAD + script, a.path, "",
                stdin=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    seen = []
    until("three messages", lambda: seen.extend(a.got()) or len(seen) == 3)
    assert sorted(seen) == [b"", b"y" * 60000, b"z" * 60000]
    a.sock.close()
    p.stdin.write(b"\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"32 111\n"
    os.unlink(a.path)
    (a,) = listeners(c, "a")
    p.stdin.write(b"\n")
    p.stdin.flush()
    assert p.stdout.readline() == b"5\n"
    assert p.wait(20) == 0 and a.got() == [b"again"]


def answers(c):
    """What is not granted may be asked for; a person's answer holds for the one socket."""
    a, b, d = listeners(c, "a", "b", "n")
    script = """
print(tried(lambda: connected(A, b"c") and "yes"), flush=True)
print(tried(lambda: new().sendto(b"s", B)), flush=True)
print(tried(lambda: new().sendto(b"s", sys.argv[3])), flush=True)
print(tried(lambda: connected(A, b"more") and "yes"), flush=True)
"""
    p = c.popen("run", "-s", "--name", "asks", "--capability-elevation", "--read", c.work, "--", "python3", "-c",
                HEAD + script, a.path, b.path, d.path)

    def request():
        code, out, _ = c.raw("requests", "asks", "--json")
        return code == 0 and json.loads(out)
    for server, answer, want in ((a, ("approve", "--scope", "session"), b"yes"),
                                 (b, ("approve", "--scope", "once"), b"1"), (d, ("deny",), b"13")):
        (q,) = until("a request", request)
        assert q["target"].endswith(server.path), q
        c.nono(answer[0], q["id"], *answer[1:])
        assert p.stdout.readline().strip() == want, server.path
    assert p.stdout.readline() == b"yes\n" and p.wait(20) == 0
    assert (a.got(), b.got(), d.got()) == ([b"c", b"more"], [b"s"], [])


main([grants, refusals, programs, attacks, addresses, names, flood, endings, answers])
