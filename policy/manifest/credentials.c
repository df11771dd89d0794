/* The credentials of a capability manifest. Members of ours beside the format's: endpoint_policy,
 * auth, aws_auth, rate_limit, proxy (how the stand-in arrives, if not as the secret leaves),
 * base_url_env_var, tls_ca, tls_client_cert, tls_client_key. */
#include "policy/manifest/manifest.h"
#include "policy/network/lists.h"

#define NUMBER_MAX 1000000

static char *copy(const struct doc *map, const char *name)
{
	const char *s = doc_text(map, name);

	return s ? xstrdup(s) : NULL;
}

static int read_inject(struct manifest_reader *in, const struct doc *inject,
		       struct policy_injection *out)
{
	const char *mode = doc_text(inject, "mode");
	const char *known;

	if (manifest_check_map(in, inject,
			       "mode header format path_pattern path_replacement "
			       "query_param_name") < 0)
		return -1;
	for (int i = 0; mode && (known = policy_inject_name((enum policy_inject)i)); i++)
		if (str_eq(mode, known)) {
			out->mode = (enum policy_inject)i;
			mode = NULL;
		}
	if (mode)
		return manifest_bad(in, inject,
				    "\"mode\" is header, url_path, query_param or basic_auth");
	out->header = copy(inject, "header");
	out->format = copy(inject, "format");
	out->path_pattern = copy(inject, "path_pattern");
	out->path_replacement = copy(inject, "path_replacement");
	out->query = copy(inject, "query_param_name");
	return 0;
}

static int read_number(struct manifest_reader *in, const struct doc *map, const char *name,
		       unsigned *out)
{
	const struct doc *v = doc_get(map, name);

	if (!v)
		return 0;
	if (v->kind != DOC_INT || v->integer < 0 || v->integer > NUMBER_MAX)
		return manifest_bad(in, v, "must be a number, from 0 to 1,000,000");
	*out = (unsigned)v->integer;
	return 0;
}

static int read_rules(struct manifest_reader *in, const struct doc *map, const char *name,
		      enum policy_net_action action, struct policy_endpoints *out)
{
	const struct doc *l;

	if (manifest_list(in, map, name, &l) < 0)
		return -1;
	doc_each(rule, l)
	{
		const char *method = doc_text(rule, "method"), *path = doc_text(rule, "path");
		struct policy_endpoint *e;

		if (manifest_check_map(in, rule,
				       str_eq(name, "endpoint_rules")
					   ? "method path"
					   : "method path reason backend timeout_secs agreed") < 0)
			return -1;
		if (!path)
			return manifest_bad(in, rule, "needs a \"path\"");
		network_add_rule(out, action, method ? method : "*", path);
		e = &out->v[out->n - 1];
		e->reason = copy(rule, "reason");
		e->backend = copy(rule, "backend");
		e->agreed = action == POLICY_NET_ALLOW && doc_flag(rule, "agreed", false);
		if (read_number(in, rule, "timeout_secs", &e->timeout_s) < 0)
			return -1;
		out->otherwise = POLICY_NET_DENY;
	}
	return 0;
}

static const char *const decisions[] = {
    [POLICY_NET_ALLOW] = "allow", [POLICY_NET_APPROVE] = "approve", [POLICY_NET_DENY] = "deny"};

static int read_default(struct manifest_reader *in, const struct doc *at,
			struct policy_endpoints *out)
{
	const char *decision = doc_text(at, "decision");

	if (manifest_check_map(in, at, "decision backend timeout_secs") < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(decisions); i++)
		if (str_eq(decision, decisions[i])) {
			out->otherwise = (enum policy_net_action)i;
			out->otherwise_backend = copy(at, "backend");
			return read_number(in, at, "timeout_secs", &out->otherwise_timeout_s);
		}
	return manifest_bad(in, at, "\"decision\" is deny, approve or allow");
}

/* As a profile says it. */
static int read_policy(struct manifest_reader *in, const struct doc *e,
		       struct policy_endpoints *out)
{
	const struct doc *at = doc_get(e, "endpoint_policy");

	if (!at)
		return read_rules(in, e, "endpoint_rules", POLICY_NET_ALLOW, out);
	if (doc_get(e, "endpoint_rules"))
		return manifest_bad(in, at,
				    "\"endpoint_rules\" and \"endpoint_policy\" are one or "
				    "the other");
	if (manifest_check_map(in, at, "default deny approve allow") < 0 ||
	    read_rules(in, at, "deny", POLICY_NET_DENY, out) < 0 ||
	    read_rules(in, at, "approve", POLICY_NET_APPROVE, out) < 0 ||
	    read_rules(in, at, "allow", POLICY_NET_ALLOW, out) < 0)
		return -1;
	out->otherwise = POLICY_NET_DENY;
	if (doc_get(at, "default") && read_default(in, doc_get(at, "default"), out) < 0)
		return -1;
	return 0;
}

