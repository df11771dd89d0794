/* Lines that two texts have in common: Myers' search from both ends. */
#include "snapshots/diff.h"

#define BINARY_LOOK  8000
#define SEARCH_STEPS 2048 /* of one search before it settles for a cut */

struct search {
	const uint32_t *a, *b; /* classes of lines */
	uint8_t *gone, *came;
	long *forward, *backward; /* furthest x on diagonal k, from the middle of the arrays */
};

struct cut {
	long x, y;
};

/* ---- lines ---------------------------------------------------------------------------------- */

bool diff_binary(const char *data, size_t n)
{
	return memchr(data ? data : "", 0, n < BINARY_LOOK ? n : BINARY_LOOK) != NULL;
}

static void split(struct diff_text *t, const char *data, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += data[i] == '\n';
	count += n && data[n - 1] != '\n';
	*t = (struct diff_text){.data = data, .n = n, .count = count};
	t->lines = xcalloc(count + 1, sizeof(*t->lines));
	for (size_t i = 0, k = 0; k < count; k++) {
		const char *end = memchr(data + i, '\n', n - i);
		t->lines[k] = i;
		i = end ? (size_t)(end - data) + 1 : n;
	}
	t->lines[count] = n;
}

const char *diff_line(const struct diff_text *t, size_t i, size_t *n)
{
	*n = t->lines[i + 1] - t->lines[i];
	*n -= *n && t->data[t->lines[i] + *n - 1] == '\n';
	return t->data + t->lines[i];
}

static uint64_t hash_line(const char *p, size_t n)
{
	uint64_t h = 1469598103934665603u ^ n;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211u;
	return h ^ h >> 29;
}

struct class
{
	const char *p; /* NULL: free */
	size_t n;
	uint32_t id;
};

/* Equal lines get equal numbers. */
static void classify(const struct diff_text *t, struct class *table, size_t mask, uint32_t *next,
		     uint32_t *out)
{
	for (size_t i = 0; i < t->count; i++) {
		const char *p = t->data + t->lines[i];
		size_t n = t->lines[i + 1] - t->lines[i], at = hash_line(p, n) & mask;

		while (table[at].p && (table[at].n != n || memcmp(table[at].p, p, n) != 0))
			at = (at + 1) & mask;
		if (!table[at].p)
			table[at] = (struct class){p, n, (*next)++};
		out[i] = table[at].id;
	}
}

/* ---- search --------------------------------------------------------------------------------- */

static long ahead(const struct search *s, long x, long y, long a1, long b1)
{
	while (x < a1 && y < b1 && s->a[x] == s->b[y]) {
		x++;
		y++;
	}
	return x;
}

static long back(const struct search *s, long x, long y, long a0, long b0)
{
	while (x > a0 && y > b0 && s->a[x - 1] == s->b[y - 1]) {
		x--;
		y--;
	}
	return x;
}

/* The furthest that the forward search got. */
static struct cut best_so_far(const struct search *s, long lo, long hi, const long box[4])
{
	struct cut best = {-1, -1};

	for (long k = lo; k <= hi; k += 2) {
		long x = s->forward[k], y = x - k;
		if (x >= box[0] && x <= box[1] && y >= box[2] && y <= box[3] &&
		    x + y > best.x + best.y)
			best = (struct cut){x, y};
	}
	return best;
}

/* A point on a shortest path from (a0,b0) to (a1,b1), both sides not empty and neither their first
 * nor their last lines equal. Diagonal k = x - y. */
static struct cut middle(const struct search *s, long a0, long a1, long b0, long b1)
{
	long *f = s->forward, *r = s->backward;
	long kmin = a0 - b1, kmax = a1 - b0, fmid = a0 - b0, rmid = a1 - b1;
	long flo = fmid, fhi = fmid, rlo = rmid, rhi = rmid;
	bool odd = (fmid - rmid) & 1;

	f[fmid] = a0;
	r[rmid] = a1;
	for (long d = 1;; d++) {
		/* A diagonal outside of the box ends the range there. */
		if (flo > kmin)
			f[--flo - 1] = -1;
		else
			flo++;
		if (fhi < kmax)
			f[++fhi + 1] = -1;
		else
			fhi--;
		for (long k = fhi; k >= flo; k -= 2) {
			long below = f[k - 1], above = f[k + 1];
			long x = below < above ? above : below + 1;
			x = ahead(s, x, x - k, a1, b1);
			f[k] = x;
			if (odd && rlo <= k && k <= rhi && r[k] <= x)
				return (struct cut){x, x - k};
		}
		if (rlo > kmin)
			r[--rlo - 1] = a1 + 1;
		else
			rlo++;
		if (rhi < kmax)
			r[++rhi + 1] = a1 + 1;
		else
			rhi--;
		for (long k = rhi; k >= rlo; k -= 2) {
			long below = r[k - 1], above = r[k + 1];
			long x = below < above ? below : above - 1;
			x = back(s, x, x - k, a0, b0);
			r[k] = x;
			if (!odd && flo <= k && k <= fhi && x <= f[k])
				return (struct cut){x, x - k};
		}
		if (d >= SEARCH_STEPS) {
			struct cut c = best_so_far(s, flo, fhi, (long[]){a0, a1, b0, b1});
			if (c.x + c.y > a0 + b0 && c.x + c.y < a1 + b1)
				return c;
		}
	}
}

