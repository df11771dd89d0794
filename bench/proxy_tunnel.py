#!/usr/bin/env python3
"""Tunnels and plain requests through nono-proxy, tinyproxy and squid, by turns: throughput with one and 64 streams,
what is added to a request (tunnel, reverse route with a credential), to the first event of a streamed answer, and
memory, idle and with 1,000 tunnels. Arguments: seconds of each run, rounds, parts (memory, throughput, latency; all).

  ninja -C build/release nono-proxy bench_proxy_tunnel
"""
import base64
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import benchlib

BUILD = os.path.dirname(os.path.abspath(benchlib.NONO))
PROXY, LOAD = os.path.join(BUILD, "nono-proxy"), os.path.join(BUILD, "bench", "bench_proxy_tunnel")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
PARTS = sys.argv[3:] or ["memory", "throughput", "latency"]
TOKEN, PHANTOM, REAL = "a1" * 32, "stand-in", "real-key"
DIR = tempfile.mkdtemp(prefix="nono-bench-")
ROOT = os.geteuid() == 0
HIGH = ["nice", "-n", "-20"] if ROOT else []
TUNNELS, REQUESTS = 1000, 3000


def path(name):
    return os.path.join(DIR, name)


def write(name, text):
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(port, *argv, **kw):
    p = subprocess.Popen(HIGH + list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, **kw)
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return p
        except OSError:
            if p.poll() is not None:
                raise SystemExit("%s ended with %d" % (argv[0], p.returncode))
            time.sleep(0.05)
    raise SystemExit("%s does not listen" % argv[0])


def nginx(port):
    return start(port, "nginx", "-p", DIR, "-c", write("nginx.conf", """
daemon off; pid %(d)s/nginx.pid; error_log %(d)s/nginx.log; worker_processes 1; events { }
http { access_log off; keepalive_requests 100000000;
  client_body_temp_path %(d)s/b; proxy_temp_path %(d)s/p; fastcgi_temp_path %(d)s/f;
  uwsgi_temp_path %(d)s/u; scgi_temp_path %(d)s/s;
  server { listen 127.0.0.1:%(port)d; if ($http_authorization != "Bearer real-key") { return 401; }
    location / { return 200 "%(body)s"; } } }
""" % {"d": DIR, "port": port, "body": "x" * 200}))


def tinyproxy(port):
    return start(port, "tinyproxy", "-d", "-c", write("tinyproxy.conf", """Port %d
Listen 127.0.0.1
MaxClients 4000
Timeout 600
LogLevel Critical
LogFile "%s"
""" % (port, path("tinyproxy.log"))))


def squid(port):
    if ROOT:
        user = pwd.getpwnam("proxy")
        os.chown(DIR, user.pw_uid, user.pw_gid)
    os.chmod(DIR, 0o755)
    return start(port, "squid", "-N", "-f", write("squid.conf", """http_port 127.0.0.1:%d
acl here src 127.0.0.1
http_access allow here
cache deny all
access_log none
cache_log %s
pid_filename %s
coredump_dir %s
max_filedescriptors 8192
shutdown_lifetime 0 seconds
""" % (port, path("squid.log"), path("squid.pid"), DIR)))


def nono(routes):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    # Routes are to an address, tunnels to the name: what has a route's host and port would be opened.
    header = {"mode": 0, "header": "Authorization", "format": "Bearer {}"}
    network = {"mode": 2, "allow": [{"name": "localhost"}],
               "routes": [{"name": name, "upstream": "http://127.0.0.1:%d" % to, "key": "env://BENCH_KEY",
                           "env_var": "API_KEY", "inject": header, "phantom": header} for name, to in routes.items()]}
    config = {"token": TOKEN, "session_id": "bench", "ca_bundle": path("bundle.pem"), "network": network,
              "phantoms": [name + "=" + PHANTOM for name in routes]}
    memory = os.memfd_create("config")
    os.write(memory, json.dumps(config).encode())
    os.lseek(memory, 0, 0)
    high = {3: os.dup2(memory, 203), 5: os.dup2(listener.fileno(), 205)}

    def child():
        for to, fd in high.items():
            os.dup2(fd, to, inheritable=True)
        os.close(4) if os.path.exists("/proc/self/fd/4") else None
    port = listener.getsockname()[1]
    p = start(port, PROXY, close_fds=False, preexec_fn=child, env=dict(os.environ, BENCH_KEY=REAL))
    for fd in (*high.values(), memory):
        os.close(fd)
    listener.close()
    return p, port


def load(mode, port, to, *more):
    argv = HIGH + [LOAD, mode, "127.0.0.1:%d" % port, "localhost:%d" % to] + [str(m) for m in more]
    out = subprocess.run(argv, capture_output=True, text=True)
    if out.returncode:
        raise SystemExit("%s: %s" % (argv, out.stderr))
    return [float(x) for x in out.stdout.split()]