static int read_source(struct manifest_reader *in, const struct doc *e, struct policy_route *r)
{
	const struct doc *auth = doc_get(e, "auth"), *aws = doc_get(e, "aws_auth");
	const struct doc *rate = doc_get(e, "rate_limit");

	if (manifest_check_map(in, auth, "token_url client_id client_secret scope") < 0 ||
	    manifest_check_map(in, aws, "profile region service") < 0 ||
	    manifest_check_map(in, rate, "requests_per_minute burst max_delay_secs") < 0)
		return -1;
	r->oauth.token_url = copy(auth, "token_url");
	r->oauth.client_id = copy(auth, "client_id");
	r->oauth.client_secret = copy(auth, "client_secret");
	r->oauth.scope = copy(auth, "scope");
	if (auth && (!r->oauth.token_url || !r->oauth.client_id || !r->oauth.client_secret))
		return manifest_bad(in, auth,
				    "needs \"token_url\", \"client_id\" and \"client_secret\"");
	r->aws.on = aws;
	r->aws.profile = copy(aws, "profile");
	r->aws.region = copy(aws, "region");
	r->aws.service = copy(aws, "service");
	return read_number(in, rate, "requests_per_minute", &r->per_minute) < 0 ||
		       read_number(in, rate, "burst", &r->burst) < 0 ||
		       read_number(in, rate, "max_delay_secs", &r->max_delay_s) < 0
		   ? -1
		   : 0;
}

static bool taken(const struct policy_routes *l, const char *name)
{
	for (size_t i = 0; i + 1 < l->n; i++) /* the last one is it */
		if (str_eq(l->v[i].name, name))
			return true;
	return false;
}

int manifest_read_credential(struct manifest_reader *in, const struct doc *e)
{
	struct policy_routes *l = &in->r->p->network.routes;
	struct policy_route *r;
	struct err why = {0};

	if (manifest_check_map(in, e,
			       "name upstream source inject env_var endpoint_rules "
			       "endpoint_policy auth aws_auth rate_limit proxy base_url_env_var "
			       "tls_ca tls_client_cert tls_client_key") < 0)
		return -1;
	if (!doc_text(e, "name") || !doc_text(e, "upstream") ||
	    (!doc_text(e, "source") && !doc_get(e, "auth") && !doc_get(e, "aws_auth")))
		return manifest_bad(in, e, "needs \"name\", \"upstream\" and \"source\"");
	if (in->r->p->network.mode != POLICY_NET_NAMES)
		return manifest_bad(in, e, "credentials go with the network's mode proxy");
	l->v = xrealloc_array(l->v, l->n + 1, sizeof(*l->v));
	r = &l->v[l->n++];
	*r = (struct policy_route){.name = copy(e, "name"),
				   .source = xstrdup("manifest"),
				   .upstream = copy(e, "upstream"),
				   .key = copy(e, "source"),
				   .env_var = copy(e, "env_var"),
				   .base_url_var = copy(e, "base_url_env_var"),
				   .tls_ca = copy(e, "tls_ca"),
				   .tls_cert = copy(e, "tls_client_cert"),
				   .tls_key = copy(e, "tls_client_key")};
	if (taken(l, r->name))
		return manifest_bad(in, e, "there is a credential of that name already");
	if (read_inject(in, doc_get(e, "inject"), &r->inject) < 0 ||
	    read_inject(in, doc_get(e, doc_get(e, "proxy") ? "proxy" : "inject"), &r->phantom) <
		0 ||
	    read_source(in, e, r) < 0 || read_policy(in, e, &r->endpoints) < 0)
		return -1;
	return network_complete_route(r, &why) < 0 ? manifest_bad(in, e, why.msg) : 0;
}

/* ---- writing ----------------------------------------------------------------------------- */

static void add_str(struct buf *out, const char *s)
{
	buf_add_json_str(out, s, strlen(s));
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(out, ",\"%s\":", name);
	add_str(out, value);
}

void manifest_write_rules(const struct policy_endpoints *l, struct buf *out)
{
	const char *before = "";

	buf_addc(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].action != POLICY_NET_ALLOW)
			continue;
		buf_addf(out, "%s{\"method\":", before);
		add_str(out, l->v[i].method);
		buf_adds(out, ",\"path\":");
		add_str(out, l->v[i].path);
		buf_addc(out, '}');
		before = ",";
	}
	buf_addc(out, ']');
}

static bool is_list(const struct policy_endpoints *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].action != POLICY_NET_ALLOW || l->v[i].agreed)
			return false;
	return l->otherwise == POLICY_NET_DENY;
}

