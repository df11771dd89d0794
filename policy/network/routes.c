/* The credential routes that are part of nono. */
#include "policy/network/network.h"

static const struct {
	const char *name, *upstream, *key, *header, *format, *env_var, *base_url_var;
} routes[] = {
    {"openai", "https://api.openai.com/v1", "openai", "Authorization", "Bearer {}",
     "OPENAI_API_KEY", "OPENAI_BASE_URL"},
    {"anthropic", "https://api.anthropic.com", "env://ANTHROPIC_API_KEY", "x-api-key", "{}",
     "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"},
    {"gemini", "https://generativelanguage.googleapis.com", "gemini", "x-goog-api-key", "{}",
     "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"},
    {"google-ai", "https://generativelanguage.googleapis.com", "google_ai", "x-goog-api-key", "{}",
     "GOOGLE_API_KEY", "GOOGLE_AI_BASE_URL"},
    {"github", "https://api.github.com", "env://GITHUB_TOKEN", "Authorization", "token {}",
     "GITHUB_TOKEN", "GITHUB_BASE_URL"},
    {"gitlab", "https://gitlab.com", "env://GITLAB_TOKEN", "Authorization", "Bearer {}",
     "GITLAB_TOKEN", "GITLAB_BASE_URL"},
};

bool policy_builtin_route(const char *name, struct policy_route *out)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!str_eq(routes[i].name, name))
			continue;
		*out = (struct policy_route){
		    .name = xstrdup(routes[i].name),
		    .source = xstrdup("built-in"),
		    .upstream = xstrdup(routes[i].upstream),
		    .key = xstrdup(routes[i].key),
		    .inject = {.mode = POLICY_INJECT_HEADER,
			       .header = xstrdup(routes[i].header),
			       .format = xstrdup(routes[i].format)},
		    .phantom = {.mode = POLICY_INJECT_HEADER,
				.header = xstrdup(routes[i].header),
				.format = xstrdup(routes[i].format)},
		    .env_var = xstrdup(routes[i].env_var),
		    .base_url_var = xstrdup(routes[i].base_url_var),
		};
		return true;
	}
	return false;
}

const char *policy_builtin_route_name(size_t i)
{
	return i < ARRAY_LEN(routes) ? routes[i].name : NULL;
}

static void free_injection(struct policy_injection *i)
{
	free(i->header);
	free(i->format);
	free(i->path_pattern);
	free(i->path_replacement);
	free(i->query);
}

void policy_route_free(struct policy_route *r)
{
	char *const texts[] = {
	    r->name,
	    r->source,
	    r->upstream,
	    r->key,
	    r->oauth.token_url,
	    r->oauth.client_id,
	    r->oauth.client_secret,
	    r->oauth.scope,
	    r->aws.profile,
	    r->aws.region,
	    r->aws.service,
	    r->env_var,
	    r->base_url_var,
	    r->tls_ca,
	    r->tls_cert,
	    r->tls_key,
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	free_injection(&r->inject);
	free_injection(&r->phantom);
	for (size_t i = 0; i < r->endpoints.n; i++) {
		free(r->endpoints.v[i].method);
		free(r->endpoints.v[i].path);
		free(r->endpoints.v[i].reason);
		free(r->endpoints.v[i].backend);
	}
	free(r->endpoints.v);
	free(r->endpoints.otherwise_backend);
	*r = (struct policy_route){0};
}
