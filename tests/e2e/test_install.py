#!/usr/bin/env python3
"""cmake --install puts everything where it belongs; what is installed works, and a program can be
built against the library."""
import os
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ["NONO_BUILD"]
PROGRAM = r"""
/* Confines itself: /usr may be read, nothing else. */
#include <fcntl.h>
#include <nono.h>
#include <stdio.h>

int main(void)
{
	const struct nono_path paths[] = {{"/usr", NONO_READ | NONO_EXEC}};
	const struct nono_spec spec = {.paths = paths, .n_paths = 1, .net = NONO_NET_OFF, .namespaces = NONO_SKIP};
	struct nono_layers layers = {0};
	struct nono_error err;
	int listener;

	if (nono_confine(&spec, &layers, &listener, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	if (open("/usr/bin/env", O_RDONLY) < 0 || open("/etc/passwd", O_RDONLY) >= 0)
		return 2;
	printf("landlock %d\n", layers.landlock_abi);
	return 0;
}
"""


def run(argv, **kw):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=120, **kw)
    assert p.returncode == 0, "%s: exit %d\n%s" % (" ".join(argv), p.returncode, p.stdout)
    return p.stdout


def find(root, name):
    hits = [os.path.join(d, name) for d, _, files in os.walk(root) if name in files]
    assert hits, "%s is not installed" % name
    return hits[0]


def main():
    root = tempfile.mkdtemp(prefix="nono-install-")
    try:
        run(["cmake", "--install", BUILD, "--prefix", root])
        for name in ("nono.1", "_nono", "nono.fish", "default.json", "claude-code.json", "groups.json", "nono.h",
                     "libnono.so", "libnono.so.0", "nono.pc"):
            find(root, name)
        assert os.path.exists(os.path.join(root, "share/man/man1/nono.1"))
        assert os.path.exists(os.path.join(root, "share/bash-completion/completions/nono"))
        assert not os.path.exists(os.path.join(root, "share/nono/man")), "the man page is there twice"
        nono = os.path.join(root, "bin", "nono")
        env = dict(os.environ, HOME=root, XDG_STATE_HOME=os.path.join(root, "state"),
                   XDG_RUNTIME_DIR=os.path.join(root, "run"))
        os.mkdir(env["XDG_RUNTIME_DIR"], 0o700)
        work = os.path.join(root, "work")
        os.mkdir(work)
        assert run([nono, "--version"]).startswith("nono ")
        assert run([nono, "--silent", "run", "--profile", "claude-code", "--allow-cwd", "--",
                    "/bin/echo", "works"], env=env, cwd=work) == "works\n"
        # A program of somebody else.
        pc = os.path.dirname(find(root, "nono.pc"))
        text = open(os.path.join(pc, "nono.pc")).read()
        assert "prefix=" in text and "Version: 0." in text, text
        with open(os.path.join(root, "t.c"), "w") as f:
            f.write(PROGRAM)
        # The prefix was chosen at the time of installing.
        flags = run(["pkg-config", "--define-variable=prefix=" + root,
                     "--define-variable=libdir=" + os.path.dirname(find(root, "libnono.so")),
                     "--define-variable=includedir=" + os.path.dirname(find(root, "nono.h")),
                     "--cflags", "--libs", "nono"], env=dict(os.environ, PKG_CONFIG_PATH=pc)).split()
        out = os.path.join(root, "t")
        sanitize = os.environ.get("NONO_SANITIZE_FLAGS", "").split()
        run([os.environ.get("CC", "cc"), "-Wall", "-Wextra", "-Werror", os.path.join(root, "t.c"), "-o", out,
             *sanitize, *flags])
        text = run([out], env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0", LD_LIBRARY_PATH=os.path.dirname(find(root, "libnono.so"))))
        assert text.startswith("landlock "), text
        print("installed, and built against")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main())
