/*
 * Connections upstream between two requests. The latest is taken first: it is the least likely to
 * have been closed by the other side.
 */
#include "network/proxy/proxy.h"

#define POOL_MAX 128

struct pooled {
	struct pooled *next;
	struct h1_client *client;
	struct deadline deadline;
	struct proxy *proxy;
};

static bool same(const struct pool_key *a, const struct pool_key *b)
{
	return a->port == b->port && a->tls == b->tls && a->route == b->route &&
	       !strcmp(a->host.name, b->host.name);
}

static void take_out(struct proxy *p, struct pooled **at)
{
	struct pooled *e = *at;

	*at = e->next;
	p->pool_n--;
	deadline_clear(p, &e->deadline);
	free(e);
}

struct h1_client *pool_get(struct proxy *p, const struct pool_key *key)
{
	struct pooled **at = &p->pool;

	while (*at) {
		struct h1_client *c = (*at)->client;

		if (!same(h1_client_key(c), key)) {
			at = &(*at)->next;
			continue;
		}
		take_out(p, at);
		/* What the loop has not told yet: a POST could not be made a second time. */
		if (h1_client_idle(c))
			return c;
		h1_client_close(c);
	}
	return NULL;
}

void pool_forget(struct proxy *p, struct h1_client *c)
{
	for (struct pooled **at = &p->pool; *at; at = &(*at)->next) {
		if ((*at)->client != c)
			continue;
		take_out(p, at);
		return;
	}
}

static void on_old(struct deadline *d)
{
	struct pooled *e = (struct pooled *)(void *)((char *)d - offsetof(struct pooled, deadline));

	h1_client_close(e->client); /* forgets it */
}

void pool_put(struct proxy *p, struct h1_client *c)
{
	struct pooled *e;

	if (p->pool_n >= POOL_MAX) {
		struct pooled *last = p->pool;

		while (last->next)
			last = last->next;
		h1_client_close(last->client);
	}
	e = xcalloc(1, sizeof(*e));
	e->client = c;
	e->proxy = p;
	e->next = p->pool;
	p->pool = e;
	p->pool_n++;
	deadline_set(p, &e->deadline, 1000u * PROXY_UPSTREAM_IDLE_S, on_old);
}
