"""Where the real agents are, and what each needs to start without questions.

They come from the registries of npm and Python, into NONO_TEST_AGENTS (default ~/.cache/nono-test-agents), by
`tests/install-agents.sh`; where they can't be had the tests that need them are skipped.
"""
import glob
import json
import os
import shutil

DIR = os.environ.get("NONO_TEST_AGENTS", os.path.expanduser("~/.cache/nono-test-agents"))
KEY = "sk-ant-test-0000000000000000000000000000001"


def binary(name):
    for path in (os.path.join(DIR, name, "node_modules", ".bin", name), os.path.join(DIR, name, "bin", name)):
        if os.path.exists(path):
            return path
    return shutil.which(name)


def with_node(name):
    """PATH with the Node that was installed beside an agent, where it needs another one."""
    return os.path.join(DIR, name, "node_modules", ".bin") + ":" + os.environ["PATH"]


def tokenizers(name):
    """Vocabularies that come with a library, and would be fetched otherwise."""
    return (glob.glob(os.path.join(DIR, name, "lib/python3*/site-packages/litellm/litellm_core_utils/tokenizers")) or [""])[0]


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
    if name == "qwen":
        put(".qwen/settings.json", {
            "security": {"auth": {"selectedType": "openai"}},
            "privacy": {"usageStatisticsEnabled": False},
            "general": {"enableAutoUpdate": False}, "telemetry": {"enabled": False}})
        return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url + "/v1", "OPENAI_MODEL": "mock",
                "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1", "PATH": with_node("qwen")}
    if name == "crush":
        put(".config/crush/crush.json", {
            "providers": {"mock": {"type": "openai-compat", "base_url": url + "/v1", "api_key": KEY,
                                   "models": [{"id": "mock", "name": "Mock", "context_window": 100000,
                                               "default_max_tokens": 1000}]}},
            "models": {"large": {"provider": "mock", "model": "mock"}, "small": {"provider": "mock", "model": "mock"}},
            "options": {"disable_metrics": True, "disable_provider_auto_update": True}})
        put("project/AGENTS.md", "Made for the test.\n")  # else it asks to make one
        return {"CRUSH_DISABLE_DEFAULT_PROVIDERS": "1"}
    if name == "openclaw":
        put(".openclaw/openclaw.json", {
            "models": {"mode": "replace", "providers": {"mock": {
                "baseUrl": url + "/v1", "apiKey": KEY, "api": "openai-completions",
                "models": [{"id": "mock", "name": "Mock", "contextWindow": 100000, "maxTokens": 1000}]}}},
            "agents": {"defaults": {"model": {"primary": "mock/mock"}, "skipBootstrap": True}}})
        return {"PATH": with_node("openclaw")}
    if name == "swival":
        put(".config/swival/config.toml", 'provider = "generic"\nbase_url = "%s/v1"\nmodel = "mock"\napi_key = "%s"\n'
            'max_context_tokens = 100000\n' % (url, KEY))
        return {"TIKTOKEN_CACHE_DIR": tokenizers("swival")}
    if name == "aider":
        put(".aider.conf.yml", "openai-api-base: %s/v1\nopenai-api-key: %s\nmodel: openai/mock\nedit-format: diff\n"
            "check-update: false\nanalytics-disable: true\nshow-model-warnings: false\nshow-release-notes: false\nyes-always: true\n" % (url, KEY))
        return {}
    raise ValueError(name)


PROFILE = {"claude": "claude-code", "opencode": "opencode", "codex": "codex", "gemini": "gemini", "qwen": "qwen",
           "crush": "crush", "openclaw": "openclaw", "swival": "swival", "aider": "aider"}
# Something on the first screen by which a person knows that the agent is there.
READY = {"claude": "Claude Code", "opencode": "Ask anything", "codex": "YOLO mode",
         "gemini": "Gemini", "qwen": "Type your message", "crush": "ctrl+p commands", "openclaw": "local ready",
         "swival": "Ask anything", "aider": "diff>"}
# Lines of the first screen that may differ: one draws its name with another wide letter each time; the other
# tells about its own first write to what is protected here.
VARIES = {"crush": 5, "qwen": 7}
# So that they work without asking.
ARGS = {"qwen": ["--auth-type", "openai", "-y"], "crush": ["--yolo"], "openclaw": ["chat"], "swival": ["--yolo", "--repl"],
        "aider": ["--no-git"]}
