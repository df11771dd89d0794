"""A home of its own for tests of the command line, as the one who starts them or as an ordinary
user."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

NONO = os.environ["NONO"]
ORDINARY_UID = 54323


class Case:
    def __init__(self, uid):
        self.uid = uid
        self.base = tempfile.mkdtemp(prefix="nono-cli-")
        os.chmod(self.base, 0o755)
        self.path = os.path.join(self.base, "nono")
        shutil.copy2(NONO, self.path)
        for helper in ("nono-proxy", "nono-keyring", "nono-token", "nono-sign", "nono-export"):
            if os.path.exists(os.path.join(os.path.dirname(NONO), helper)):
                shutil.copy2(os.path.join(os.path.dirname(NONO), helper), self.base)
        for d in ("home", "state", "run", "work", "outside"):
            os.mkdir(os.path.join(self.base, d), 0o700)
            if uid is not None:
                os.chown(os.path.join(self.base, d), uid, uid)
        self.work = os.path.join(self.base, "work")
        self.env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
                    "HOME": os.path.join(self.base, "home"), "TERM": "xterm-256color",
                    "NONO_NO_SAVE_PROMPT": "1",
                    "XDG_STATE_HOME": os.path.join(self.base, "state"),
                    "XDG_RUNTIME_DIR": os.path.join(self.base, "run")}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def become(self):
        if self.uid is not None:
            os.setgroups([])
            os.setgid(self.uid)
            os.setuid(self.uid)

    def raw(self, *args, env=None, **kw):
        """(exit code, output, errors) as bytes."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.run([self.path, *args], env=dict(self.env, **(env or {})), cwd=self.work,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                           preexec_fn=self.become, **kw)
        return p.returncode, p.stdout, p.stderr

    def nono(self, *args, code=0, env=None):
        """Standard output; the exit code must be as given."""
        got, out, err = self.raw(*args, env=env)
        assert got == code, "nono %s: exit %d, not %d\n%s%s" % (
            " ".join(args), got, code, out.decode(errors="replace"), err.decode(errors="replace"))
        self.err = err.decode(errors="replace")
        return out.decode()

    def popen(self, *args, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([self.path, *args], env=self.env, cwd=self.work,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=self.become, **kw)

    def start(self, name, *flags, script):
        """A shell script in the background; the session's id."""
        return self.nono("run", "-s", "--detached", "--name", name, *flags, "--", "sh", "-c",
                         script).strip()

    def inspect(self, name):
        return json.loads(self.nono("inspect", name, "--json"))

    def await_output(self, name, regex):
        self.nono("wait", name, "--until", "output=" + regex, "--timeout", "20")

    def as_user(self, f):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self.become()
                f()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0

    def close(self):
        try:
            # Those that have ended too: they may still show their last screen.
            for s in json.loads(self.nono("ps", "--all", "--json")):
                self.raw("stop", "--force", s["session_id"])
        except (AssertionError, ValueError):
            pass
        shutil.rmtree(self.base, ignore_errors=True)


def until(what, f, timeout=15):
    end = time.monotonic() + timeout
    while True:
        v = f()
        if v:
            return v
        assert time.monotonic() < end, "timed out: " + what
        time.sleep(0.03)


def main(cases):
    uids = [None, ORDINARY_UID] if os.geteuid() == 0 else [None]
    failed = passed = 0
    for uid in uids:
        for f in cases:
            if sys.argv[1:] and f.__name__ not in sys.argv[1:]:
                continue
            c = Case(uid)
            try:
                f(c)
                passed += 1
            except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, KeyError,
                    IndexError) as e:
                failed += 1
                frames = traceback.extract_tb(e.__traceback__)
                line = [x.lineno for x in frames if x.name == f.__name__][-1]
                print("FAILED %s (uid %s), line %d: %s: %s" %
                      (f.__name__, uid, line, type(e).__name__, e), flush=True)
            finally:
                c.close()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)
