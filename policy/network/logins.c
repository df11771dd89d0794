/* Logins of agents by OAuth that are part of nono: where tokens come from and where they are used.
 */
#include "policy/network/network.h"
#include "policy/policy.h"

static const struct {
	const char *name, *token_url;
	const char *hosts[6]; /* NULL-terminated */
} logins[] = {
    {"claude", "https://console.anthropic.com/v1/oauth/token", {"api.anthropic.com"}},
    {"claude", "https://platform.claude.com/v1/oauth/token", {"api.anthropic.com"}},
    {"codex",
     "https://auth.openai.com/oauth/token",
     {"api.openai.com", "chatgpt.com", "*.chatgpt.com"}},
    {"gemini",
     "https://oauth2.googleapis.com/token",
     {"cloudcode-pa.googleapis.com", "generativelanguage.googleapis.com", "www.googleapis.com"}},
    {"github",
     "https://github.com/login/oauth/access_token",
     {"api.github.com", "*.githubcopilot.com", "github.com"}},
};

size_t policy_builtin_logins(const char *name, struct policy_login **v, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_LEN(logins); i++) {
		struct policy_login *to;
		size_t hosts = 0;

		if (!str_eq(logins[i].name, name))
			continue;
		*v = xrealloc_array(*v, n + found + 1, sizeof(**v));
		to = &(*v)[n + found++];
		*to = (struct policy_login){
		    .name = xstrdup(name),
		    .token_url = xstrdup(logins[i].token_url),
		    .hosts = xcalloc(ARRAY_LEN(logins[i].hosts) + 1, sizeof(char *))};
		for (; logins[i].hosts[hosts]; hosts++)
			to->hosts[hosts] = xstrdup(logins[i].hosts[hosts]);
	}
	return found;
}

void policy_login_free(struct policy_login *l)
{
	free(l->name);
	free(l->token_url);
	strv_free(l->hosts);
	*l = (struct policy_login){0};
}
