#!/usr/bin/env python3
"""Debuggers inside a session: strace and gdb on what the session started; never its supervisor, nor anything outside."""
import os
import shutil
import signal

import nonolib
import test_tools

TRACE = r'''
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def ptrace(what, pid):
    r = libc.ptrace(what, pid, None, None)
    return "ok" if r == 0 else os.strerror(ctypes.get_errno())
class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
def reads(pid, at):
    b = ctypes.create_string_buffer(8)
    mine, theirs = Iovec(ctypes.addressof(b), 8), Iovec(at, 8)
    n = libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    return "ok" if n > 0 else os.strerror(ctypes.get_errno())
SEIZE, ATTACH, DETACH, TRACEME = 0x4206, 16, 17, 0
'''


def debugger(name):
    if not shutil.which(name):
        raise nonolib.Skip(name + " is not installed")
    return shutil.which(name)


def strace_of_children(p):
    exe = debugger("strace")
    for way in ("auto", "off"):
        out = p.inside("%s -f -o trace sh -c '/bin/true; cat file; exit 3'; echo $?; grep -c execve trace" % exe,
                       "--namespaces", way) if p.write("file", "content\n") else ""
        lines = out.splitlines()
        assert lines[:2] == ["content", "3"] and int(lines[2]) >= 3, (way, out, p.err)


def gdb_of_a_child(p):
    exe = debugger("gdb")
    out = p.inside("%s -nx -batch -ex run -ex 'info inferiors' --args /bin/sh -c 'exit 5' 2>&1" % exe)
    assert "exited with code 05" in out, (out, p.err)
    out = p.inside("%s -nx -batch -ex 'break exit' -ex run -ex bt --args /bin/true 2>&1" % exe)
    assert "Breakpoint 1, " in out or "exited normally" in out, out


def still_confined(p):
    """A tracer makes its tracee do nothing that it may not do itself."""
    exe = debugger("strace")
    out = p.inside("%s -f -e inject=getuid:retval=0 cat %s 2>/dev/null; echo $?; "
                   "%s -f -e inject=openat:error=ENOENT:when=1+ -o /dev/null cat file 2>/dev/null; echo $?" % (exe, p.key, exe))
    assert nonolib.SECRET not in out and out.splitlines()[0] != "0", out


def never_the_supervisor(p):
    """Neither what looks after the session nor another program of the same user."""
    p.write("trace.py", TRACE + r'''
import glob
own = {os.getpid()}
got = []
for d in glob.glob("/proc/[0-9]*"):
    pid = int(d[6:])
    try:
        comm = open(d + "/comm").read().strip()
    except OSError:
        comm = "?"
    if pid in own or pid == os.getppid() and comm == "sh":
        continue
    for what in (ATTACH, SEIZE):
        if ptrace(what, pid) == "ok":
            got.append((comm, "traced"))
            os.kill(pid, signal.SIGCONT)
            ptrace(DETACH, pid)
    if reads(pid, 0x400000) == "ok":
        got.append((comm, "read"))
child = os.fork()
if child == 0:
    signal.pause()
print("child", ptrace(ATTACH, child))
os.kill(child, signal.SIGKILL)
print("others", got)
print("outside", [ptrace(ATTACH, int(x)) for x in sys.argv[1:]])
''')
    p.start("agent", "sleep 1000")
    r = p.json("inspect", "agent")
    pids = [str(r["supervisor_pid"]), str(os.getpid())]
    for way in ("auto", "off"):
        out = p.inside("exec /usr/bin/python3 trace.py " + " ".join(pids), "--namespaces", way)
        assert "child ok" in out and "others []" in out, (way, out, p.err)
        assert "ok" not in out.split("outside")[1], (way, out)
    p.nono("stop", "--force", "agent")


def traced_by_init(p):
    """One that asks to be traced by its parent, which is init, does not hang for it."""
    p.write("me.py", TRACE + "print(ptrace(TRACEME, 0), flush=True)\nos.kill(os.getpid(), signal.SIGUSR1)\n")
    for way in ("auto", "off"):
        code = p.run([p.bin, "run", "--silent", "--allow", p.work, "--namespaces", way, "--", "/usr/bin/python3", "me.py"],
                     timeout=20).returncode
        assert code == 128 + signal.SIGUSR1, code


def never_a_tool(p):
    """A tool is in a confinement of its own, which its caller must not get into, nor it into the caller's."""
    probe = TRACE + "print([(ptrace(ATTACH, int(x)), reads(int(x), 0x400000)) for x in sys.argv[1:]])\n"
    p.write(os.path.join(p.outside, "probe.py"), probe)
    t = test_tools.Tools(p, {"stay": "echo $$ > pid; sleep 5 & wait", "look": "exec /usr/bin/python3 %s/probe.py $*" % p.outside},
                         {"stay": {"sandbox": {"fs_write": ["$WORKDIR"]}}, "look": {"sandbox": {"fs_read": [p.outside]}}})
    out = t.run("stay & while ! [ -s pid ]; do sleep 0.1; done; /usr/bin/python3 %s/probe.py $(cat pid); look $$; kill $!" % p.outside,
                "--namespaces", "off", "--read", p.outside)
    assert len(out.splitlines()) == 2 and "ok" not in out, out


if __name__ == "__main__":
    nonolib.main([strace_of_children, gdb_of_a_child, still_confined, never_the_supervisor, never_a_tool, traced_by_init])
