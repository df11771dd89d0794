"""Starts nono-proxy alone on loopback, with servers for it to reach."""
import json
import os
import select
import socket
import subprocess
import tempfile
import threading
import time

PROXY = os.path.join(os.environ.get("NONO_BUILD", "build/dev"), "nono-proxy")
TOKEN = "a1" * 32
SLOW = int(os.environ.get("NONO_TEST_SLOW", "1"))


OWN = {"token", "session_id", "check_peer", "ca_bundle", "ca_cert", "ca_key", "no_auth", "password",
       "max_connections", "head_ms", "log_path", "log_text", "resolver", "phantoms"}


def whole_config(given):
    """The configuration's JSON; hosts may be given as plain names."""
    config = {k: v for k, v in given.items() if k in OWN}
    network = {"mode": 2, **given.get("network", {}),
               **{k: v for k, v in given.items() if k not in OWN and k != "network"}}
    network["allow"] = [{"name": a} if isinstance(a, str) else a for a in network.get("allow", [])]
    return {**config, "network": network}


class Proxy:
    """With the configuration as network.h has it; broker: our end of its socket, or None."""

    def __init__(self, config, broker=False, env=None, fds=None):
        self.dir = tempfile.mkdtemp(prefix="nono-proxy-test-")
        self.log = os.path.join(self.dir, "log")
        config = {"token": TOKEN, "session_id": "test", "log_path": self.log,
                  "ca_bundle": os.path.join(self.dir, "ca.pem"), **config}
        self.bundle = config["ca_bundle"]
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        self.port = listener.getsockname()[1]
        memory = os.memfd_create("config")
        os.write(memory, json.dumps(whole_config(config)).encode())
        os.lseek(memory, 0, 0)
        self.broker, theirs = None, None
        if broker:
            self.broker, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        give = {3: memory, 5: listener.fileno()}
        if theirs:
            give[4] = theirs.fileno()
        high = {to: os.dup2(fd, 200 + to, inheritable=True) for to, fd in give.items()}

        def child():
            for to in (3, 4, 5):
                try:
                    os.close(to)
                except OSError:
                    pass
            for to, fd in high.items():
                os.dup2(fd, to, inheritable=True)

        self.process = subprocess.Popen([PROXY], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        close_fds=False, preexec_fn=child,
                                        env={**os.environ, **(env or {})})
        for fd in high.values():
            os.close(fd)
        os.close(memory)
        listener.close()
        if theirs:
            theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
        if self.broker:
            self.broker.close()
        for name in os.listdir(self.dir):
            os.unlink(os.path.join(self.dir, name))
        os.rmdir(self.dir)

    def alive(self):
        return self.process.poll() is None

    def events(self):
        with open(self.log) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]  # one may be half written

    def wait_event(self, what, seconds=5):
        end = time.monotonic() + seconds * SLOW
        while time.monotonic() < end:
            for e in self.events():
                if what(e):
                    return e
            time.sleep(0.02)
        raise AssertionError("no such event in " + json.dumps(self.events(), indent=1))

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=10 * SLOW)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def rss(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def auth(token=TOKEN, user="nono"):
    import base64
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{token}".encode()).decode() + "\r\n"


def read_head(s, have=b""):
    while b"\r\n\r\n" not in have:
        part = s.recv(65536)
        if not part:
            break
        have += part
    head, _, rest = have.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def status_of(head):
    words = head.split(" ")
    return int(words[1]) if len(words) > 1 else 0


def read_all(s, have=b""):
    parts = [have]
    while True:
        try:
            part = s.recv(1 << 16)
        except ConnectionResetError:
            parts.append(b"<RST>")
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def read_body(s, head, rest, trailers=None):
    """A body by its Content-Length or in chunks; what follows the last of them goes to trailers."""
    headers = {k.lower(): v.strip() for k, _, v in
               (line.partition(":") for line in head.split("\r\n")[1:])}
    if "content-length" in headers:
        n = int(headers["content-length"])
        while len(rest) < n:
            part = s.recv(65536)
            if not part:
                break
            rest += part
        return rest[:n], rest[n:]
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while True:
            while b"\r\n" not in rest:
                rest += s.recv(65536)
            line, _, rest = rest.partition(b"\r\n")
            n = int(line.split(b";")[0], 16)
            while n and len(rest) < n + 2:
                part = s.recv(65536)
                if not part:
                    return body + rest, b"<CUT>"
                rest += part
            if not n:  # trailers, and an empty line
                while not rest.startswith(b"\r\n"):
                    if b"\r\n" in rest:
                        line, _, rest = rest.partition(b"\r\n")
                        if trailers is not None:
                            trailers.append(line.decode("latin-1"))
                        continue
                    part = s.recv(65536)
                    if not part:
                        return body, b"<CUT>"
                    rest += part
                return body, rest[2:]
            body, rest = body + rest[:n], rest[n + 2:]
    return read_all(s, rest), b""


class Server:
    """A TCP server on loopback; handle(socket) runs in a thread for each connection."""

    def __init__(self, handle, address="127.0.0.1", port=0, family=socket.AF_INET):
        self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(1024)
        self.port = self.socket.getsockname()[1]
        self.handle = handle
        self.connections = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        try:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.handle(s)
        except OSError:
            pass
        finally:
            s.close()

    def close(self):
        self.socket.close()


class Web(Server):
    """HTTP/1.1 with keep-alive; answer(method, target, headers, body) -> bytes of a whole answer or a function
    of the socket. What came is in seen, fields after bodies in trailers."""

    def __init__(self, answer, **more):
        self.answer = answer
        self.seen = []
        self.trailers = []
        super().__init__(self.talk, **more)

    def talk(self, s):
        rest = b""
        while True:
            head, rest = read_head(s, rest)
            if not head:
                return
            lines = head.split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:])}
            body, late = b"", []
            if "content-length" in headers or "transfer-encoding" in headers:
                body, rest = read_body(s, head, rest, late)
            self.trailers.append(late)
            self.seen.append((method, target, headers, body, head))
            out = self.answer(method, target, headers, body)
            if callable(out):
                if out(s) is False:
                    return
            else:
                s.sendall(out)


def simple(body=b"hello", status="200 OK", headers=""):
    return (f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def echo(s):
    while True:
        part = s.recv(65536)
        if not part:
            break
        s.sendall(part)
    s.shutdown(socket.SHUT_WR)


ELSEWHERE, ELSEWHERE_TOO = "10.9.0.1", "10.9.0.2"  # addresses that are not loopback's


def in_own_network():
    """Runs the program again in a network namespace with these addresses. False: there can't be one here."""
    import subprocess
    import sys
    if os.environ.get("NONO_TEST_NETWORK"):
        return True
    setup = (f"ip link set lo up && ip addr add {ELSEWHERE}/32 dev lo && ip addr add {ELSEWHERE_TOO}/32 dev lo && "
             "export NONO_TEST_NETWORK=1 && exec \"$@\"")
    line = ["unshare", "-Urn", "sh", "-c", setup, "sh"]
    if subprocess.run(line + ["true"], stderr=subprocess.DEVNULL).returncode:
        return False
    os.execvp("unshare", line + [sys.executable] + sys.argv)


def main(cases):
    """Runs them all; says which failed."""
    import sys
    import traceback
    failed = 0
    for case in cases:
        start = time.monotonic()
        try:
            case()
            print(f"ok   {case.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL {case.__name__}\n{traceback.format_exc()}", flush=True)
    sys.exit(1 if failed else 0)


def until(what, seconds=10):
    end = time.monotonic() + seconds * SLOW
    while not what():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)
