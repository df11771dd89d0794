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
