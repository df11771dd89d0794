/* Credentials of tools as a run has them: places, variables, routes; and who may see them. */
#include "policy/commands/decode.h"
#include "policy/network/lists.h"
#include "policy/resolve.h"

/* "$NAME" as a whole is what the variable says; NULL: it is not set. */
static char *path_of(const struct resolver *r, const struct command_credential *c)
{
	const char *value;
	bool unset;

	if (c->path[0] == '$' && variable_name_ok(c->path + 1) && !str_eq(c->path, "$HOME") &&
	    !str_eq(c->path, "$WORKDIR")) {
		value = getenv(c->path + 1);
		return value && value[0] == '/' ? xstrdup(value) : NULL;
	}
	return expand_path(r, c->path, "a credential", &unset);
}

static void add_pair(char ***list, const char *name, const char *value)
{
	size_t n = strv_count(*list);

	*list = xrealloc_array(*list, n + 2, sizeof(**list));
	(*list)[n] = xasprintf("%s=%s", name, value);
	(*list)[n + 1] = NULL;
}

static int apply_path(struct resolver *r, const struct policy_input *in,
		      const struct command_credential *c)
{
	_cleanup_free_ char *path = path_of(r, c);

	if (!path)
		return r->err->msg[0] ? -1 : 0; /* command_edge.why_none */
	if (c->type == CREDENTIAL_SOCKET ? socket_grant(r, path) < 0
					 : box_grant_file(r, in->tool_for, path) < 0)
		return -1;
	if (c->env_var)
		add_pair(&r->p->env_set, c->env_var, path);
	return 0;
}

static void apply_ambient(struct policy *p, const struct command_credential *c)
{
	_cleanup_free_ char *own = xasprintf("env://%s", c->env_var);

	add_pair(&p->env_credentials, c->env_var, c->key ? c->key : own);
}

