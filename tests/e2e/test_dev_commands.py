#!/usr/bin/env python3
"""Everyday work of developers under the *-dev profiles: compilers, builds, package managers, tests,
git. Everything ends well, and nothing of it is refused: the log of the session says so."""
import os
import pwd
import shutil
import subprocess

import nonolib
from nonolib import Skip

GIT = ("export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@example.org"
       " GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=protocol.file.allow GIT_CONFIG_VALUE_0=always; ")

# As people have it: a home outside of /tmp, so that the session's /tmp is private.
if os.geteuid() == 0:
    os.environ["NONO_TEST_BASE"] = "/home"
elif not os.path.expanduser("~").startswith(("/tmp", "/var/tmp")):
    os.environ["NONO_TEST_BASE"] = os.path.expanduser("~")

# Refused on purpose, and the tools work without: what they write down about their use makes them
# remove files, or send something, later outside.
ON_PURPOSE = "group:deny_tool_records"


def refused(p, name):
    """What the session was refused, with the rule that did it."""
    sid = p.json("inspect", name)["session_id"]
    out = []
    for e in p.events(sid):
        if e.get("decision") == "denied" and e.get("source") != ON_PURPOSE:
            out.append("%s %s (errno %s, by %s %s) in %s" % (e.get("op"), e.get("target"), e.get("errno"),
                                                            e.get("source"), e.get("rule"), e.get("program")))
        elif e["type"] == "capability_decision" and "Granted" not in str(e):
            out.append(str(e))
    return out


def works(p, profile, script, *flags, env=None, timeout=110):
    """The script ends well in the working directory, and nothing was refused."""
    name = "dev"
    q = p.run([p.bin, "run", "--silent", "--name", name, "--profile", profile, "--allow-cwd", *flags, "--",
               "/bin/sh", "-e", "-c", script], env=env, timeout=timeout)
    no = refused(p, name)
    assert not no, "refused under %s:\n  %s\n%s" % (profile, "\n  ".join(no), q.stderr[-1500:])
    assert q.returncode == 0, "exit %d under %s:\n%s\n%s" % (q.returncode, profile, q.stdout[-1500:], q.stderr[-1500:])
    return q.stdout


def need(*programs):
    for program in programs:
        if not shutil.which(program, path="/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin"):
            raise Skip("%s is not installed" % program)


# ---- C and C++ ------------------------------------------------------------------------------------

C = """#include <stdio.h>
int twice(int x) { return 2 * x; }
int main(void) { printf("%d\\n", twice(21)); return 0; }
"""


def gcc(p):
    need("gcc")
    p.write("a.c", C)
    out = works(p, "default", "gcc -O2 -g -Wall a.c -o a; ./a; gcc -c -fPIC a.c; ar rcs liba.a a.o; gcc -shared -o liba.so a.o; "
                "gcc -M a.c >/dev/null; nm a | grep -q twice; strip a; ./a", "--allow", p.work)
    assert out.split() == ["42", "42"], out


def cplusplus(p):
    need("g++")
    p.write("a.cc", "#include <vector>\n#include <iostream>\nint main() { std::vector<int> v{1, 2, 3}; std::cout << v.size() << std::endl; }\n")
    assert works(p, "default", "g++ -O1 -std=c++17 a.cc -o a; ./a", "--allow", p.work).split() == ["3"]


def clang(p):
    need("clang")
    p.write("a.c", C)
    assert works(p, "default", "clang -O2 -fsanitize=undefined a.c -o a; ./a; clang -flto -c a.c", "--allow", p.work).split() == ["42"]


def make(p):
    need("make", "gcc")
    p.write("a.c", C)
    p.write("Makefile", "all: a test\na: a.o\n\t$(CC) -o $@ $<\n%.o: %.c\n\t$(CC) -c $<\ntest: a\n\t./a > out\n\tgrep -q 42 out\nclean:\n\trm -f a a.o out\n")
    works(p, "default", "make -j4; make; make clean; test ! -e a", "--allow", p.work)


def cmake(p):
    need("cmake", "ninja", "gcc")
    p.write("a.c", C)
    p.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.18)\nproject(a C)\nadd_executable(a a.c)\nenable_testing()\nadd_test(NAME a COMMAND a)\n"
            "install(TARGETS a DESTINATION bin)\n")
    works(p, "default", "cmake -S . -B build -G Ninja; ninja -C build; ctest --test-dir build; cmake --install build --prefix $PWD/inst; inst/bin/a",
          "--allow", p.work)


def autotools(p):
    need("autoconf", "automake", "make", "gcc")
    p.write("a.c", C)
    p.write("configure.ac", "AC_INIT([a],[1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_CHECK_HEADERS([unistd.h])\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n")
    p.write("Makefile.am", "bin_PROGRAMS = a\na_SOURCES = a.c\n")
    works(p, "default", "autoreconf -i; ./configure -q --prefix=$PWD/inst; make -s; make -s install; inst/bin/a", "--allow", p.work)


