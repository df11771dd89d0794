"""A small internet of a test's own: a network namespace with names in /etc/hosts that lead to an address
of it, an authority, and servers (HTTPS with git, npm and pip behind it, WebSocket, HTTP/2 by nginx, ssh).
Needs root and unshare."""
import base64
import ctypes
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile

ADDRESS = "10.66.0.1"  # nobody's: the namespace has no other network
DOMAIN = "example.test"
NAMES = ["%s.%s" % (n, DOMAIN) for n in ("api", "git", "npm", "pypi", "ws", "ssh", "evil")]


def enter(*names):
    """Starts this program again in a namespace where the names lead to ADDRESS. Ends with 77 where that
    can't be had."""
    if "NONO_TEST_NET" in os.environ:
        return
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        print("skipped: a network namespace of the test's own needs root, unshare and ip")
        sys.exit(77)
    script = ('d=$(mktemp -d) && printf "127.0.0.1 localhost\\n%s %s\\n" > $d/hosts && : > $d/resolv.conf && '
              'mount --bind $d/hosts /etc/hosts && mount --bind $d/resolv.conf "$(readlink -f /etc/resolv.conf)" && '
              'rm -r $d; ip link set lo up && ip addr add %s/32 dev lo && exec "$@"'
              % (ADDRESS, " ".join(list(NAMES) + list(names)), ADDRESS))
    os.environ["NONO_TEST_NET"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script, "sh",
                          sys.executable, *sys.argv])


def run(*argv, **kw):
    p = subprocess.run(argv, capture_output=True, text=True, **kw)
    assert p.returncode == 0, (argv, p.stdout, p.stderr)
    return p.stdout


class Authority:
    """ca.pem, and a certificate for all the names (server.pem, server.key)."""

    def __init__(self, directory, *names):
        self.ca = os.path.join(directory, "ca.pem")
        self.cert = os.path.join(directory, "server.pem")
        self.key = os.path.join(directory, "server.key")
        ca_key, csr, ext = (os.path.join(directory, n) for n in ("ca.key", "server.csr", "server.ext"))
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        run("openssl", "req", "-x509", *new, "-keyout", ca_key, "-out", self.ca, "-subj", "/CN=An authority of a test", "-days", "2")
        run("openssl", "req", *new, "-keyout", self.key, "-out", csr, "-subj", "/CN=" + DOMAIN)
        with open(ext, "w") as f:
            f.write("subjectAltName=" + ",".join("DNS:" + n for n in list(NAMES) + list(names)) + "\n")
        run("openssl", "x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-out", self.cert,
            "-days", "2", "-extfile", ext)
        for name in os.listdir(directory):
            os.chmod(os.path.join(directory, name), 0o644)

    def context(self):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.cert, self.key)
        return c


