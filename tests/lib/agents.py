"""Where the real agents are, and what each needs to start without questions.

They come from the npm registry, into NONO_TEST_AGENTS (default ~/.cache/nono-test-agents), by
`tests/install-agents.sh`; where they can't be had the tests that need them are skipped.
"""
import json
import os

DIR = os.environ.get("NONO_TEST_AGENTS", os.path.expanduser("~/.cache/nono-test-agents"))
KEY = "sk-ant-test-0000000000000000000000000000001"


def binary(name):
    path = os.path.join(DIR, name, "node_modules", ".bin", name)
    return path if os.path.exists(path) else None


def seed(name, home, project, port=None):
    """Writes the agent's configuration below home; returns the environment it wants."""
    def put(path, content):
        path = os.path.join(home, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(content if isinstance(content, str) else json.dumps(content))

    url = "http://127.0.0.1:%d" % (port or 9)
    if name == "claude":
        put(".claude.json", {
            "hasCompletedOnboarding": True, "theme": "dark", "numStartups": 3,
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {project: {"hasTrustDialogAccepted": True,
                                   "hasCompletedProjectOnboarding": True}}})
        put(".claude/settings.json", {"skipDangerousModePermissionPrompt": True})
        return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url, "IS_SANDBOX": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
                "CLAUDE_CODE_MAX_RETRIES": "1", "NO_PROXY": "127.0.0.1,localhost"}
    if name == "opencode":
        return {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": url + "/v1",
                "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_LSP_DOWNLOAD": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1"}
    if name == "codex":
        put(".codex/config.toml",
            'model_provider = "mock"\nmodel = "mock"\ncheck_for_update_on_startup = false\n'
            'sandbox_mode = "danger-full-access"\napproval_policy = "never"\n'
            '[model_providers.mock]\nname = "mock"\nbase_url = "%s/v1"\n'
            'env_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
            '[features]\ndaemon_auto_start = false\nplugins = false\napps = false\n'
            '[projects."%s"]\ntrust_level = "trusted"\n' % (url, project))
        return {"OPENAI_API_KEY": "sk-test"}
    if name == "gemini":
        put(".gemini/settings.json", {
            "security": {"auth": {"selectedType": "gemini-api-key"},
                         "folderTrust": {"enabled": False}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"enableAutoUpdate": False}, "telemetry": {"enabled": False}})
        return {"GEMINI_API_KEY": "test", "GOOGLE_GEMINI_BASE_URL": url}
    raise ValueError(name)


PROFILE = {"claude": "claude-code", "opencode": "opencode", "codex": "codex", "gemini": "gemini"}
# Something on the first screen by which a person knows that the agent is there.
READY = {"claude": "Claude Code", "opencode": "Ask anything", "codex": "YOLO mode",
         "gemini": "Gemini"}
