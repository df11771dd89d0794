/* Heads that an agent made up: a stand-in that was accepted is gone, a secret goes where it
 * belongs, and no parameter or path is read past its end. The first line is the target, lines after
 * it headers. */
#include "network/credentials/proxy.h"

#define PHANTOM "nono-0123456789abcdef"
#define SECRET	"REAL/secret+1"
#define HEADERS 16

struct piece {
	char *s;
	size_t n;
};
struct fake {
	struct piece target, names[HEADERS], values[HEADERS];
	size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On the heap by its exact size, so that reading past the end is noticed. */
static struct piece keep(const void *p, size_t n)
{
	struct piece out = {n ? malloc(n) : NULL, n};

	if (n)
		memcpy(out.s, p, n);
	return out;
}
static const char *target(void *data, size_t *n)
{
	struct fake *f = data;

	*n = f->target.n;
	return f->target.n ? f->target.s : "";
}
static const char *get(void *data, const char *name, size_t i, size_t *n)
{
	struct fake *f = data;

	for (size_t k = 0; k < f->n; k++)
		if (f->names[k].n == strlen(name) && f->names[k].n &&
		    !strncasecmp(f->names[k].s, name, f->names[k].n) && i-- == 0) {
			*n = f->values[k].n;
			return *n ? f->values[k].s : "";
		}
	return NULL;
}
static bool each(void *data, size_t i, const char **name, size_t *name_n, const char **value,
		 size_t *value_n)
{
	struct fake *f = data;

	if (i >= f->n)
		return false;
	*name = f->names[i].n ? f->names[i].s : "";
	*name_n = f->names[i].n;
	*value = f->values[i].n ? f->values[i].s : "";
	*value_n = f->values[i].n;
	return true;
}
static int set_target(void *data, const char *p, size_t n)
{
	struct fake *f = data;
	struct piece now = keep(p, n);

	free(f->target.s);
	f->target = now;
	return 0;
}
static int add(void *data, const char *name, const char *value, size_t n)
{
	struct fake *f = data;

	if (f->n == HEADERS)
		return -1;
	f->names[f->n] = keep(name, strlen(name));
	f->values[f->n++] = keep(value, n);
	return 0;
}
static void drop(struct fake *f, size_t i)
{
	free(f->names[i].s);
	free(f->values[i].s);
	f->names[i] = f->names[--f->n];
	f->values[i] = f->values[f->n];
}
static void remove_header(void *data, const char *name)
{
	struct fake *f = data;

	for (size_t i = f->n; i-- > 0;)
		if (f->names[i].n == strlen(name) && f->names[i].n &&
		    !strncasecmp(f->names[i].s, name, f->names[i].n))
			drop(f, i);
}

/* No NUL and no line break is ever in a head. */
static const uint8_t *fill(struct fake *f, const uint8_t *p, const uint8_t *end)
{
	for (bool first = true; p < end; first = false) {
		const uint8_t *line = memchr(p, '\n', (size_t)(end - p));
		const uint8_t *stop = line ? line : end, *colon;

		if (first) {
			f->target = keep(p, (size_t)(stop - p));
		} else if (stop == p) {
			return line + 1;
		} else if (f->n < HEADERS - 6) {
			colon = memchr(p, ':', (size_t)(stop - p));
			f->names[f->n] = keep(p, (size_t)((colon ? colon : stop) - p));
			f->values[f->n++] =
			    colon ? keep(colon + 1, (size_t)(stop - colon - 1)) : keep(NULL, 0);
		}
		p = line ? line + 1 : end;
	}
	return end;
}

static bool holds(const struct piece *p, const char *word)
{
	return p->n && memmem(p->s, p->n, word, strlen(word));
}

static void try_route(struct credentials *c, struct credential_route *r, const uint8_t *data,
		      size_t size)
{
	struct fake f = {0};
	struct credential_head head = {.data = &f,
				       .method = "POST",
				       .target = target,
				       .get = get,
				       .each = each,
				       .set_target = set_target,
				       .add = add,
				       .remove = remove_header};
	struct credential_slot slot = {.route = r};
	struct credential_want want = {.slot = &slot};
	const char *word;
	struct err err;

	for (size_t i = 0; i < size; i++)
		if (!data[i] || data[i] == '\r')
			return;
	fill(&f, data, data + size);
	if (r->policy->aws.on) {
		credential_list_add(&slot.value, "access_key", "AKIA", NULL);
		credential_list_add(&slot.value, "secret_key", SECRET, NULL);
	} else {
		secret_set(&slot.value, SECRET, strlen(SECRET), NULL);
	}
	if (credentials_check(c, r->policy, &head, &word) == CREDENTIAL_OK &&
	    credentials_inject(c, r->policy, &head, &want, "example.com", "", 0, &word, &err) ==
		0) {
		bool there = r->policy->aws.on || holds(&f.target, "REAL%2Fsecret%2B1");

		for (size_t i = 0; i < f.n; i++)
			there |= holds(&f.values[i], SECRET) ||
				 holds(&f.values[i], "UkVBTC9zZWNyZXQrMQ==");
		if (!there)
			abort();
	}
	while (f.n)
		drop(&f, 0);
	free(f.target.s);
	secret_free(&slot.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_route routes[] = {
	    {.name = (char *)"h",
	     .inject = {.header = (char *)"x-api-key", .format = (char *)"{}"}},
	    {.name = (char *)"b", .inject = {.mode = POLICY_INJECT_BASIC}},
	    {.name = (char *)"q", .inject = {.mode = POLICY_INJECT_QUERY, .query = (char *)"key"}},
	    {.name = (char *)"p",
	     .inject = {.mode = POLICY_INJECT_PATH,
			.path_pattern = (char *)"/bot{}/",
			.path_replacement = (char *)"/bot{}/"}},
	    {.name = (char *)"a",
	     .aws = {.on = true, .service = (char *)"x", .region = (char *)"y"}},
	};
	struct credential_route states[ARRAY_LEN(routes)] = {0};
	struct net_config config = {.network.routes = {routes, ARRAY_LEN(routes)}};
	struct credentials c = {.config = &config, .routes = states, .n = ARRAY_LEN(routes)};

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		routes[i].phantom = routes[i].inject;
		states[i].policy = &routes[i];
		states[i].phantom = PHANTOM;
		states[i].phantom_n = strlen(PHANTOM);
		try_route(&c, &states[i], data, size);
	}
	return 0;
}
