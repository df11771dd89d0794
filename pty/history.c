/* Scrollback: lines as bytes in blocks. */
#include "pty/history.h"

#define BLOCK (32u << 10)

void history_init(struct history *h, size_t max_lines)
{
	*h = (struct history){.max_lines = max_lines};
}

static void drop_blocks(struct history *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		h->bytes -= h->blocks[i]->cap;
		free(h->blocks[i]);
	}
	h->n_blocks -= n;
	memmove(h->blocks, h->blocks + n, h->n_blocks * sizeof(*h->blocks));
}

void history_clear(struct history *h)
{
	if (h->n_blocks)
		drop_blocks(h, h->n_blocks);
	h->first += h->count;
	h->count = 0;
}

void history_free(struct history *h)
{
	history_clear(h);
	free(h->blocks);
	h->blocks = NULL;
	h->cap_blocks = 0;
}

static void trim(struct history *h)
{
	if (h->count > h->max_lines) {
		h->first += h->count - h->max_lines;
		h->count = h->max_lines;
	}
	while (h->n_blocks > 1 &&
	       (h->bytes > HISTORY_BYTES_MAX || h->blocks[1]->first <= h->first)) {
		uint64_t next = h->blocks[1]->first;

		if (h->first < next) {
			h->count -= next - h->first;
			h->first = next;
		}
		drop_blocks(h, 1);
	}
}

/* A block with room for need bytes; NULL without memory. */
static struct history_block *room(struct history *h, size_t need)
{
	struct history_block *b = h->n_blocks ? h->blocks[h->n_blocks - 1] : NULL;
	size_t cap = need > BLOCK ? need : BLOCK;

	if (b && b->cap - b->len >= need)
		return b;
	if (h->n_blocks == h->cap_blocks) {
		size_t n = h->cap_blocks ? h->cap_blocks * 2 : 16;
		struct history_block **p = realloc(h->blocks, n * sizeof(*p));

		if (!p)
			return NULL;
		h->blocks = p;
		h->cap_blocks = n;
	}
	b = malloc(sizeof(*b) + cap);
	if (!b)
		return NULL;
	*b = (struct history_block){.first = h->first + h->count, .cap = (uint32_t)cap};
	h->blocks[h->n_blocks++] = b;
	h->bytes += cap;
	return b;
}

/* The bound of a line counts every cell as a long cluster; most lines take far less. */
static size_t need_for(const struct row *r, size_t n)
{
	if (r->plain)
		return n + 10;
	for (size_t i = 0; i < n; i++)
		if (r->cells[i].glyph & PTY_GLYPH_CLUSTER)
			return line_bound(n);
	return 20 + n * (4 + 1 + 16);
}

void history_push(struct history *h, const struct row *r, const struct line_clusters *names)
{
	size_t n = r->wrapped || r->plain ? r->len : (size_t)row_used(r);
	struct history_block *b;

	if (!h->max_lines)
		return;
	if (r->plain && !r->wrapped)
		while (n && (r->cells[n - 1].glyph == 0 || r->cells[n - 1].glyph == ' '))
			n--;
	b = room(h, need_for(r, n));
	if (!b) { /* no memory: what is there makes room */
		history_clear(h);
		h->first++;
		return;
	}
	b->len += (uint32_t)line_encode(b->data + b->len, r->cells, n, r->plain, r->wrapped, names);
	b->lines++;
	h->count++;
	trim(h);
}

const uint8_t *history_line(const struct history *h, uint64_t line, size_t *left)
{
	size_t lo = 0, hi = h->n_blocks;

	if (line < h->first || line - h->first >= h->count)
		return NULL;
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;

		if (h->blocks[mid]->first <= line)
			lo = mid;
		else
			hi = mid;
	}
	if (lo >= h->n_blocks)
		return NULL;
	const struct history_block *b = h->blocks[lo];
	const uint8_t *p = b->data, *end = b->data + b->len;
	for (uint64_t i = b->first; i < line; i++) {
		size_t n = line_size(p, (size_t)(end - p));

		if (!n)
			return NULL;
		p += n;
	}
	*left = (size_t)(end - p);
	return p;
}
