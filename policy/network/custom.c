/* Credential routes and captures of a profile. Their form was checked by the schema. */
#include "common/host.h"
#include "policy/commands/decode.h"
#include "policy/network/lists.h"

static char *copy(const struct doc *at, const char *name)
{
	const struct doc *d = doc_get(at, name);

	return d && d->kind == DOC_STRING ? xstrdup(d->string) : NULL;
}

static unsigned number(const struct doc *at, const char *name, unsigned otherwise)
{
	const struct doc *d = doc_get(at, name);

	return d && d->kind == DOC_INT && d->integer >= 0 ? (unsigned)d->integer : otherwise;
}

static char **texts(const struct doc *list)
{
	char **out;
	size_t n = 0;

	if (!list || list->kind != DOC_LIST)
		return NULL;
	out = xcalloc(list->count + 1, sizeof(*out));
	doc_each(one, list)
	{
		if (one->kind == DOC_STRING)
			out[n++] = xstrdup(one->string);
	}
	return out;
}

static const char *const inject_modes[] = {"header", "url_path", "query_param", "basic_auth"};

const char *policy_inject_name(enum policy_inject m)
{
	return (size_t)m < ARRAY_LEN(inject_modes) ? inject_modes[m] : NULL;
}

static void take_injection(const struct doc *at, struct policy_injection *out)
{
	const struct doc *mode = doc_get(at, "inject_mode");

	for (size_t i = 0; mode && i < ARRAY_LEN(inject_modes); i++)
		if (str_eq(mode->string, inject_modes[i]))
			out->mode = (enum policy_inject)i;
	out->header = copy(at, "inject_header");
	out->format = copy(at, "credential_format");
	out->path_pattern = copy(at, "path_pattern");
	out->path_replacement = copy(at, "path_replacement");
	out->query = copy(at, "query_param_name");
}

static void complete_injection(struct policy_injection *i)
{
	if (!i->header)
		i->header = xstrdup("Authorization");
	if (!i->format)
		i->format =
		    xstrdup(strcasecmp(i->header, "Authorization") == 0 ? "Bearer {}" : "{}");
}

static int check_injection(const char *name, const struct policy_injection *i, struct err *err)
{
	if (i->mode == POLICY_INJECT_QUERY && !i->query)
		return err_usage(err, "custom_credentials.%s: query_param needs query_param_name",
				 name);
	if (i->mode == POLICY_INJECT_PATH && !i->path_pattern)
		return err_usage(err, "custom_credentials.%s: url_path needs path_pattern", name);
	if (!strstr(i->format, "{}"))
		return err_usage(err, "custom_credentials.%s: credential_format has no {}", name);
	return 0;
}

static void take_rules(struct policy_endpoints *l, const struct doc *list,
		       enum policy_net_action action)
{
	doc_each(one, list)
	{
		const struct doc *path = doc_get(one, "path"), *method = doc_get(one, "method");
		struct policy_endpoint *e;

		network_add_rule(l, action, method ? method->string : "*", path->string);
		e = &l->v[l->n - 1];
		e->reason = copy(one, "reason");
		e->backend = copy(one, "backend");
		e->timeout_s = number(one, "timeout_secs", 0);
	}
}

static void take_endpoints(const struct doc *at, struct policy_endpoints *out)
{
	const struct doc *rules = doc_get(at, "endpoint_rules");
	const struct doc *policy = doc_get(at, "endpoint_policy");
	const struct doc *otherwise = doc_get(policy, "default");

	if (rules && rules->count) {
		take_rules(out, rules, POLICY_NET_ALLOW);
		out->otherwise = POLICY_NET_DENY;
	}
	if (!policy)
		return;
	take_rules(out, doc_get(policy, "deny"), POLICY_NET_DENY);
	take_rules(out, doc_get(policy, "approve"), POLICY_NET_APPROVE);
	take_rules(out, doc_get(policy, "allow"), POLICY_NET_ALLOW);
	if (otherwise && otherwise->kind == DOC_MAP) {
		out->otherwise_backend = copy(otherwise, "backend");
		out->otherwise_timeout_s = number(otherwise, "timeout_secs", 0);
		otherwise = doc_get(otherwise, "decision");
	}
	out->otherwise = POLICY_NET_DENY;
	if (otherwise && str_eq(otherwise->string, "allow"))
		out->otherwise = POLICY_NET_ALLOW;
	if (otherwise && str_eq(otherwise->string, "approve"))
		out->otherwise = POLICY_NET_APPROVE;
}

static bool variable_ok(const char *name)
{
	return !name || (variable_name_ok(name) && policy_env_settable(name));
}

