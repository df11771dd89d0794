/*
 * Sessions of upstream connections: the next one to the same place is made without certificates
 * being sent and checked again.
 */
#include "network/tls/internal.h"

static struct resume_entry *set_of(struct resume *r, const char *name, uint16_t port,
				   uint16_t context)
{
	return r->v[tls_hash(name, (size_t)port << 16 | context) % RESUME_SETS];
}

static bool is_for(const struct resume_entry *e, const char *name, uint16_t port, uint16_t context)
{
	return e->session && e->port == port && e->context == context && strcmp(e->name, name) == 0;
}

SSL_SESSION *resume_get(struct resume *r, const char *name, uint16_t port, uint16_t context)
{
	struct resume_entry *set = set_of(r, name, port, context);

	for (size_t i = 0; i < RESUME_WAYS; i++) {
		if (!is_for(&set[i], name, port, context))
			continue;
		if (!SSL_SESSION_is_resumable(set[i].session)) {
			SSL_SESSION_free(set[i].session);
			memset(&set[i], 0, sizeof(set[i]));
			return NULL;
		}
		set[i].used = ++r->clock;
		return set[i].session;
	}
	return NULL;
}

void resume_put(struct resume *r, const char *name, uint16_t port, uint16_t context,
		SSL_SESSION *session)
{
	struct resume_entry *set = set_of(r, name, port, context), *e = set;

	for (size_t i = 0; i < RESUME_WAYS; i++) {
		if (is_for(&set[i], name, port, context)) {
			e = &set[i];
			break;
		}
		if (set[i].used < e->used)
			e = &set[i];
	}
	SSL_SESSION_free(e->session);
	e->session = session;
	e->port = port;
	e->context = context;
	e->used = ++r->clock;
	str_copy(e->name, sizeof(e->name), name);
}

void resume_free(struct resume *r)
{
	for (size_t i = 0; i < RESUME_SETS; i++)
		for (size_t j = 0; j < RESUME_WAYS; j++)
			SSL_SESSION_free(r->v[i][j].session);
	memset(r, 0, sizeof(*r));
}
