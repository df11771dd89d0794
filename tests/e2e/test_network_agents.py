#!/usr/bin/env python3
"""Real agents with a credential that they never hold: Claude Code, and one that speaks the OpenAI API, do a
task against a scripted model that has the name and the port of the real one, in a network of the test's
own. The model gets the key; the agent's environment, memory and files have the stand-in. A host that is
not listed is asked for."""
import json
import os
import subprocess

import agents
import netservers
import nonolib
from agentpanes import tree
from mockmodel import Model
from nonolib import Skip, until

HOSTS = {"anthropic": "api.anthropic.com", "openai": "api.openai.com"}
# agent: route, variable, what makes it work on a task without a terminal
AGENTS = {"claude": ("anthropic", "ANTHROPIC_API_KEY", ["-p", "do the task", "--dangerously-skip-permissions"])}


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
            with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
                for line in maps:
                    span, rights = line.split()[:2]
                    if rights[0] == "r" and rights[1] == "w" and searched(mem, *(int(x, 16) for x in span.split("-")), secret):
                        out.append("memory of %d, %s" % (pid, line.strip()))
        except OSError:
            pass
    return out


def searched(mem, start, end, secret):
    """In pieces that overlap: heaps of agents are large."""
    tail = b""
    try:
        mem.seek(start)
        while start < end:
            data = mem.read(min(end - start, 1 << 22))
            if not data:
                return False
            if secret in tail + data:
                return True
            tail = data[-len(secret):]
            start += len(data)
    except (OSError, ValueError):
        pass  # gone, or nothing is behind it
    return False


def files_with(directory, secret):
    out = subprocess.run(["grep", "-rlaF", secret, directory], capture_output=True, text=True).stdout
    return out.split()


def works(name):
    def case(p):
        if p.uid is not None:
            raise Skip("the agents are installed where the ordinary user does not reach")
        program = agents.binary(name)
        if not program:
            raise Skip("%s is not installed (tests/install-agents.sh)" % name)
        route, var, args = AGENTS[name]
        directory = os.path.join(p.base, "servers")
        os.mkdir(directory)
        authority = netservers.Authority(directory, *HOSTS.values())
        key = "sk-real-" + os.urandom(20).hex()
        evil = "https://evil.%s/%%s" % netservers.DOMAIN
        model = Model([{"text": "I look.", "shell": "env > env.txt; curl -sS --max-time 60 %s; echo $? > out.txt" % (evil % name)},
                       {"text": "Finished: MOCK_FINAL_TEXT"}], where=(netservers.ADDRESS, 443), tls=authority.context())
        p.env.update(agents.seed(name, p.home, p.work))
        for gone in [k for k in p.env if k.endswith("_BASE_URL")] + ["NO_PROXY"]:
            p.env.pop(gone, None)
        p.env["SSL_CERT_FILE"] = authority.ca
        profile = agents.PROFILE[name]
        if route == "openai":  # the built-in route has its key in a keyring; here there is none
            profile = os.path.join(p.base, "own.json")
            p.write(profile, json.dumps({"meta": {"name": "own"}, "extends": agents.PROFILE[name], "network": {"custom_credentials": {
                "openai": {"upstream": "https://api.openai.com/v1", "credential_key": "env://" + var, "env_var": var}}}}))
            p.env["OPENAI_BASE_URL"] = "https://api.openai.com/v1"  # as outside: TLS is opened on the way
        p.env[var] = key
        try:
            p.nono("run", "--silent", "--detached", "--name", "net", "--profile", profile, "--allow-cwd", "--credential", route,
                   "--", program, *args)
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
            assert holders(pids, phantom[0].encode()), "looked in the wrong place: the stand-in is nowhere"
            p.nono("deny", r["id"], "--scope", "session")
            p.shows("net", "MOCK_FINAL_TEXT", 90)
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