static int check_route(const struct policy_route *r, struct err *err)
{
	int sources = !!r->key + !!r->oauth.token_url + r->aws.on;
	struct net_url u;
	struct err why = {0};

	if (strspn(r->name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(r->name) ||
	    !*r->name || strlen(r->name) > 60)
		return err_usage(err,
				 "custom_credentials.%.60s: a route's name has small letters, "
				 "digits, '-' and '_'",
				 r->name);
	if (sources != 1)
		return err_usage(err,
				 "custom_credentials.%s: exactly one of credential_key, auth and "
				 "aws_auth says where the secret comes from",
				 r->name);
	if (net_url_parse(r->upstream, &u, &why) < 0)
		return err_usage(err, "custom_credentials.%s: upstream: %.300s", r->name, why.msg);
	if (strcmp(u.scheme, "http") == 0 && strcmp(u.host.name, "localhost") != 0 &&
	    !(u.host.is_address &&
	      net_address_kind(u.host.family, u.host.address) == NET_ADDRESS_LOOPBACK))
		return err_usage(err,
				 "custom_credentials.%s: upstream: a secret is sent over https, or "
				 "over http to this machine alone",
				 r->name);
	if (!variable_ok(r->env_var) || !variable_ok(r->base_url_var))
		return err_usage(err, "custom_credentials.%s: the variable %.64s can't be set",
				 r->name, variable_ok(r->env_var) ? r->base_url_var : r->env_var);
	if (check_injection(r->name, &r->inject, err) < 0 ||
	    check_injection(r->name, &r->phantom, err) < 0)
		return -1;
	return 0;
}

/* "my-api" to "MY_API" and what follows; NULL for what is no variable's name. */
static char *variable(const char *name, const char *suffix)
{
	_cleanup_free_ char *v = xasprintf("%s%s", name, suffix);

	for (char *c = v; *c; c++) {
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
		else if (*c == '-')
			*c = '_';
		else if (*c != '_' && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9'))
			return NULL;
	}
	return *v >= '0' && *v <= '9' ? NULL : STEAL_PTR(v);
}

/* The stand-in goes where the program would look for the secret. */
static char *variable_of_key(const char *key)
{
	if (!key)
		return NULL;
	if (str_starts(key, "env://"))
		return xstrdup(key + strlen("env://"));
	return variable(key, ""); /* an account */
}

int network_complete_route(struct policy_route *r, struct err *err)
{
	if (!r->base_url_var)
		r->base_url_var = variable(r->name, "_BASE_URL");
	if (!r->env_var)
		r->env_var = variable_of_key(r->key);
	complete_injection(&r->inject);
	complete_injection(&r->phantom);
	return check_route(r, err);
}

int network_custom_route(const char *name, const struct place *at, struct policy_route *out,
			 struct err *err)
{
	const struct doc *d = at->at, *oauth = doc_get(d, "auth"), *aws = doc_get(d, "aws_auth");
	const struct doc *proxy = doc_get(d, "proxy"), *rate = doc_get(d, "rate_limit");

	*out = (struct policy_route){
	    .name = xstrdup(name),
	    .source = xstrdup("profile"),
	    .upstream = copy(d, "upstream"),
	    .key = copy(d, "credential_key"),
	    .env_var = copy(d, "env_var"),
	    .per_minute = number(rate, "requests_per_minute", 0),
	    .burst = number(rate, "burst", 0),
	    .max_delay_s = number(rate, "max_delay_secs", 0),
	    .tls_ca = copy(d, "tls_ca"),
	    .tls_cert = copy(d, "tls_client_cert"),
	    .tls_key = copy(d, "tls_client_key"),
	};
	if (oauth) {
		out->oauth.token_url = copy(oauth, "token_url");
		out->oauth.client_id = copy(oauth, "client_id");
		out->oauth.client_secret = copy(oauth, "client_secret");
		out->oauth.scope = copy(oauth, "scope");
	}
	if (aws) {
		out->aws.on = true;
		out->aws.profile = copy(aws, "profile");
		out->aws.region = copy(aws, "region");
		out->aws.service = copy(aws, "service");
	}
	take_injection(d, &out->inject);
	take_injection(proxy ? proxy : d, &out->phantom);
	take_endpoints(d, &out->endpoints);
	if (doc_get(d, "spiffe"))
		return err_usage(err,
				 "custom_credentials.%s: spiffe: there is no support for SPIFFE "
				 "identities here",
				 name);
	return network_complete_route(out, err);
}

int network_capture(const char *name, const struct place *at, struct policy_capture *out,
		    struct err *err)
{
	const struct doc *d = at->at, *output = doc_get(d, "output"), *in = doc_get(d, "stdin");

	*out = (struct policy_capture){
	    .name = xstrdup(name),
	    .command = texts(doc_get(d, "command")),
	    .timeout_s = number(d, "timeout_secs", 5),
	    .ttl_s = number(d, "ttl_secs", number(d, "cache_ttl_secs", 900)),
	    .stdin_json = in && in->kind == DOC_STRING && str_eq(in->string, "request_json"),
	    .json = output && output->kind == DOC_MAP,
	    .cache_path_regex = copy(d, "cache_path_regex"),
	};
	if (out->json)
		out->headers = texts(doc_get(output, "allow_headers"));
	if (!out->command || !out->command[0])
		return err_usage(err, "credential_capture.%s: command is empty", name);
	return 0;
}
