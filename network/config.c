/* What the proxy is told: the rows of its JSON. */
#include "network/fields.h"

#define JSON_MAX (8u << 20)

#define TEXT(s, m)                                          \
	{                                                   \
#m, FIELD_TEXT, .at = offsetof(struct s, m) \
	}
#define TEXT_AT(s, n, m)                                   \
	{                                                  \
		n, FIELD_TEXT, .at = offsetof(struct s, m) \
	}
#define CHARS(s, m)                                                                              \
	{                                                                                        \
#m, FIELD_CHARS, .at = offsetof(struct s, m), .size = sizeof(((struct s *)0)->m) \
	}
#define LIST(s, m)                                          \
	{                                                   \
#m, FIELD_LIST, .at = offsetof(struct s, m) \
	}
#define NUMBER(s, m, top)                                                   \
	{                                                                   \
#m, FIELD_NUMBER, .at = offsetof(struct s, m), .max = (top) \
	}
#define PORT(s, m)                                          \
	{                                                   \
#m, FIELD_PORT, .at = offsetof(struct s, m) \
	}
#define FLAG(s, m)                                          \
	{                                                   \
#m, FIELD_FLAG, .at = offsetof(struct s, m) \
	}
#define STRUCT(s, m, row)                                                  \
	{                                                                  \
#m, FIELD_STRUCT, .at = offsetof(struct s, m), .of = (row) \
	}
#define ARRAY(name_, s, v_, n_, row)                                                               \
	{                                                                                          \
		name_, FIELD_ARRAY, .at = offsetof(struct s, v_), .count = offsetof(struct s, n_), \
				    .size = sizeof(*((struct s *)0)->v_), .of = (row)              \
	}

static const struct field endpoint[] = {
    NUMBER(policy_endpoint, action, POLICY_NET_DENY),
    TEXT(policy_endpoint, method),
    TEXT(policy_endpoint, path),
    TEXT(policy_endpoint, reason),
    TEXT(policy_endpoint, backend),
    NUMBER(policy_endpoint, timeout_s, 86400),
    FLAG(policy_endpoint, agreed),
    {0},
};
static const struct field endpoints[] = {
    ARRAY("rules", policy_endpoints, v, n, endpoint),
    NUMBER(policy_endpoints, otherwise, POLICY_NET_DENY),
    TEXT(policy_endpoints, otherwise_backend),
    NUMBER(policy_endpoints, otherwise_timeout_s, 86400),
    {0},
};
static const struct field domain[] = {
    TEXT(policy_domain, name),
    PORT(policy_domain, port),
    TEXT(policy_domain, source),
    STRUCT(policy_domain, endpoints, endpoints),
    {0},
};
static const struct field injection[] = {
    NUMBER(policy_injection, mode, POLICY_INJECT_BASIC),
    TEXT(policy_injection, header),
    TEXT(policy_injection, format),
    TEXT(policy_injection, path_pattern),
    TEXT(policy_injection, path_replacement),
    TEXT(policy_injection, query),
    {0},
};
static const struct field route[] = {
    TEXT(policy_route, name),
    TEXT(policy_route, source),
    TEXT(policy_route, upstream),
    TEXT(policy_route, key),
    TEXT_AT(policy_route, "token_url", oauth.token_url),
    TEXT_AT(policy_route, "client_id", oauth.client_id),
    TEXT_AT(policy_route, "client_secret", oauth.client_secret),
    TEXT_AT(policy_route, "scope", oauth.scope),
    {"aws", FIELD_FLAG, .at = offsetof(struct policy_route, aws.on)},
    TEXT_AT(policy_route, "aws_profile", aws.profile),
    TEXT_AT(policy_route, "aws_region", aws.region),
    TEXT_AT(policy_route, "aws_service", aws.service),
    STRUCT(policy_route, inject, injection),
    STRUCT(policy_route, phantom, injection),
    TEXT(policy_route, env_var),
    TEXT(policy_route, base_url_var),
    STRUCT(policy_route, endpoints, endpoints),
    NUMBER(policy_route, per_minute, 1000000),
    NUMBER(policy_route, burst, 1000000),
    NUMBER(policy_route, max_delay_s, 3600),
    TEXT(policy_route, tls_ca),
    TEXT(policy_route, tls_cert),
    TEXT(policy_route, tls_key),
    {0},
};
static const struct field capture[] = {
    TEXT(policy_capture, name),
    LIST(policy_capture, command),
    NUMBER(policy_capture, timeout_s, 86400),
    NUMBER(policy_capture, ttl_s, 86400),
    FLAG(policy_capture, stdin_json),
    FLAG(policy_capture, json),
    LIST(policy_capture, headers),
    TEXT(policy_capture, cache_path_regex),
    {0},
};
static const struct field login[] = {
    TEXT(policy_login, name),
    TEXT(policy_login, token_url),
    LIST(policy_login, hosts),
    {0},
};
static const struct field range[] = {
    PORT(policy_port_range, first),
    PORT(policy_port_range, last),
    {0},
};
const struct field net_policy_fields[] = {
    NUMBER(policy_network, mode, POLICY_NET_NAMES),
    ARRAY("allow", policy_network, allow.v, allow.n, domain),
    LIST(policy_network, deny),
    FLAG(policy_network, deny_private),
    FLAG(policy_network, ask),
    ARRAY("routes", policy_network, routes.v, routes.n, route),
    ARRAY("captures", policy_network, captures, n_captures, capture),
    ARRAY("logins", policy_network, logins, n_logins, login),
    TEXT(policy_network, upstream_proxy),
    LIST(policy_network, upstream_bypass),
    LIST(policy_network, no_proxy),
    ARRAY("open_ports", policy_network, open.v, open.n, range),
    ARRAY("listen_ports", policy_network, listen.v, listen.n, range),
    ARRAY("connect_ports", policy_network, connect.v, connect.n, range),
    FLAG(policy_network, http2),
    PORT(policy_network, proxy_port),
    NUMBER(policy_network, ca_days, 365),
    FLAG(policy_network, intercept_off),
    LIST(policy_network, open_urls),
    FLAG(policy_network, open_localhost),
    TEXT(policy_network, profile),
    {0},
};
static const struct field config[] = {
    STRUCT(net_config, network, net_policy_fields),
    CHARS(net_config, token),
    CHARS(net_config, session_id),
    FLAG(net_config, check_peer),
    TEXT(net_config, ca_bundle),
    TEXT(net_config, ca_cert),
    TEXT(net_config, ca_key),
    FLAG(net_config, no_auth),
    TEXT(net_config, password),
    NUMBER(net_config, max_connections, 1000000),
    NUMBER(net_config, head_ms, 3600000),
    TEXT(net_config, log_path),
    FLAG(net_config, log_text),
    TEXT(net_config, resolver),
    LIST(net_config, phantoms),
    {0},
};

