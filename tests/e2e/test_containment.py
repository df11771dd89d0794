#!/usr/bin/env python3
"""What a session can't reach, tried by ordinary programs; with namespaces and without."""
import os
import socket
import subprocess
import threading

import nonolib
from nonolib import both, SECRET, until


class Servers:
    """TCP and UDP on loopback; what came in."""

    def __init__(self):
        self.got = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve_tcp, daemon=True).start()
        threading.Thread(target=self.serve_udp, daemon=True).start()

    def serve_tcp(self):
        while True:
            try:
                c, _ = self.tcp.accept()
                self.got.append("tcp")
                c.sendall(b"welcome")
                c.close()
            except OSError:
                return

    def serve_udp(self):
        while True:
            try:
                self.udp.recvfrom(100)
                self.got.append("udp")
            except OSError:
                return


NET = """
import socket, sys
port = int(sys.argv[1])
for name, kind in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
    try:
        s = socket.socket(socket.AF_INET, kind)
        s.settimeout(3)
        s.connect(("127.0.0.1", port))
        s.send(b"hello")
        print(name, "sent")
    except OSError as e:
        print(name, "refused")
try:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"hello", ("127.0.0.1", port))
    print("sendto sent")
except OSError:
    print("sendto refused")
"""


def network(p, flags):
    p.write("net.py", NET)
    s = Servers()
    out = p.inside("python3 net.py %d" % s.port, "--block-net", *flags)
    assert "tcp refused" in out, out
    assert not s.got, "the servers outside got %s" % s.got
    out = p.inside("python3 net.py %d" % s.port, "--allow-net", *flags)
    assert "tcp sent" in out, out
    until("the tcp connection", lambda: "tcp" in s.got)
    assert p.inside("true", "--block-net", *flags) == ""
    assert p.json("ps", "--all")[0]["network"] == "blocked"


def closed(p, flags):
    """Keys of the home: not by name, not by link, not by another spelling."""
    other = p.write(os.path.join(p.outside, "file"), "OUTSIDE\n")
    os.symlink(p.home + "/.ssh/id_rsa", p.work + "/link")
    out = p.inside("""
    cat ~/.ssh/id_rsa link /proc/self/cwd/link /proc/self/root%s %s ../.ssh/id_rsa ./../../home/.ssh//id_rsa
    ls ~/.ssh; ls %s; ls ~; cp ~/.ssh/id_rsa copy; ln ~/.ssh/id_rsa hard; cat hard copy
    head -c 100 ~/.ssh/id_rsa; grep -r . ~/.ssh; mv ~/.ssh moved; tar c ~/.ssh
    echo overwritten > ~/.ssh/id_rsa; echo x > ~/new; rm -rf ~/.ssh; mkdir ~/.ssh2; chmod 777 ~/.ssh; exit 0
    """ % (p.key, other, p.outside), *flags)
    assert SECRET not in out and "OUTSIDE" not in out and "id_rsa" not in out, out
    assert p.read(p.key) == SECRET + "\n" and os.stat(p.key).st_nlink == 1
    assert os.stat(p.home + "/.ssh").st_mode & 0o777 == 0o700
    assert not os.path.exists(p.home + "/new") and not os.path.exists(p.home + "/.ssh2")


def allowed(p, flags):
    """And what it can: its workspace, the system's programs, a temporary directory."""
    out = p.inside("""set -e
    echo text > file; mkdir -p a/b; mv file a/b/; cat a/b/file; cp a/b/file c; ln c d; ln -s c e; rm d; chmod 600 c
    t=$(mktemp); echo t > $t; cat $t; python3 -c 'print(6*7)'; ls /usr/bin > /dev/null; id -u; date > /dev/null
    find . -name c | xargs cat; truncate -s 1 c; touch -d 2001-01-01 c; rm -r a
    """, *flags)
    assert out.split()[:3] == ["text", "t", "42"], out
    assert sorted(os.listdir(p.work)) == ["c", "e"] and os.path.getmtime(p.work + "/c") < 1e9 + 1e7


def read_only_grant(p, flags):
    p.write(os.path.join(p.outside, "file"), "READ ME\n")
    out = p.inside("cat %s/file; ls %s; echo x >> %s/file; touch %s/new; rm -f %s/file; true" % ((p.outside,) * 5),
                   "--read", p.outside, *flags)
    assert out.split("\n")[:2] == ["READ ME", "file"], out
    assert p.read(p.outside + "/file") == "READ ME\n" and os.listdir(p.outside) == ["file"]


