/* Password managers, by their own commands. */
#include "network/credentials/internal.h"

#define COMMAND_TIMEOUT_S 30
#define COMMAND_TTL_S	  900

/* What each is called with; "{}" words are filled in. */
struct manager {
	const char *program, *where; /* to be had from */
};
static const struct manager managers[CREDENTIAL_KINDS] = {
    [CREDENTIAL_OP] = {"op", "the command-line tool of 1Password"},
    [CREDENTIAL_BW] = {"bw", "the command-line tool of Bitwarden"},
    [CREDENTIAL_VAULT] = {"vault", "the command-line tool of Vault"},
};

/* "ID" or "ID/FIELD": password, username, totp, notes are bw's own words. */
static void bw_words(const char *rest, char **field, char **id)
{
	static const char *const known[] = {"password", "username", "totp", "notes", "uri"};
	const char *slash = strrchr(rest, '/');

	for (size_t i = 0; slash && i < ARRAY_LEN(known); i++)
		if (str_eq(slash + 1, known[i])) {
			*field = xstrdup(known[i]);
			*id = xstrndup(rest, (size_t)(slash - rest));
			return;
		}
	*field = xstrdup("password");
	*id = xstrdup(rest);
}

int credential_from_command(const struct credential_reference *r, struct credential_context *c,
			    struct secret *out, struct err *err)
{
	const struct manager *m = &managers[r->kind];
	_cleanup_free_ char *a = NULL, *b = NULL;
	char what[400], *argv[8] = {(char *)m->program};
	int status;

	c->ttl_s = COMMAND_TTL_S;
	snprintf(what, sizeof(what), "credential %.300s", r->text);
	if (r->kind == CREDENTIAL_OP) {
		argv[1] = (char *)"read";
		argv[2] = (char *)"--no-newline";
		argv[3] = (char *)r->text;
	} else if (r->kind == CREDENTIAL_BW) {
		bw_words(r->rest, &a, &b);
		argv[1] = (char *)"get";
		argv[2] = a;
		argv[3] = b;
	} else {
		const char *hash = strrchr(r->rest, '#');

		a = xasprintf("-field=%s", hash + 1);
		b = xstrndup(r->rest, (size_t)(hash - r->rest));
		argv[1] = (char *)"kv";
		argv[2] = (char *)"get";
		argv[3] = a;
		argv[4] = b;
	}
	if (credential_run(&(struct credential_run){.argv = argv,
						    .timeout_s = COMMAND_TIMEOUT_S,
						    .what = what},
			   out, &status, err) < 0)
		return -1;
	if (status == 127)
		return err_set(err, "%s: that takes '%s' (%s), which is not installed", what,
			       m->program, m->where);
	if (status)
		return err_set(err, "%s: '%s' ended with code %d (is it signed in?)", what,
			       m->program, status);
	return 0;
}
