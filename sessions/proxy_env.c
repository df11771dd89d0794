/* The variables by which programs find the proxy, its authorities, and the stand-ins. */
#include "sessions/proxy_link.h"

/* Runtimes that read their authorities from a file of this name. */
static const char *const ca_variables[] = {
    "SSL_CERT_FILE",	  "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",	  "CARGO_HTTP_CAINFO",
    "PIP_CERT",		  "DENO_CERT",
    "AWS_CA_BUNDLE",	  "NIX_SSL_CERT_FILE",
    "HTTPLIB2_CA_CERTS",  "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "BUNDLE_SSL_CA_CERT", "COMPOSER_CAFILE",
    "HEX_CACERTS_PATH",	  "npm_config_cafile",
};
static const char *const proxy_names[] = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
					  "http_proxy", "https_proxy", "all_proxy"};
static const char *const no_proxy_names[] = {"NO_PROXY", "no_proxy"};

struct list {
	char **v; /* NULL: only counted */
	size_t n;
};

static void add(struct list *l, char *var)
{
	if (l->v)
		l->v[l->n] = var;
	else
		free(var);
	l->n++;
}

static const char *address(const struct proxy *p)
{
	return p->cfg.address ? p->cfg.address : "127.0.0.1";
}

static void add_proxy(const struct proxy *p, uint16_t port, struct list *l)
{
	const char *password = p->cfg.password ? p->cfg.password : p->token;

	for (size_t i = 0; i < ARRAY_LEN(proxy_names); i++)
		add(l, p->cfg.no_auth
			   ? xasprintf("%s=http://%s:%u", proxy_names[i], address(p), port)
			   : xasprintf("%s=http://nono:%s@%s:%u", proxy_names[i], password,
				       address(p), port));
}

static void add_no_proxy(const struct proxy *p, struct list *l)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_adds(&b, "localhost,127.0.0.1,::1");
	if (p->cfg.address && !str_eq(p->cfg.address, "127.0.0.1"))
		buf_addf(&b, ",%s", p->cfg.address); /* routes are spoken to directly */
	for (char *const *h = p->cfg.policy->network.no_proxy; h && *h; h++)
		buf_addf(&b, ",%s", *h);
	for (size_t i = 0; i < ARRAY_LEN(no_proxy_names); i++)
		add(l, xasprintf("%s=%s", no_proxy_names[i], b.data));
}

/* ssh knows no proxies; who says how it is started has reasons. */
static void add_ssh(struct list *l)
{
	_cleanup_free_ char *self = path_real("/proc/self/exe", NULL);

	if (!self || strpbrk(self, " '\"%\\$`\n") || getenv("GIT_SSH_COMMAND") || getenv("GIT_SSH"))
		return;
	add(l, xasprintf("GIT_SSH_COMMAND=ssh -o 'ProxyCommand=%s connect %%h %%p'", self));
}

static const char *phantom_of(const struct proxy *p, const struct policy_route *r)
{
	size_t n = strlen(r->name);

	for (char **v = p->phantoms; *v; v++)
		if (strncmp(*v, r->name, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return "";
}

/* Programs that know the same key by another name, and do not look for it elsewhere. */
static const struct {
	const char *var, *too;
} other_names[] = {
    {"OPENAI_API_KEY", "CODEX_API_KEY"},
};

static void add_key(const struct proxy *p, const struct policy_route *r, struct list *l)
{
	add(l, xasprintf("%s=%s", r->env_var, phantom_of(p, r)));
	for (size_t i = 0; i < ARRAY_LEN(other_names); i++)
		if (str_eq(other_names[i].var, r->env_var))
			add(l, xasprintf("%s=%s", other_names[i].too, phantom_of(p, r)));
}

/* Its tools sign by these; the proxy signs anew, by the real ones. */
static void add_aws(const struct proxy *p, const struct policy_route *r, struct list *l)
{
	add(l, xasprintf("AWS_ACCESS_KEY_ID=%s", phantom_of(p, r)));
	add(l, xasprintf("AWS_SECRET_ACCESS_KEY=%s", phantom_of(p, r)));
	add(l, xstrdup("AWS_EC2_METADATA_DISABLED=true"));
	if (!r->aws.region)
		return;
	add(l, xasprintf("AWS_REGION=%s", r->aws.region));
	add(l, xasprintf("AWS_DEFAULT_REGION=%s", r->aws.region));
}

static void add_routes(const struct proxy *p, uint16_t port, struct list *l)
{
	const struct policy_routes *routes = &p->cfg.policy->network.routes;
	bool aws = false;

	for (size_t i = 0; i < routes->n; i++) {
		const struct policy_route *r = &routes->v[i];

		/* Of several the first: there is one set of variables. */
		if (r->aws.on && !aws) {
			add_aws(p, r, l);
			aws = true;
		}
		if (r->env_var)
			add_key(p, r, l);
		/* NO_PROXY covers the address: the client speaks to the route itself. */
		if (r->base_url_var)
			add(l, xasprintf("%s=http://%s:%u/%s", r->base_url_var, address(p), port,
					 r->name));
	}
}

size_t proxy_variables(const struct proxy *p, uint16_t port, char **extra)
{
	const struct policy *policy = p->cfg.policy;
	const char *ca = p->cfg.ca_as	      ? p->cfg.ca_as
			 : policy->cap_in_tmp ? POLICY_CA_IN_TMP
					      : policy->ca_file;
	struct list l = {extra, 0};

	add_proxy(p, port, &l);
	add_no_proxy(p, &l);
	add(&l, xstrdup("NODE_USE_ENV_PROXY=1"));
	for (size_t i = 0; ca && !policy->network.intercept_off && i < ARRAY_LEN(ca_variables); i++)
		add(&l, xasprintf("%s=%s", ca_variables[i], ca));
	if (p->cfg.id) /* nono connect is for sessions */
		add_ssh(&l);
	add_routes(p, port, &l);
	return l.n;
}

/* What would lead to keys of AWS, or belongs to them. */
static bool is_aws(const char *var)
{
	static const char *const names[] = {
	    "AWS_ACCESS_KEY_ID=",  "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=",
	    "AWS_SECURITY_TOKEN=", "AWS_PROFILE=",	     "AWS_DEFAULT_PROFILE="};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(var, names[i]))
			return true;
	return false;
}

/* "env://NAME" of a route: the program gets the stand-in, and not what it stands for. */
bool proxy_hides(const struct proxy *p, const char *var)
{
	const struct policy_routes *routes = &p->cfg.policy->network.routes;

	for (size_t i = 0; i < routes->n; i++) {
		const struct policy_route *r = &routes->v[i];
		if (r->aws.on && is_aws(var))
			return true;
		const char *const refs[] = {r->key, r->oauth.client_id, r->oauth.client_secret};

		for (size_t k = 0; k < ARRAY_LEN(refs); k++) {
			size_t n;

			if (!refs[k] || !str_starts(refs[k], "env://"))
				continue;
			n = strlen(refs[k] + 6);
			if (strncmp(var, refs[k] + 6, n) == 0 && var[n] == '=')
				return true;
		}
	}
	return false;
}
