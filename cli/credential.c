/* nono credential: keeps, lists, tries and removes secrets. Their values are never shown, and never
 * arguments. */
#include <termios.h>

#include "cli/cli.h"
#include "network/credentials/credentials.h"
#include "policy/network/network.h"

struct credential_options {
	bool json, force;
};
#define AT(member) .offset = offsetof(struct credential_options, member)

static const struct option_row add_rows[] = {
    {.name = "force", .letter = 'f', AT(force), .help = "Replace what is there"},
    {0},
};
static const struct option_row json_rows[] = {
    {.name = "json", AT(json), .help = "As JSON"},
    {0},
};

/* ---- add ---------------------------------------------------------------------------------------
 */

/* One line of the terminal, not shown. Signals' keys are plain bytes meanwhile, so that the
 * terminal is always put back. */
static int ask_hidden(const char *reference, struct secret *out, struct err *err)
{
	struct termios saved, hidden;
	ssize_t n;
	char c;

	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return err_errno(err, errno, "the terminal can't be used");
	hidden = saved;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	fprintf(stderr, "Secret for %s (not shown): ", show(reference).s);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && c != '\r' && c != 3 && c != 4) {
		if (c == 0x7f || c == '\b')
			out->len -= out->len > 0;
		else if (out->len < SECRET_MAX)
			out->data[out->len++] = c;
	}
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	fputc('\n', stderr);
	out->data[out->len] = '\0';
	return n == 1 && c != 3 ? 0 : err_set(err, "cancelled");
}

static int read_secret(const char *reference, struct secret *out, struct err *err)
{
	ssize_t n;

	if (secret_reserve(out, SECRET_MAX + 1, err) < 0)
		return -1;
	if (isatty(STDIN_FILENO)) {
		if (ask_hidden(reference, out, err) < 0)
			return -1;
	} else {
		n = read_full(STDIN_FILENO, out->data, SECRET_MAX + 1);
		if (n < 0)
			return err_errno(err, errno, "standard input");
		out->len = (size_t)n;
		out->data[n] = '\0';
	}
	while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
		out->data[--out->len] = '\0';
	if (!out->len)
		return err_set(err, "no secret: it is read from standard input, or asked for on a "
				    "terminal");
	if (out->len > SECRET_MAX || memchr(out->data, '\0', out->len))
		return err_set(err, "a secret is at most %d bytes without NUL", SECRET_MAX);
	return 0;
}

static int add(struct cli *cli, struct err *err)
{
	const struct credential_options *o = cli->options;
	_cleanup_(secret_free) struct secret s = {0};

	if (credential_reference_check(cli->args[0], err) < 0 ||
	    read_secret(cli->args[0], &s, err) < 0 ||
	    credential_store(cli->args[0], &s, o->force, err) < 0)
		return -1;
	cli_say(cli, "kept as %s", show(cli->args[0]).s);
	return 0;
}

/* ---- list --------------------------------------------------------------------------------------
 */

struct row {
	char *reference;
	char **routes;
	size_t n_routes;
	enum credential_state state;
};
struct table {
	struct row *v;
	size_t n;
};
static const char *const state_names[] = {"missing", "set", "unknown"};

static struct row *row_for(struct table *t, const char *reference)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].reference, reference))
			return &t->v[i];
	t->v = xrealloc_array(t->v, t->n + 1, sizeof(*t->v));
	t->v[t->n] = (struct row){.reference = xstrdup(reference)};
	return &t->v[t->n++];
}

static void collect(struct table *t, char *const *accounts)
{
	const char *name;

	for (size_t i = 0; (name = policy_builtin_route_name(i)); i++) {
		struct policy_route route;
		struct row *r;

		if (!policy_builtin_route(name, &route))
			continue;
		r = row_for(t, route.key);
		r->routes = xrealloc_array(r->routes, r->n_routes + 1, sizeof(*r->routes));
		r->routes[r->n_routes++] = xstrdup(name);
		policy_route_free(&route);
	}
	for (; accounts && *accounts; accounts++)
		row_for(t, *accounts)->state = CREDENTIAL_SET;
}

static void free_table(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k < t->v[i].n_routes; k++)
			free(t->v[i].routes[k]);
		free(t->v[i].routes);
		free(t->v[i].reference);
	}
	free(t->v);
}