BY_DESCRIPTOR = r"""
import fcntl, os, socket, struct, sys, tempfile, threading, time
def tries(fd):
    for name, f in (("mode", lambda: os.fchmod(fd, 0o777)), ("times", lambda: os.utime(fd, (1, 1))),
                    ("owner", lambda: os.fchown(fd, -1, os.getgid())),
                    ("attribute", lambda: os.setxattr(fd, "user.x", b"y")),
                    ("flags", lambda: fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x40)))):
        try:
            f()
            print("changed", name)
        except OSError:
            pass
for path in sys.argv[1:]:
    tries(os.open(path, os.O_RDONLY))
# The number means now this file, now that one.
own, over = os.open("own", os.O_CREAT | os.O_WRONLY), time.monotonic() + 0.7
other, number = os.open(sys.argv[1], os.O_RDONLY), os.dup(own)
def swap():
    while time.monotonic() < over:
        os.dup2(other, number)
        os.dup2(own, number)
t = threading.Thread(target=swap)
t.start()
while time.monotonic() < over:
    try:
        os.fchmod(number, 0o777)
    except OSError:
        pass
t.join()
# And what programs do with what is their own.
mine = [os.open("own", os.O_CREAT | os.O_WRONLY), os.open("own", os.O_RDONLY), os.open(".", os.O_RDONLY),
        os.memfd_create("m"), tempfile.TemporaryFile().fileno(), socket.socket(socket.AF_UNIX).fileno(), *os.pipe()]
for fd in mine:
    os.fchmod(fd, 0o700)
    os.fchown(fd, -1, -1)
    os.utime(fd)
    assert os.fstat(fd).st_mode & 0o777 == 0o700
os.fchmod(1, 0o640)
for fd in (-1, -100, 1000):
    try:
        os.fchmod(fd, 0o700)
        print("changed", fd)
    except OSError as e:
        assert e.errno == 9, e
print("done")
"""


def read_only_descriptor(p, flags):
    """What is open for reading is not changed by its descriptor; what is open for writing is."""
    names = [os.path.join(p.outside, "file"), p.outside, os.path.join(p.work, ".git", "hooks", "pre-commit")]
    p.mkdir(".git/hooks")
    for path in (names[0], names[2]):
        p.write(path, "#!/bin/sh\n")
        os.chmod(path, 0o600)
    p.write("tries.py", BY_DESCRIPTOR)

    def state():
        return [(s.st_mode, s.st_mtime, os.listxattr(n)) for n, s in ((n, os.stat(n)) for n in names)]
    before = state()
    with open(p.write("out", ""), "w+") as out:
        p.run([p.bin, "run", "--silent", "--allow", p.work, "--read", p.outside, *flags, "--", "python3",
               "tries.py", *names], capture_output=False, stdout=out, stderr=out)
        out.seek(0)
        text = out.read()
    assert text == "done\n", text
    assert state() == before
    assert os.stat(p.work + "/out").st_mode & 0o777 == 0o640


DEVICES = r"""
import os
mode = os.stat("/dev/null").st_mode & 0o777 # as it is: nothing is lost where this succeeds
fd = os.open("/dev/null", os.O_RDWR)
for f in (lambda: os.chmod("/dev/null", mode), lambda: os.fchmod(fd, mode), lambda: os.chown("/dev/null", 0, 0),
          lambda: os.fchown(fd, 0, 0), lambda: os.chmod("/dev/tty", os.stat("/dev/tty").st_mode & 0o777)):
    try:
        f()
        print("changed")
    except OSError as e:
        assert e.errno == 1, e
os.utime("/dev/null")
print("done")
"""


def devices(p, flags):
    """Mode and owner of devices, which root's session may write to, stay the machine's; times may be touched."""
    p.write("devices.py", DEVICES)
    assert p.inside("python3 devices.py", *flags) == "done\n"


def shared_memory(p, flags):
    """Shared memory of others is out of reach, unless it is granted; without namespaces it is not."""
    name = "/dev/shm/" + p.mark
    script = "cat %s; ls /dev/shm; echo changed >> %s; python3 -c 'from multiprocessing import Lock; " \
             "Lock().acquire(); print(1)'" % (name, name)
    p.write(name, "MINE\n")
    try:
        out = p.inside(script, *flags, code=None).split()
        shared = p.inside(script, "--allow-file", name, *flags, code=None).split()
    finally:
        text = p.read(name)
        os.unlink(name)
    session = p.json("ps", "--all")[0]["session_id"]
    if not p.json("inspect", session)["layers"]["mount_ns"]:
        return
    assert out == ["1"], (out, p.err)
    # Others' files are there as well.
    assert shared[0] == "MINE" and p.mark in shared and shared[-1] == "1" and text == "MINE\nchanged\n", (shared, text)


