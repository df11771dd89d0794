/* Searches of clients through the scrollback and the screen: some lines a turn, so that neither the
 * program nor another client waits. */
#include "pty/host.h"

#define STEP_LINES 256
#define STEP_NS	   (2 * 1000000ull)
#define ROWS_MAX   PTY_FIND_MAX /* that one match may go over: a byte each at the least */

/* The text of a line and so much of the rows it goes on in as a match may need. */
static void read_text(struct host_find *f, const struct terminal *t, uint64_t line)
{
	struct host_row *r = f->row;
	size_t own;

	f->text.n = f->text.rows = 0;
	if (!host_row_read(r, t, line))
		return;
	host_row_text(r, 0, PTY_COLS_MAX, f->needle.fold, &f->text);
	own = f->text.n;
	while (host_row_goes_on(r) && f->text.n - own < f->needle.n && f->text.rows < ROWS_MAX &&
	       host_row_read(r, t, line + f->text.rows))
		host_row_text(r, 0, PTY_COLS_MAX, f->needle.fold, &f->text);
}

/* The match in this line that comes first in the search's direction. low, high: columns between
 * which (both included) it has to begin. */
static bool find_in_line(const struct host_find *f, int low, int high, size_t *found)
{
	size_t at = 0;
	bool any = false;

	while (pty_find_in(&f->text, &f->needle, at, &at)) {
		uint32_t place = f->text.at[at];
		int x = (int)(place & 0xffff);

		if (place >> 16 || x > high)
			break;
		if (x >= low) {
			*found = at;
			any = true;
			if (!f->back)
				break;
		}
		at++;
	}
	return any;
}

static void answer(struct host_client *c, struct host_find *f, bool found, size_t byte)
{
	size_t at = frame_begin(&c->out, FRAME_FOUND);
	uint32_t first = 0, last = 0;

	if (found) {
		first = f->text.at[byte];
		last = f->text.at[byte + f->needle.n - 1];
	}
	put_u32(&c->out, f->id);
	put_u8(&c->out, found ? 1u | (f->wrapped ? 2u : 0) : 0);
	put_u64(&c->out, f->line);
	put_u16(&c->out, first & 0xffff);
	put_u16(&c->out, last >> 16);
	put_u16(&c->out, last & 0xffff);
	frame_end(&c->out, at);
	host_find_end(c);
	host_client_send(c);
}

/* To the line that comes next; round at the ends. */
static void next_line(struct host_find *f, const struct terminal *t)
{
	uint64_t first = t->history.first, last = host_rows_end(t) - 1;

	if (f->back ? f->line <= first : f->line >= last) {
		f->wrapped = true;
		f->line = f->back ? last : first;
	} else
		f->line = f->back ? f->line - 1 : f->line + 1;
	if (f->line < first)
		f->line = first; /* fell out meanwhile */
	f->low = 0;
	f->high = PTY_COLS_MAX;
	f->left--;
}

bool host_find_step(struct host *h, struct host_client *c)
{
	struct host_find *f = c->find;
	uint64_t until = clock_mono_ns() + STEP_NS;

	for (int i = 0; i < STEP_LINES; i++) {
		size_t byte;

		read_text(f, h->t, f->line);
		if (find_in_line(f, f->low, f->high, &byte)) {
			answer(c, f, true, byte);
			return false;
		}
		if (!f->left) {
			answer(c, f, false, 0);
			return false;
		}
		next_line(f, h->t);
		if (i % 16 == 15 && clock_mono_ns() > until)
			break;
	}
	return true;
}

void host_find_begin(struct host *h, struct host_client *c, struct reader *r)
{
	const struct terminal *t = h->t;
	struct host_find *f;
	uint32_t id = get_u32(r);
	unsigned flags = get_u8(r);
	uint64_t line = get_u64(r);
	int col = get_u16(r);
	char text[PTY_FIND_MAX];
	struct pty_needle needle;

	get_string(r, text, sizeof(text));
	if (r->bad || !pty_needle_set(&needle, text, strlen(text))) {
		r->bad = true;
		return;
	}
	host_find_end(c);
	f = calloc(1, sizeof(*f));
	if (f)
		f->row = host_row_new();
	if (!f || !f->row) {
		free(f);
		return;
	}
	*f = (struct host_find){.id = id, .back = flags & 1, .needle = needle, .row = f->row};
	if (line < t->history.first)
		line = t->history.first;
	if (line >= host_rows_end(t))
		line = host_rows_end(t) - 1;
	f->line = line;
	/* Where it begins is looked at in two parts: this one, and all of it at the end. */
	f->low = f->back ? 0 : col + 1;
	f->high = f->back ? col - 1 : PTY_COLS_MAX;
	f->left = host_rows_end(t) - t->history.first;
	c->find = f;
}

void host_find_end(struct host_client *c)
{
	if (!c->find)
		return;
	pty_row_text_free(&c->find->text);
	free(c->find->row);
	free(c->find);
	c->find = NULL;
}
