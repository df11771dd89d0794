/* Lists of hosts by name. What changes with the user's own settings is read there
 * (network/registries.c). */
#include "policy/network/lists.h"

struct group {
	const char *name;
	const char *const *hosts;
};

static const char *const llm_apis[] = {
    "api.anthropic.com",
    "api.openai.com",
    "generativelanguage.googleapis.com",
    "cloudcode-pa.googleapis.com",
    "openrouter.ai",
    "api.mistral.ai",
    "api.groq.com",
    "api.deepseek.com",
    "api.x.ai",
    "api.together.xyz",
    "api.fireworks.ai",
    "api.cohere.com",
    "api.perplexity.ai",
    "api.cerebras.ai",
    "dashscope.aliyuncs.com",
    "dashscope-intl.aliyuncs.com",
    "models.dev",
    NULL,
};
/* Where agents log in. */
static const char *const agent_logins[] = {
    "claude.ai",
    "console.anthropic.com",
    "platform.claude.com",
    "auth.openai.com",
    "chatgpt.com",
    "accounts.google.com",
    "oauth2.googleapis.com",
    "chat.qwen.ai",
    "opencode.ai",
    NULL,
};
static const char *const github[] = {
    "github.com",
    "api.github.com",
    "codeload.github.com",
    "uploads.github.com",
    "gist.github.com",
    "ghcr.io",
    "*.githubusercontent.com",
    "github-cloud.s3.amazonaws.com",
    NULL,
};
static const char *const gitlab[] = {"gitlab.com", "registry.gitlab.com", "*.gitlab-static.net",
				     NULL};
static const char *const sigstore[] = {"fulcio.sigstore.dev", "rekor.sigstore.dev",
				       "oauth2.sigstore.dev", "tuf-repo-cdn.sigstore.dev", NULL};
static const char *const documentation[] = {
    "docs.python.org",
    "developer.mozilla.org",
    "nodejs.org",
    "docs.rs",
    "doc.rust-lang.org",
    "pkg.go.dev",
    "go.dev",
    "man7.org",
    NULL,
};
static const char *const google_cloud[] = {"*.googleapis.com", NULL};
static const char *const azure[] = {"*.openai.azure.com", "*.services.ai.azure.com", NULL};
/* Regions stand in the middle of their names, where no pattern reaches. */
static const char *const aws_bedrock[] = {"*.amazonaws.com", "*.api.aws", NULL};

static const struct group groups[] = {
    {"llm_apis", llm_apis},
    {"agent_logins", agent_logins},
    {"package_registries", NULL},
    {"github", github},
    {"gitlab", gitlab},
    {"sigstore", sigstore},
    {"documentation", documentation},
    {"google_cloud", google_cloud},
    {"azure", azure},
    {"aws_bedrock", aws_bedrock},
};

static const char *const minimal[] = {"llm_apis", NULL};
static const char *const developer[] = {"llm_apis", "package_registries", "github", "gitlab",
					"sigstore", "documentation",	  NULL};
static const char *const agent[] = {"llm_apis", "agent_logins", "package_registries", "github",
				    "gitlab",	"sigstore",	"documentation",      NULL};
static const char *const enterprise[] = {
    "llm_apis", "agent_logins",	 "package_registries", "github", "gitlab",
    "sigstore", "documentation", "google_cloud",       "azure",	 "aws_bedrock",
    NULL};

static const struct {
	const char *name;
	const char *const *groups;
} profiles[] = {
    {"minimal", minimal}, {"developer", developer}, {"claude-code", agent},
    {"codex", agent},	  {"opencode", agent},	    {"gemini", agent},
    {"qwen", agent},	  {"crush", agent},	    {"openclaw", agent},
    {"swival", agent},	  {"aider", agent},	    {"enterprise", enterprise},
};

const char *network_profile_name(size_t i)
{
	return i < ARRAY_LEN(profiles) ? profiles[i].name : NULL;
}

static void take_group(const char *name, const char *home, network_host_fn *add, void *data)
{
	char source[64];

	snprintf(source, sizeof(source), "group:%s", name);
	if (strcmp(name, "package_registries") == 0) {
		network_registries(home, add, data, source);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		for (const char *const *h = groups[i].hosts;
		     h && *h && strcmp(groups[i].name, name) == 0; h++)
			add(data, *h, source);
}

bool network_profile_hosts(const char *name, const char *home, network_host_fn *add, void *data)
{
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		if (strcmp(profiles[i].name, name) != 0)
			continue;
		for (const char *const *g = profiles[i].groups; *g; g++)
			take_group(*g, home, add, data);
		return true;
	}
	return false;
}