int tool_credentials_apply(struct resolver *r, const struct policy_input *in)
{
	const struct command_box *b = in->tool;

	for (size_t i = 0; i < b->n_uses; i++) {
		const struct command_credential *c =
		    credential_find(in->tool_for->commands, b->uses[i].name);

		if (c->type == CREDENTIAL_AMBIENT)
			apply_ambient(r->p, c);
		else if (c->type != CREDENTIAL_PROXY && apply_path(r, in, c) < 0)
			return -1;
	}
	return 0;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* A program that prints the secret: cmd://NAME. */
static char *add_capture(struct policy_network *n, const struct command_credential *c)
{
	struct policy_capture *k;

	n->captures = xrealloc_array(n->captures, n->n_captures + 1, sizeof(*n->captures));
	k = &n->captures[n->n_captures++];
	*k = (struct policy_capture){.name = xstrdup(c->name),
				     .command = xcalloc(c->command.n + 1, sizeof(char *)),
				     .timeout_s = 30,
				     .ttl_s = 900};
	for (size_t i = 0; i < c->command.n; i++)
		k->command[i] = xstrdup(c->command.v[i]);
	return xasprintf("cmd://%s", c->name);
}

/* Of requests that no rule is for, as a rule. */
static void add_for_all(struct policy_endpoints *l)
{
	struct policy_endpoint *e;

	network_add_rule(l, l->otherwise, "*", "/**");
	e = &l->v[l->n - 1];
	e->backend = copy(l->otherwise_backend);
	e->timeout_s = l->otherwise_timeout_s;
}

static int add_route(struct policy_network *n, const struct command_credential *c,
		     const struct command_use *u, struct err *err)
{
	struct policy_route *r;

	n->routes.v = xrealloc_array(n->routes.v, n->routes.n + 1, sizeof(*n->routes.v));
	r = &n->routes.v[n->routes.n++];
	*r = (struct policy_route){
	    .name = xstrdup(c->name),
	    .source = xstrdup("command policy"),
	    .upstream = copy(c->upstream),
	    .key = c->command.n ? add_capture(n, c) : copy(c->key),
	    .env_var = copy(c->env_var),
	    .base_url_var = copy(c->base_url_var),
	    .inject = {.header = copy(c->header), .format = copy(c->format)},
	    .phantom = {.header = copy(c->header), .format = copy(c->format)},
	    .tls_ca = copy(c->tls_ca),
	    .tls_cert = copy(c->tls_cert),
	    .tls_key = copy(c->tls_key),
	};
	r->endpoints.otherwise = u->narrowed ? u->endpoints.otherwise : POLICY_NET_ALLOW;
	r->endpoints.otherwise_backend = copy(u->endpoints.otherwise_backend);
	r->endpoints.otherwise_timeout_s = u->endpoints.otherwise_timeout_s;
	for (size_t i = 0; i < u->endpoints.n; i++) {
		const struct policy_endpoint *from = &u->endpoints.v[i];
		struct policy_endpoint *to;

		network_add_rule(&r->endpoints, from->action, from->method, from->path);
		to = &r->endpoints.v[r->endpoints.n - 1];
		to->reason = copy(from->reason);
		to->backend = copy(from->backend);
		to->timeout_s = from->timeout_s;
	}
	/* No rule at all would allow everything. */
	if (u->narrowed && !u->endpoints.n && r->endpoints.otherwise != POLICY_NET_ALLOW)
		add_for_all(&r->endpoints);
	if (network_complete_route(r, err) < 0)
		return err_prefix(err, "command_policies.credentials.%s", c->name);
	return 0;
}

int tool_credentials_network(struct policy_network *n, const struct policy_input *in,
			     struct err *err)
{
	const struct command_box *b = in->tool;

	for (size_t i = 0; i < b->n_uses; i++) {
		const struct command_credential *c =
		    credential_find(in->tool_for->commands, b->uses[i].name);

		if (c->type == CREDENTIAL_PROXY && add_route(n, c, &b->uses[i], err) < 0)
			return -1;
	}
	return 0;
}

bool box_has_routes(const struct command_policies *all, const struct command_box *b)
{
	for (size_t i = 0; i < b->n_uses; i++)
		if (credential_find(all, b->uses[i].name)->type == CREDENTIAL_PROXY)
			return true;
	return false;
}

int tool_credentials_check(const struct command_policies *all, const struct policy_command *c,
			   struct command_edge *e, struct err *err)
{
	for (size_t i = 0; i < e->box.n_uses; i++) {
		const struct command_credential *k = credential_find(all, e->box.uses[i].name);

		if (!k)
			return err_set(err,
				       "%s:%u:%u: command %s uses %.64s, which is no "
				       "credential here",
				       c->label, c->line, c->column, c->name, e->box.uses[i].name);
		if (e->why_none)
			continue;
		if (k->type == CREDENTIAL_FILE && !str_eq(e->caller, COMMAND_SESSION) &&
		    !e->box.raw_files_chained)
			e->why_none = xasprintf(
			    "the file of the credential %s is for calls from the session alone "
			    "(allow_raw_file_credentials_in_chained_policy)",
			    k->name);
		else if (k->path && k->path[0] == '$' && variable_name_ok(k->path + 1) &&
			 !getenv(k->path + 1))
			e->why_none = xasprintf("the credential %s is not there: %s is not set",
						k->name, k->path + 1);
		else if (k->type == CREDENTIAL_AMBIENT && !k->key && !getenv(k->env_var))
			e->why_none = xasprintf("the credential %s is not there: %s is not set",
						k->name, k->env_var);
	}
	return 0;
}

static void hide(struct policy *p, const char *name)
{
	size_t n = strv_count(p->env_deny);

	p->env_deny = xrealloc_array(p->env_deny, n + 2, sizeof(*p->env_deny));
	p->env_deny[n] = xstrdup(name);
	p->env_deny[n + 1] = NULL;
}

void tool_credentials_hide(struct policy *p)
{
	for (size_t i = 0; i < p->commands->n_credentials; i++) {
		const struct command_credential *c = &p->commands->credentials[i];

		if (c->type == CREDENTIAL_AMBIENT)
			hide(p, c->env_var);
		if (c->key && str_starts(c->key, "env://"))
			hide(p, c->key + strlen("env://"));
	}
}
