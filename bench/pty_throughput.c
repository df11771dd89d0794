/*
 * How fast the screen host's terminal takes bytes: no PTY, no client, 200x50. Kinds of output as in
 * the comparison with other terminals: log lines, coloured log lines, full frames, wide text.
 * Also what 10,000 lines of scrollback cost, and encoding a delta per 16 ms of output.
 */
#include <malloc.h>

#include "pty/delta.h"

#define COLS   200
#define ROWS   50
#define SAMPLE (8u << 20)
#define TOTAL  (400u << 20)
#define CHUNK  (64u << 10)

static void reply(void *data, const char *s, size_t n)
{
	(void)data, (void)s, (void)n;
}
static void bell(void *data)
{
	(void)data;
}
static void clipboard(void *data, const char *s, size_t n)
{
	(void)data, (void)s, (void)n;
}
static void notify(void *data, const char *a, const char *b)
{
	(void)data, (void)a, (void)b;
}
static const struct terminal_events events = {
    .reply = reply, .bell = bell, .clipboard = clipboard, .notify = notify};

static void log_lines(struct buf *b)
{
	for (int i = 0; b->len < SAMPLE; i++)
		buf_addf(b,
			 "2026-11-24T10:%02d:%02d.%03d INFO  worker[%d] request id=%08x handled in "
			 "%d us, %d bytes\r\n",
			 i / 60 % 60, i % 60, i % 1000, i % 16, (unsigned)i * 2654435761u, i % 977,
			 i % 4096);
}

static void color_lines(struct buf *b)
{
	for (int i = 0; b->len < SAMPLE; i++)
		buf_addf(b,
			 "\033[2m10:%02d:%02d\033[0m \033[32mINFO\033[0m  \033[1mworker[%d]\033[0m "
			 "request \033[38;5;%dmid=%08x\033[0m handled in \033[33m%d us\033[0m\r\n",
			 i / 60 % 60, i % 60, i % 16, i % 256, (unsigned)i * 2654435761u, i % 977);
}

/* Every row in a few pieces of its own 24-bit colours, inside synchronized output. */
static void frames(struct buf *b)
{
	for (unsigned f = 0; b->len < SAMPLE; f++) {
		buf_adds(b, "\033[?2026h\033[H");
		for (unsigned y = 0; y < ROWS; y++) {
			buf_addf(b, "\033[%u;1H", y + 1);
			for (unsigned x = 0; x < COLS; x += 25) {
				buf_addf(b, "\033[38;2;%u;%u;%um", (x + f) & 255, y * 5, 128u);
				for (unsigned i = 0; i < 25; i++)
					buf_addc(b, (char)('!' + (x + y + i + f) % 90));
			}
		}
		buf_adds(b, "\033[0m\033[?2026l");
	}
}

static void color_cells(struct buf *b)
{
	for (unsigned f = 0; b->len < SAMPLE; f++) {
		buf_adds(b, "\033[H");
		for (unsigned i = 0; i < COLS * ROWS; i++)
			buf_addf(b, "\033[38;2;%u;%u;%um%c", (i + f) & 255, i / 40 & 255, f & 255,
				 'a' + (int)((i + f) % 26));
	}
}

static void wide(struct buf *b)
{
	for (unsigned i = 0; b->len < SAMPLE; i++) {
		for (unsigned k = 0; k < 60; k++) {
			char utf8[4];
			buf_add(b, utf8, utf8_encode(0x4e00 + (i * 61 + k * 17) % 20000, utf8));
		}
		buf_adds(b, "\r\n");
	}
}

static void emoji(struct buf *b)
{
	static const char *const some[] = {
	    "😀", "👩‍👩‍👧‍👦", "❤️", "👍🏽", "🇩🇪", "plain "};

	for (unsigned i = 0; b->len < SAMPLE; i++) {
		for (unsigned k = 0; k < 30; k++)
			buf_adds(b, some[(i + k) % ARRAY_LEN(some)]);
		buf_adds(b, "\r\n");
	}
}

static void run(const char *name, void (*make)(struct buf *), bool deltas)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_(buf_free) struct buf out = {0};
	struct terminal *t = terminal_new(COLS, ROWS, 10000, &events);
	struct delta_base base = {0};
	uint64_t start, sent = 0, n_deltas = 0, last = 0, done = 0;
	double s;

	make(&b);
	terminal_feed(t, b.data, b.len); /* caches and tables as in the middle of things */
	start = clock_mono_ns();
	while (done < TOTAL) {
		for (size_t at = 0; at < b.len; at += CHUNK) {
			terminal_feed(t, b.data + at, b.len - at < CHUNK ? b.len - at : CHUNK);
			uint64_t now = deltas ? clock_mono_ns() : 0;
			if (deltas && now - last > 16000000) {
				last = now;
				buf_clear(&out);
				delta_encode(&out, t, &base, false);
				sent += out.len;
				n_deltas++;
			}
		}
		done += b.len;
		if (clock_mono_ns() - start > 3000000000ull)
			break;
	}
	s = (double)(clock_mono_ns() - start) / 1e9;
	printf("%-14s %7.0f MB/s", name, (double)done / 1e6 / s);
	if (n_deltas)
		printf("   %4llu deltas of %llu bytes", (unsigned long long)n_deltas,
		       (unsigned long long)(sent / n_deltas));
	printf("\n");
	terminal_free(t);
}

static void scrollback(void)
{
	struct terminal *t;
	size_t before = mallinfo2().uordblks, after;

	t = terminal_new(COLS, ROWS, 10000, &events);
	for (int i = 0; i < 10050; i++) {
		char line[64];
		int n =
		    snprintf(line, sizeof(line), "%06d plain text of forty characters....\r\n", i);

		terminal_feed(t, line, (size_t)n);
	}
	after = mallinfo2().uordblks;
	printf("terminal %dx%d with 10,000 plain lines: %zu KiB, of which scrollback %zu bytes a "
	       "line\n",
	       COLS, ROWS, (after - before) >> 10, t->history.bytes / t->history.count);
	terminal_free(t);
}

int main(void)
{
	run("log", log_lines, true);
	run("colour log", color_lines, true);
	run("frames", frames, true);
	run("colour cells", color_cells, true);
	run("wide", wide, true);
	run("emoji", emoji, true);
	run("log, parse", log_lines, false);
	run("frames, parse", frames, false);
	scrollback();
	return 0;
}
