/* Pictures to bytes and back: what the outer terminal shows must be what was drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pty/terminal.h"
#include "tui/output.h"
#include "tui/theme.h"

#define COLS   60
#define ROWS   12
#define FRAMES 300

static uint64_t rng_state = 88172645463325252ull;
static uint32_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)(rng_state >> 16);
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

struct fixture {
	struct strings strings;
	struct canvas canvas;
	struct output output;
	struct terminal *terminal;
};

static struct fixture *fixture(struct output_caps caps)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strings_init(&f->strings);
	canvas_init(&f->canvas, &f->strings);
	canvas_resize(&f->canvas, COLS, ROWS);
	canvas_clear(&f->canvas);
	output_init(&f->output, &f->strings);
	f->output.caps = caps;
	f->terminal = terminal_new(COLS, ROWS, 0, &events);
	assert_non_null(f->terminal);
	terminal_feed(f->terminal, "\033[?7l", 5); /* as term_open() does */
	return f;
}

static void fixture_free(struct fixture *f)
{
	output_free(&f->output);
	canvas_free(&f->canvas);
	strings_free(&f->strings);
	terminal_free(f->terminal);
	free(f);
}

static void show(struct fixture *f)
{
	canvas_mend(&f->canvas);
	output_frame(&f->output, &f->canvas);
	terminal_feed(f->terminal, f->output.out.data, f->output.out.len);
	buf_clear(&f->output.out);
}

static const struct output_caps full = {.colors = COLORS_RGB,
					.sync = true,
					.bce = true,
					.ech = true,
					.underlines = true,
					.links = true};

static struct pty_cell shown_at(const struct fixture *f, int x, int y)
{
	const struct row *r = f->terminal->grid->rows[y];
	struct pty_cell blank = {0};

	return x < r->len ? r->cells[x] : blank;
}

static void assert_cell(const struct fixture *f, int x, int y, int frame)
{
	const struct canvas_cell *want = canvas_at(&f->canvas, x, y);
	struct pty_cell got = shown_at(f, x, y);
	uint32_t glyph = got.glyph == ' ' ? 0 : got.glyph;

	if (glyph != want->glyph || got.bg != want->bg ||
	    (glyph && (got.fg != want->fg || (got.attr & 0x7ff) != (want->attr & 0x7ff))) ||
	    ((got.attr ^ want->attr) & (PTY_WIDE | PTY_WIDE_TAIL)))
		fail_msg("frame %d, %d,%d: glyph %x %x, fg %x %x, bg %x %x, attr %x %x", frame, x,
			 y, glyph, want->glyph, got.fg, want->fg, got.bg, want->bg, got.attr,
			 want->attr);
}

static void assert_same(const struct fixture *f, int frame)
{
	for (int y = 0; y < ROWS; y++)
		for (int x = 0; x < COLS; x++)
			assert_cell(f, x, y, frame);
	if (f->canvas.cx >= 0) {
		assert_int_equal(f->terminal->c.x, f->canvas.cx);
		assert_int_equal(f->terminal->c.y, f->canvas.cy);
	}
}

static struct style random_style(void)
{
	static const uint16_t attrs[] = {
	    0,		 0,	      0,	  PTY_BOLD,	     PTY_DIM,
	    PTY_ITALIC,	 PTY_INVERSE, PTY_STRIKE, 1 << PTY_UL_SHIFT, 3 << PTY_UL_SHIFT,
	    PTY_OVERLINE};
	struct style s = {.attr = attrs[rng() % ARRAY_LEN(attrs)]};

	if (rng() % 2)
		s.fg = PTY_COLOR_RGB | (rng() & 0xffffff);
	if (rng() % 3 == 0)
		s.bg = rng() % 2 ? PTY_COLOR_INDEX | (rng() & 0xff)
				 : PTY_COLOR_RGB | (rng() & 0xffffff);
	return s;
}

static void draw_something(struct canvas *c)
{
	static const uint32_t glyphs[] = {'a',	  'Z',	  ' ',	   '7',	  0xe4,
					  0x2502, 0x4e2d, 0x1f600, 0x20ac};
	struct style s = random_style();
	struct rect r = {(int)(rng() % COLS), (int)(rng() % ROWS), (int)(rng() % 30),
			 (int)(rng() % 4)};

	switch (rng() % 4) {
	case 0:
		canvas_fill(c, &r, &s);
		break;
	case 1:
		canvas_text(c, r.x, r.y, 30, &s, "text, wide 中文, é and emoji 🎉 to the end of it");
		break;
	case 2:
		for (unsigned i = rng() % 40; i > 0; i--)
			canvas_glyph(c, (int)(rng() % COLS), (int)(rng() % ROWS),
				     glyphs[rng() % ARRAY_LEN(glyphs)], &s);
		break;
	default:
		memmove(canvas_at(c, 0, 0), canvas_at(c, 0, 1),
			(ROWS - 1) * COLS * sizeof(struct canvas_cell)); /* scrolled by a line */
		break;
	}
	c->cx = rng() % 4 ? (int)(rng() % COLS) : -1;
	c->cy = (int)(rng() % ROWS);
}

