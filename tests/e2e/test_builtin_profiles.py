#!/usr/bin/env python3
"""What each built-in profile closes: keys, clouds, browsers, the logins of other agents; what is open:
its own state; what is protected: its own settings that name commands. Asked, and tried; and for each
profile a case of its own, by a program that runs under it."""
import json
import os

import nonolib

# profile -> state of its own (open), its login, settings that name commands (read, not changed)
AGENTS = {
    "claude-code": (".claude/projects/x", [".claude/.credentials.json", ".claude.json"],
                    [".claude/settings.json", ".claude/hooks/x", ".claude/commands/x.md"]),
    "codex": (".codex/sessions/x", [".codex/auth.json"], [".codex/config.toml", ".codex/hooks.json"]),
    "opencode": (".local/share/opencode/log/x", [".local/share/opencode/auth.json"],
                 [".config/opencode/opencode.json", ".config/opencode/plugin/x.js"]),
    "gemini": (".gemini/tmp/x", [".gemini/oauth_creds.json"], [".gemini/settings.json", ".gemini/commands/x.toml"]),
    "qwen": (".qwen/tmp/x", [".qwen/oauth_creds.json"], [".qwen/settings.json", ".qwen/extensions/x"]),
    "crush": (".local/share/crush/logs/x", [".local/share/crush/crush.json"],
              [".local/share/crush/crush.json", ".config/crush/crush.json", ".config/crush/crushrc"]),
    "openclaw": (".openclaw/workspace/x", [".openclaw/credentials/x", ".openclaw/agents/main/agent/auth-profiles.json"],
                 [".openclaw/openclaw.json", ".openclaw/skills/x", ".openclaw/hooks/x", ".openclaw/plugin-skills/x"]),
    "swival": (".cache/swival/x", [".config/swival/config.toml"], [".config/swival/config.toml"]),
    "aider": (".aider/caches/x", [".aider/oauth-keys.env", ".aider.conf.yml"], [".aider.conf.yml"]),
}
TOOLS = ["default", "linux-host-compat", "python-dev", "node-dev", "bun-dev", "rust-dev", "go-dev", "java-dev", "mise-dev"]

# Of nobody's: what no profile gives, with the group that says so.
CLOSED = {
    ".ssh/id_rsa": "deny_ssh", ".aws/credentials": "deny_credentials", ".config/gcloud/x": "deny_credentials",
    ".kube/config": "deny_credentials", ".docker/config.json": "deny_credentials", ".config/gh/hosts.yml": "deny_credentials",
    ".terraform.d/credentials.tfrc.json": "deny_credentials", ".pgpass": "deny_credentials", ".netrc": "deny_credentials",
    ".npmrc": "deny_package_tokens", ".pypirc": "deny_package_tokens", ".cargo/credentials.toml": "deny_package_tokens",
    ".gnupg/secring.gpg": "deny_gpg", ".password-store/x.gpg": "deny_gpg", ".local/share/keyrings/login.keyring": "deny_keychains_linux",
    ".config/Bitwarden/data.json": "deny_keychains_linux", ".bitcoin/wallet.dat": "deny_wallets", ".config/solana/id.json": "deny_wallets",
    ".mozilla/firefox/x": "deny_browser_data_linux", ".var/app/org.mozilla.firefox/x": "deny_browser_data_linux",
    "snap/firefox/common/x": "deny_browser_data_linux", ".config/Signal/x": "deny_browser_data_linux",
    ".thunderbird/x": "deny_browser_data_linux", ".bash_history": "deny_shell_history", ".bashrc": "deny_shell_configs",
}


def make(p, path):
    full = os.path.join(p.home, path)
    at = p.home
    for part in os.path.dirname(path).split("/"):
        at = os.path.join(at, part)
        if not os.path.isdir(at):
            os.mkdir(at)
            p.own(at)
    if not os.path.exists(full):
        p.write(full, "secret\n")
    return full


def everything(p):
    for path in CLOSED:
        make(p, path)
    for state, logins, settings in AGENTS.values():
        for path in [state] + logins + settings:
            make(p, path)


def verdict(p, profile, path, op, *flags):
    # 0 and 1 are both answers.
    return p.json("why", *(["--profile", profile] if profile != "default" else []), *flags, "--path",
                  os.path.join(p.home, path), "--op", op, code=None)