def deny_inside(p, flags):
    """A closed folder in an allowed tree stays closed, wherever it is moved."""
    d = p.mkdir("private/inner")
    p.own(p.work + "/private")
    p.write(d + "/key", SECRET)
    os.makedirs(p.home + "/.config/nono/profiles")
    for part in ("", "/nono", "/nono/profiles"):
        p.own(p.home + "/.config" + part)
    p.write(p.home + "/.config/nono/profiles/scene.json",
            '{"meta": {"name": "scene"}, "workdir": {"access": "readwrite"},'
            ' "filesystem": {"deny": ["$WORKDIR/private"]}}')
    flags = ("--profile", "scene", "--allow-cwd", *flags)
    out = p.inside("""
    cat private/inner/key; ls private; ls private/inner; mv private public; cat public/inner/key
    mv private/inner/key here; ln private/inner/key here; cat here; rm -rf private; echo x > private/new
    mkdir other && mv private other/; cat other/private/inner/key; echo fine > ok; cat ok
    """, *flags)
    assert SECRET not in out and out.strip() == "fine", out
    assert p.read("private/inner/key") == SECRET and not os.path.exists(p.work + "/private/new")
    # Neither the next session, nor one that starts above it.
    out = p.inside("find . -name key | xargs cat; cat public/inner/key private/inner/key", *flags, code=None)
    assert SECRET not in out, out


def environment(p, flags):
    env = {"LD_PRELOAD": "", "LD_LIBRARY_PATH": "/x", "BASH_ENV": "/x", "NODE_OPTIONS": "--x", "PYTHONSTARTUP": "/x",
           "GIT_SSH_COMMAND_X": "kept", "NONO_CONTROL": "x"}
    out = p.inside("env", *flags, env=env)
    seen = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    for name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "NODE_OPTIONS", "PYTHONSTARTUP"):
        assert name not in seen, name
    assert seen["GIT_SSH_COMMAND_X"] == "kept" and seen["HOME"] == p.home
    assert seen["NONO_SESSION_ID"] and os.path.basename(seen["NONO_CAP_FILE"])
    assert seen["TMPDIR"]


def processes(p, flags):
    """Others of the same user: not signalled, not traced, their environment not read."""
    other = subprocess.Popen(["sleep", "1000"], env=dict(p.env, VICTIM=SECRET), **p.who())
    try:
        out = p.inside("kill -9 %d; cat /proc/%d/environ /proc/%d/cmdline; ls -l /proc/%d/fd; kill -9 -1 2>/dev/null; "
                       "exit 0" % ((other.pid,) * 4), *flags, code=None)
        assert SECRET not in out, out
        assert other.poll() is None, "a process outside was killed"
    finally:
        other.kill()
        other.wait()


def descriptors(p, flags):
    """Only 0, 1 and 2 come through."""
    with open(p.key) as f:
        os.set_inheritable(f.fileno(), True)
        q = p.run([p.bin, "run", "--silent", "--allow", p.work, *flags, "--", "/bin/sh", "-c",
                   "for i in 3 4 5 6 7 8 9; do cat <&$i; done; ls /proc/self/fd"], close_fds=False)
        assert SECRET not in q.stdout, q.stdout
        assert q.stdout.split() == ["0", "1", "2", "3"], q.stdout  # 3 is ls's own


def privileges(p, flags):
    out = p.inside("grep -E '^(NoNewPrivs|CapEff|CapPrm|CapBnd|Seccomp):' /proc/self/status", *flags)
    got = dict(line.split(":\t") for line in out.strip().split("\n"))
    assert got["NoNewPrivs"] == "1" and got["Seccomp"] == "2", got
    assert int(got["CapEff"], 16) == 0 and int(got["CapPrm"], 16) == 0, got


def wrap(p, flags):
    """Without a supervisor the floor is the same."""
    q = p.run([p.bin, "wrap", "--silent", "--read", p.work, "--block-net", *flags, "--", "/bin/sh", "-c",
               "cat ~/.ssh/id_rsa; ls ~; echo x > new; echo inside; exit 3"])
    assert q.returncode == 3 and q.stdout == "inside\n", q
    assert os.listdir(p.work) == [] and SECRET not in q.stdout


def required(p):
    """A layer that is required and can't be had stops the start; and it is said what is on."""
    p.nono("run", "-v", "--allow", p.work, "--", "true")
    assert "Capabilities:" in p.err and p.work in p.err, p.err
    p.nono("run", "-v", "--namespaces", "off", "--allow", p.work, "--", "true")
    q = p.run([p.bin, "run", "--silent", "--namespaces", "require", "--", "/bin/echo", "ran"])
    assert (q.returncode == 0) == (q.stdout == "ran\n"), q