class Https:
    """seen: (method, host, path, headers) of every request."""

    def __init__(self, authority, root, port=0):
        self.seen = []
        self.root = root
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, data, kind="application/json", status=200, headers=()):
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def body(self):
                if "chunked" not in self.headers.get("transfer-encoding", ""):
                    return self.rfile.read(int(self.headers.get("content-length") or 0))
                out = b""
                while True:
                    n = int(self.rfile.readline().split(b";")[0], 16)
                    out += self.rfile.read(n)
                    self.rfile.readline()
                    if not n:
                        return out

            def do_GET(self):
                server.seen.append((self.command, self.headers.get("host"), self.path, dict(self.headers)))
                path = self.path.split("?")[0]
                if path.startswith("/git/"):
                    server.git(self)
                elif path == "/ws":
                    server.websocket(self)
                elif path.startswith("/npm/") or path.startswith("/simple/"):
                    server.package(self, path)
                else:
                    self.reply({"method": self.command, "path": self.path, "body": self.body().decode(errors="replace"),
                                "headers": {k.lower(): v for k, v in self.headers.items()}})

            do_POST = do_PUT = do_HEAD = do_GET

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                sock, address = self.socket.accept()
                sock.settimeout(60)
                return sock, address

            def finish_request(self, request, address):
                # The handshake in the connection's own thread.
                try:
                    super().finish_request(server.context.wrap_socket(request, server_side=True), address)
                except (OSError, ssl.SSLError):
                    pass

            def handle_error(self, *_):
                pass

        self.context = authority.context()
        self.server = Server((ADDRESS, port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- git, by its own server program ------------------------------------------------------------

    def git(self, h):
        path, _, query = h.path.partition("?")
        body = h.body()
        env = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1",
               "PATH_INFO": path[len("/git"):], "QUERY_STRING": query, "REQUEST_METHOD": h.command,
               "CONTENT_TYPE": h.headers.get("content-type", ""), "CONTENT_LENGTH": str(len(body)),
               "HTTP_CONTENT_ENCODING": h.headers.get("content-encoding", ""), "REMOTE_USER": "someone",
               "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "http.receivepack", "GIT_CONFIG_VALUE_0": "true",
               "GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "*",
               "GIT_PROTOCOL": h.headers.get("git-protocol", "")}
        out = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True).stdout
        head, _, data = out.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = int([v for k, v in fields if k.lower() == "status"][0].split()[0]) if "Status:" in head.decode() else 200
        h.reply(data, [v for k, v in fields if k.lower() == "content-type"][0], status)

    # ---- packages ------------------------------------------------------------------------------------

    def package(self, h, path):
        if path == "/npm/hello":
            url = "https://%s/npm/hello-1.0.0.tgz" % h.headers["host"]
            tgz = npm_package()
            h.reply({"name": "hello", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {
                "name": "hello", "version": "1.0.0", "dist": {
                    "tarball": url, "integrity": "sha512-" + base64.b64encode(hashlib.sha512(tgz).digest()).decode()}}}})
        elif path == "/npm/hello-1.0.0.tgz":
            h.reply(npm_package(), "application/octet-stream")
        elif path == "/simple/hello/":
            h.reply(b'<a href="/simple/hello-1.0-py3-none-any.whl">hello-1.0-py3-none-any.whl</a>', "text/html")
        elif path == "/simple/hello-1.0-py3-none-any.whl":
            h.reply(wheel(), "application/octet-stream")
        else:
            h.reply({"error": "not here"}, status=404)

    # ---- WebSocket -------------------------------------------------------------------------------------

    def websocket(self, h):
        """Sends back what comes, in capitals."""
        accept = base64.b64encode(hashlib.sha1((h.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        h.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        h.wfile.flush()
        h.close_connection = True
        while True:
            head = h.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return
            n = head[1] & 127
            if n == 126:
                n = struct.unpack(">H", h.rfile.read(2))[0]
            mask = h.rfile.read(4)
            text = bytes(b ^ mask[i % 4] for i, b in enumerate(h.rfile.read(n))).upper()
            h.wfile.write(bytes([0x81]) + (bytes([n]) if n < 126 else bytes([126]) + struct.pack(">H", n)) + text)
            h.wfile.flush()


def npm_package():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=0) as t:
        for name, text in (("package/package.json", '{"name": "hello", "version": "1.0.0", "main": "i.js"}'),
                           ("package/i.js", "console.log('hello from npm');\n")):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o644
            t.addfile(info, io.BytesIO(text.encode()))
    return b"\x1f\x8b" + out.getvalue()[2:4] + b"\0\0\0\0" + out.getvalue()[8:]  # no time: always the same bytes


def wheel():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, text in (("hello.py", "print('hello from pip')\n"),
                           ("hello-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n"),
                           ("hello-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
                           ("hello-1.0.dist-info/RECORD", "hello.py,,\nhello-1.0.dist-info/METADATA,,\nhello-1.0.dist-info/WHEEL,,\nhello-1.0.dist-info/RECORD,,\n")):
            z.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


class Nginx:
    """HTTP/2 with TLS; answers with the protocol that was spoken."""

    def __init__(self, authority, directory):
        self.port = free_port()
        conf = os.path.join(directory, "nginx.conf")
        with open(conf, "w") as f:
            f.write("daemon off; master_process off; pid %(d)s/nginx.pid; error_log %(d)s/nginx.log; events {}\n"
                    "http { access_log off; client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f;\n"
                    "uwsgi_temp_path %(d)s/u; scgi_temp_path %(d)s/s;\n"
                    "server { listen %(a)s:%(port)d ssl http2; ssl_certificate %(cert)s; ssl_certificate_key %(key)s;\n"
                    "location / { default_type text/plain; return 200 $server_protocol; } } }\n"
                    % {"d": directory, "a": ADDRESS, "port": self.port, "cert": authority.cert, "key": authority.key})
        self.p = subprocess.Popen(["nginx", "-c", conf, "-p", directory], stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def close(self):
        self.p.terminate()
        self.p.wait()


class Sshd:
    """An ssh server (dropbear, else OpenSSH's) that runs as uid and knows one key. Who logs in is "coder", that user's
    account in an /etc/passwd of this process's own, so that it needs none on the machine."""

    def __init__(self, directory, uid):
        self.port, self.user = free_port(), "coder"
        self.home = os.path.join(directory, "home")
        self.key, host, passwd = (os.path.join(directory, n) for n in ("client", "host", "passwd"))
        os.makedirs(os.path.join(self.home, ".ssh"))
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        shutil.copy(self.key + ".pub", os.path.join(self.home, ".ssh", "authorized_keys"))
        if shutil.which("dropbear"):
            out = run("dropbearkey", "-t", "ed25519", "-f", host)
            public = next(line for line in out.splitlines() if line.startswith("ssh-ed25519"))
            serve = ["dropbear", "-F", "-E", "-s", "-m", "-r", host, "-p", "%s:%d" % (ADDRESS, self.port), "-P", os.path.join(directory, "pid")]
        else:
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host)
            with open(host + ".pub") as f:
                public = f.read().strip()
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
            serve = [shutil.which("sshd"), "-D", "-e", "-f", "/dev/null"]
            for option in ("ListenAddress=" + ADDRESS, "Port=%d" % self.port, "HostKey=" + host, "UsePAM=no", "PidFile=none",
                           "PermitRootLogin=yes", "PasswordAuthentication=no", "AllowUsers=" + self.user):
                serve += ["-o", option]
        self.known = os.path.join(directory, "known_hosts")
        with open(self.known, "w") as f:
            f.write("[ssh.%s]:%d %s\n" % (DOMAIN, self.port, public))
        for path in (self.home, os.path.join(self.home, ".ssh"), os.path.join(self.home, ".ssh", "authorized_keys"), host):
            os.chown(path, uid, uid)
            os.chmod(path, 0o700)
        with open("/etc/passwd") as f, open(passwd, "w") as out:
            out.write(f.read() + "%s:x:%d:%d::%s:/bin/sh\n" % (self.user, uid, uid, self.home))
        assert ctypes.CDLL(None, use_errno=True).unshare(0x20000) == 0, os.strerror(ctypes.get_errno())  # CLONE_NEWNS
        run("mount", "--bind", passwd, "/etc/passwd")
        self.p = subprocess.Popen(serve, stderr=subprocess.DEVNULL, user=uid, group=uid, extra_groups=[])
        wait_for_port(self.port)

    def close(self):
        self.p.terminate()
        self.p.wait()


def free_port():
    with socket.socket() as s:
        s.bind((ADDRESS, 0))
        return s.getsockname()[1]


def wait_for_port(port):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex((ADDRESS, port)) == 0:
                return
        threading.Event().wait(0.05)
    raise AssertionError("nobody listens on port %d" % port)