def closed_to_all(p):
    """Also where the whole home is granted: the rule says no, not a grant that is missing."""
    everything(p)
    for profile in list(AGENTS) + TOOLS:
        for path, group in CLOSED.items():
            v = verdict(p, profile, path, "read", "--read", p.work)
            assert v["status"] == "denied" and v["policy_source"] == "group:" + group, (profile, path, v)


def agents_apart(p):
    """Each has its own state and login, and none the others'; its settings it reads."""
    everything(p)
    for profile, (state, logins, settings) in AGENTS.items():
        for op in ("read", "write"):
            v = verdict(p, profile, state, op)
            assert v["status"] == "allowed", (profile, state, op, v)
        for path in logins:
            v = verdict(p, profile, path, "read")
            assert v["status"] == "allowed", (profile, path, v)
        for path in settings:
            v = verdict(p, profile, path, "read")
            assert v["status"] == "allowed", (profile, path, v)
            v = verdict(p, profile, path, "write")
            assert v["status"] == "denied", (profile, path, v)
        for other in AGENTS:
            if other == profile:
                continue
            for path in AGENTS[other][1]:
                v = verdict(p, profile, path, "read")
                assert v["status"] == "denied" and v["policy_source"] == "group:deny_agent_tokens", (profile, path, v)
    for profile in TOOLS:
        for _, logins, _ in AGENTS.values():
            for path in logins:
                v = verdict(p, profile, path, "read")
                assert v["status"] == "denied" and v["policy_source"] == "group:deny_agent_tokens", (profile, path, v)


def tried(p):
    """The same by really opening the files."""
    everything(p)
    for profile in AGENTS:
        state, logins, settings = AGENTS[profile]
        others = [l for o in AGENTS if o != profile for l in AGENTS[o][1]]
        script = ("cd ~; for f in %s; do cat \"$f\" >/dev/null 2>&1 && echo \"OPEN $f\"; done; "
                  "for f in %s; do cat \"$f\" >/dev/null || echo \"SHUT $f\"; done; "
                  "for f in %s; do { echo evil >> \"$f\"; } 2>/dev/null && echo \"CHANGED $f\"; done; "
                  "echo mine >> %s || echo SHUT; true" % (" ".join("'%s'" % x for x in list(CLOSED) + others),
                                                         " ".join(logins + settings), " ".join(settings), state))
        out = p.nono("run", "--silent", "--no-capability-elevation", "--profile", profile, "--allow-cwd", "--", "/bin/sh", "-c",
                     script, timeout=60)
        assert not out.strip(), (profile, out, p.err)
        assert "mine" in open(os.path.join(p.home, state)).read()


def tried_by_tools(p):
    """None of the others opens any of it either; the project they change."""
    everything(p)
    logins = [l for _, ls, _ in AGENTS.values() for l in ls]
    script = ("cd ~; for f in %s; do cat \"$f\" >/dev/null 2>&1 && echo \"OPEN $f\"; { echo evil >> \"$f\"; } 2>/dev/null && echo \"CHANGED $f\"; done; "
              "echo mine > work/mine || echo SHUT; true" % " ".join("'%s'" % x for x in list(CLOSED) + logins))
    for profile in TOOLS:
        if profile == "default":
            continue
        out = p.nono("run", "--silent", "--no-capability-elevation", "--profile", profile, "--allow", p.work, "--", "/bin/sh", "-c",
                     script, timeout=60)
        assert not out.strip(), (profile, out, p.err)
        assert p.read("mine") == "mine\n", profile
        os.unlink(os.path.join(p.work, "mine"))


def wide_grants(p):
    """A grant of what lies above opens no login; a grant of the folder itself means it."""
    everything(p)
    p.mkdir(os.path.join(p.home, ".local/share/x"))
    out = p.nono("run", "--silent", "--read", p.home + "/.local/share", "--", "/bin/sh", "-c",
                 "cat ~/.local/share/opencode/auth.json", code=None)
    assert not out and "ermission" in p.err, (out, p.err)
    assert p.nono("run", "--silent", "--read", p.home + "/.codex", "--", "/bin/cat", p.home + "/.codex/auth.json") == "secret\n"
    assert p.nono("run", "--silent", "--read-file", p.home + "/.claude.json", "--", "/bin/cat", p.home + "/.claude.json") == "secret\n"
    # What a profile closes stays closed.
    p.write(os.path.join(p.home, "own.json"), '{"meta": {"name": "own"}, "filesystem": {"read": ["~/.codex"], "deny": ["~/.codex/auth.json"]}}')
    p.nono("run", "--silent", "--profile", p.home + "/own.json", "--", "/bin/cat", p.home + "/.codex/auth.json", code=1)