static void run(struct output_caps caps)
{
	struct fixture *f = fixture(caps);

	for (int i = 0; i < FRAMES; i++) {
		for (unsigned n = 1 + rng() % 3; n > 0; n--)
			draw_something(&f->canvas);
		if (i % 50 == 49)
			output_invalidate(&f->output);
		show(f);
		assert_same(f, i);
	}
	fixture_free(f);
}

static void pictures_arrive(void **state)
{
	struct output_caps some = full;

	(void)state;
	run(full);
	some.ech = false;
	run(some);
	some.bce = false;
	run(some);
	some.sync = false;
	run(some);
}

/* Frames that only say which rows are new, between whole ones. */
static void touched_rows_are_enough(void **state)
{
	struct fixture *f = fixture(full);

	(void)state;
	for (int i = 0; i < FRAMES; i++) {
		if (i % 20 == 0) {
			canvas_clear(&f->canvas);
			draw_something(&f->canvas);
		} else {
			canvas_partial(&f->canvas);
			for (unsigned n = rng() % 4; n > 0; n--) {
				int y = (int)(rng() % ROWS);
				struct style s = random_style();

				canvas_text(&f->canvas, (int)(rng() % 20), y, 30, &s,
					    n % 2 ? "中文 and more" : "plain words");
				f->canvas.touched[y] = true;
			}
			f->canvas.cx = (int)(rng() % COLS);
			f->canvas.cy = (int)(rng() % ROWS);
		}
		if (i % 37 == 0)
			output_invalidate(&f->output);
		show(f);
		assert_same(f, i);
	}
	fixture_free(f);
}

static void nothing_changed_is_nothing(void **state)
{
	struct fixture *f = fixture(full);
	struct style s = {0};

	(void)state;
	canvas_text(&f->canvas, 3, 3, 20, &s, "hello");
	f->canvas.cx = 2;
	f->canvas.cy = 1;
	show(f);
	assert_false(output_frame(&f->output, &f->canvas));
	assert_int_equal(f->output.out.len, 0);
	fixture_free(f);
}

/* What is typed under a picture of many cells must not cost many bytes. */
static void a_key_costs_little(void **state)
{
	struct fixture *f = fixture(full);
	struct style s = {.fg = PTY_COLOR_RGB | 0x123456};

	(void)state;
	for (int y = 0; y < ROWS; y++)
		canvas_text(&f->canvas, 0, y, COLS, &s, "a line that stays as it is");
	f->canvas.cx = 30;
	f->canvas.cy = 5;
	show(f);
	canvas_text(&f->canvas, 30, 5, 1, &(struct style){0}, "x");
	f->canvas.cx = 31;
	output_frame(&f->output, &f->canvas);
	assert_in_range(f->output.out.len, 1, 40);
	fixture_free(f);
}

static struct pty_screen hostile(struct pty_cell *cells, char **clusters, struct pty_extra *extras)
{
	struct pty_screen s = {.cols = 8, .rows = 1, .cells = cells};

	cells[0].glyph = 0x1b;
	cells[1].glyph = 0x9b;
	cells[2].glyph = 0x7f;
	cells[3].glyph = 0xffffffff; /* a cluster that does not exist */
	cells[4].glyph = PTY_GLYPH_CLUSTER | 1;
	cells[5].glyph = 'x';
	cells[5].extra = 1;
	cells[6].glyph = 0xd800;
	cells[7].glyph = 0x110000;
	s.clusters = clusters;
	s.n_clusters = 2;
	s.extras = extras;
	s.n_extras = 2;
	return s;
}

