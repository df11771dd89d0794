"""A scene for attacks: a home with keys, a workspace with repositories and a closed folder, servers
outside, a victim process; and the running of attack programs inside a session."""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

NONO = os.environ["NONO"]
ATTACKS = os.environ["NONO_ATTACKS"]
PROGRAMS = ("files", "races", "ways", "programs", "requests", "workspace", "sockets", "supervisor")
SECRET = "TOPSECRET\n"
SLOW = float(os.environ.get("NONO_TEST_SLOW", "1"))  # with sanitizers
ORDINARY_UID = 54321


class Scene:
    def __init__(self, uid=None):
        self.uid = uid
        self.base = tempfile.mkdtemp(prefix="nono-attack-")
        os.chmod(self.base, 0o755)
        self.bin = self.path("bin")
        os.mkdir(self.bin)
        # Copies, so that the ordinary user can reach them wherever the build is.
        for name in PROGRAMS:
            shutil.copy2(os.path.join(ATTACKS, "attack_" + name), self.bin)
        self.nono = os.path.join(self.bin, "nono")
        shutil.copy2(NONO, self.nono)
        if uid is not None:
            os.chown(self.base, uid, uid)
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": self.path("home"),
            "XDG_STATE_HOME": self.path("state"),
            "XDG_CONFIG_HOME": self.path("home/.config"),
            "XDG_RUNTIME_DIR": self.path("run"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.work = self.path("home/work")
        self.key = self.path("home/.ssh/id_rsa")
        self.closed = self.path("home/work/private/inner/key")
        self.outside = self.path("home/outside")
        self.program = self.path("home/locked/program")
        self.servers = []
        self.hits = []
        self.as_user(self._populate)
        self.victim = subprocess.Popen(["sleep", "1000"], preexec_fn=self._become,
                                       env=dict(self.env, VICTIM_SECRET="TOPSECRET"))
        self._serve()
        self.shm = self._segment()
        self.queue = "/" + os.path.basename(self.base)
        self.as_user(lambda: self._open_queue(os.O_CREAT | os.O_EXCL | os.O_RDWR))

    def path(self, name):
        return os.path.join(self.base, name)

    def asked(self, secret):
        """What may be asked for beside that secret."""
        return self.path("home/asked/" + os.path.basename(secret))

    def _become(self):
        if self.uid is not None:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)

    def as_user(self, f):
        """Runs f in a child that is the scene's user."""
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._become()
                f()
                code = 0
            finally:
                os._exit(code)
        if os.waitpid(pid, 0)[1] != 0:
            raise RuntimeError("could not set the scene")

    def _populate(self):
        for d in ("home/.ssh", "home/work/private/inner", "home/outside", "home/locked", "home/asked", "state", "run",
                  "home/.config/nono/profiles"):
            os.makedirs(self.path(d), mode=0o700)
        for f in (self.key, self.closed):
            with open(f, "w") as out:
                out.write(SECRET)
            os.chmod(f, 0o600)
        shutil.copy2("/bin/echo", self.program)
        for f in (self.key, self.closed):
            for name, text in ((self.asked(f), "HARMLESS\n"), (self.asked(f) + ".beside", SECRET)):
                with open(name, "w") as out:
                    out.write(text)
        git = ["git", "-c", "init.defaultBranch=main"]
        for repo in (self.work, os.path.join(self.work, "nested")):
            subprocess.run(git + ["init", "-q", repo], env=self.env, check=True)
        with open(self.path("home/.config/nono/profiles/scene.json"), "w") as f:
            json.dump({"meta": {"name": "scene"},
                       "workdir": {"access": "readwrite"},
                       "filesystem": {"deny": ["$WORKDIR/private"]}}, f)

    def _serve(self):
        def accept(kind, s):
            while True:
                try:
                    if s.type == socket.SOCK_DGRAM:
                        data = s.recv(100)
                    else:
                        c, _ = s.accept()
                        c.settimeout(1)
                        # A connection that says nothing and ends is what a refused one may look like.
                        try:
                            data = c.recv(100)
                        except OSError:
                            data = b""
                        c.close()
                except OSError:
                    return
                if data:
                    self.hits.append((kind, data))

        def add(kind, family, kind_of, address):
            s = socket.socket(family, kind_of)
            s.bind(address)
            if isinstance(address, str) and not address.startswith("\0") and self.uid is not None:
                os.chmod(address, 0o777)
            if kind_of == socket.SOCK_STREAM:
                s.listen(64)
            t = threading.Thread(target=accept, args=(kind, s), daemon=True)
            t.start()
            self.servers.append(s)
            return s

        # In the workspace, where the agent may write: only the peer makes the difference.
        self.sock = self.path("home/work/outer.sock")
        self.dgram = self.path("home/work/outer.dgram")
        self.abstract = "nono-attack-%d" % os.getpid() + os.path.basename(self.base)
        add("unix", socket.AF_UNIX, socket.SOCK_STREAM, self.sock)
        add("dgram", socket.AF_UNIX, socket.SOCK_DGRAM, self.dgram)
        add("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self.abstract)
        tcp = add("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        add("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", self.port))

    def _segment(self):
        """A System V segment of the scene's user."""
        libc = ctypes.CDLL(None, use_errno=True)
        r, w = os.pipe()

        def make():
            n = libc.shmget(0, 4096, 0o1600)
            os.write(w, str(n).encode())

        self.as_user(make)
        n = int(os.read(r, 20))
        os.close(r)
        os.close(w)
        return n

    def _open_queue(self, flags):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mq_open(self.queue.encode(), flags, 0o600, None) < 0:
            raise OSError(ctypes.get_errno(), "message queue")

    def run(self, program, name, *flags, secret=None, timeout=60, descriptors=None):
        """One attack in one session. Returns (exit code, text)."""
        inner = ('ATTACK_RUNTIME="%s/nono/$NONO_SESSION_ID" exec "$@"' %
                 self.env["XDG_RUNTIME_DIR"])
        outer = 'ATTACK_SUPERVISOR=$$ exec "$@"'
        if descriptors:
            outer = "ulimit -n %d; %s" % (descriptors, outer)
        env = dict(self.env, WORK=self.work, ATTACK_SECRET=secret or self.key,
                   ATTACK_SOCKET=self.sock, ATTACK_DGRAM=self.dgram,
                   ATTACK_ABSTRACT=self.abstract, ATTACK_PORT=str(self.port),
                   ATTACK_SHM=str(self.shm), ATTACK_QUEUE=self.queue,
                   ATTACK_NONO=self.nono, ATTACK_NETWORK=os.readlink("/proc/self/ns/net"),
                   ATTACK_OUTSIDE=self.outside,
                   ATTACK_PROGRAM=self.program, ATTACK_ASKED=self.asked(secret or self.key),
                   ATTACK_STATE=self.path("state/nono"),
                   ATTACK_CONFIG=self.path("home/.config/nono"),
                   ATTACK_VICTIM=str(self.victim.pid), ATTACK_PARENT_IS_MINE="1")
        argv = ["/bin/sh", "-c", outer, "sh", self.nono, "run", "--silent", "--profile", "scene",
                "--allow-cwd", "--read", self.bin, *flags, "--", "/bin/sh", "-c", inner, "sh",
                os.path.join(self.bin, "attack_" + program), name]
        p = subprocess.run(argv, env=env, cwd=self.work, preexec_fn=self._become,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=timeout * SLOW)
        return p.returncode, p.stdout.decode(errors="replace")

    def names(self, program):
        out = subprocess.run([os.path.join(self.bin, "attack_" + program), "--list"],
                             capture_output=True, text=True, check=True).stdout
        return out.split()

    def damage(self):
        """What is not as it was, as a list of words."""
        out = []
        for f in (self.key, self.closed):
            try:
                with open(f) as i:
                    if i.read() != SECRET:
                        out.append(f + " was changed")
            except OSError as e:
                out.append("%s: %s" % (f, e))
                continue
            st = os.stat(f)
            if st.st_mode & 0o7777 != 0o600 or st.st_nlink != 1:
                out.append("%s: mode %o, %d links" % (f, st.st_mode, st.st_nlink))
        if os.listdir(self.outside):
            out.append("%s has %s" % (self.outside, os.listdir(self.outside)))
        if self.victim.poll() is not None:
            out.append("the process outside is dead")
        try:
            self.as_user(lambda: self._open_queue(os.O_RDWR))
        except RuntimeError:
            out.append("the message queue is gone")
        out += ["the %s server outside received %r" % h for h in self.hits]
        return out

    def close(self):
        self.victim.kill()
        self.victim.wait()
        for s in self.servers:
            s.close()
        libc = ctypes.CDLL(None)
        self.as_user(lambda: libc.mq_unlink(self.queue.encode()))
        self.as_user(lambda: libc.shmctl(self.shm, 0, None))
        shutil.rmtree(self.base, ignore_errors=True)


def scenes():
    """(words, uid, flags): as who we are and, for root, as an ordinary user; with and without
    namespaces. With sanitizers, where all takes its time, half of that: each once."""
    uids = [("root", None), ("user", ORDINARY_UID)] if os.geteuid() == 0 else [("user", None)]
    for word, uid in uids:
        for ns in ("auto", "off"):
            if SLOW > 1 and len(uids) > 1 and (ns == "off") != (uid is None):
                continue
            yield "%s, namespaces %s" % (word, ns), uid, ["--namespaces", ns]


def main(program, extra_flags=(), secrets=("key",), descriptors=None, beside=None):
    failed = passed = 0
    for words, uid, flags in scenes():
        scene = Scene(uid)
        try:
            for which in secrets:
                secret = scene.key if which == "key" else scene.closed
                for name in scene.names(program):
                    try:
                        with beside(scene) if beside else contextlib.nullcontext():
                            code, text = scene.run(program, name, *flags, *extra_flags,
                                                   secret=secret, descriptors=descriptors)
                    except subprocess.TimeoutExpired:
                        code, text = -1, "timed out"
                    bad = scene.damage()
                    if code == 0 and not bad:
                        passed += 1
                        continue
                    failed += 1
                    print("FAILED %s %s (%s, %s): exit %d: %s %s" %
                          (program, name, words, which, code, text.strip(), "; ".join(bad)))
                    if bad:  # the next ones shall be judged by their own deeds
                        scene.close()
                        scene = Scene(uid)
        finally:
            scene.close()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)
