/*
 * A client's picture equals the host's, cell by cell, whatever the agent prints, however often the
 * client asks, and whatever size; and a client survives a hostile host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pty/delta.h"

static uint64_t rng_state;

static uint32_t rng(uint32_t n)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 20) % n;
}

static void ignore_bytes(void *data, const char *s, size_t n)
{
	(void)data, (void)s, (void)n;
}
static void ignore(void *data)
{
	(void)data;
}
static void ignore_text(void *data, const char *a, const char *b)
{
	(void)data, (void)a, (void)b;
}
static const struct terminal_events events = {
    .reply = ignore_bytes, .bell = ignore, .clipboard = ignore_bytes, .notify = ignore_text};

/* Something an agent might print, with all that matters for the picture in it. */
static void random_output(struct buf *b)
{
	static const char *const texts[] = {
	    "hello ",
	    "x",
	    "0123456789012345678901234567890123456789",
	    "日本語",
	    "é",
	    "e\xcc\x81",
	    "👩‍👩‍👧‍👦",
	    "❤\xef\xb8\x8f",
	    "🇩🇪",
	    "👍🏽",
	    "\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80",
	    "\t",
	    "\r\n",
	    "\r\n",
	    "\n",
	    "\r",
	    "\b",
	    "\xff"};
	static const char *const plain[] = {
	    "\033[2J",	 "\033[J",   "\033[1J",	 "\033[K",	"\033[1K",	  "\033[H",
	    "\033M",	 "\033D",    "\033[r",	 "\033[?6h",	"\033[?6l",	  "\033[4h",
	    "\033[4l",	 "\033[?7l", "\033[?7h", "\033[?1049h", "\033[?1049l",	  "\033[?25l",
	    "\033[?25h", "\033[m",   "\0337",	 "\0338",	"\033(0",	  "\033(B",
	    "\033[3J",	 "\033[!p",  "\033[?5h", "\033[?5l",	"\033]8;;\033\\", "\033#8",
	    "\033c",	 "\033[>1u", "\033[<u",	 "\033[?1000h", "\033[?1000l"};

	switch (rng(8)) {
	case 0:
	case 1:
	case 2:
		buf_adds(b, texts[rng(ARRAY_LEN(texts))]);
		break;
	case 3:
		buf_addf(b, "\033[%u;%uH", rng(30), rng(60));
		break;
	case 4:
		buf_addf(b, "\033[%u%c", rng(6), "ABCDEFGLMPSTXZ@bd"[rng(17)]);
		break;
	case 5:
		switch (rng(5)) {
		case 0:
			buf_addf(b, "\033[38;2;%u;%u;%u;48;5;%um", rng(256), rng(256), rng(256),
				 rng(256));
			break;
		case 1:
			buf_addf(b, "\033[%u;%um", rng(10), 30 + rng(20));
			break;
		case 2:
			buf_addf(b, "\033[4:%u;58;5;%um", rng(6), rng(256));
			break;
		case 3:
			buf_addf(b, "\033]8;;http://host/%u\033\\", rng(3000));
			break;
		default:
			buf_addf(b, "\033]0;title %u\007", rng(100));
		}
		break;
	case 6:
		buf_addf(b, "\033[%u;%ur", rng(30), rng(30));
		break;
	default:
		if (rng(4) == 0)
			buf_adds(b, plain[rng(ARRAY_LEN(plain))]);
		else /* many different clusters, so that the table is swept */
			buf_addf(b, "%c\xcc%c\xcd%c", (char)('a' + rng(26)), (char)(0x80 + rng(48)),
				 (char)(0x80 + rng(40)));
	}
}