static void add_number(struct buf *out, const char *name, unsigned n)
{
	if (n)
		buf_addf(out, ",\"%s\":%u", name, n);
}

static void write_policy(const struct policy_endpoints *l, struct buf *out)
{
	buf_addf(out, ",\"endpoint_policy\":{\"default\":{\"decision\":\"%s\"",
		 decisions[l->otherwise]);
	add_member(out, "backend", l->otherwise_backend);
	add_number(out, "timeout_secs", l->otherwise_timeout_s);
	buf_addc(out, '}');
	for (size_t a = 0; a < ARRAY_LEN(decisions); a++) {
		const char *before = "";

		buf_addf(out, ",\"%s\":[", decisions[a]);
		for (size_t i = 0; i < l->n; i++) {
			const struct policy_endpoint *e = &l->v[i];

			if (e->action != (enum policy_net_action)a)
				continue;
			buf_addf(out, "%s{\"method\":", before);
			add_str(out, e->method);
			add_member(out, "path", e->path);
			add_member(out, "reason", e->reason);
			add_member(out, "backend", e->backend);
			add_number(out, "timeout_secs", e->timeout_s);
			buf_adds(out, e->agreed ? ",\"agreed\":true}" : "}");
			before = ",";
		}
		buf_addc(out, ']');
	}
	buf_addc(out, '}');
}

static bool same_injection(const struct policy_injection *a, const struct policy_injection *b)
{
	const char *const x[] = {a->header, a->format, a->path_pattern, a->path_replacement,
				 a->query};
	const char *const y[] = {b->header, b->format, b->path_pattern, b->path_replacement,
				 b->query};

	for (size_t i = 0; i < ARRAY_LEN(x); i++)
		if (!x[i] != !y[i] || (x[i] && strcmp(x[i], y[i]) != 0))
			return false;
	return a->mode == b->mode;
}

static void write_injection(const char *name, const struct policy_injection *i, struct buf *out)
{
	buf_addf(out, ",\"%s\":{\"mode\":\"%s\"", name, policy_inject_name(i->mode));
	add_member(out, "header", i->header);
	add_member(out, "format", i->format);
	add_member(out, "path_pattern", i->path_pattern);
	add_member(out, "path_replacement", i->path_replacement);
	add_member(out, "query_param_name", i->query);
	buf_addc(out, '}');
}

static void write_source(const struct policy_route *r, struct buf *out)
{
	if (r->oauth.token_url) {
		buf_adds(out, ",\"auth\":{\"token_url\":");
		add_str(out, r->oauth.token_url);
		add_member(out, "client_id", r->oauth.client_id);
		add_member(out, "client_secret", r->oauth.client_secret);
		add_member(out, "scope", r->oauth.scope);
		buf_addc(out, '}');
	}
	if (r->aws.on) {
		buf_addf(out, ",\"aws_auth\":{\"service\":%s", r->aws.service ? "" : "null");
		if (r->aws.service)
			add_str(out, r->aws.service);
		add_member(out, "profile", r->aws.profile);
		add_member(out, "region", r->aws.region);
		buf_addc(out, '}');
	}
	if (r->per_minute) {
		buf_addf(out, ",\"rate_limit\":{\"requests_per_minute\":%u", r->per_minute);
		add_number(out, "burst", r->burst);
		add_number(out, "max_delay_secs", r->max_delay_s);
		buf_addc(out, '}');
	}
}

static void write_route(const struct policy_route *r, struct buf *out)
{
	buf_adds(out, "{\"name\":");
	add_str(out, r->name);
	add_member(out, "upstream", r->upstream);
	add_member(out, "source", r->key);
	write_source(r, out);
	write_injection("inject", &r->inject, out);
	if (!same_injection(&r->inject, &r->phantom))
		write_injection("proxy", &r->phantom, out);
	add_member(out, "env_var", r->env_var);
	add_member(out, "base_url_env_var", r->base_url_var);
	add_member(out, "tls_ca", r->tls_ca);
	add_member(out, "tls_client_cert", r->tls_cert);
	add_member(out, "tls_client_key", r->tls_key);
	if (r->endpoints.n && is_list(&r->endpoints)) {
		buf_adds(out, ",\"endpoint_rules\":");
		manifest_write_rules(&r->endpoints, out);
	} else if (r->endpoints.n || r->endpoints.otherwise != POLICY_NET_ALLOW) {
		write_policy(&r->endpoints, out);
	}
	buf_addc(out, '}');
}

void manifest_write_credentials(const struct policy *p, struct buf *out)
{
	if (!p->network.routes.n)
		return;
	buf_adds(out, ",\"credentials\":[");
	for (size_t i = 0; i < p->network.routes.n; i++) {
		if (i)
			buf_addc(out, ',');
		write_route(&p->network.routes.v[i], out);
	}
	buf_addc(out, ']');
}