# ---- Python ---------------------------------------------------------------------------------------

def python(p):
    p.mkdir("pkg")
    p.mkdir("pkg/hello")
    p.write("pkg/hello/__init__.py", "def hello():\n    return 'hello'\n")
    p.write("pkg/setup.py", "from setuptools import setup\nsetup(name='hello', version='1', packages=['hello'])\n")
    p.mkdir("tests")
    p.write("tests/__init__.py", "")
    p.write("tests/test_a.py", "import unittest, multiprocessing, sqlite3, tempfile, ssl\n\n\ndef f(x):\n    return x * x\n\n\nclass A(unittest.TestCase):\n"
            "    def test_pool(self):\n        with multiprocessing.Pool(2) as pool:\n            self.assertEqual(pool.map(f, [1, 2, 3]), [1, 4, 9])\n"
            "    def test_db(self):\n        with tempfile.TemporaryDirectory() as d:\n            sqlite3.connect(d + '/a.db').execute('create table t (x)')\n")
    works(p, "python-dev", "python3 -m unittest discover -q; python3 -m compileall -q pkg; python3 -c 'import json, asyncio; asyncio.run(asyncio.sleep(0))'")


def venv(p):
    if subprocess.run(["/usr/bin/python3", "-c", "import venv, ensurepip, setuptools"], capture_output=True).returncode:
        raise Skip("python3-venv or python3-setuptools is not installed")
    p.mkdir("pkg")
    p.mkdir("pkg/hello")
    p.write("pkg/hello/__init__.py", "def hello():\n    return 'hello'\n")
    p.write("pkg/setup.py", "from setuptools import setup\nsetup(name='hello', version='1', packages=['hello'], entry_points={'console_scripts': ['hi=hello:hello']})\n")
    out = works(p, "python-dev", "/usr/bin/python3 -m venv --system-site-packages env; . env/bin/activate; "
                "pip install -q --no-index --no-build-isolation ./pkg; python -c 'import hello; print(hello.hello())'; pip list >/dev/null; pip uninstall -q -y hello")
    assert "hello" in out, out


def program_of_an_environment(p):
    """As pipx and others install them: what belongs to the program is there, wherever it lies."""
    env = os.path.join(p.outside, "tool")
    p.run(["/usr/bin/python3", "-m", "venv", "--without-pip", env])
    site = [d for d, _, _ in os.walk(env) if d.endswith("site-packages")][0]
    p.write(site + "/theirs.py", "def main():\n    print('of the environment')\n")
    p.write(env + "/bin/tool", "#!%s/bin/python3\nimport theirs, json\ntheirs.main()\n" % env)
    os.chmod(env + "/bin/tool", 0o755)
    p.write(os.path.join(p.outside, "other"), "not of the program\n")
    assert p.nono("run", "--silent", "--", env + "/bin/tool") == "of the environment\n"
    assert not p.nono("run", "--silent", "--no-capability-elevation", "--", env + "/bin/python3", "-c",
                      "print(open(%r).read())" % os.path.join(p.outside, "other"), code=1)


def pytest(p):
    if subprocess.run(["/usr/bin/python3", "-c", "import pytest"], capture_output=True).returncode:
        raise Skip("python3-pytest is not installed")
    p.write("test_b.py", "def test_b(tmp_path):\n    (tmp_path / 'x').write_text('y')\n")
    works(p, "python-dev", "/usr/bin/python3 -m pytest -q test_b.py")


# ---- Node -----------------------------------------------------------------------------------------

def node(p):
    need("node")
    p.write("a.test.js", "const test = require('node:test'); const assert = require('node:assert'); const fs = require('fs'); const os = require('os');\n"
            "test('x', async () => { fs.mkdtempSync(os.tmpdir() + '/a-'); assert.equal(1, 1); });\n")
    p.write("b.js", "const { Worker } = require('worker_threads'); const cp = require('child_process');\n"
            "new Worker('process.exit(0)', { eval: true }).on('exit', () => console.log(cp.execSync('echo child').toString()));\n")
    assert "child" in works(p, "node-dev", "node --test .; node b.js; node -e 'console.log(process.version)'")


def npm(p):
    need("npm")
    p.mkdir("lib")
    p.write("lib/package.json", '{"name": "lib", "version": "1.0.0", "main": "i.js", "bin": {"libcmd": "i.js"}}')
    p.write("lib/i.js", "#!/usr/bin/env node\nconsole.log('lib');\n")
    p.mkdir("app")
    p.write("app/package.json", '{"name": "app", "version": "1.0.0", "scripts": {"test": "libcmd", "build": "node -e 1"}}')
    out = works(p, "node-dev", "cd app; npm install --no-audit --no-fund ../lib; npm test; npm run build; npm ls; npx --no-install libcmd; "
                "cd ../lib; npm pack; cd ../app; npm install --no-audit --no-fund ../lib/lib-1.0.0.tgz; npm ci --offline --no-audit --no-fund; npm run test")
    assert "lib" in out