static void assert_same(const struct terminal *t, const struct picture *p, unsigned round)
{
	assert_int_equal(p->s.cols, t->cols);
	assert_int_equal(p->s.rows, t->rows);
	assert_int_equal(p->s.cx, t->c.x);
	assert_int_equal(p->s.cy, t->c.y);
	assert_int_equal(p->s.alt_screen, terminal_alt(t));
	assert_int_equal(p->s.cursor_visible, !!(t->modes & MODE_CURSOR));
	assert_string_equal(p->s.title, t->title);
	assert_int_equal(p->s.history, t->history.count);
	for (int y = 0; y < t->rows; y++) {
		const struct row *r = t->grid->rows[y];

		for (int x = 0; x < t->cols; x++) {
			struct pty_cell want = {0};
			const struct pty_cell *got = &p->s.cells[y * t->cols + x];
			const char *a, *b;

			if (x < r->len)
				want = r->cells[x];
			if (memcmp(got, &want, sizeof(want)) != 0)
				fail_msg("round %u, row %d column %d: glyph %x attr %x extra %u "
					 "instead of %x %x %u",
					 round, y, x, got->glyph, got->attr, got->extra, want.glyph,
					 want.attr, want.extra);
			if (want.attr & PTY_WIDE)
				assert_true(x + 1 < r->len &&
					    (r->cells[x + 1].attr & PTY_WIDE_TAIL));
			if (want.attr & PTY_WIDE_TAIL)
				assert_true(x > 0 && (r->cells[x - 1].attr & PTY_WIDE));
			if (want.glyph & PTY_GLYPH_CLUSTER) {
				a = terminal_cluster(t, want.glyph & ~PTY_GLYPH_CLUSTER);
				b = p->s.clusters[want.glyph & ~PTY_GLYPH_CLUSTER];
				assert_string_equal(a, b);
			}
			if (want.extra) {
				const struct intern_entry *e = &t->extras.entries[want.extra];
				const struct pty_extra *have = &p->s.extras[want.extra];

				assert_memory_equal(&have->ul_color, e->text, 4);
				assert_string_equal(have->link ? have->link : "", e->text + 4);
			}
		}
	}
}

#define CLIENTS 3

static void pictures_are_equal(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 40; seed++) {
		struct terminal *t;
		struct delta_base bases[CLIENTS] = {0};
		struct picture pictures[CLIENTS];
		struct buf in = {0}, out = {0};

		rng_state = seed * 0x9e3779b97f4a7c15ull;
		t = terminal_new(20 + (int)rng(60), 5 + (int)rng(30), 50, &events);
		if (seed % 2) { /* small tables, often swept */
			t->clusters.max = 40;
			t->extras.max = 20;
		}
		for (int i = 0; i < CLIENTS; i++)
			picture_init(&pictures[i]);
		for (unsigned round = 0; round < 400; round++) {
			unsigned who = rng(CLIENTS);

			buf_clear(&in);
			for (unsigned n = rng(round % 7 ? 30 : 400); n; n--)
				random_output(&in);
			if (in.len)
				terminal_feed(t, in.data, in.len);
			if (rng(20) == 0)
				assert_int_equal(
				    terminal_resize(t, 1 + (int)rng(90), 1 + (int)rng(40)), 0);
			if (!delta_needed(t, &bases[who], false))
				continue;
			buf_clear(&out);
			delta_encode(&out, t, &bases[who], false);
			assert_int_equal(delta_decode(&pictures[who],
						      (uint8_t *)out.data + FRAME_HEAD,
						      out.len - FRAME_HEAD),
					 0);
			assert_same(t, &pictures[who], round);
			/* Nothing has changed since: nothing is sent. */
			assert_false(delta_needed(t, &bases[who], false));
		}
		for (int i = 0; i < CLIENTS; i++)
			picture_free(&pictures[i]);
		terminal_free(t);
		buf_free(&in);
		buf_free(&out);
	}
}

static size_t delta_size(struct terminal *t, struct delta_base *base, struct picture *p)
{
	struct buf out = {0};
	size_t n;

	delta_encode(&out, t, base, false);
	n = out.len;
	assert_int_equal(delta_decode(p, (uint8_t *)out.data + FRAME_HEAD, n - FRAME_HEAD), 0);
	assert_same(t, p, 0);
	buf_free(&out);
	return n;
}

