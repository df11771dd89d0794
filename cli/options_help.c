/* Option tables: help, and the word that was meant. */
#include "cli/options.h"

#define COLUMN 30
#define WIDTH  92

/* Words of text from column on, further lines indented to it. */
static void wrapped(struct buf *out, const char *text, size_t column)
{
	size_t at = column;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > column && at + 1 + n > WIDTH) {
			buf_addf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			buf_addc(out, ' ');
			at++;
		}
		buf_add(out, text, n);
		at += n;
		text += n + (text[n] == ' ');
	}
	buf_addc(out, '\n');
}

static void one(const struct option_row *r, struct buf *out)
{
	_cleanup_(buf_free) struct buf left = {0}, right = {0};

	if (r->letter)
		buf_addf(&left, "  -%c, --%s", r->letter, r->name);
	else
		buf_addf(&left, "      --%s", r->name);
	if (r->arg)
		buf_addf(&left, " %s", r->arg);
	buf_adds(&right, r->help);
	if (r->env[0])
		buf_addf(&right, " [%s]", r->env[0]);
	if (left.len + 2 > COLUMN)
		buf_addf(out, "%s\n%*s", left.data, COLUMN, "");
	else
		buf_addf(out, "%-*s", COLUMN, left.data);
	wrapped(out, right.data, COLUMN);
}

void options_help(const struct option_row *rows, unsigned mask, struct buf *out)
{
	for (const struct option_row *r = rows; r && r->name; r++)
		if (r->help && (!r->only || (r->only & mask)))
			one(r, out);
}

/* ---- nearest word --------------------------------------------------------------------------- */

#define WORD_MAX 40

/* Edits that make one word of the other: change, insert, leave out, swap neighbours. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), d[WORD_MAX + 1][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *options_nearest(const char *word, const char *const *words)
{
	size_t limit = strlen(word) < 4 ? 1 : strlen(word) < 8 ? 2 : 3, best = limit + 1;
	const char *near = NULL;

	for (; *words; words++) {
		size_t n = distance(word, *words);

		if (n >= best)
			continue;
		best = n;
		near = *words;
	}
	return near;
}
