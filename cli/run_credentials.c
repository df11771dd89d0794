/* --env-credential and --env-credential-map. */
#include "cli/run_options.h"
#include "network/credentials/credentials.h"

static void add(char ***v, size_t *n, const char *variable, const char *reference)
{
	*v = xrealloc_array(*v, *n + 2, sizeof(**v));
	(*v)[(*n)++] = xasprintf("%s=%s", variable, reference);
	(*v)[*n] = NULL;
}

/* "account", "account=VARIABLE", "scheme://...=VARIABLE" */
static int add_word(char ***v, size_t *n, const char *word, struct err *err)
{
	const char *eq = strrchr(word, '=');
	_cleanup_free_ char *reference = eq ? xstrndup(word, (size_t)(eq - word)) : xstrdup(word);
	_cleanup_free_ char *variable = eq ? xstrdup(eq + 1) : credential_variable(word);

	if (!variable)
		return err_usage(err,
				 "--env-credential '%.100s': say which variable it goes to "
				 "(REFERENCE=VARIABLE, or --env-credential-map)",
				 word);
	add(v, n, variable, reference);
	return 0;
}

int run_credentials(const struct run_options *o, char ***out, struct err *err)
{
	const struct strings *map = &o->env_credential_map;
	char **v = NULL;
	size_t n = 0;

	for (size_t i = 0; i < o->env_credential.n; i++) {
		_cleanup_free_ char *copy = xstrdup(o->env_credential.v[i]);
		char *save = NULL;

		for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
			if (add_word(&v, &n, w, err) < 0) {
				strv_free(v);
				return -1;
			}
	}
	for (size_t i = 0; i + 1 < map->n; i += 2)
		add(&v, &n, map->v[i + 1], map->v[i]);
	*out = v;
	return 0;
}