/* A screen host that was taken over: nothing of it acts on the terminal. */
static void hostile_cells_are_shown_as_such(void **state)
{
	char none[] = "", escape[] = "a\033]0;owned\a", link[] = "http://x/\033]0;owned\a";
	char *clusters[] = {none, escape};
	struct pty_extra extras[2] = {{0}, {.link = link}};
	struct pty_cell cells[8] = {0};
	struct pty_screen s = hostile(cells, clusters, extras);
	struct fixture *f = fixture(full);

	(void)state;
	show(f);
	canvas_cells(&f->canvas, 0, 0, &s, cells, 0, 8);
	canvas_mend(&f->canvas);
	output_frame(&f->output, &f->canvas);
	assert_null(memmem(f->output.out.data, f->output.out.len, "owned", 5));
	assert_null(memmem(f->output.out.data, f->output.out.len, "\033]", 2));
	terminal_feed(f->terminal, f->output.out.data, f->output.out.len);
	assert_int_equal(shown_at(f, 0, 0).glyph, 0xfffd);
	assert_int_equal(shown_at(f, 1, 0).glyph, 0xfffd);
	assert_int_equal(shown_at(f, 5, 0).glyph, 'x');
	assert_int_equal(f->terminal->title[0], 0);
	fixture_free(f);
}

static void links_of_known_kinds_only(void **state)
{
	(void)state;
	assert_true(link_allowed("https://example.org/a?b=c"));
	assert_true(link_allowed("file:///tmp/x"));
	assert_false(link_allowed("javascript:alert(1)"));
	assert_false(link_allowed("https://example.org/ x"));
	assert_false(link_allowed("https://example.org/\x1b\\"));
	assert_false(link_allowed(""));
}

static void fewer_colours(void **state)
{
	(void)state;
	assert_int_equal(color_degrade(PTY_COLOR_RGB | 0xff0000, COLORS_RGB),
			 PTY_COLOR_RGB | 0xff0000);
	assert_int_equal(color_degrade(PTY_COLOR_RGB | 0xff0000, COLORS_256) & PTY_COLOR_TYPE,
			 PTY_COLOR_INDEX);
	assert_in_range(color_degrade(PTY_COLOR_RGB | 0xff0000, COLORS_16) & 0xffffff, 0, 15);
	assert_in_range(color_degrade(PTY_COLOR_INDEX | 200, COLORS_16) & 0xffffff, 0, 15);
	assert_int_equal(color_degrade(PTY_COLOR_INDEX | 3, COLORS_16), PTY_COLOR_INDEX | 3);
	assert_int_equal(color_degrade(PTY_COLOR_RGB | 0x808080, COLORS_NONE), PTY_COLOR_DEFAULT);
	assert_int_equal(color_degrade(PTY_COLOR_DEFAULT, COLORS_16), PTY_COLOR_DEFAULT);
}

static unsigned brightness(uint32_t color)
{
	return (299 * (color >> 16 & 0xff) + 587 * (color >> 8 & 0xff) + 114 * (color & 0xff)) /
	       1000;
}

static void themes(void **state)
{
	const struct theme_terminal rgb = {.depth = COLORS_RGB}, sixteen = {.depth = COLORS_16};
	struct theme own, few, t;

	(void)state;
	theme_init(&own, NULL, true, &rgb);
	theme_init(&few, NULL, true, &sixteen);
	assert_int_equal(own.v[S_GOOD].fg, PTY_COLOR_INDEX | 2);
	for (size_t i = 1; theme_names[i]; i++) {
		assert_true(theme_known(theme_names[i]));
		theme_init(&t, theme_names[i], true, &rgb);
		if (str_eq(theme_names[i], "minimal")) {
			for (size_t s = 0; s < S_COUNT; s++)
				assert_int_equal(t.v[s].fg | t.v[s].bg, PTY_COLOR_DEFAULT);
			continue;
		}
		assert_int_equal(t.v[S_GOOD].fg & PTY_COLOR_TYPE, PTY_COLOR_RGB);
		assert_true(abs((int)brightness(t.v[S_BAR_ON].fg) -
				(int)brightness(t.v[S_BAR_ON].bg)) > 90);
		/* Sixteen colours: the nearest ones could be one and the same. */
		theme_init(&t, theme_names[i], true, &sixteen);
		assert_memory_equal(t.v, few.v, sizeof(t.v));
		theme_init(&t, theme_names[i], false, &rgb);
		assert_int_equal(t.v[S_BAD].fg, PTY_COLOR_DEFAULT);
	}
	assert_false(theme_known("mokka"));
	assert_false(theme_known(NULL));
	theme_init(&t, "mokka", true, &rgb);
	assert_memory_equal(t.v, own.v, sizeof(t.v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pictures_arrive),
	    cmocka_unit_test(touched_rows_are_enough),
	    cmocka_unit_test(nothing_changed_is_nothing),
	    cmocka_unit_test(a_key_costs_little),
	    cmocka_unit_test(hostile_cells_are_shown_as_such),
	    cmocka_unit_test(links_of_known_kinds_only),
	    cmocka_unit_test(fewer_colours),
	    cmocka_unit_test(themes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
