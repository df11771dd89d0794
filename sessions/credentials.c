/* Secrets that become variables. */
#include "sessions/credentials.h"

#include "network/credentials/credentials.h"
#include "sessions/sessions.h"

static int check_variable(const char *pair, size_t n, struct err *err)
{
	_cleanup_free_ char *name = xstrndup(pair, n);
	_cleanup_free_ char *upper = credential_variable(name);

	if (!upper)
		return err_usage(err, "'%.100s' is not the name of a variable", name);
	if (!policy_env_settable(name))
		return err_usage(err,
				 "the variable %s can't hold a credential: it has a meaning "
				 "for programs or for nono",
				 name);
	return 0;
}

static char *pair(const char *wanted, size_t name, const struct secret *s)
{
	char *v = xcalloc(1, name + s->len + 2);

	memcpy(v, wanted, name + 1); /* with the '=' */
	memcpy(v + name + 1, s->data, s->len);
	return v;
}

int env_credentials_load(char *const *wanted, char ***out, struct err *err)
{
	size_t n = strv_count(wanted);

	*out = xcalloc(n + 1, sizeof(**out));
	for (size_t i = 0; i < n; i++) {
		const char *eq = strchr(wanted[i], '=');
		_cleanup_(secret_free) struct secret s = {0};

		if (!eq || check_variable(wanted[i], (size_t)(eq - wanted[i]), err) < 0 ||
		    credential_load(eq + 1, NULL, NULL, &s, NULL, NULL, err) < 0) {
			env_credentials_free(STEAL_PTR(*out));
			return -1;
		}
		(*out)[i] = pair(wanted[i], (size_t)(eq - wanted[i]), &s);
	}
	return 0;
}

void env_credentials_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		explicit_bzero(v[i], strlen(v[i]));
	strv_free(v);
}