static void to_json(const struct field *f, const void *data, struct buf *out)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	fields_write(f, data, o);
	text = cJSON_PrintUnformatted(o);
	if (text)
		buf_adds(out, text);
	cJSON_free(text);
	cJSON_Delete(o);
}

static int from_json(const struct field *f, void *data, const char *json, size_t n, struct err *err)
{
	struct err why = {0};
	cJSON *o = n <= JSON_MAX ? cJSON_ParseWithLength(json, n) : NULL;
	int r = -1;

	if (!cJSON_IsObject(o))
		err_set(&why, "the network's configuration is no JSON object");
	else
		r = fields_read(f, data, o, &why);
	cJSON_Delete(o);
	if (r < 0)
		fields_free(f, data);
	if (r < 0 && err)
		*err = why;
	return r;
}

void net_config_free(struct net_config *c)
{
	fields_free(config, c);
	explicit_bzero(c->token, sizeof(c->token));
}

void net_config_to_json(const struct net_config *c, struct buf *out)
{
	to_json(config, c, out);
}

/* What everything relies on afterwards; a policy of ours has it. */
static int check_network(const struct policy_network *n, struct err *err)
{
	struct net_url u;

	for (size_t i = 0; i < n->allow.n; i++) {
		const struct policy_endpoints *l = &n->allow.v[i].endpoints;

		if (!n->allow.v[i].name)
			return err_set(err, "the network's configuration: a host without a name");
		for (size_t k = 0; k < l->n; k++)
			if (!l->v[k].method || !l->v[k].path)
				return err_set(err, "the network's configuration: half a rule");
	}
	for (size_t i = 0; i < n->routes.n; i++) {
		const struct policy_route *r = &n->routes.v[i];

		if (!r->name || !r->upstream || net_url_parse(r->upstream, &u, err) < 0)
			return err_set(err, "the network's configuration: a route without name or "
					    "upstream");
		for (size_t k = 0; k < r->endpoints.n; k++)
			if (!r->endpoints.v[k].method || !r->endpoints.v[k].path)
				return err_set(err, "the network's configuration: half a rule");
	}
	for (size_t i = 0; i < n->n_logins; i++)
		if (!n->logins[i].token_url)
			return err_set(err, "the network's configuration: half a login");
	for (size_t i = 0; i < n->n_captures; i++)
		if (!n->captures[i].name || !n->captures[i].command || !n->captures[i].command[0])
			return err_set(err, "the network's configuration: half a capture");
	return 0;
}

int net_config_parse(const char *json, size_t n, struct net_config *out, struct err *err)
{
	*out = (struct net_config){0};
	if (from_json(config, out, json, n, err) < 0)
		return -1;
	if (check_network(&out->network, err) == 0)
		return 0;
	net_config_free(out);
	return -1;
}

void net_policy_to_json(const struct policy_network *n, struct buf *out)
{
	to_json(net_policy_fields, n, out);
}

void net_policy_add(const struct policy_network *n, struct buf *policy)
{
	if (!policy->len || policy->data[policy->len - 1] != '}')
		return;
	policy->len--;
	buf_adds(policy, ",\"network\":");
	net_policy_to_json(n, policy);
	buf_addc(policy, '}');
}

int net_policy_parse(const char *json, size_t n, struct policy_network *out, struct err *err)
{
	*out = (struct policy_network){0};
	if (from_json(net_policy_fields, out, json, n, err) < 0)
		return -1;
	if (check_network(out, err) == 0)
		return 0;
	fields_free(net_policy_fields, out);
	return -1;
}
