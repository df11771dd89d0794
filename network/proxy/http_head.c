/*
 * Heads as lists of headers in memory of their own, and how credentials/ sees them.
 */
#include "network/proxy/http.h"

#include <strings.h>

#define MEMORY_FIRST 4000
#define MEMORY_TOTAL (2 * HTTP_HEAD_MAX) /* what was read, and what was put in */

struct http_chunk_of_memory {
	struct http_chunk_of_memory *next;
	size_t used, cap, total; /* total: with those after it */
	char data[];
};

static void free_chunks(struct http_chunk_of_memory *m, bool secret)
{
	while (m) {
		struct http_chunk_of_memory *next = m->next;

		if (secret)
			explicit_bzero(m->data, m->used);
		free(m);
		m = next;
	}
}

void http_head_clear(struct http_head *h)
{
	struct http_chunk_of_memory *m = h->memory;
	struct http_header *headers = h->headers;
	size_t cap = h->cap;

	/* The first piece is kept: it is enough for nearly all. */
	while (m && m->next) {
		struct http_chunk_of_memory *next = m->next;

		m->next = NULL;
		free_chunks(m, h->secret);
		m = next;
	}
	if (m && h->secret)
		explicit_bzero(m->data, m->used);
	if (m)
		m->used = 0;
	*h = (struct http_head){.headers = headers, .cap = cap, .memory = m};
}

void http_head_free(struct http_head *h)
{
	free_chunks(h->memory, h->secret);
	free(h->headers);
	*h = (struct http_head){0};
}

static char *take(struct http_head *h, size_t n)
{
	struct http_chunk_of_memory *m = h->memory;

	if (!m || m->cap - m->used < n) {
		size_t total = m ? m->total : 0, cap = n > MEMORY_FIRST ? n : MEMORY_FIRST;

		if (total + cap > MEMORY_TOTAL)
			return NULL;
		m = xcalloc(1, sizeof(*m) + cap);
		m->cap = cap;
		m->total = total + cap;
		m->next = h->memory;
		h->memory = m;
	}
	char *p = m->data + m->used;
	m->used += n;
	return p;
}

static void forget(struct http_text *t)
{
	if (t->n)
		explicit_bzero((char *)(uintptr_t)t->p, t->n);
	t->n = 0;
}

void http_head_forget_secrets(struct http_head *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->headers[i].secret)
			forget(&h->headers[i].value);
	if (h->secret_target)
		forget(&h->target);
}

struct http_text http_copy(struct http_head *h, const void *p, size_t n)
{
	char *to = n < MEMORY_TOTAL ? take(h, n + 1) : NULL;

	if (!to)
		return (struct http_text){NULL, 0};
	memcpy(to, p, n);
	to[n] = '\0';
	return (struct http_text){to, n};
}

int http_add(struct http_head *h, const char *name, size_t name_n, const char *value,
	     size_t value_n)
{
	struct http_header add;

	if (h->n >= HTTP_HEADERS_MAX)
		return -1;
	add.secret = false;
	add.name = http_copy(h, name, name_n);
	add.value = http_copy(h, value, value_n);
	if (!add.name.p || !add.value.p)
		return -1;
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 16;
		h->headers = xrealloc_array(h->headers, h->cap, sizeof(*h->headers));
	}
	h->headers[h->n++] = add;
	return 0;
}

int http_add_str(struct http_head *h, const char *name, const char *value)
{
	return http_add(h, name, strlen(name), value, strlen(value));
}

bool http_text_is(struct http_text t, const char *s)
{
	size_t n = strlen(s);

	return t.n == n && !strncasecmp(t.p, s, n);
}

void http_remove(struct http_head *h, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++)
		if (!http_text_is(h->headers[i].name, name))
			h->headers[kept++] = h->headers[i];
	h->n = kept;
}

const struct http_text *http_get(const struct http_head *h, const char *name, size_t i)
{
	for (size_t k = 0; k < h->n; k++)
		if (http_text_is(h->headers[k].name, name) && !i--)
			return &h->headers[k].value;
	return NULL;
}

bool http_has_word(const struct http_head *h, const char *name, const char *word)
{
	const struct http_text *v;

	for (size_t i = 0; (v = http_get(h, name, i)); i++) {
		size_t at = 0;

		while (at < v->n) {
			const char *comma = memchr(v->p + at, ',', v->n - at);
			size_t end = comma ? (size_t)(comma - v->p) : v->n, from = at, to = end;

			while (from < to && (v->p[from] == ' ' || v->p[from] == '\t'))
				from++;
			while (to > from && (v->p[to - 1] == ' ' || v->p[to - 1] == '\t'))
				to--;
			if (http_text_is((struct http_text){v->p + from, to - from}, word))
				return true;
			at = end + 1;
		}
	}
	return false;
}

/* ---- as credentials/ sees it ---- */

static const char *head_target(void *data, size_t *n)
{
	struct http_head *h = data;

	*n = h->target.n;
	return h->target.p;
}

static const char *head_get(void *data, const char *name, size_t i, size_t *n)
{
	const struct http_text *v = http_get(data, name, i);

	if (!v)
		return NULL;
	*n = v->n;
	return v->p;
}

static bool head_each(void *data, size_t i, const char **name, size_t *name_n, const char **value,
		      size_t *value_n)
{
	const struct http_head *h = data;

	if (i >= h->n)
		return false;
	*name = h->headers[i].name.p;
	*name_n = h->headers[i].name.n;
	*value = h->headers[i].value.p;
	*value_n = h->headers[i].value.n;
	return true;
}

static bool any_control(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			return true;
	return false;
}

static int head_set_target(void *data, const char *target, size_t n)
{
	struct http_head *h = data;
	struct http_text t;

	if (any_control(target, n) || memchr(target, ' ', n))
		return -1;
	t = http_copy(h, target, n);
	if (!t.p)
		return -1;
	h->target = t;
	h->secret = h->secret_target = true;
	return 0;
}

/* A secret with a line end in it must not become two headers. */
static int head_add(void *data, const char *name, const char *value, size_t n)
{
	struct http_head *h = data;

	if (any_control(value, n))
		return -1;
	if (http_add(h, name, strlen(name), value, n) < 0)
		return -1;
	h->secret = h->headers[h->n - 1].secret = true;
	return 0;
}

static void head_remove(void *data, const char *name)
{
	http_remove(data, name);
}

void http_credential_head(struct http_head *h, char method[24], struct credential_head *out)
{
	size_t n = h->method.n < 23 ? h->method.n : 23;

	memcpy(method, h->method.p, n);
	method[n] = '\0';
	*out = (struct credential_head){.data = h,
					.method = method,
					.target = head_target,
					.get = head_get,
					.each = head_each,
					.set_target = head_set_target,
					.add = head_add,
					.remove = head_remove};
}
