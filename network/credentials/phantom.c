/* Stand-ins: how they look. */
#include "network/credentials/credentials.h"

/* end: Claude Code asks about a key once, and knows it again by its last 20 characters. */
static const struct {
	const char *route, *variable, *host, *prefix, *end;
} looks[] = {
    {"openai", "OPENAI_API_KEY", "://api.openai.com", "sk-nono-", ""},
    {"anthropic", "ANTHROPIC_API_KEY", "://api.anthropic.com", "sk-ant-api03-nono-",
     "-a-stand-in-of-nono-AA"},
    {"gemini", "GEMINI_API_KEY", ".googleapis.com", "AIzaNono", ""},
    {"google-ai", "GOOGLE_API_KEY", ".googleapis.com", "AIzaNono", ""},
    {"github", "GITHUB_TOKEN", "://api.github.com", "ghp_nono", ""},
    {"gitlab", "GITLAB_TOKEN", "://gitlab.com", "glpat-nono-", ""},
};

void credential_phantom(const struct policy_route *route, char out[PHANTOM_MAX])
{
	const char *prefix = route->aws.on ? "AKIANONO" : "nono-", *end = "";
	char random[49];

	for (size_t i = 0; !route->aws.on && i < ARRAY_LEN(looks); i++)
		if (str_eq(route->name, looks[i].route) ||
		    str_eq(route->env_var, looks[i].variable) ||
		    (route->upstream && strstr(route->upstream, looks[i].host))) {
			prefix = looks[i].prefix;
			end = looks[i].end;
			break;
		}
	random_hex(random, 24);
	snprintf(out, PHANTOM_MAX, "%s%s%s", prefix, random, end);
	if (route->aws.on) /* an access key's identifier is in capitals */
		for (char *c = out; *c; c++)
			if (*c >= 'a' && *c <= 'z')
				*c = (char)(*c - 'a' + 'A');
}
