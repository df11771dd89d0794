/* Diffs in colour: what changed within a line is inverse. */
#include "cli/rollback_paint.h"
#include "cli/rollback.h"

#define TAB 8

static const char *const base[] = {[PAINT_WENT] = "\033[31m", [PAINT_CAME] = "\033[32m"};

bool paint_wanted(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && *term && !str_eq(term, "dumb");
}

/* What a terminal may have of it, blanks for tabs. Returns the columns. */
static size_t put(const char *p, size_t n, size_t column)
{
	_cleanup_(buf_free) struct buf flat = {0};
	char text[8192];
	size_t begin = column;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\t') {
			buf_addc(&flat, p[i]);
			continue;
		}
		do
			buf_addc(&flat, ' ');
		while ((begin + flat.len) % TAB);
	}
	text_printable(text, sizeof(text), flat.len ? flat.data : "", flat.len);
	fputs(text, stdout);
	for (const char *c = text; *c; c++)
		column += ((unsigned char)*c & 0xc0) != 0x80;
	return column;
}

size_t paint_line(enum paint kind, const char *p, size_t n, const struct diff_range *v,
		  size_t count)
{
	size_t at = 0, column = 0;

	fputs(base[kind], stdout);
	for (size_t i = 0; i < count; i++) {
		column = put(p + at, v[i].from - at, column);
		fputs("\033[7m", stdout);
		column = put(p + v[i].from, v[i].to - v[i].from, column);
		fputs("\033[27m", stdout);
		at = v[i].to;
	}
	column = put(p + at, n - at, column);
	fputs("\033[0m", stdout);
	return column;
}

/* ---- unified -------------------------------------------------------------------------------- */

struct line {
	const char *p; /* with its sign */
	size_t n;
};

/* Lines that went and those that came for them, the first with the first. */
static void paint_block(const struct line *went, size_t n_went, const struct line *came,
			size_t n_came)
{
	struct diff_words d;

	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < (side ? n_came : n_went); i++) {
			const struct line *l = side ? &came[i] : &went[i];
			bool words = i < n_went && i < n_came &&
				     diff_words(went[i].p + 1, went[i].n - 1, came[i].p + 1,
						came[i].n - 1, &d);

			fputs(side ? "\033[32m+" : "\033[31m-", stdout);
			paint_line(side ? PAINT_CAME : PAINT_WENT, l->p + 1, l->n - 1,
				   side ? d.b : d.a, words ? side ? d.b_n : d.a_n : 0);
			putchar('\n');
		}
}

static bool next_line(const char **at, const char *end, struct line *l)
{
	const char *stop;

	if (*at >= end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	l->p = *at;
	l->n = (size_t)((stop ? stop : end) - *at);
	*at = stop ? stop + 1 : end;
	return true;
}

void paint_unified(const char *text, size_t n)
{
	const char *at = text, *end = text + n;
	struct line *v = NULL, l;
	size_t count = 0, went = 0, cap = 0;
	bool more;

	do {
		more = next_line(&at, end, &l);
		if (more && (l.p[0] == '+' || (l.p[0] == '-' && went == count))) {
			if (count == cap) {
				cap = cap ? 2 * cap : 64;
				v = xrealloc_array(v, cap, sizeof(*v));
			}
			v[count++] = l;
			went += l.p[0] == '-';
			continue;
		}
		if (count)
			paint_block(v, went, v + went, count - went);
		count = went = 0;
		if (!more)
			break;
		if (l.p[0] == '-') {
			at = l.p; /* another block begins */
			continue;
		}
		fputs(l.p[0] == '@' ? "\033[36m" : "", stdout);
		put(l.p, l.n, 0);
		fputs(l.p[0] == '@' ? "\033[0m\n" : "\n", stdout);
	} while (more);
	free(v);
}