static void compare(const struct search *s, long a0, long a1, long b0, long b1)
{
	for (;;) {
		struct cut c;

		while (a0 < a1 && b0 < b1 && s->a[a0] == s->b[b0]) {
			a0++;
			b0++;
		}
		while (a0 < a1 && b0 < b1 && s->a[a1 - 1] == s->b[b1 - 1]) {
			a1--;
			b1--;
		}
		if (a0 == a1 || b0 == b1)
			break;
		c = middle(s, a0, a1, b0, b1);
		/* The smaller part by a call: their depth is bounded by the logarithm. */
		if (c.x + c.y - a0 - b0 < a1 + b1 - c.x - c.y) {
			compare(s, a0, c.x, b0, c.y);
			a0 = c.x;
			b0 = c.y;
		} else {
			compare(s, c.x, a1, c.y, b1);
			a1 = c.x;
			b1 = c.y;
		}
	}
	while (a0 < a1)
		s->gone[a0++] = 1;
	while (b0 < b1)
		s->came[b0++] = 1;
}

/* ---- hunks ---------------------------------------------------------------------------------- */

static void add_hunk(struct diff *d, size_t a, size_t a1, size_t b, size_t b1)
{
	size_t before = a < DIFF_CONTEXT ? a : DIFF_CONTEXT, after = d->a.count - a1;
	struct diff_hunk *last = d->hunk_count ? &d->hunks[d->hunk_count - 1] : NULL;

	after = after < DIFF_CONTEXT ? after : DIFF_CONTEXT;
	if (last && last->a + last->a_n >= a - before) {
		last->a_n = a1 + after - last->a;
		last->b_n = b1 + after - last->b;
		return;
	}
	if ((d->hunk_count & (d->hunk_count + 1)) == 0)
		d->hunks = xrealloc_array(d->hunks, 2 * (d->hunk_count + 1), sizeof(*d->hunks));
	d->hunks[d->hunk_count++] = (struct diff_hunk){a - before, a1 + after - (a - before),
						       b - before, b1 + after - (b - before)};
}

static void make_hunks(struct diff *d)
{
	for (size_t i = 0, k = 0; i < d->a.count || k < d->b.count;) {
		size_t a = i, b = k;

		while (i < d->a.count && d->gone[i])
			i++;
		while (k < d->b.count && d->came[k])
			k++;
		d->removed += i - a;
		d->added += k - b;
		if (i > a || k > b)
			add_hunk(d, a, i, b, k);
		i++;
		k++;
	}
}

void diff_make(struct diff *d, const char *a, size_t a_n, const char *b, size_t b_n)
{
	struct search s;
	size_t lines, mask = 16;
	uint32_t *ids, next = 0;
	struct class *table;
	long *space;

	*d = (struct diff){0};
	split(&d->a, a, a_n);
	split(&d->b, b, b_n);
	lines = d->a.count + d->b.count;
	while (mask < 2 * lines)
		mask *= 2;
	table = xcalloc(mask, sizeof(*table));
	ids = xcalloc(lines + 1, sizeof(*ids));
	classify(&d->a, table, mask - 1, &next, ids);
	classify(&d->b, table, mask - 1, &next, ids + d->a.count);
	free(table);
	d->gone = xcalloc(d->a.count + 1, 1);
	d->came = xcalloc(d->b.count + 1, 1);
	/* Diagonals from -b.count - 1 to a.count + 1. */
	space = xcalloc(2 * (lines + 3), sizeof(*space));
	s = (struct search){.a = ids,
			    .b = ids + d->a.count,
			    .gone = d->gone,
			    .came = d->came,
			    .forward = space + d->b.count + 1,
			    .backward = space + lines + 3 + d->b.count + 1};
	compare(&s, 0, (long)d->a.count, 0, (long)d->b.count);
	free(space);
	free(ids);
	make_hunks(d);
}

void diff_free(struct diff *d)
{
	free(d->a.lines);
	free(d->b.lines);
	free(d->gone);
	free(d->came);
	free(d->hunks);
	*d = (struct diff){0};
}