static void small_changes_are_small(void **state)
{
	struct terminal *t = terminal_new(200, 50, 1000, &events);
	struct delta_base base = {0};
	struct picture p;
	char line[256];

	(void)state;
	picture_init(&p);
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "\r\n%d %0100d", i, i);
		terminal_feed(t, line, strlen(line));
	}
	delta_size(t, &base, &p);
	terminal_feed(t, "\r\nk", 3); /* one line in at the bottom */
	assert_true(delta_size(t, &base, &p) < 64);
	terminal_feed(t, "\033[1;1H", 6);
	assert_true(delta_size(t, &base, &p) < 48);
	picture_free(&p);
	terminal_free(t);
}

/* The largest screen with the worst cells does not fit into one frame: it comes in several. */
static void worst_screen(void **state)
{
	struct terminal *t = terminal_new(PTY_COLS_MAX, PTY_ROWS_MAX, 0, &events);
	struct delta_base base = {0};
	struct picture p;
	struct buf in = {0}, out = {0};
	int frames = 0;

	(void)state;
	picture_init(&p);
	for (unsigned y = 0; y < PTY_ROWS_MAX; y++) {
		buf_addf(&in, "\033[%u;1H", y + 1);
		for (unsigned x = 0; x < PTY_COLS_MAX; x++)
			buf_addf(&in, "\033[%u;38;2;%u;%u;%u;48;2;9;%u;%um\xf0\x90\x80%c", x % 2,
				 x & 255, y & 255, x % 7, y & 255, x & 255,
				 (char)(0x80 + (x + y) % 10));
	}
	terminal_feed(t, in.data, in.len);
	while (delta_needed(t, &base, false)) {
		buf_clear(&out);
		delta_encode(&out, t, &base, false);
		assert_true(out.len <= PTY_FRAME_MAX);
		assert_int_equal(
		    delta_decode(&p, (uint8_t *)out.data + FRAME_HEAD, out.len - FRAME_HEAD), 0);
		assert_true(++frames < 20);
	}
	assert_true(frames > 1);
	assert_same(t, &p, 0);
	picture_free(&p);
	terminal_free(t);
	buf_free(&in);
	buf_free(&out);
}

/* Changed bytes are refused or make some other picture; they never break the client. */
static void hostile_host(void **state)
{
	struct terminal *t = terminal_new(40, 12, 50, &events);
	struct delta_base base = {0};
	struct buf in = {0}, out = {0};

	(void)state;
	rng_state = 42;
	for (int i = 0; i < 300; i++)
		random_output(&in);
	terminal_feed(t, "\033[?1049l\033c", 10);
	terminal_feed(t, in.data, in.len);
	delta_encode(&out, t, &base, false);
	for (int i = 0; i < 20000; i++) {
		struct pty_client *c = pty_client_new(-1, 40, 12, false, NULL);
		uint8_t *copy = malloc(out.len);

		memcpy(copy, out.data, out.len);
		for (unsigned k = 1 + rng(4); k; k--)
			copy[4 + rng((uint32_t)out.len - 4)] = (uint8_t)rng(256);
		if (pty_client_feed(c, copy, out.len) == 0) {
			const struct pty_screen *s = pty_client_screen(c);
			struct buf text = {0};

			pty_dump_screen(s, true, &text);
			for (size_t k = 0; k < text.len; k++)
				if ((uint8_t)text.data[k] < 0x20)
					assert_true(text.data[k] == '\n' || text.data[k] == '\033');
			buf_free(&text);
		}
		pty_client_free(c);
		free(copy);
	}
	terminal_free(t);
	buf_free(&in);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pictures_are_equal),
	    cmocka_unit_test(small_changes_are_small),
	    cmocka_unit_test(worst_screen),
	    cmocka_unit_test(hostile_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