def groups_of_the_reference(p):
    """Profiles that were written for it name these; those for macOS do nothing here."""
    names = """deny_credentials deny_keychains_macos deny_keychains_linux deny_browser_data_macos deny_browser_data_linux
    deny_macos_private deny_shell_history deny_shell_configs system_read_macos system_read_linux_core linux_runtime_state
    linux_sysfs_read linux_temp_read system_write_macos system_write_linux user_caches_macos user_caches_linux user_tools
    homebrew_macos homebrew_linux git_config vscode_macos vscode_linux node_runtime python_runtime rust_runtime go_runtime
    go_runtime_linux go_runtime_macos java_runtime nix_runtime bun_runtime mise_manager claude_code_macos claude_code_linux
    claude_cache_linux codex_macos codex_linux opencode_linux unlink_protection dangerous_commands dangerous_commands_macos
    dangerous_commands_linux""".split()
    p.write(os.path.join(p.home, "all.json"), '{"meta": {"name": "all"}, "groups": {"include": ["%s"]}}' % '", "'.join(names))
    p.nono("run", "--silent", "--profile", p.home + "/all.json", "--", "/bin/true")
    p.write(os.path.join(p.home, "no.json"), '{"meta": {"name": "no"}, "groups": {"exclude": ["deny_credentials"]}}')
    p.nono("run", "--silent", "--profile", p.home + "/no.json", "--", "/bin/true", code=1)
    assert "required" in p.err, p.err


def sockets(p):
    """Sockets that lead to the host can't be connected to, whatever the profile."""
    import socket
    path = os.path.join(p.base, "run", "docker.sock")
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    os.chmod(path, 0o777)
    s.listen(1)
    try:
        for profile in ("claude-code", "go-dev", "linux-host-compat"):
            p.nono("run", "--silent", "--no-capability-elevation", "--profile", profile, "--allow-cwd", "--", "/usr/bin/python3", "-c",
                   "import socket; socket.socket(socket.AF_UNIX).connect(%r)" % path, code=1)
            assert "ermission" in p.err, p.err
    finally:
        s.close()


def tmp_variables(p):
    """Caches of the session's own."""
    out = p.nono("run", "--silent", "--profile", "go-dev", "--allow-cwd", "--", "/bin/sh", "-c",
                 'mkdir -p "$GOCACHE" && echo "$GOCACHE" && echo "$TMPDIR"').split()
    assert out[0] == out[1] + "/go-build", out


# ---- one case for each profile -----------------------------------------------------------------

