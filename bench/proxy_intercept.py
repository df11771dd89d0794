#!/usr/bin/env python3
"""Requests a second through TLS that is opened on the way, with a credential put in, on connections that
are kept: nono-proxy, nginx as a TLS reverse proxy, mitmproxy; and what each adds to a request. One server
behind all of them (nginx, HTTPS). Argument: seconds of each run, rounds.

  ninja -C build/release nono-proxy bench_proxy_load
  MITMDUMP names mitmproxy's mitmdump, if it is not in PATH.
"""
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import benchlib

BUILD = os.path.dirname(os.path.abspath(benchlib.NONO))
PROXY, LOAD = os.path.join(BUILD, "nono-proxy"), os.path.join(BUILD, "bench", "bench_proxy_load")
MITMDUMP = os.environ.get("MITMDUMP") or shutil.which("mitmdump")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 4
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
HOST, REAL, PHANTOM, TOKEN = "localhost", "real-key", "stand-in", "a1" * 32
DIR = tempfile.mkdtemp(prefix="nono-bench-")
HIGH = ["nice", "-n", "-20"] if os.geteuid() == 0 else []


def path(name):
    return os.path.join(DIR, name)


def run(*argv):
    subprocess.run(argv, check=True, capture_output=True)


def certificates():
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run("openssl", "req", "-x509", *new, "-subj", "/CN=bench", "-keyout", path("ca.key"), "-out", path("ca.pem"))
    run("openssl", "req", *new[:-2], "-subj", "/CN=x", "-keyout", path("key.pem"), "-out", path("csr"))
    with open(path("ext"), "w") as f:
        f.write("subjectAltName=DNS:" + HOST)
    run("openssl", "x509", "-req", "-in", path("csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
        "-CAcreateserial", "-days", "2", "-extfile", path("ext"), "-out", path("cert.pem"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


COMMON = """
daemon off; pid %(dir)s/%(name)s.pid; error_log %(dir)s/%(name)s.log; worker_processes 1;
events { worker_connections 4000; }
http { access_log off; keepalive_requests 100000000;
  client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p; fastcgi_temp_path %(dir)s/f;
  uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  ssl_certificate %(dir)s/cert.pem; ssl_certificate_key %(dir)s/key.pem; %(servers)s }
"""
SERVER = """server { listen 127.0.0.1:%(port)d ssl;
  if ($http_authorization != "Bearer real-key") { return 401; }
  location / { return 200 "%(body)s"; } }"""
REVERSE = """upstream up { server 127.0.0.1:%(to)d; keepalive 256; keepalive_requests 100000000; }
server { listen 127.0.0.1:%(port)d ssl;
  location / { proxy_pass https://up; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $http_host; proxy_set_header Authorization "Bearer real-key";
    proxy_ssl_verify on; proxy_ssl_trusted_certificate %(dir)s/ca.pem; proxy_ssl_name localhost;
    proxy_ssl_server_name on; } }"""


def wait_port(port):
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("nothing listens on %d" % port)


def nginx(name, servers):
    with open(path(name + ".conf"), "w") as f:
        f.write(COMMON % {"dir": DIR, "name": name, "servers": servers})
    return subprocess.Popen(HIGH + ["nginx", "-c", path(name + ".conf"), "-p", DIR], stderr=subprocess.DEVNULL)


def nono_proxy(upstream):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    header = {"mode": 0, "header": "Authorization", "format": "Bearer {}"}
    config = {"token": TOKEN, "session_id": "bench", "ca_bundle": path("bundle.pem"),
              "phantoms": ["api=" + PHANTOM],
              "network": {"mode": 2, "routes": [{"name": "api", "upstream": "https://%s:%d" % (HOST, upstream),
                                                 "key": "env://BENCH_KEY", "env_var": "API_KEY", "inject": header,
                                                 "phantom": header}]}}
    memory = os.memfd_create("config")
    os.write(memory, json.dumps(config).encode())
    os.lseek(memory, 0, 0)
    high = {3: os.dup2(memory, 203, inheritable=True), 5: os.dup2(listener.fileno(), 205, inheritable=True)}

    def child():
        for to, fd in high.items():
            os.dup2(fd, to, inheritable=True)
        os.close(4) if os.path.exists("/proc/self/fd/4") else None
    p = subprocess.Popen(HIGH + [PROXY], close_fds=False, preexec_fn=child, stdin=subprocess.DEVNULL,
                         env=dict(os.environ, BENCH_KEY=REAL, SSL_CERT_FILE=path("ca.pem")))
    for fd in (*high.values(), memory):
        os.close(fd)
    port = listener.getsockname()[1]
    listener.close()
    return p, port


def mitm(upstream):
    port = free_port()
    p = subprocess.Popen(HIGH + [MITMDUMP, "-q", "--listen-host", "127.0.0.1", "-p", str(port), "--set",
                                 "confdir=" + path("mitm"), "--set",
                                 "ssl_verify_upstream_trusted_ca=" + path("ca.pem"), "--modify-headers",
                                 "/~q/Authorization/Bearer " + REAL],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return p, port


def load(port, host_port, connections, key, connect=None):
    argv = HIGH + [LOAD, "127.0.0.1:%d" % port, "%s:%d" % (HOST, host_port), str(connections), str(SECONDS),
                   "/v1/x", "Authorization: Bearer %s\r\n" % key]
    if connect is not None:
        argv.append(connect)
    out = subprocess.run(argv, capture_output=True, text=True)
    if out.returncode:
        raise SystemExit("%s: %s" % (argv, out.stderr))
    return [float(x) for x in out.stdout.split()]


def main():
    certificates()
    up, rev = free_port(), free_port()
    started = [nginx("server", SERVER % {"port": up, "body": "x" * 200}),
               nginx("reverse", REVERSE % {"port": rev, "to": up, "dir": DIR})]
    try:
        wait_port(up)
        wait_port(rev)
        ours, our_port = nono_proxy(up)
        started.append(ours)
        auth = "Proxy-Authorization: Basic %s\r\n" % base64.b64encode(("nono:" + TOKEN).encode()).decode()
        ways = {"direct": lambda n: load(up, up, n, REAL),
                "nginx": lambda n: load(rev, up, n, PHANTOM),
                "nono": lambda n: load(our_port, up, n, PHANTOM, auth)}
        if MITMDUMP:
            p, port = mitm(up)
            started.append(p)
            wait_port(port)
            ways["mitmproxy"] = lambda n: load(port, up, n, PHANTOM, "")
        for connections in (1, 32):
            got = {name: [] for name in ways}
            for _ in range(ROUNDS):
                for name, f in ways.items():
                    got[name].append(f(connections))
            rate = {n: benchlib.median([x[0] for x in v]) for n, v in got.items()}
            p50 = {n: benchlib.median([x[1] for x in v]) for n, v in got.items()}
            p99 = {n: benchlib.median([x[2] for x in v]) for n, v in got.items()}
            for n in ways:
                print("%2d connections, %-9s %7.0f requests/s, p50 %5.0f us, p99 %6.0f us; added %5.0f us, %6.0f us"
                      % (connections, n, rate[n], p50[n], p99[n], p50[n] - p50["direct"], p99[n] - p99["direct"]))
            r = rate["nono"] / rate["nginx"]
            benchlib.report("intercept, %d connections" % connections, "nginx", "%.2f" % r, "x", ">= 0.8x", r >= 0.8)
            if MITMDUMP:
                r = rate["nono"] / rate["mitmproxy"]
                benchlib.report("intercept, %d connections" % connections, "mitmproxy", "%.1f" % r, "x", ">= 20x", r >= 20)
    finally:
        for p in started:
            p.terminate()
        for p in started:
            p.wait(10)
        shutil.rmtree(DIR, ignore_errors=True)


if __name__ == "__main__":
    main()
