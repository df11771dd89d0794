/*
 * The agent's bytes through the whole path: terminal, delta, picture; now and then a new size.
 * What the client holds must be what the host has.
 */
#include "pty/delta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_bytes(void *data, const char *s, size_t n)
{
	(void)data, (void)s, (void)n;
}
static void ignore(void *data)
{
	(void)data;
}
static void must_be_printable(void *data, const char *a, const char *b)
{
	(void)data;
	if (!text_is_printable(a, strlen(a)) || !text_is_printable(b, strlen(b)))
		abort();
}
static const struct terminal_events events = {
    .reply = ignore_bytes, .bell = ignore, .clipboard = ignore_bytes, .notify = must_be_printable};

static void compare(const struct terminal *t, const struct pty_screen *s)
{
	for (int y = 0; y < t->rows; y++) {
		const struct row *r = t->grid->rows[y];

		for (int x = 0; x < t->cols; x++) {
			struct pty_cell want = {0};

			if (x < r->len)
				want = r->cells[x];
			if (memcmp(&want, &s->cells[y * t->cols + x], sizeof(want)) != 0)
				abort();
		}
	}
}

static void read_scrollback(const struct terminal *t, struct picture *p)
{
	struct line_clusters names = {.intern = picture_intern, .data = p};
	struct pty_cell cells[200];
	size_t left;

	for (uint64_t i = t->history.first; i < t->history.first + t->history.count; i++) {
		const uint8_t *line = history_line(&t->history, i, &left);

		if (!line || !line_decode(line, left, cells, ARRAY_LEN(cells), &names))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct terminal *t = terminal_new(40, 12, 100, &events);
	struct delta_base base = {0};
	struct picture p;
	struct buf out = {0}, text = {0};

	if (!t)
		return 0;
	t->clusters.max = 32;
	t->extras.max = 16;
	picture_init(&p);
	for (size_t at = 0; at < size;) {
		size_t n = 1 + data[at] * 4u;

		if (n > size - at)
			n = size - at;
		terminal_feed(t, data + at, n);
		if (data[at] % 5 == 0)
			terminal_resize(t, 1 + data[at] % 100, 1 + data[at + n - 1] % 40);
		at += n;
		if (!delta_needed(t, &base, false))
			continue;
		buf_clear(&out);
		delta_encode(&out, t, &base, false);
		if (delta_decode(&p, (uint8_t *)out.data + FRAME_HEAD, out.len - FRAME_HEAD) < 0)
			abort();
		compare(t, &p.s);
	}
	read_scrollback(t, &p);
	pty_dump_screen(&p.s, true, &text);
	buf_free(&out);
	buf_free(&text);
	picture_free(&p);
	terminal_free(t);
	return 0;
}
