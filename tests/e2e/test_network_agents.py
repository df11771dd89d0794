#!/usr/bin/env python3
"""Real agents with a credential that they never hold: Claude Code, Codex, and others that speak the OpenAI API, do a
task against a scripted model that has the name and the port of the real one, in a network of the test's
own. The model gets the key; the agent's environment, memory and files have the stand-in. A host that is
not listed is asked for."""
import json
import os
import shutil
import struct
import subprocess

import agents
import netservers
import nonolib
from agentpanes import tree
from mockmodel import Model
from nonolib import Skip, until

HOSTS = {"anthropic": "api.anthropic.com", "openai": "api.openai.com"}
DEMO = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../assets/demo/openai_agent.py")
# opencode takes both from the variables that the session has; its state goes where XDG says.
OPENCODE = {"provider": {"mock": {
    "npm": "@ai-sdk/openai-compatible", "name": "mock", "options": {"baseURL": "{env:OPENAI_BASE_URL}", "apiKey": "{env:OPENAI_API_KEY}"},
    "models": {"mock": {"name": "mock", "tool_call": True}}}}, "permission": "allow", "autoupdate": False, "share": "disabled"}
# agent: route, variable, what makes it work on a task without a terminal
AGENTS = {"claude": ("anthropic", "ANTHROPIC_API_KEY", ["-p", "do the task", "--dangerously-skip-permissions"]),
          "codex": ("openai", "OPENAI_API_KEY", ["exec", "--skip-git-repo-check", "do the task"]),
          "opencode": ("openai", "OPENAI_API_KEY", ["run", "--model", "mock/mock", "do the task"]),
          "openai": ("openai", "OPENAI_API_KEY", ["do the task"])}


def installed(p, name):
    """The program, and the profile for it."""
    if name == "openai":
        return ["/usr/bin/python3", os.path.join(p.base, "openai_agent.py")], "default"
    if p.uid is not None:
        raise Skip("the agents are installed where the ordinary user does not reach")
    program = agents.binary(name)
    if not program:
        raise Skip("%s is not installed (tests/install-agents.sh)" % name)
    p.env.update(agents.seed(name, p.home, p.work))
    if name == "codex":  # as a user has it: the service's own address, no key, no sign-in
        with open(os.path.join(p.home, ".codex/config.toml"), "w") as f:
            f.write('model = "mock"\ncheck_for_update_on_startup = false\nsandbox_mode = "danger-full-access"\napproval_policy = "never"\n'
                    '[features]\ndaemon_auto_start = false\nplugins = false\napps = false\n[projects."%s"]\ntrust_level = "trusted"\n' % p.work)
    if name == "opencode":
        p.env["OPENCODE_CONFIG_CONTENT"] = json.dumps(OPENCODE)
    return [program], agents.PROFILE[name]


def holders(pids, secret):
    """What of the processes holds the secret: their environment, their arguments, all that they have in memory."""
    out = []
    for pid in pids:
        for name in ("environ", "cmdline"):
            try:
                with open("/proc/%d/%s" % (pid, name), "rb") as f:
                    if secret in f.read():
                        out.append("%s of %d" % (name, pid))
            except OSError:
                pass
        try:
            with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem, \
                    open("/proc/%d/pagemap" % pid, "rb", 0) as pages:
                for line in maps:
                    span, rights = line.split()[:2]
                    if rights[0] == "r" and rights[1] == "w" and searched(mem, pages, *(int(x, 16) for x in span.split("-")), secret):
                        out.append("memory of %d, %s" % (pid, line.strip()))
        except OSError:
            pass
    return out


PIECE = 1 << 22
PAGE = os.sysconf("SC_PAGESIZE")