static cJSON *table_json(const struct table *t)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < t->n; i++) {
		const struct row *r = &t->v[i];
		cJSON *o = cJSON_CreateObject(), *routes;

		cJSON_AddStringToObject(o, "reference", r->reference);
		routes = cJSON_AddArrayToObject(o, "routes");
		for (size_t k = 0; k < r->n_routes; k++)
			cJSON_AddItemToArray(routes, cJSON_CreateString(r->routes[k]));
		cJSON_AddStringToObject(o, "state", state_names[r->state]);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static void print_table(const struct table *t)
{
	printf("%-32s %-8s %s\n", "CREDENTIAL", "STATE", "ROUTES");
	for (size_t i = 0; i < t->n; i++) {
		const struct row *r = &t->v[i];

		print_text(r->reference, 32);
		printf(" %-8s", state_names[r->state]);
		for (size_t k = 0; k < r->n_routes; k++)
			printf("%s%s", k ? ", " : " ", r->routes[k]);
		putchar('\n');
	}
}

static int list(struct cli *cli, struct err *err)
{
	const struct credential_options *o = cli->options;
	struct table t = {0};
	struct err none = {0};
	char **accounts = NULL;

	(void)err;
	if (credential_accounts(&accounts, &none) < 0)
		cli_say(cli, "%s", none.msg);
	collect(&t, accounts);
	for (size_t i = 0; i < t.n; i++)
		t.v[i].state = credential_state(t.v[i].reference, accounts);
	if (o->json) {
		cJSON *v = table_json(&t);

		print_json(v);
		cJSON_Delete(v);
	} else {
		print_table(&t);
	}
	strv_free(accounts);
	free_table(&t);
	return 0;
}

/* ---- test, remove ------------------------------------------------------------------------------
 */

/* "anthropic" is a route and, with a keyring, might be an account: routes first. */
static char *reference_of(const char *word)
{
	struct policy_route route;
	char *reference;

	if (!policy_builtin_route(word, &route))
		return xstrdup(word);
	reference = xstrdup(route.key);
	policy_route_free(&route);
	return reference;
}

static int test(struct cli *cli, struct err *err)
{
	const struct credential_options *o = cli->options;
	_cleanup_free_ char *reference = reference_of(cli->args[0]);
	_cleanup_(secret_free) struct secret s = {0};
	char print[9];
	cJSON *v;

	if (credential_load(reference, NULL, NULL, &s, NULL, NULL, err) < 0)
		return -1;
	credential_fingerprint(&s, print);
	if (!o->json) {
		printf("%s: %zu bytes, SHA-256 begins with %s\n", show(reference).s, s.len, print);
		return 0;
	}
	v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "reference", reference);
	cJSON_AddNumberToObject(v, "bytes", (double)s.len);
	cJSON_AddStringToObject(v, "sha256_prefix", print);
	print_json(v);
	cJSON_Delete(v);
	return 0;
}

static int remove_one(struct cli *cli, struct err *err)
{
	if (credential_remove(cli->args[0], err) < 0)
		return -1;
	cli_say(cli, "removed %s", show(cli->args[0]).s);
	return 0;
}

/* ---- the commands ------------------------------------------------------------------------------
 */

static const struct command command_add = {
    .name = "credential add",
    .group = GROUP_RUN,
    .usage = "REFERENCE [--force]",
    .summary = "Keep a secret, read from standard input or asked for",
    .details = "REFERENCE is an account of the keyring (openai), keyring://SERVICE/ACCOUNT,\n"
	       "file:///PATH (mode 0600) or kernel://NAME (until the machine restarts).\n",
    .rows = add_rows,
    .size = sizeof(struct credential_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "what it is to be called",
    .run = add,
};
static const struct command command_list = {
    .name = "credential list",
    .alias = "ls",
    .group = GROUP_RUN,
    .usage = "[--json]",
    .summary = "What is kept, and what the built-in routes want; no values",
    .rows = json_rows,
    .size = sizeof(struct credential_options),
    .run = list,
};
static const struct command command_test = {
    .name = "credential test",
    .group = GROUP_RUN,
    .usage = "ROUTE|REFERENCE [--json]",
    .summary = "Get a secret from its source; says its length, not its value",
    .rows = json_rows,
    .size = sizeof(struct credential_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "which one",
    .run = test,
};
static const struct command command_remove = {
    .name = "credential remove",
    .alias = "rm",
    .group = GROUP_RUN,
    .usage = "REFERENCE",
    .summary = "Forget a secret",
    .size = sizeof(struct credential_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "which one",
    .run = remove_one,
};
static const struct command *const subs[] = {&command_add, &command_list, &command_test,
					     &command_remove, NULL};

const struct command command_credential = {
    .name = "credential",
    .group = GROUP_RUN,
    .usage = "add|list|test|remove ...",
    .summary = "Secrets for credential routes: keep, list, try and remove them",
    .subs = subs,
};