def own_state(p):
    """No flag opens nono's own files."""
    for flag, path in (("--allow", p.home), ("--read", p.base), ("--allow", p.base + "/state"),
                       ("--read-file", p.base + "/state/nono/audit/ledger.ndjson"), ("--allow", p.base + "/run/nono")):
        q = p.run([p.bin, "run", "--silent", flag, path, "--", "/bin/sh", "-c",
                   "cat $XDG_STATE_HOME/nono/audit/ledger.ndjson; ls -R $XDG_STATE_HOME $XDG_RUNTIME_DIR"])
        assert "session_digest" not in q.stdout and "control.sock" not in q.stdout, (flag, path, q)


WATCH = """
import ctypes, os, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_NONBLOCK)
IN_CREATE, IN_DONT_FOLLOW = 0x100, 0x2000000
def watch(path, mask=IN_CREATE, fd=fd):
    wd = libc.inotify_add_watch(fd, path, mask)
    return "ok" if wd > 0 else os.strerror(ctypes.get_errno())
closed, outside = sys.argv[1].encode(), sys.argv[2].encode()
os.symlink(closed, "link")
print(*[watch(p) for p in (b".", b"./", b"/usr/lib", b"here", b"watch.py/", closed, outside, b"link",
                           b"/proc/self/cwd/link", b"/proc/self/root" + closed)], sep="|")
print(watch(b"link", IN_CREATE | IN_DONT_FOLLOW), watch(b".", fd=99), watch(b".", fd=1), sep="|")
name = ctypes.create_string_buffer(256)
over = False
def change():
    while not over:
        name.value = b"."
        name.value = closed
t = threading.Thread(target=change)
t.start()
end = time.monotonic() + 1
while time.monotonic() < end:
    watch(name)
over = True
t.join()
open("ready", "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
told = os.read(fd, 65536)
print([w.decode() for w in (b"ready", b"go", b"secret-name") if w in told])
"""


def watched(p, flags):
    """inotify: what may be read may be watched, nothing else, also by a name that changes meanwhile."""
    p.write(p.work + "/watch.py", WATCH)
    q = p.popen("run", "--silent", "--allow", p.work, *flags, "--", "python3", "watch.py", p.home + "/.ssh",
                p.outside)
    try:
        until("the watches", lambda: os.path.exists(p.work + "/ready") or q.poll() is not None)
        p.write(p.home + "/.ssh/secret-name", "")
        p.write(p.work + "/go", "")
        out = q.communicate(timeout=30)[0].split("\n")
    finally:
        q.kill()
    no, gone, file = "Permission denied", "No such file or directory", "Not a directory"
    assert out[0].split("|") == ["ok"] * 3 + [gone, file] + [no] * 5, out
    assert out[1].split("|") == ["ok", "Bad file descriptor", "Invalid argument"], out
    assert "go" in out[2] and "secret-name" not in out[2], out


def wrap_tmp(p):
    """nono wrap: /tmp is in memory and ends with the program; what it may only read there stays so."""
    script = "echo x > /tmp/%s && cat /tmp/%s; ls -A /tmp; echo y >> $NONO_CAP_FILE; chmod 600 $NONO_CAP_FILE; " \
             "head -c 5 $NONO_CAP_FILE; echo; echo $TMPDIR" % (p.mark + "-new", p.mark + "-new")
    q = p.run([p.bin, "wrap", "--", "/bin/sh", "-c", script], cwd="/usr", env={"HOME": "/usr"})
    if "/tmp is closed" in q.stderr:  # no namespaces here
        return
    out = q.stdout.split("\n")
    assert out[0] == "x" and out[-3:] == ['{"fs"', "/tmp", ""], (q.stdout, q.stderr)
    assert sorted(out[1:-3]) == sorted([p.mark, p.mark + "-new"]), out
    assert not os.path.exists("/tmp/%s-new" % p.mark)
    q = p.run([p.bin, "wrap", "--namespaces", "off", "--", "/bin/sh", "-c", script], cwd="/usr",
              env={"HOME": "/usr"})
    assert "nono: warning: /tmp is closed" in q.stderr and "x" not in q.stdout.split("\n"), (q.stdout, q.stderr)


nonolib.main(sum((both(f) for f in (network, closed, allowed, read_only_grant, read_only_descriptor, devices,
                                    shared_memory, deny_inside, environment, processes, descriptors, privileges, wrap,
                                    watched)), []) +
             [required, own_state, wrap_tmp])
