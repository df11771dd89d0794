/* Lines by their longest common subsequence; what is too long for that is replaced as a whole. */
#include "policy/views/diff.h"

#define CONTEXT	  3
#define CELLS_MAX (4u << 20)

struct line {
	const char *s;
	size_t n; /* without the newline */
};

struct text {
	struct line *v;
	size_t n;
};

struct op { /* ' ' kept, '-' only before, '+' only after */
	char kind;
	struct line line;
};

static struct text split(const char *s)
{
	struct text t = {0};
	size_t cap = 0;

	while (s && *s) {
		const char *end = strchrnul(s, '\n');

		if (t.n == cap) {
			cap = cap ? cap * 2 : 64;
			t.v = xrealloc_array(t.v, cap, sizeof(*t.v));
		}
		t.v[t.n++] = (struct line){s, (size_t)(end - s)};
		s = *end ? end + 1 : end;
	}
	return t;
}

static bool same(struct line a, struct line b)
{
	return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

/* ops for a[0..n) against b[0..m); returns how many. */
static size_t compare(const struct line *a, size_t n, const struct line *b, size_t m,
		      struct op *ops)
{
	size_t i = 0, k = 0, out = 0, w = m + 1;
	_cleanup_free_ uint32_t *len = NULL;

	if ((n + 1) <= CELLS_MAX / w) {
		len = xcalloc((n + 1) * w, sizeof(*len));
		for (size_t x = n; x-- > 0;)
			for (size_t y = m; y-- > 0;) {
				uint32_t down = len[(x + 1) * w + y], right = len[x * w + y + 1];
				len[x * w + y] = same(a[x], b[y]) ? len[(x + 1) * w + y + 1] + 1
						 : down > right	  ? down
								  : right;
			}
	}
	while (i < n || k < m) {
		if (len && i < n && k < m && same(a[i], b[k])) {
			ops[out++] = (struct op){' ', a[i]};
			i++;
			k++;
		} else if (i < n &&
			   (k == m || !len || len[(i + 1) * w + k] >= len[i * w + k + 1])) {
			ops[out++] = (struct op){'-', a[i++]};
		} else {
			ops[out++] = (struct op){'+', b[k++]};
		}
	}
	return out;
}

static void print_hunk(struct buf *out, const struct op *ops, size_t from, size_t to, size_t a,
		       size_t b)
{
	size_t na = 0, nb = 0;

	for (size_t i = from; i < to; i++) {
		na += ops[i].kind != '+';
		nb += ops[i].kind != '-';
	}
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", na ? a + 1 : a, na, nb ? b + 1 : b, nb);
	for (size_t i = from; i < to; i++) {
		buf_addc(out, ops[i].kind);
		buf_add(out, ops[i].line.s, ops[i].line.n);
		buf_addc(out, '\n');
	}
}

static void print_hunks(struct buf *out, const struct op *ops, size_t n)
{
	size_t a = 0, b = 0; /* lines of either text before i */

	for (size_t i = 0; i < n;) {
		size_t from, to, quiet = 0, back;

		if (ops[i].kind == ' ') {
			i++;
			a++;
			b++;
			continue;
		}
		back = i < CONTEXT ? i : CONTEXT;
		from = i - back;
		while (ops[from].kind != ' ' && from < i) { /* a hunk has just ended there */
			from++;
			back--;
		}
		for (to = i; to < n && quiet <= 2 * CONTEXT; to++)
			quiet = ops[to].kind == ' ' ? quiet + 1 : 0;
		if (quiet > CONTEXT)
			to -= quiet - CONTEXT;
		print_hunk(out, ops, from, to, a - back, b - back);
		for (; i < to; i++) {
			a += ops[i].kind != '+';
			b += ops[i].kind != '-';
		}
	}
}

void diff_unified(struct buf *out, const char *path, const char *before, const char *after)
{
	struct text a = split(before), b = split(after);
	_cleanup_free_ struct line *av = a.v, *bv = b.v;
	_cleanup_free_ struct op *ops = xcalloc(a.n + b.n + 1, sizeof(*ops));
	size_t head = 0, tail = 0, n;

	if (before && strcmp(before, after) == 0)
		return;
	while (head < a.n && head < b.n && same(av[head], bv[head])) {
		ops[head] = (struct op){' ', av[head]};
		head++;
	}
	while (tail < a.n - head && tail < b.n - head &&
	       same(av[a.n - 1 - tail], bv[b.n - 1 - tail]))
		tail++;
	n = head;
	/* A new file has no lines before, and an empty array no address. */
	n += compare(av ? av + head : NULL, a.n - head - tail, bv ? bv + head : NULL,
		     b.n - head - tail, ops + head);
	for (size_t i = 0; i < tail; i++)
		ops[n++] = (struct op){' ', av[a.n - tail + i]};
	buf_addf(out, "--- %s\n+++ %s\n", before ? path : "/dev/null", path);
	print_hunks(out, ops, n);
}
