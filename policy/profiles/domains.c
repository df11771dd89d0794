/* Hosts that may be connected to, and what they are narrowed to. */
#include "policy/profiles/decode.h"

#define DOMAINS_MAX   65536
#define ENDPOINTS_MAX 65536

static bool text_ok(const struct doc *at)
{
	return at && at->kind == DOC_STRING && *at->string &&
	       strnlen(at->string, POLICY_PATH_MAX) < POLICY_PATH_MAX;
}

/* The entry's place is the first one that named the domain. */
static void add_endpoint(struct member_reader *d, const char *domain, const char *method,
			 const char *path, const struct doc *at)
{
	struct endpoints *l = &d->p->endpoints;

	if (!d->store)
		return;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct endpoint){domain, method, path, {at, d->label}};
}

static int method_and_path(struct member_reader *d, const struct doc *at, const char *domain)
{
	const struct doc *method = NULL, *path = NULL;

	if (at->kind != DOC_MAP)
		return member_bad(d, at, "an endpoint is an object with \"method\" and \"path\"");
	doc_each(m, at)
	{
		if (strcmp(m->name, "method") == 0)
			method = m;
		else if (strcmp(m->name, "path") == 0)
			path = m;
		else
			return member_bad(d, m,
					  "unknown member of an endpoint; it has \"method\" "
					  "and \"path\"");
	}
	if (!text_ok(path) || (method && !text_ok(method)))
		return member_bad(d, at, "an endpoint is an object with \"method\" and \"path\"");
	add_endpoint(d, domain, method ? method->string : "*", path->string, at);
	return 0;
}

static int narrowed(struct member_reader *d, const struct doc *at, struct entries *out)
{
	const struct doc *domain = doc_get(at, "domain"), *endpoints = doc_get(at, "endpoints");

	if (!text_ok(domain))
		return member_bad(d, at, "an entry needs a \"domain\"");
	doc_each(m, at)
	{
		if (m != domain && m != endpoints)
			return member_bad(d, m,
					  "unknown member of an entry; it has \"domain\" and "
					  "\"endpoints\"");
	}
	if (endpoints && (endpoints->kind != DOC_LIST || endpoints->count > ENDPOINTS_MAX))
		return member_bad(d, endpoints, "must be a list of {method, path}");
	if (out)
		entries_add(out, domain->string, at, d->label);
	doc_each(e, endpoints)
	{
		if (method_and_path(d, e, domain->string) < 0)
			return -1;
	}
	return 0;
}

int member_domains(struct member_reader *d, const struct doc *at, struct entries *out)
{
	if (at->kind != DOC_LIST || at->count > DOMAINS_MAX)
		return member_bad(d, at, "must be a list of hosts");
	if (out)
		out->said = true; /* an empty list is one: nothing is reached */
	doc_each(one, at)
	{
		if (one->kind == DOC_MAP) {
			if (narrowed(d, one, out) < 0)
				return -1;
			continue;
		}
		if (!text_ok(one))
			return member_bad(d, one, "must be a host, or {domain, endpoints}");
		if (out)
			entries_add(out, one->string, one, d->label);
	}
	return 0;
}

/* "GET https://api.example.com/v1/x", the method and the scheme may be left out. */
static int one_line(struct member_reader *d, const struct doc *at, struct entries *out)
{
	const char *s = at->string, *space = strchr(s, ' '), *path;
	const char *method = "*", *domain;

	if (space) {
		size_t n = (size_t)(space - s);

		if (!n || n != strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ*"))
			return member_bad(d, at, "must be like \"GET host/path\"");
		method = profile_keep(d->p, xstrndup(s, n));
		s = space + strspn(space, " ");
	}
	if (str_starts(s, "https://"))
		s += strlen("https://");
	path = strchr(s, '/');
	if (!path || path == s || strchr(s, ' '))
		return member_bad(d, at, "must be like \"GET host/path\"");
	domain = profile_keep(d->p, xstrndup(s, (size_t)(path - s)));
	if (out)
		entries_add(out, domain, at, d->label);
	add_endpoint(d, domain, method, path, at);
	return 0;
}

int member_endpoints(struct member_reader *d, const struct doc *at, struct entries *out)
{
	if (at->kind != DOC_LIST || at->count > ENDPOINTS_MAX)
		return member_bad(d, at, "must be a list of endpoints");
	doc_each(one, at)
	{
		if (!text_ok(one))
			return member_bad(d, one, "must be like \"GET host/path\"");
		if (one_line(d, one, out) < 0)
			return -1;
	}
	return 0;
}