# What is nobody's, by its kind.
KINDS = {
    "keys": [".ssh/id_ed25519", ".ssh/config", ".gnupg/private-keys-v1.d/x.key", ".local/share/keyrings/login.keyring",
             ".password-store/mail.gpg", ".config/sops/age/keys.txt"],
    "clouds": [".aws/credentials", ".config/gcloud/credentials.db", ".azure/msal_token_cache.json", ".kube/config",
               ".docker/config.json", ".config/gh/hosts.yml", ".netrc", ".git-credentials", ".npmrc", ".pypirc",
               ".cargo/credentials.toml", ".m2/settings.xml", ".terraform.d/credentials.tfrc.json"],
    "history": [".bash_history", ".zsh_history", ".local/share/fish/fish_history", ".python_history", ".psql_history",
                ".node_repl_history", ".viminfo"],
    "browsers": [".mozilla/firefox/p/logins.json", ".config/google-chrome/Default/Cookies", ".config/chromium/Default/Cookies",
                 ".config/BraveSoftware/Brave-Browser/Default/Cookies", "snap/firefox/common/x", ".thunderbird/x"],
}
# profile -> what it reads and executes, what it reads and may not change, a variable whose folder is the session's
DEV = {
    "python-dev": (".pyenv/versions/3.12/bin/tool", ".virtualenvs/x/lib.py", "PIP_CACHE_DIR"),
    "node-dev": (".nvm/versions/node/v22/bin/tool", ".npm-global/lib/x.js", "YARN_CACHE_FOLDER"),
    "rust-dev": (".cargo/bin/tool", ".cargo/registry/src/x/build.rs", "SCCACHE_DIR"),
    "go-dev": ("go/bin/tool", "go/pkg/mod/x/x.go", "GOCACHE"),
    "java-dev": (".sdkman/candidates/java/bin/tool", ".m2/repository/x.jar", "GRADLE_USER_HOME"),
}
# What is said of each path: "r", "w", "x" for what could be done with it.
PROBE = """
import json, os, subprocess, sys
home = os.path.expanduser("~")
asked = json.load(open("asked.json"))
def can(path, f):
    try:
        f(os.path.join(home, path))
        return True
    except OSError:
        return False
def change(path):
    open(path, "a").close()
def take(path):  # its folder may be written, and yet it stays
    os.rename(path, path + ".taken")
    os.rename(path + ".taken", path)
def beside(path):
    with open(path + ".new", "w"):
        os.unlink(path + ".new")
def run(path):
    subprocess.run([path], check=True)
def said(path):
    return "".join(letter for letter, f in (("r", lambda p: open(p).read()), ("w", change), ("t", take), ("n", beside),
                                             ("x", run)) if can(path, f))
out = {"paths": {p: said(p) for p in asked["paths"]}, "variables": {}}
for name in asked["variables"]:
    folder = os.environ[name]
    os.makedirs(folder, exist_ok=True)
    beside(os.path.join(folder, "x"))
    out["variables"][name] = folder.startswith(os.environ["TMPDIR"] + "/")
open("made", "w").close()
json.dump(out, sys.stdout)
"""


def program(p, path):
    full = make(p, path)
    p.write(full, "#!/bin/sh\nexit 0\n")
    os.chmod(full, 0o755)


def probed(p, profile, paths, variables=()):
    p.write(os.path.join(p.work, "asked.json"), json.dumps({"paths": paths, "variables": list(variables)}))
    out = p.nono("run", "--silent", "--no-capability-elevation", "--profile", profile, "--allow-cwd", "--",
                 "/usr/bin/python3", "-c", PROBE, timeout=60)
    assert os.path.exists(os.path.join(p.work, "made")), "the project is not open"
    return json.loads(out)


def nothing_of_others(p, profile, variables=(), opens=()):
    """All kinds of what is nobody's or another agent's, closed; the answers about what is open."""
    kinds = dict(KINDS, agents=[path for other, (state, logins, _) in AGENTS.items() if other != profile
                                for path in [state] + logins])
    for paths in kinds.values():
        for path in paths:
            make(p, path)
    out = probed(p, profile, [x for paths in kinds.values() for x in paths] + list(opens), variables)
    for kind, paths in kinds.items():
        for path in paths:
            assert out["paths"][path] == "", (profile, kind, path, out["paths"][path])
            assert open(os.path.join(p.home, path)).read() == "secret\n", (profile, path)
    return out


def agent_case(profile):
    state, logins, settings = AGENTS[profile]

    def case(p):
        for path in [state] + logins + settings:
            make(p, path)
        said = nothing_of_others(p, profile, opens=[state] + logins + settings)["paths"]
        assert set(said[state]) >= set("rwtn"), (state, said[state])
        for path in logins:
            assert "r" in said[path], (path, said[path])
        for path in settings:
            assert "r" in said[path] and "w" not in said[path] and "t" not in said[path], (path, said[path])
    case.__name__ = "profile_" + profile.replace("-", "_")
    return case


def dev_case(profile):
    tool, fetched, variable = DEV[profile]

    def case(p):
        program(p, tool)
        make(p, fetched)
        out = nothing_of_others(p, profile, [variable], [tool, fetched])
        assert out["paths"][tool] == "rx", out["paths"][tool]
        assert out["paths"][fetched] == "r", out["paths"][fetched]
        assert out["variables"] == {variable: True}, out
    case.__name__ = "profile_" + profile.replace("-", "_")
    return case


EACH = [agent_case(x) for x in AGENTS] + [dev_case(x) for x in DEV]
assert len(EACH) == 14

nonolib.main(EACH + [closed_to_all, agents_apart, tried, tried_by_tools, wide_grants, groups_of_the_reference, sockets, tmp_variables], timeout=240)
