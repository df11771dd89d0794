/* A screen as text. */
#include "pty/pty.h"
#include "pty/terminal.h"

size_t pty_cell_text(const struct pty_screen *s, const struct pty_cell *c, char *out, size_t size)
{
	char utf8[4];
	const char *text = utf8;
	size_t n;

	if (!size)
		return 0;
	out[0] = '\0';
	if (c->attr & PTY_WIDE_TAIL)
		return 0;
	if (c->glyph & PTY_GLYPH_CLUSTER) {
		uint32_t i = c->glyph & ~PTY_GLYPH_CLUSTER;

		text = i < s->n_clusters && s->clusters[i] ? s->clusters[i] : "\xef\xbf\xbd";
		n = strlen(text);
	} else
		n = utf8_encode(c->glyph ? c->glyph : ' ', utf8);
	if (n >= size)
		return 0;
	memcpy(out, text, n);
	out[n] = '\0';
	return n;
}

static bool blank(const struct pty_cell *c)
{
	return (c->glyph == 0 || c->glyph == ' ') && !c->bg &&
	       !(c->attr & (PTY_INVERSE | PTY_UL_MASK | PTY_STRIKE | PTY_OVERLINE | PTY_WIDE_TAIL));
}

static struct pen pen_of(const struct pty_screen *s, const struct pty_cell *c)
{
	return (struct pen){
	    .fg = c->fg,
	    .bg = c->bg,
	    .attr = c->attr & (uint16_t) ~(PTY_WIDE | PTY_WIDE_TAIL),
	    .ul_color = c->extra && c->extra < s->n_extras ? s->extras[c->extra].ul_color : 0};
}

static void set_pen(struct buf *out, struct pen *now, const struct pen *want)
{
	char sgr[160];

	if (memcmp(now, want, sizeof(*now)) == 0)
		return;
	*now = *want;
	buf_adds(out, "\033[");
	buf_add(out, sgr, sgr_write(sgr, sizeof(sgr), now));
	buf_addc(out, 'm');
}

static void dump_row(const struct pty_screen *s, const struct pty_cell *row, int cols, bool ansi,
		     struct buf *out)
{
	struct pen now = {0};
	const struct pen none = {0};
	char text[CLUSTER_BYTES_MAX + LINE_CLUSTER_MAX];

	while (cols > 0 && blank(&row[cols - 1]))
		cols--;
	for (int x = 0; x < cols; x++) {
		struct pen want = pen_of(s, &row[x]);

		if (ansi)
			set_pen(out, &now, &want);
		buf_add(out, text, pty_cell_text(s, &row[x], text, sizeof(text)));
	}
	if (ansi)
		set_pen(out, &now, &none);
	buf_addc(out, '\n');
}

void pty_dump_rows(const struct pty_screen *s, const struct pty_cell *cells, size_t count, int cols,
		   bool ansi, struct buf *out)
{
	for (size_t y = 0; y < count; y++)
		dump_row(s, cells + y * (size_t)cols, cols, ansi, out);
}

void pty_dump_screen(const struct pty_screen *s, bool ansi, struct buf *out)
{
	if (s->cells)
		pty_dump_rows(s, s->cells, (size_t)s->rows, s->cols, ansi, out);
}
