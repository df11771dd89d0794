/* Length-prefixed frames. */
#include "sessions/frames.h"

#define HEAD 4

void frame_reader_free(struct frame_reader *r)
{
	buf_free(&r->in);
	r->at = 0;
}

void frame_reader_feed(struct frame_reader *r, const void *p, size_t n)
{
	if (r->at) {
		buf_consume(&r->in, r->at);
		r->at = 0;
	}
	buf_add(&r->in, p, n);
}

int frame_reader_next(struct frame_reader *r, const char **p, size_t *n)
{
	size_t left = r->in.len - r->at;
	size_t max = r->max ? r->max : FRAME_MAX;
	const unsigned char *head;
	size_t len;

	if (left < HEAD)
		return 0;
	head = (const unsigned char *)r->in.data + r->at;
	len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
	if (len > max)
		return -1;
	if (left - HEAD < len)
		return 0;
	*p = r->in.data + r->at + HEAD;
	*n = len;
	r->at += HEAD + len;
	return 1;
}

int frame_add(struct buf *out, const void *p, size_t n)
{
	unsigned char head[HEAD];

	if (n > FRAME_MAX)
		return -1;
	for (int i = 0; i < HEAD; i++)
		head[i] = (unsigned char)(n >> (8 * i));
	buf_add(out, head, HEAD);
	buf_add(out, p, n);
	return 0;
}
