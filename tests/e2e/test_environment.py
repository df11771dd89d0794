#!/usr/bin/env python3
"""Which variables a program gets, in the order in which rules are laid on each other: inherited without what
changes how programs are run, without deny_vars, only allow_vars, with set_vars, what a hook wrote, and credentials."""
import json
import os

import nonolib

RUNS_CODE = ["LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "CDPATH", "GLOBIGNORE", "PROMPT_COMMAND", "IFS", "PYTHONSTARTUP",
             "PYTHONPATH", "NODE_OPTIONS", "NODE_PATH", "PERL5OPT", "PERL5LIB", "RUBYOPT", "RUBYLIB", "GEM_PATH", "GEM_HOME",
             "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "DOTNET_STARTUP_HOOKS", "GOFLAGS", "OP_SERVICE_ACCOUNT_TOKEN",
             "OP_CONNECT_TOKEN", "OP_CONNECT_HOST", "OP_SESSION_x", "DYLD_INSERT_LIBRARIES", "BASH_FUNC_x%%"]


def env(p, profile, *flags, **extra):
    """The program's variables. The profile is {} or its members beside meta."""
    d = os.path.join(p.home, ".config", "nono", "profiles")
    at = p.home
    for part in (".config", "nono", "profiles"):
        at = os.path.join(at, part)
        if not os.path.isdir(at):
            os.mkdir(at, 0o700)
            p.own(at)
    p.write(os.path.join(d, "env.json"), json.dumps(dict(profile, meta={"name": "env"})))
    out = p.nono("run", "--silent", "--allow", p.work, "--profile", "env", *flags, "--", "/usr/bin/env", "-0",
                 env=extra)
    return dict(x.split("=", 1) for x in out.split("\0") if "=" in x)


def dangerous(p):
    bad = dict((n, "evil") for n in RUNS_CODE)
    got = env(p, {}, PLAIN="1", **bad)
    assert got["PLAIN"] == "1" and not [n for n in RUNS_CODE if n in got], [n for n in RUNS_CODE if n in got]
    # Naming them in allow_vars brings none of them back.
    got = env(p, {"environment": {"allow_vars": ["*"]}}, PLAIN="1", **bad)
    assert got["PLAIN"] == "1" and not [n for n in RUNS_CODE if n in got], got


def denied(p):
    got = env(p, {"environment": {"deny_vars": ["ONE", "AWS_*"]}}, ONE="1", ONEMORE="1", AWS_KEY="1", XAWS_="1")
    assert "ONE" not in got and "AWS_KEY" not in got and got["ONEMORE"] == "1" and got["XAWS_"] == "1", got
    # Also what is allowed.
    got = env(p, {"environment": {"allow_vars": ["AWS_*"], "deny_vars": ["AWS_SECRET*"]}}, AWS_A="1", AWS_SECRET_B="1")
    assert got["AWS_A"] == "1" and "AWS_SECRET_B" not in got, got


def allowed(p):
    got = env(p, {"environment": {"allow_vars": ["KEEP", "P_*"]}}, KEEP="1", KEEPER="1", P_X="1")
    assert got["KEEP"] == "1" and got["P_X"] == "1" and "KEEPER" not in got and "LANG" not in got, got
    # An empty list is one: nothing is inherited.
    got = env(p, {"environment": {"allow_vars": []}}, KEEP="1", LANG="C.UTF-8")
    inherited = [n for n in got if not n.startswith("NONO_") and n not in ("TMPDIR", "PWD")]
    assert not inherited, inherited


def set_by_profile(p):
    got = env(p, {"environment": {"allow_vars": ["A"], "deny_vars": ["B"], "set_vars": {"A": "set", "B": "set", "C": "$x"}}},
              A="inherited", B="inherited")
    assert (got["A"], got["B"], got["C"]) == ("set", "set", "$x"), got
    # What nono says of the session no profile says.
    for name in ("NONO_SESSION_ID", "NONO_CAP_FILE", "NONO_PROXY_TOKEN"):
        p.write(os.path.join(p.home, ".config/nono/profiles/env.json"),
                json.dumps({"environment": {"set_vars": {name: "x"}}, "meta": {"name": "env"}}))
        p.nono("run", "--profile", "env", "--", "/bin/true", code=1)
        assert name + ": can't be set by a profile" in p.err, p.err


def hook_and_credentials(p):
    hook = p.write(os.path.join(p.outside, "before"), "#!/bin/sh\nprintf 'A=hook\\nB=hook\\nC=hook\\n' > $NONO_ENV_FILE\n")
    os.chmod(hook, 0o755)
    secret = p.write(os.path.join(p.outside, "secret"), "credential\n")
    os.chmod(secret, 0o600)
    got = env(p, {"environment": {"set_vars": {"A": "set", "B": "set"}, "deny_vars": ["C"]},
                  "session_hooks": {"before": {"script": hook}}, "env_credentials": {"file://" + secret: "B"}}, A="inherited")
    assert (got["A"], got["B"], got.get("C")) == ("hook", "credential", "hook"), got


if __name__ == "__main__":
    nonolib.main([dangerous, denied, allowed, set_by_profile, hook_and_credentials])
