/* Words that two lines have in common: the longest common subsequence of what lies between their
 * common ends. */
#include "snapshots/diff_words.h"

#include <ctype.h>

#define WORDS_MAX      160 /* of the middle of a line; a longer one is one range */
#define LINE_MAX_BYTES 4096
#define COMMON_PERCENT 35 /* of the longer line, blanks not counted */

struct words {
	struct diff_range v[WORDS_MAX];
	size_t n;
	bool common[WORDS_MAX];
	bool full; /* there were more */
};

static bool in_word(unsigned char c)
{
	return isalnum(c) || c == '_' || c >= 0x80;
}

static void split(const char *p, size_t from, size_t to, struct words *w)
{
	w->n = 0;
	w->full = false;
	while (from < to) {
		size_t end = from + 1;

		if (w->n == WORDS_MAX) {
			w->full = true;
			return;
		}
		if (in_word((unsigned char)p[from]))
			while (end < to && in_word((unsigned char)p[end]))
				end++;
		else if (p[from] == ' ' || p[from] == '\t')
			while (end < to && (p[end] == ' ' || p[end] == '\t'))
				end++;
		w->common[w->n] = false;
		w->v[w->n++] = (struct diff_range){from, end};
		from = end;
	}
}

static bool same(const char *a, const struct diff_range *x, const char *b,
		 const struct diff_range *y)
{
	return x->to - x->from == y->to - y->from &&
	       memcmp(a + x->from, b + y->from, x->to - x->from) == 0;
}

/* Marks what is common. */
static void match(const char *a, struct words *x, const char *b, struct words *y)
{
	uint8_t best[WORDS_MAX + 1][WORDS_MAX + 1]; /* of the words from there on */
	size_t i, k;

	for (i = 0; i <= x->n; i++)
		best[i][y->n] = 0;
	for (k = 0; k <= y->n; k++)
		best[x->n][k] = 0;
	for (i = x->n; i-- > 0;)
		for (k = y->n; k-- > 0;) {
			uint8_t down = best[i + 1][k], right = best[i][k + 1];

			best[i][k] = same(a, &x->v[i], b, &y->v[k])
					 ? (uint8_t)(best[i + 1][k + 1] + 1)
				     : down > right ? down
						    : right;
		}
	for (i = k = 0; i < x->n && k < y->n;) {
		if (same(a, &x->v[i], b, &y->v[k]))
			x->common[i++] = y->common[k++] = true;
		else if (best[i + 1][k] >= best[i][k + 1])
			i++;
		else
			k++;
	}
}

static bool blank(const char *p, const struct diff_range *r)
{
	return p[r->from] == ' ' || p[r->from] == '\t';
}

/* Ranges of what is not common; a blank between two is in them. Returns false if there are too
 * many. */
static bool ranges(const char *p, const struct words *w, struct diff_range *out, size_t *n)
{
	for (size_t i = 0; i < w->n; i++) {
		struct diff_range *last = *n ? &out[*n - 1] : NULL;
		bool bridge = last && w->common[i] && blank(p, &w->v[i]) && i + 1 < w->n &&
			      !w->common[i + 1] && last->to == w->v[i].from;

		if (w->common[i] && !bridge)
			continue;
		if (last && last->to == w->v[i].from) {
			last->to = w->v[i].to;
			continue;
		}
		if (*n == DIFF_RANGES_MAX)
			return false;
		out[(*n)++] = w->v[i];
	}
	return true;
}

static size_t solid(const char *p, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += p[i] != ' ' && p[i] != '\t';
	return n;
}

static bool enough(const char *a, size_t a_n, const struct diff_words *d, const char *b, size_t b_n)
{
	size_t all_a = solid(a, 0, a_n), all_b = solid(b, 0, b_n), common = all_a;

	for (size_t i = 0; i < d->a_n; i++)
		common -= solid(a, d->a[i].from, d->a[i].to);
	return common * 100 >= COMMON_PERCENT * (all_a > all_b ? all_a : all_b) && common;
}

static bool whole(const char *p, size_t n, size_t at)
{
	return at == 0 || at >= n || !in_word((unsigned char)p[at - 1]) ||
	       !in_word((unsigned char)p[at]);
}

bool diff_words(const char *a, size_t a_n, const char *b, size_t b_n, struct diff_words *out)
{
	size_t head = 0, tail = 0, least = a_n < b_n ? a_n : b_n;
	struct words x, y;

	out->a_n = out->b_n = 0;
	if (a_n > LINE_MAX_BYTES || b_n > LINE_MAX_BYTES)
		return false;
	while (head < least && a[head] == b[head])
		head++;
	while (head && (!whole(a, a_n, head) || !whole(b, b_n, head)))
		head--;
	while (tail < least - head && a[a_n - tail - 1] == b[b_n - tail - 1])
		tail++;
	while (tail && (!whole(a, a_n, a_n - tail) || !whole(b, b_n, b_n - tail)))
		tail--;
	split(a, head, a_n - tail, &x);
	split(b, head, b_n - tail, &y);
	if (x.full || y.full) {
		out->a[0] = (struct diff_range){head, a_n - tail};
		out->b[0] = (struct diff_range){head, b_n - tail};
		out->a_n = a_n - tail > head;
		out->b_n = b_n - tail > head;
	} else {
		match(a, &x, b, &y);
		if (!ranges(a, &x, out->a, &out->a_n) || !ranges(b, &y, out->b, &out->b_n))
			return false;
	}
	return enough(a, a_n, out, b, b_n);
}
