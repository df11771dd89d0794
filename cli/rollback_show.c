/* Changes as a list, a unified diff, or in two columns. */
#include "cli/rollback_paint.h"
#include "cli/rollback_parts.h"
#include "snapshots/diff.h"

/* ---- two columns ----------------------------------------------------------------------------- */

struct columns {
	size_t width; /* of the text of one column */
	bool paint;
};

static void print_side(const struct diff_text *t, size_t i, size_t width)
{
	char number[24] = "";
	const char *p = "";
	size_t n = 0;
	_cleanup_free_ char *line = NULL;

	if (i != SIZE_MAX) {
		p = diff_line(t, i, &n);
		snprintf(number, sizeof(number), "%zu", i + 1);
	}
	printf("%5s ", number);
	line = xstrndup(p, n < 4 * width ? n : 4 * width);
	for (char *c = line; *c; c++)
		*c = *c == '\t' ? ' ' : *c;
	print_text(line, width);
}

/* The same of a changed line in colour, if it fits. */
static bool paint_side(const struct diff_text *t, size_t i, size_t width, enum paint kind,
		       const struct diff_range *v, size_t count)
{
	const char *p;
	size_t n, used;

	if (i == SIZE_MAX)
		return false;
	p = diff_line(t, i, &n);
	for (size_t k = used = 0; k < n; k++)
		used += p[k] == '\t' ? 8 : (unsigned char)p[k] < 0x20 || p[k] == 0x7f ? 2 : 1;
	if (used > width)
		return false;
	printf("%5zu ", i + 1);
	used = paint_line(kind, p, n, v, count);
	printf("%*s", (int)(used < width ? width - used : 0), "");
	return true;
}

static void print_sides(const struct columns *c, const struct diff *d, const struct diff_row *row)
{
	struct diff_words w = {.a_n = 0};
	bool paint = c->paint && !row->same;

	if (paint && row->a != SIZE_MAX && row->b != SIZE_MAX) {
		size_t a_n, b_n;
		const char *a = diff_line(&d->a, row->a, &a_n), *b = diff_line(&d->b, row->b, &b_n);

		if (!diff_words(a, a_n, b, b_n, &w))
			w.a_n = w.b_n = 0;
	}
	if (!paint || !paint_side(&d->a, row->a, c->width, PAINT_WENT, w.a, w.a_n))
		print_side(&d->a, row->a, c->width);
	printf(" %c ", row->same ? ' ' : row->a == SIZE_MAX ? '>' : row->b == SIZE_MAX ? '<' : '|');
	if (!paint || !paint_side(&d->b, row->b, c->width, PAINT_CAME, w.b, w.b_n))
		print_side(&d->b, row->b, c->width);
}

static int print_row(void *arg, const struct diff *d, const struct diff_row *row)
{
	const struct columns *c = arg;

	if (row->gap) {
		puts("  ...");
		return 0;
	}
	print_sides(c, d, row);
	putchar('\n');
	return 0;
}

/* ---- one file -------------------------------------------------------------------------------- */

static void print_name(const char *before, const char *path, const char *after)
{
	fputs(before, stdout);
	print_text(path, 0);
	fputs(after, stdout);
}

static void show_diff(const struct change *c, const struct diff *d, enum show_mode mode)
{
	_cleanup_(buf_free) struct buf out = {0};
	struct columns columns = {(size_t)(terminal_columns() > 40 ? terminal_columns() : 40),
				  paint_wanted()};

	if (mode != SHOW_DIFF) {
		columns.width = (columns.width - 15) / 2;
		print_name("=== ", c->path, "\n");
		diff_rows(d, mode == SHOW_FULL, print_row, &columns);
		return;
	}
	if (c->before.kind == SNAP_NONE)
		puts("--- /dev/null");
	else
		print_name("--- a", c->path, "\n");
	if (c->after.kind == SNAP_NONE)
		puts("+++ /dev/null");
	else
		print_name("+++ b", c->path, "\n");
	diff_hunks_text(d, 0, SIZE_MAX, &out);
	if (!out.len)
		return;
	if (columns.paint) {
		paint_unified(out.data, out.len);
		return;
	}
	buf_addc(&out, '\0');
	print_lines(stdout, out.data);
}

static void show_permissions(const struct change *c)
{
	const struct snap_entry *a = &c->before, *b = &c->after;
	const char *sep = ": ";

	print_name("", c->path, "");
	if ((a->mode ^ b->mode) & 07777) {
		printf("%smode %04o -> %04o", sep, a->mode & 07777, b->mode & 07777);
		sep = ", ";
	}
	if (a->uid != b->uid || a->gid != b->gid) {
		printf("%sowner %u:%u -> %u:%u", sep, a->uid, a->gid, b->uid, b->gid);
		sep = ", ";
	}
	if (a->has_xattrs != b->has_xattrs ||
	    (a->has_xattrs && !snap_hash_equal(&a->xattrs, &b->xattrs)))
		printf("%sextended attributes", sep);
	putchar('\n');
}

static void show_one(struct snap_store *s, const struct change *c, enum show_mode mode, bool live)
{
	_cleanup_(buf_free) struct buf a = {0}, b = {0};
	struct err e = {0};
	struct diff d;

	if (c->type == SNAP_PERMISSIONS) {
		show_permissions(c);
		return;
	}
	if (c->before.kind == SNAP_OTHER || c->after.kind == SNAP_OTHER) {
		print_name("", c->path, ": ");
		puts(snap_why_text(SNAP_WHY_SPECIAL));
		return;
	}
	if ((c->before.kind == SNAP_DIR || c->before.kind == SNAP_NONE) &&
	    (c->after.kind == SNAP_DIR || c->after.kind == SNAP_NONE))
		return;
	if (change_texts(s, c, live, &a, &b, &e) < 0) {
		print_name("", c->path, ": ");
		puts(e.msg);
		return;
	}
	if (diff_binary(a.data, a.len) || diff_binary(b.data, b.len)) {
		print_name("Binary file ", c->path, " differs\n");
		return;
	}
	diff_make(&d, a.data ? a.data : "", a.len, b.data ? b.data : "", b.len);
	show_diff(c, &d, mode);
	diff_free(&d);
}

int changes_show(struct snap_store *s, const struct changes *c, enum show_mode mode, bool live,
		 struct err *err)
{
	(void)err;
	for (size_t i = 0; i < c->n; i++) {
		const struct change *ch = &c->v[i];
		if (mode != SHOW_LIST) {
			show_one(s, ch, mode, live);
			continue;
		}
		printf("%c ", change_sign(ch->type));
		print_text(ch->path, 0);
		puts(ch->after.kind == SNAP_DIR || ch->before.kind == SNAP_DIR ? "/" : "");
	}
	return 0;
}

int show_only(const struct changes_options *o, const struct snap_record *a,
	      const struct snap_record *b, char ***out, struct err *err)
{
	char **v = o->paths.n ? xcalloc(o->paths.n + 1, sizeof(*v)) : NULL;

	for (size_t i = 0; i < o->paths.n; i++) {
		const char *p = o->paths.v[i];

		if (restore_path(p, strlen(p), &v[i], err) == 0 &&
		    (record_root(a, v[i]) || record_root(b, v[i]) ||
		     err_set(err, "%s lies in no tree of the snapshot", show(v[i]).s) == 0))
			continue;
		strv_free(v);
		return -1;
	}
	*out = v;
	return 0;
}