def turns(ways):
    """{name: f} -> {name: the columns' medians}"""
    got = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, f in ways.items():
            got[name].append(f())
    return {name: [benchlib.median(c) for c in zip(*v)] for name, v in got.items()}


def cpu(pids):
    return sum(benchlib.cpu_seconds(p) for pid in pids for p in benchlib.children(pid))


def throughput(proxies, source):
    for streams in (1, 64):
        def flow(pid, port, auth):
            before = cpu([pid]) if pid else 0
            rate, least = load("flow", port, source, streams, SECONDS, auth)
            return rate, (cpu([pid]) - before) / (rate * 1.2 * SECONDS / 1000) if pid else 0, least
        r = turns({name: (lambda v=v: flow(*v)) for name, v in [("direct", (0, source, "-")), *proxies.items()]})
        for name, (rate, busy, least) in r.items():
            print("%2d streams, %-9s %7.0f MB/s, %.3f s of processor a GB, the least stream %.2f of the mean"
                  % (streams, name, rate, busy, least))
        best = max((n for n in proxies if n != "nono"), key=lambda n: r[n][0])
        ratio = r["nono"][0] / r[best][0]
        benchlib.report("CONNECT throughput, %d streams" % streams, best, "%.2f" % ratio, "x", ">= 1.5x", ratio >= 1.5)


def latency(proxies, web, source):
    real, stand_in = ("Authorization: Bearer %s\r\n" % k for k in (REAL, PHANTOM))
    _, port, auth = proxies["nono"]
    for mode, to, route, n, columns in (("ask", web, "api", REQUESTS, ("request",)),
                                        ("events", source, "events", REQUESTS // 30, ("first event", "each event"))):
        ways = {"direct": lambda: load(mode, to, to, n, "/x", real, "-"),
                "reverse": lambda: load(mode, port, port, n, "/%s/x" % route, stand_in, "-")}
        ways.update({"tunnel, " + name: (lambda v=v: load(mode, v[1], to, n, "/x", real, v[2]))
                     for name, v in proxies.items()})
        r = turns(ways)
        for i, what in enumerate(columns):
            base = r["direct"][2 * i:2 * i + 2]
            for name, v in r.items():
                print("%-11s %-18s p50 %5.0f us, p99 %6.0f us; added %5.0f us, %6.0f us"
                      % (what, name, v[2 * i], v[2 * i + 1], v[2 * i] - base[0], v[2 * i + 1] - base[1]))
        for name, goal in (("reverse", 150 if mode == "ask" else 1000), ("tunnel, nono", 0 if mode == "ask" else 1000)):
            added = r[name][0] - r["direct"][0]
            if goal:
                benchlib.report("added, %s, %s, p50" % (columns[0], name), "direct", "%.0f" % added, "us",
                                "<= %d us" % goal, added <= goal)


def memory(proxies, source):
    def pss(pid):
        return sum(benchlib.pss_kb(p) for p in benchlib.children(pid))
    used = {}
    for name, (pid, port, auth) in proxies.items():
        idle = pss(pid)
        p = subprocess.Popen([LOAD, "hold", "127.0.0.1:%d" % port, "localhost:%d" % source, str(TUNNELS),
                              auth if auth != "-" else ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if p.stdout.readline() != "open\n":
            raise SystemExit("%s: no %d tunnels" % (name, TUNNELS))
        used[name] = (idle, pss(pid))
        p.stdin.close()
        p.wait()
        print("memory, %-9s idle %6d kB, with %d tunnels %6d kB, %.1f kB each"
              % (name, idle, TUNNELS, used[name][1], (used[name][1] - idle) / TUNNELS))
    if "tinyproxy" in used:
        for i, what in enumerate(("idle", "with %d tunnels" % TUNNELS)):
            print("memory %s, against tinyproxy: %.2fx" % (what, used["nono"][i] / used["tinyproxy"][i]))


def main():
    benchlib.before_others()
    source, web = free_port(), free_port()
    # Memory first: what a flood left behind is no measure of an idle proxy. Peers have their own instances.
    started = [start(source, LOAD, "serve", str(source)), nginx(web)]
    try:
        p, port = nono({"api": web, "events": source})
        started.append(p)
        auth = "Proxy-Authorization: Basic %s\r\n" % base64.b64encode(("nono:" + TOKEN).encode()).decode()
        proxies = {"nono": (p.pid, port, auth)}
        for name, f in (("tinyproxy", tinyproxy), ("squid", squid)):
            if benchlib.have(name):
                port = free_port()
                started.append(f(port))
                proxies[name] = (started[-1].pid, port, "")
        if len(proxies) == 1:
            raise SystemExit("no peer: tinyproxy or squid is needed")
        time.sleep(1)
        if "memory" in PARTS:
            memory(proxies, source)
        if "throughput" in PARTS:
            throughput(proxies, source)
        if "latency" in PARTS:
            latency(proxies, web, source)
    finally:
        for p in started:
            p.terminate()
        for p in started:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
        shutil.rmtree(DIR, ignore_errors=True)


if __name__ == "__main__":
    main()
