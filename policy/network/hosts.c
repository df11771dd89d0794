/* The hosts that profile and flags list, and those that they close. */
#include "common/host.h"
#include "policy/network/lists.h"
#include "policy/resolve.h"

struct adding {
	struct policy_domains *to;
	struct err *err;
	int rc;
};

static void add_listed(void *data, const char *host, const char *source)
{
	struct adding *a = data;
	struct err why = {0};

	/* What a tool's settings say is not ours to refuse the start for. */
	if (network_add_domain(a->to, host, source, &why) < 0 &&
	    !str_eq(source, "group:package_registries"))
		a->rc = err_set(a->err, "%s", why.msg);
}

int network_take_profile(struct policy_network *n, const char *name, const char *home,
			 struct err *err)
{
	struct adding a = {&n->allow, err, 0};
	_cleanup_(buf_free) struct buf known = {0};

	if (!name || !*name)
		return 0;
	n->profile = xstrdup(name);
	if (network_profile_hosts(name, home, add_listed, &a))
		return a.rc;
	for (size_t i = 0; network_profile_name(i); i++)
		buf_addf(&known, "%s%s", i ? ", " : "", network_profile_name(i));
	return err_usage(err, "no network profile is called \"%.60s\": there are %s", name,
			 known.data);
}

int network_in_flag(const char *flag, const char *text, struct err *err)
{
	char why[sizeof(err->msg)];

	str_copy(why, sizeof(why), err->msg);
	return err_usage(err, "%s %.100s: %.500s", flag, text, why);
}

int network_in_member(const char *member, const char *label, struct err *err)
{
	char why[sizeof(err->msg)];

	str_copy(why, sizeof(why), err->msg);
	return err_usage(err, "%s: %s: %.500s", label ? label : "profile", member, why);
}

static bool has_endpoints(const struct profile *p, const char *domain)
{
	for (size_t i = 0; i < p->endpoints.n; i++)
		if (str_eq(p->endpoints.v[i].domain, domain))
			return true;
	return false;
}

bool network_endpoint_of_host(const char *text)
{
	const char *slash = strchr(text, '/');
	size_t colons = 0;

	for (const char *c = text; slash && c < slash; c++)
		colons += *c == ':';
	return slash && slash != text && colons < 2;
}

int network_take_hosts(struct policy_network *n, const struct policy_input *in,
		       const struct profile *p, struct err *err)
{
	const char *const *v;

	for (size_t i = 0; i < p->endpoints.n; i++) {
		const struct endpoint *e = &p->endpoints.v[i];

		if (network_add_endpoint(&n->allow, e->domain, e->method, e->path, "profile", err) <
		    0)
			return network_in_member("network.allow_domain", e->place.label, err);
	}
	for (size_t i = 0; i < p->allow_domain.n; i++) {
		const struct entry *e = &p->allow_domain.v[i];

		if (!has_endpoints(p, e->text) &&
		    network_add_domain(&n->allow, e->text, "profile", err) < 0)
			return network_in_member("network.allow_domain", e->place.label, err);
	}
	for (v = in->allow_domain; v && *v; v++)
		if (network_add_domain(&n->allow, *v, "user", err) < 0)
			return network_in_flag("--allow-domain", *v, err);
	for (v = in->allow_endpoint; v && *v; v++)
		if (network_endpoint_of_host(*v) &&
		    network_add_domain(&n->allow, *v, "user", err) < 0)
			return network_in_flag("--allow-endpoint", *v, err);
	return 0;
}

static int add_denied(struct list *l, const char *text, struct err *err)
{
	char name[NET_NAME_MAX];

	if (net_pattern_parse(text, name, err) < 0)
		return -1;
	list_add(l, name);
	return 0;
}

int network_take_denies(struct policy_network *n, const struct policy_input *in,
			const struct profile *p, struct err *err)
{
	struct list l = {0};
	int rc = 0;

	for (size_t i = 0; i < p->deny_domain.n && rc == 0; i++)
		if (add_denied(&l, p->deny_domain.v[i].text, err) < 0)
			rc = network_in_member("network.deny_domain",
					       p->deny_domain.v[i].place.label, err);
	for (const char *const *v = in->deny_domain; v && *v && rc == 0; v++)
		if (add_denied(&l, *v, err) < 0)
			rc = network_in_flag("--deny-domain", *v, err);
	n->deny = list_steal(&l);
	return rc;
}