# ---- Rust, Go, Java -------------------------------------------------------------------------------

def toolchains_of_the_account():
    return pwd.getpwuid(os.getuid()).pw_dir


def cargo(p):
    """The account's toolchain, where the place's home has it: by links."""
    home = toolchains_of_the_account()
    if not os.path.exists(home + "/.cargo/bin/cargo"):
        need("cargo", "rustc")
    if os.path.exists(home + "/.cargo/bin/cargo"):
        os.mkdir(p.home + "/.cargo")
        p.own(p.home + "/.cargo")
        if p.uid is not None and os.stat(home).st_mode & 0o5 != 0o5:
            # In a home that is closed to the user: the same files once more.
            for name in (".cargo/bin", ".rustup"):
                if subprocess.run(["cp", "-al", home + "/" + name, p.home + "/" + name], capture_output=True).returncode:
                    raise Skip("the Rust toolchain is in a home that is closed to the user, on another disk")
            subprocess.run(["chown", "%d:%d" % (p.uid, p.uid), p.home + "/.rustup"], check=True)
        else:
            os.symlink(home + "/.cargo/bin", p.home + "/.cargo/bin")
            os.symlink(home + "/.rustup", p.home + "/.rustup")
    p.env["PATH"] = p.home + "/.cargo/bin:" + p.env["PATH"]
    out = works(p, "rust-dev", "cargo new --quiet --vcs none app; cd app; cargo build --offline --quiet; cargo test --offline --quiet; cargo run --offline --quiet; cargo build --release --offline --quiet; "
                "cargo metadata --offline --format-version 1 > /dev/null; cargo clean --quiet")
    assert "Hello, world!" in out, out


def go(p):
    need("go")
    if p.uid is None and os.geteuid() == 0:
        raise Skip("its standard library takes long to build; done as the ordinary user")
    p.env["PATH"] = "/usr/local/go/bin:" + p.env["PATH"]
    p.write("go.mod", "module example.org/a\n\ngo 1.18\n")
    p.write("a.go", "package main\n\nimport \"fmt\"\n\nfunc Twice(x int) int { return 2 * x }\n\nfunc main() { fmt.Println(Twice(21)) }\n")
    p.write("a_test.go", "package main\n\nimport \"testing\"\n\nfunc TestTwice(t *testing.T) {\n\tif Twice(2) != 4 {\n\t\tt.Fail()\n\t}\n\tt.TempDir()\n}\n")
    out = works(p, "go-dev", "go version; go vet ./...; go build -o a .; ./a; go test ./...; gofmt -l .; go mod tidy; go list ./... ; go env GOCACHE; go clean -cache",
                env={"GOFLAGS": "", "GOPROXY": "off"}, timeout=300)
    assert "42" in out and p.home not in out, out


def java(p):
    need("javac", "java", "jar")
    p.write("A.java", "public class A { public static void main(String[] a) throws Exception { java.nio.file.Files.createTempFile(\"a\", \"b\"); System.out.println(42); } }\n")
    assert "42" in works(p, "java-dev", "javac A.java; java A; jar cfe a.jar A A.class; java -jar a.jar; java A.java")


def maven(p):
    need("mvn", "javac")
    works(p, "java-dev", "mvn -version >/dev/null")


# ---- git ------------------------------------------------------------------------------------------

def git(p):
    out = works(p, "default", GIT + """
    git init -q repo; cd repo; echo a > a; git add a; git commit -q -m a; git tag v1
    cd ..; git clone -q repo copy; cd copy; echo b > b; git add b; git commit -q -m b; git push -q origin HEAD:refs/heads/topic
    git fetch -q; git worktree add -q ../tree; cd ../tree; echo c > c; git add c; git commit -q -m c
    cd ../copy; git worktree remove ../tree; git submodule --quiet add ../repo sub; git commit -q -m sub; git submodule --quiet update --init --recursive
    git stash list; git gc -q; git fsck; git log --oneline --all
    """, "--allow", p.work)
    assert "sub" in out, out


def everyday_tools(p):
    """What stands in build scripts beside the compilers."""
    p.write("x.txt", "b\na\n")
    works(p, "default", "tar czf x.tgz x.txt; tar xzf x.tgz; sort x.txt | uniq -c; sed -i s/a/c/ x.txt; find . -name '*.txt' -exec touch {} +; "
          "cp -a x.txt y.txt; ln -s y.txt z; mv y.txt w.txt; install -m 755 w.txt v; mktemp; d=$(mktemp -d); rm -r $d; id; uname -a; date; df . >/dev/null; "
          "diff x.txt w.txt; awk '{ print $1 }' x.txt; printf x | sha256sum; perl -e 'print 1'; env | sort >/dev/null; nproc; xargs -n1 echo < x.txt; tput -T xterm cols >/dev/null", "--allow", p.work)


nonolib.main([go, cargo, npm, venv, gcc, cplusplus, clang, make, cmake, autotools, python, program_of_an_environment, pytest, node, java, maven, git, everyday_tools],
             timeout=320)