def there(pages, start, end):
    """Is any page of it in memory, or swapped out? Runtimes reserve more than there is."""
    pages.seek(start // PAGE * 8)
    entries = pages.read((end - start) // PAGE * 8)
    return any(e >> 62 for e in struct.unpack("<%dQ" % (len(entries) // 8), entries))


def searched(mem, pages, start, end, secret):
    """In pieces that overlap: heaps of agents are large."""
    tail = b""
    try:
        while start < end:
            piece = min(end, start + PIECE)
            if there(pages, start, piece):
                mem.seek(start)
                data = mem.read(piece - start)
                if secret in tail + data:
                    return True
                tail = data[-len(secret):]
            else:
                tail = b""
            start = piece
    except (OSError, ValueError):
        pass  # gone, or nothing is behind it
    return False


def files_with(directory, secret):
    out = subprocess.run(["grep", "-rlaF", secret, directory], capture_output=True, text=True).stdout
    return out.split()


def works(name):
    def case(p):
        program, profile = installed(p, name)
        route, var, args = AGENTS[name]
        directory = os.path.join(p.base, "servers")
        os.mkdir(directory)
        authority = netservers.Authority(directory, *HOSTS.values())
        key = "sk-real-" + os.urandom(20).hex()
        evil = "https://evil.%s/%%s" % netservers.DOMAIN
        model = Model([{"text": "I look.", "shell": "env > env.txt; curl -sS --max-time 60 %s; echo $? > out.txt" % (evil % name)},
                       {"text": "Finished: MOCK_FINAL_TEXT"}], where=(netservers.ADDRESS, 443), tls=authority.context())
        for gone in [k for k in p.env if k.endswith("_BASE_URL")] + ["NO_PROXY"]:
            p.env.pop(gone, None)
        p.env["SSL_CERT_FILE"] = authority.ca
        if name == "openai":
            shutil.copy(DEMO, program[1])
        if route == "openai":  # the built-in route has its key in a keyring; here there is none
            base, profile = profile, os.path.join(p.base, "own.json")
            p.write(profile, json.dumps({
                "meta": {"name": "own"}, "extends": base, "security": {"capability_elevation": True},
                "filesystem": {"read": [program[-1]] if name == "openai" else []}, "workdir": {"access": "readwrite"},
                "network": {"custom_credentials": {
                    "openai": {"upstream": "https://api.openai.com/v1", "credential_key": "env://" + var}}}}))
        p.env[var] = key
        try:
            p.nono("run", "--silent", "--detached", "--name", "net", "--profile", profile, "--allow-cwd", "--credential", route,
                   "--", *program, *args)
            child = p.json("inspect", "net")["child_pid"]

            # In the middle of its work: it waits for the answer about a host that is not listed.
            def request():
                for r in p.json("requests"):
                    if "evil." in json.dumps(r):
                        return r
                    p.nono("deny", r["id"], "--scope", "session", code=None)  # its own errands
                return None
            r = until("the request for the host", request, 90)
            pids = tree(child)
            held = holders(pids, key.encode())
            assert not held, "the agent holds the key: %s" % held
            phantom = [line.split("=", 1)[1] for line in p.read("env.txt").splitlines() if line.startswith(var + "=")]
            assert phantom and phantom[0] and phantom[0] != key, phantom
            if route == "openai":  # it speaks to the proxy as to the service
                assert "OPENAI_BASE_URL=http://127.0.0.1:" in p.read("env.txt"), p.read("env.txt")
            assert holders(pids, phantom[0].encode()), "looked in the wrong place: the stand-in is nowhere"
            p.nono("deny", r["id"], "--scope", "session")
            # It may be over before anybody can look at its pane.
            until("the model's last answer is asked for", lambda: model.requests >= 2, 90)
            p.nono("wait", "net", "--until", "exited", "--timeout", "90", code=None)
            assert p.read("out.txt").strip() != "0"
            assert model.keys == {key}, "the model was shown %s" % model.keys
            for d in (p.home, os.path.join(p.base, "run"), os.path.join(p.base, "state", "nono", "audit"), os.path.join(p.base, "state", "nono", "sessions")):
                assert not files_with(d, key), files_with(d, key)
            sid = p.json("inspect", "net")["session_id"]
            seen = p.events(sid, "network")
            assert any(HOSTS[route] in json.dumps(e) for e in seen) and key not in json.dumps(seen), seen
            p.nono("stop", "--force", "net", code=None)
            p.nono("audit", "verify", sid)
        except AssertionError as e:
            # What a person would see, and what the model was asked.
            raise AssertionError("%s\n%s\nrequests of the model: %d, %r\n%s" % (
                e, p.nono("capture", "net", code=None).rstrip(), model.requests, sorted(model.keys),
                p.nono("logs", "net", "--json", code=None)[-3000:])) from e
        finally:
            model.close()
    case.__name__ = name
    return case


netservers.enter(*HOSTS.values())
nonolib.main([works(n) for n in AGENTS], jobs=1, timeout=240)
