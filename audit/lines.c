#include "audit/lines.h"

#include "audit/store.h"

#define FIRST_CAP 65536u

void lines_init(struct lines *l, int fd, uint64_t offset)
{
	*l = (struct lines){.fd = fd, .offset = offset};
}

void lines_free(struct lines *l)
{
	free(l->data);
	l->data = NULL;
}

/* 1 = more bytes, 0 = none at present, -1 = error. */
static int fill(struct lines *l)
{
	ssize_t n;

	if (l->start) {
		memmove(l->data, l->data + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	if (l->end == l->cap) {
		size_t cap = l->cap ? l->cap * 4 : FIRST_CAP;
		if (l->cap > LINE_MAX_BYTES) {
			errno = EMSGSIZE;
			return -1;
		}
		l->data = xrealloc_array(l->data, cap, 1);
		l->cap = cap;
	}
	do
		n = pread(l->fd, l->data + l->end, l->cap - l->end, (off_t)(l->offset + l->end));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		l->end += (size_t)n;
	return n > 0 ? 1 : (int)n;
}

int lines_next(struct lines *l, char **line, size_t *n)
{
	size_t looked = 0;

	for (;;) {
		size_t have = l->end - l->start;
		char *nl =
		    have > looked ? memchr(l->data + l->start + looked, '\n', have - looked) : NULL;
		int r;

		if (nl || have > LINE_MAX_BYTES) {
			*line = l->data + l->start;
			*n = nl ? (size_t)(nl - *line) : have;
			if (*n > LINE_MAX_BYTES) {
				errno = EMSGSIZE;
				return -1;
			}
			*nl = '\0';
			l->start += *n + 1;
			l->offset += *n + 1;
			return 1;
		}
		looked = have;
		r = fill(l);
		if (r <= 0)
			return r;
	}
}

int log_line_parse(struct log_line *out, const char *line, size_t n)
{
	enum { SEQUENCE = 1, PREV = 2, LEAF = 4, CHAIN = 8, TEXT = 16, EVENT = 32, ALL = 63 };
	struct json_iter it;
	struct json_span key, val;
	unsigned seen = 0;
	int r;

	memset(out, 0, sizeof(*out));
	if (json_iter_init(&it, (struct json_span){line, n}) < 0 || !it.object)
		return -1;
	while ((r = json_iter_next(&it, &key, &val)) == 1) {
		unsigned bit = 0;
		if (json_key_is(key, "sequence")) {
			bit = SEQUENCE;
			if (json_u64(val, &out->sequence) < 0)
				return -1;
		} else if (json_key_is(key, "prev_chain")) {
			bit = PREV;
			out->prev = val;
		} else if (json_key_is(key, "leaf_hash")) {
			bit = LEAF;
			out->leaf = val;
		} else if (json_key_is(key, "chain_hash")) {
			bit = CHAIN;
			out->chain = val;
		} else if (json_key_is(key, "event_json")) {
			bit = TEXT;
			out->event_json = val;
		} else if (json_key_is(key, "event")) {
			bit = EVENT;
			out->event = val;
		}
		/* A member twice could be read one way here and another way elsewhere. */
		if (seen & bit)
			return -1;
		seen |= bit;
	}
	if (r < 0 || it.p + 1 != it.end || seen != ALL || out->event.p[0] != '{')
		return -1;
	return 0;
}
