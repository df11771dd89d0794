/* What the keys process answers: secrets for those who want them, and sockets for the answers to
 * pages. */
#include <sys/socket.h>

#include "network/credentials/proxy.h"

#define SECOND_NS 1000000000ull

/* A want may cancel itself and others while it is told: always begin anew. */
static void tell(struct credential_slot *s, bool ok, const struct err *err)
{
	struct credential_want *w;

	do {
		for (w = s->wants; w && !w->waits; w = w->next)
			;
		if (w) {
			w->waits = false;
			w->done(w, ok, err);
		}
	} while (w);
}

static struct credential_slot *pending(struct credentials *c, uint32_t id)
{
	for (size_t i = 0; i < c->n; i++)
		for (struct credential_slot *s = c->routes[i].slots; s; s = s->next)
			if (s->pending && s->id == id)
				return s;
	return NULL;
}

static void failed(struct credential_slot *s, const char *why)
{
	s->pending = false;
	s->failed_ns = clock_mono_ns();
	s->good_until_ns = 0;
	secret_free(&s->value);
	err_set(&s->failure, "%s", why);
	tell(s, false, &s->failure);
}

static void arrived(struct credentials *c, const struct keys_answer *a)
{
	struct credential_slot *s = pending(c, a->id);
	struct err err = {0};

	if (!s)
		return;
	if (!a->ok || !a->n || secret_set(&s->value, c->received.data, a->n, &err) < 0) {
		failed(s, !a->ok ? a->text : err.msg);
		return;
	}
	s->pending = false;
	s->list = a->list;
	s->failed_ns = 0;
	s->fetched_ns = clock_mono_ns();
	s->good_until_ns =
	    a->ttl_s == CREDENTIAL_FOREVER ? UINT64_MAX : s->fetched_ns + a->ttl_s * SECOND_NS;
	tell(s, true, NULL);
}

static void lost(struct credentials *c)
{
	close(STEAL_FD(c->keys));
	for (size_t i = 0; i < c->n; i++)
		for (struct credential_slot *s = c->routes[i].slots; s; s = s->next)
			if (s->pending)
				failed(s, "the process that keeps the credentials has ended");
}

static void close_sockets(const int fds[2])
{
	for (size_t i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void credentials_dispatch(struct credentials *c)
{
	while (c->keys >= 0) {
		struct keys_answer a;
		struct iovec v[2] = {{&a, sizeof(a)}, {c->received.data, c->received.cap}};
		int fds[2] = {-1, -1};
		size_t n_fds;
		ssize_t n = fds_recv(c->keys, v, 2, fds, 2, &n_fds, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < (ssize_t)sizeof(a) || a.n != (size_t)n - sizeof(a) || a.n > SECRET_MAX ||
		    !memchr(a.text, 0, sizeof(a.text))) {
			close_sockets(fds);
			lost(c);
			return;
		}
		c->received.data[a.n] = '\0';
		if (!credential_page_answered(c, &a, fds)) {
			close_sockets(fds);
			arrived(c, &a);
		}
		explicit_bzero(c->received.data, a.n);
	}
}
