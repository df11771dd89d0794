/* Changes as a list, a unified diff, or in two columns. */
#include <fcntl.h>
#include <sys/stat.h>

#include "cli/rollback.h"
#include "snapshots/diff.h"

#define TEXT_MAX (16u << 20) /* larger files are named only */

static int read_live(const char *path, const struct snap_entry *e, struct buf *out, struct err *err)
{
	_cleanup_close_ int fd =
	    open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "can't read %s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
		return err_set(err, "%s was changed meanwhile", path);
	buf_reserve(out, e->size + 1);
	n = read_full(fd, out->data, e->size);
	if (n < 0)
		return err_errno(err, errno, "can't read %s", path);
	out->len = (size_t)n;
	return 0;
}

static int read_side(struct snap_store *s, const char *path, const struct snap_entry *e, bool live,
		     struct buf *out, struct err *err)
{
	if (e->kind == SNAP_NONE || e->kind == SNAP_DIR)
		return 0;
	if (e->kind == SNAP_FILE && e->size > TEXT_MAX)
		return err_set(err, "too large for a diff");
	if (e->kind == SNAP_FILE && live)
		return read_live(path, e, out, err);
	if (e->kind == SNAP_LINK && live)
		return err_set(err, "a link");
	if (e->kind != SNAP_FILE && e->kind != SNAP_LINK)
		return err_set(err, "no file");
	return snap_blob_read(s, &e->hash, TEXT_MAX, out, err);
}

int change_texts(struct snap_store *s, const struct change *c, bool live, struct buf *a,
		 struct buf *b, struct err *err)
{
	return read_side(s, c->path, &c->before, false, a, err) < 0 ||
		       read_side(s, c->path, &c->after, live, b, err) < 0
		   ? -1
		   : 0;
}

/* ---- two columns ----------------------------------------------------------------------------- */

struct columns {
	size_t width; /* of the text of one column */
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

static int print_row(void *arg, const struct diff *d, const struct diff_row *row)
{
	const struct columns *c = arg;

	if (row->gap) {
		puts("  ...");
		return 0;
	}
	print_side(&d->a, row->a, c->width);
	printf(" %c ", row->same ? ' ' : row->a == SIZE_MAX ? '>' : row->b == SIZE_MAX ? '<' : '|');
	print_side(&d->b, row->b, c->width);
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
	struct columns columns = {(size_t)(terminal_columns() > 40 ? terminal_columns() : 40)};

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
	buf_addc(&out, '\0');
	print_lines(stdout, out.data);
}

static void show_one(struct snap_store *s, const struct change *c, enum show_mode mode, bool live)
{
	_cleanup_(buf_free) struct buf a = {0}, b = {0};
	struct err e = {0};
	struct diff d;

	if (c->type == SNAP_PERMISSIONS) {
		print_name("", c->path, "");
		printf(": mode %04o -> %04o\n", c->before.mode & 07777, c->after.mode & 07777);
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
