/* The screen host in a process of its own, on a real PTY, with clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "pty/pty.h"
#include "sandbox/nono.h"

#define TIMEOUT_NS (20 * 1000000000ull)

/* The test stands where broker and agent stand: it holds the slave and the control socket. */
struct scene {
	pid_t pid;
	int slave, control;
	struct pty_report report;
	size_t report_got;
	char report_bytes[sizeof(struct pty_report)];
};

static void setup(struct scene *s, int cols, int rows)
{
	struct winsize ws = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
	struct termios tio;
	int pair[2], master;

	*s = (struct scene){0};
	assert_int_equal(openpty(&master, &s->slave, NULL, NULL, &ws), 0);
	tcgetattr(s->slave, &tio);
	cfmakeraw(&tio);
	tcsetattr(s->slave, TCSANOW, &tio);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (!s->pid) {
		struct pty_host_config cfg = {.master_fd = master,
					      .control_fd = pair[1],
					      .cols = cols,
					      .rows = rows,
					      .scrollback = 1000};
		close(s->slave);
		close(pair[0]);
		_exit(pty_host_main(&cfg));
	}
	close(master);
	close(pair[1]);
	s->control = pair[0];
	fd_set_nonblock(s->slave, true);
}

static void tell(struct scene *s, uint32_t type, int arg, int fd)
{
	struct pty_control m = {.type = type, .arg0 = arg};

	assert_int_equal(fd_send(s->control, &m, sizeof(m), fd), 0);
}

static void teardown(struct scene *s)
{
	int status;

	tell(s, PTY_CONTROL_QUIT, 0, -1);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(s->slave);
	close(s->control);
}

static int connect_raw(struct scene *s, bool read_only)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	tell(s, PTY_CONTROL_CLIENT, read_only, pair[1]);
	close(pair[1]);
	return pair[0];
}

static struct pty_client *attach(struct scene *s, int cols, int rows, bool read_only,
				 const struct pty_client_events *ev)
{
	struct pty_client *c = pty_client_new(connect_raw(s, read_only), cols, rows, read_only, ev);

	assert_non_null(c);
	return c;
}

static void read_reports(struct scene *s)
{
	for (;;) {
		ssize_t n = recv(s->control, s->report_bytes + s->report_got,
				 sizeof(s->report) - s->report_got, MSG_DONTWAIT);

		if (n <= 0)
			return;
		s->report_got += (size_t)n;
		if (s->report_got == sizeof(s->report)) {
			memcpy(&s->report, s->report_bytes, sizeof(s->report));
			s->report_got = 0;
		}
	}
}

/* One turn of a client's loop. */
static void pump(struct scene *s, struct pty_client *c)
{
	struct pollfd p = {.fd = pty_client_fd(c),
			   .events = (short)(POLLIN | (pty_client_want_write(c) ? POLLOUT : 0))};

	if (poll(&p, 1, 20) > 0) {
		if (p.revents & POLLOUT)
			pty_client_on_writable(c);
		if (p.revents & (POLLIN | POLLHUP))
			assert_int_equal(pty_client_on_readable(c), 0);
	}
	read_reports(s);
}

#define UNTIL(s, c, condition)                                                 \
	do {                                                                   \
		uint64_t end_ = clock_mono_ns() + TIMEOUT_NS;                  \
		while (!(condition)) {                                         \
			if (clock_mono_ns() > end_)                            \
				fail_msg("time over waiting for " #condition); \
			pump(s, c);                                            \
		}                                                              \
	} while (0)

static bool shows(struct pty_client *c, const char *text)
{
	struct buf b = {0};
	bool yes;

	pty_dump_screen(pty_client_screen(c), false, &b);
	yes = b.data && strstr(b.data, text);
	buf_free(&b);
	return yes;
}

/* As an agent would: blocking writes on a terminal that has a reader. */
static void print(struct scene *s, const char *text, size_t n)
{
	while (n) {
		ssize_t k = write(s->slave, text, n);

		if (k > 0) {
			text += k;
			n -= (size_t)k;
		} else {
			struct pollfd p = {.fd = s->slave, .events = POLLOUT};
			assert_true(poll(&p, 1, 10000) > 0);
		}
	}
}

static void prints(struct scene *s, const char *text)
{
	print(s, text, strlen(text));
}

/* What was typed to the agent, once there are n bytes. */
static void typed(struct scene *s, struct pty_client *c, char *out, size_t n)
{
	size_t got = 0;
	uint64_t end = clock_mono_ns() + TIMEOUT_NS;

	while (got < n) {
		ssize_t k = read(s->slave, out + got, n - got);

		if (k > 0)
			got += (size_t)k;
		assert_true(clock_mono_ns() < end);
		pump(s, c);
	}
	out[n] = '\0';
}

/* ---- tests ----------------------------------------------------------------------- */

static void output_and_keys(void **state)
{
	struct scene s;
	struct pty_client *c;
	char in[64];

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	prints(&s, "hello \033[1mworld\033[m");
	UNTIL(&s, c, shows(c, "hello world"));
	assert_int_equal(pty_client_screen(c)->cells[6].attr, PTY_BOLD);
	pty_client_text(c, "typed", 5);
	pty_client_key(c, PTY_KEY_ENTER, 0);
	pty_client_key(c, 'c', PTY_CTRL);
	typed(&s, c, in, 7);
	assert_string_equal(in, "typed\r\003");
	prints(&s, "\033[?1h\033[?2004h");
	UNTIL(&s, c, pty_client_screen(c)->app_cursor);
	pty_client_key(c, PTY_KEY_UP, 0);
	pty_client_paste(c, "a\033[201~b", 8);
	typed(&s, c, in, 17);
	assert_string_equal(in, "\033OA\033[200~ab\033[201~");
	prints(&s, "\033[6n"); /* a question is answered without any client's help */
	typed(&s, c, in, 7);
	assert_string_equal(in, "\033[1;12R");
	UNTIL(&s, c, s.report.clients == 1 && s.report.visible && s.report.bytes_in == 31);
	pty_client_free(c);
	teardown(&s);
}

static void works_without_clients(void **state)
{
	struct scene s;
	struct pty_client *c;

	(void)state;
	setup(&s, 80, 24);
	for (int i = 0; i < 2000; i++)
		prints(&s, "nobody looks at this line, and it is printed nevertheless\r\n");
	prints(&s, "\033]0;the title\007last");
	c = attach(&s, 0, 0, true, NULL);
	UNTIL(&s, c, shows(c, "last"));
	assert_string_equal(pty_client_screen(c)->title, "the title");
	assert_int_equal(pty_client_screen(c)->history, 1000);
	pty_client_free(c);
	teardown(&s);
}

static void read_only_types_nothing(void **state)
{
	struct scene s;
	struct pty_client *c, *w;
	char in[64];
	struct winsize ws;

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 40, 10, true, NULL);
	UNTIL(&s, c, pty_client_screen(c)->generation);
	pty_client_text(c, "evil", 4);
	pty_client_paste(c, "evil", 4);
	pty_client_key(c, 'x', 0);
	pty_client_resize(c, 30, 30);
	w = attach(&s, 80, 24, false, NULL);
	for (int i = 0; i < 20; i++)
		pump(&s, c);
	pty_client_text(w, "good", 4);
	typed(&s, w, in, 4);
	assert_string_equal(in, "good");
	ioctl(s.slave, TIOCGWINSZ, &ws);
	assert_int_equal(ws.ws_col, 80);
	pty_client_free(c);
	pty_client_free(w);
	teardown(&s);
}

static void size_of_who_typed_last(void **state)
{
	struct scene s;
	struct pty_client *a, *b;
	struct winsize ws;
	char in[8];

	(void)state;
	setup(&s, 80, 24);
	a = attach(&s, 100, 30, false, NULL);
	UNTIL(&s, a, pty_client_screen(a)->cols == 100);
	b = attach(&s, 60, 20, false, NULL);
	UNTIL(&s, b, pty_client_screen(b)->cols == 60);
	pty_client_text(a, "x", 1);
	typed(&s, a, in, 1);
	UNTIL(&s, b, pty_client_screen(b)->cols == 100 && pty_client_screen(b)->rows == 30);
	pty_client_resize(b, 61, 21);
	UNTIL(&s, a, pty_client_screen(a)->cols == 61);
	ioctl(s.slave, TIOCGWINSZ, &ws);
	assert_int_equal(ws.ws_col, 61);
	assert_int_equal(ws.ws_row, 21);
	pty_client_free(a);
	pty_client_free(b);
	teardown(&s);
}

static long rss_kb(pid_t pid)
{
	char path[64];
	struct err err;
	long pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	_cleanup_free_ char *text = file_read(path, 4096, NULL, &err);
	if (text)
		sscanf(text, "%*d %ld", &pages);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Whole frames that wait in a socket. */
static int frames_waiting(int fd)
{
	struct buf b = {0};
	char bytes[4096];
	ssize_t n;
	int count = 0;
	size_t at = 0;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		buf_add(&b, bytes, (size_t)n);
	while (b.len - at >= 4) {
		uint32_t len;

		memcpy(&len, b.data + at, 4);
		at += 4 + len;
		count++;
	}
	buf_free(&b);
	return count;
}

/* A client that stops reading costs nothing: the agent prints on, memory stays, others see all. */
static void stuck_client(void **state)
{
	struct scene s;
	struct pty_client *c;
	static char line[10001];
	int stuck;
	long before;

	(void)state;
	setup(&s, 200, 50);
	stuck = connect_raw(&s, false);
	/* hello, then silence */
	assert_int_equal(write(stuck, "\x06\0\0\0\x40\xc8\0\x32\0\0", 10), 10);
	c = attach(&s, 200, 50, false, NULL);
	memset(line, 'x', sizeof(line) - 1);
	for (int i = 0; i < 200; i++)
		print(&s, line, sizeof(line) - 1);
	prints(&s, "\r\n");
	before = rss_kb(s.pid);
	for (int i = 0; i < 2000; i++) {
		print(&s, line, sizeof(line) - 1);
		prints(&s, "\r\n");
		if (i % 50 == 0)
			pump(&s, c);
	}
	prints(&s, "THE END");
	UNTIL(&s, c, shows(c, "THE END"));
#ifndef NONO_SANITIZE
	assert_true(rss_kb(s.pid) < before + 4096);
#else
	(void)before;
#endif
	assert_int_equal(frames_waiting(stuck), 1);
	close(stuck);
	pty_client_free(c);
	teardown(&s);
}

/* Bytes that come until nothing has come for a while. */
static size_t typed_until_quiet(struct scene *s, struct pty_client *c)
{
	uint64_t last = clock_mono_ns();
	size_t total = 0;
	char bytes[4096];

	while (clock_mono_ns() - last < 300 * 1000000ull) {
		ssize_t n = read(s->slave, bytes, sizeof(bytes));

		if (n > 0) {
			total += (size_t)n;
			last = clock_mono_ns();
		} else
			pump(s, c);
	}
	return total;
}

/* An agent that asks and never listens, and one that is typed to and never reads. */
static void agent_that_does_not_read(void **state)
{
	struct scene s;
	struct pty_client *c;
	struct buf b = {0};

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	for (int i = 0; i < 200000; i++)
		buf_adds(&b, "\033[c");
	print(&s, b.data, b.len);
	prints(&s, "asked");
	UNTIL(&s, c, shows(c, "asked"));
	/* 200,000 answers would be 2.6 MB */
	assert_true(typed_until_quiet(&s, c) < 256 << 10);
	buf_clear(&b);
	for (int i = 0; i < 1000000; i++)
		buf_adds(&b, "paste");
	for (int i = 0; i < 5; i++) {
		pty_client_paste(c, b.data, 2000000);
		for (int k = 0; k < 5; k++)
			pump(&s, c);
	}
	prints(&s, "\r\nstill alive");
	UNTIL(&s, c, shows(c, "still alive"));
	buf_free(&b);
	pty_client_free(c);
	teardown(&s);
}

static void hostile_bytes(void **state)
{
	struct scene s;
	struct pty_client *c;
	struct buf b = {0};

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	buf_adds(&b, "\033[");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "9999999;");
	buf_adds(&b, "H\033[1000000C\033[1000000b\033[1000000L\033[1000000S");
	for (int i = 0; i < 300000; i++)
		buf_addc(&b, (char)(i * 2654435761u >> 13));
	buf_adds(&b, "\030\033\\\033c after");
	print(&s, b.data, b.len);
	UNTIL(&s, c, shows(c, " after"));
	buf_free(&b);
	pty_client_free(c);
	teardown(&s);
}

/* A client that speaks nonsense loses its connection, nobody else does. */
static void hostile_client(void **state)
{
	struct scene s;
	struct pty_client *c;
	static const char *const nonsense[] = {
	    "\xff\xff\xff\xff\x40",
	    "\0\0\0\0",
	    "\x01\0\0\0\x42",
	    "\x02\0\0\0\x40\x01",
	    "\x06\0\0\0\x40\x50\0\x18\0\0\x06\0\0\0\x40\x50\0\x18\0\0",
	    "\x06\0\0\0\x40\x50\0\x18\0\0\x08\0\0\0\x45\xff\xff\xff\xff\xff\xff\xff"};
	static const size_t sizes[] = {5, 4, 5, 6, 20, 22};
	char byte[4096];

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		int fd = connect_raw(&s, false);
		ssize_t n;

		assert_int_equal(write(fd, nonsense[i], sizes[i]), (ssize_t)sizes[i]);
		do
			n = read(fd, byte, sizeof(byte));
		while (n > 0);
		close(fd);
	}
	prints(&s, "fine");
	UNTIL(&s, c, shows(c, "fine"));
	pty_client_free(c);
	teardown(&s);
}

struct seen {
	uint64_t first;
	size_t count;
	char text[64], tail[64];
	unsigned bells;
	char clip[64];
};

static void on_history(void *data, uint64_t first, size_t count, int cols,
		       const struct pty_cell *cells)
{
	struct seen *seen = data;

	seen->first = first;
	seen->count = count;
	for (int x = 0; count && x < 20 && x < cols; x++) {
		seen->text[x] = (char)(cells[x].glyph ? cells[x].glyph : ' ');
		seen->tail[x] = (char)cells[(count - 1) * (size_t)cols + (size_t)x].glyph;
	}
}
static void on_bell(void *data)
{
	((struct seen *)data)->bells++;
}
static void on_clipboard(void *data, const char *text, size_t n)
{
	snprintf(((struct seen *)data)->clip, 64, "%.*s", (int)n, text);
}

static void history_bell_clipboard(void **state)
{
	struct scene s;
	struct seen seen = {0};
	struct pty_client_events ev = {
	    .history = on_history, .bell = on_bell, .clipboard = on_clipboard, .data = &seen};
	struct pty_client *c;
	char line[64];

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, &ev);
	/* A bell that rang before the host knew the client is not kept for it. */
	UNTIL(&s, c, pty_client_screen(c)->generation);
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof(line), "line number %05d\r\n", i);
		prints(&s, line);
	}
	prints(&s, "\007\033]52;c;aGk=\007done");
	UNTIL(&s, c, shows(c, "done"));
	assert_int_equal(pty_client_screen(c)->history, 1000);
	assert_int_equal(pty_client_screen(c)->history_first, 3000 - 23 - 1000);
	UNTIL(&s, c, seen.bells == 1 && seen.clip[0]);
	assert_string_equal(seen.clip, "hi");
	pty_client_history(c, 2500, 10);
	UNTIL(&s, c, seen.count == 10);
	assert_int_equal(seen.first, 2500);
	assert_string_equal(seen.text, "line number 02500   ");
	seen.count = 0;
	pty_client_history(c, 0, 1000000); /* from before what is kept: all there is */
	UNTIL(&s, c, seen.count == 1000);
	assert_int_equal(seen.first, 1977);
	assert_memory_equal(seen.tail, "line number 02976", 17);
	pty_client_free(c);
	teardown(&s);
}

static void on_found(void *data, const struct pty_found *found)
{
	*(struct pty_found *)data = *found;
}

/* Asks and waits for the answer. */
static struct pty_found *find(struct scene *s, struct pty_client *c, struct pty_found *found,
			      const char *text, uint64_t line, int col, bool back)
{
	static uint32_t id;
	struct pty_needle needle;

	id++;
	assert_true(pty_needle_set(&needle, text, strlen(text)));
	pty_client_find(c, id, line, col, back, &needle);
	UNTIL(s, c, found->id == id);
	return found;
}

#define ASSERT_FOUND(f, line_, col_, wrapped_)           \
	do {                                             \
		const struct pty_found *f_ = f;          \
		assert_true(f_->found);                  \
		assert_int_equal(f_->line, line_);       \
		assert_int_equal(f_->col, col_);         \
		assert_int_equal(f_->wrapped, wrapped_); \
	} while (0)

static void searches(void **state)
{
	struct scene s;
	struct pty_found f = {0};
	struct pty_client_events ev = {.found = on_found, .data = &f};
	struct pty_client *c;
	char line[64];

	(void)state;
	setup(&s, 20, 10);
	c = attach(&s, 20, 10, false, &ev);
	UNTIL(&s, c, pty_client_screen(c)->generation);
	for (int i = 0; i < 1500; i++) { /* a thousand and ten are left: 490 .. 1499 */
		snprintf(line, sizeof(line), "line %05d%s\r\n", i,
			 i == 600   ? " here Over the end of it" /* goes on in a row of its own */
			 : i == 700 ? " e\xcc\x81t\xc3\xa9 \xe6\xbc\xa2!"
				    : "");
		prints(&s, line);
	}
	prints(&s, "done");
	UNTIL(&s, c, shows(c, "done"));
	assert_int_equal(pty_client_screen(c)->history_first, 492);
	/* Downwards from the top, upwards from the bottom, into the screen. */
	ASSERT_FOUND(find(&s, c, &f, "line 00800", 492, 0, false), 801, 0, false);
	ASSERT_FOUND(find(&s, c, &f, "line 01499", 0, 0, false), 1500, 0, false);
	ASSERT_FOUND(find(&s, c, &f, "0499", 1501, 4, true), 499, 6, false);
	/* From a match to the next one, round at either end. */
	ASSERT_FOUND(find(&s, c, &f, "done", 1501, 0, false), 1501, 0, true);
	ASSERT_FOUND(find(&s, c, &f, "line", 492, 0, true), 1500, 0, true);
	ASSERT_FOUND(find(&s, c, &f, "5", 495, 8, false), 495, 9, false);
	/* Over the end of a row, columns behind what takes two or is put together. */
	ASSERT_FOUND(find(&s, c, &f, "over the", 492, 0, false), 600, 16, false);
	assert_int_equal(f.end_line, 601);
	assert_int_equal(f.end_col, 3);
	ASSERT_FOUND(find(&s, c, &f, "e\xcc\x81t", 492, 0, false), 701, 11, false);
	ASSERT_FOUND(find(&s, c, &f, "!", 492, 0, false), 701, 17, false);
	assert_false(find(&s, c, &f, "nowhere", 492, 0, false)->found);
	assert_false(find(&s, c, &f, "Line", 492, 0, true)->found);
	/* Cleared, and out of what there is. */
	prints(&s, "\033[3J\033[2J\033[Hnothing");
	UNTIL(&s, c, shows(c, "nothing") && !pty_client_screen(c)->history);
	assert_false(find(&s, c, &f, "line", 600, 0, false)->found);
	ASSERT_FOUND(find(&s, c, &f, "thing", UINT64_MAX / 4, 5, true),
		     pty_client_screen(c)->history_first, 2, false);
	pty_client_free(c);
	teardown(&s);
}

struct copied {
	uint32_t id;
	bool cut;
	struct buf text;
};

static void on_copied(void *data, uint32_t id, bool cut, const char *text, size_t n)
{
	struct copied *copied = data;

	copied->id = id;
	copied->cut = cut;
	buf_clear(&copied->text);
	buf_add(&copied->text, text, n);
	buf_addc(&copied->text, '\0');
}

static void copies(void **state)
{
	struct scene s;
	struct copied got = {0};
	struct pty_client_events ev = {.copied = on_copied, .data = &got};
	struct pty_client *c;
	struct buf long_line = {0};

	(void)state;
	setup(&s, 10, 4);
	c = attach(&s, 10, 4, true, &ev);
	UNTIL(&s, c, pty_client_screen(c)->generation);
	/* Rows 0..2 one line; 3 with blanks behind; 4 concealed in part, wide and put together. */
	prints(&s, "0123456789abcdefghijk mn\r\nx   \033[41m  \033[m\r\n\033[8mno\033[m "
		   "e\xcc\x81\xe6\xbc\xa2"
		   "z\r\n\r\n\r\nend");
	UNTIL(&s, c, shows(c, "end"));
	assert_int_equal(pty_client_screen(c)->history, 4);
	pty_client_copy(c, 1, 0, 8, 2, 1, false);
	UNTIL(&s, c, got.id == 1);
	assert_string_equal(got.text.data, "89abcdefghijk");
	pty_client_copy(c, 2, 1, 3, 1, 3, true);
	UNTIL(&s, c, got.id == 2);
	assert_string_equal(got.text.data, "0123456789abcdefghijk mn");
	pty_client_copy(c, 3, 0, 9, UINT64_MAX / 4, 0, false); /* more than there is: all */
	UNTIL(&s, c, got.id == 3);
	assert_string_equal(got.text.data,
			    "9abcdefghijk mn\nx\n   e\xcc\x81\xe6\xbc\xa2z\n\n\nend");
	assert_false(got.cut);
	pty_client_copy(c, 4, 4, 5, 4, 5, false); /* the second half of what is wide: it */
	UNTIL(&s, c, got.id == 4);
	assert_string_equal(got.text.data, "\xe6\xbc\xa2");
	/* One line of all rows there are. */
	for (int i = 0; i < 1000; i++)
		buf_adds(&long_line, "0123456789");
	print(&s, long_line.data, long_line.len);
	prints(&s, "\r\nover");
	UNTIL(&s, c, shows(c, "over"));
	pty_client_copy(c, 5, pty_client_screen(c)->history_first, 0, UINT64_MAX / 4, 0, true);
	UNTIL(&s, c, got.id == 5);
	buf_adds(&long_line, "\nover");
	buf_addc(&long_line, '\0');
	assert_non_null(strstr(got.text.data, long_line.data));
	buf_free(&long_line);
	buf_free(&got.text);
	pty_client_free(c);
	teardown(&s);
}

/* Unfinished pictures are held back, but not for ever. */
static void synchronized_output(void **state)
{
	struct scene s;
	struct pty_client *c;
	uint64_t start;

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	prints(&s, "ready");
	UNTIL(&s, c, shows(c, "ready"));
	prints(&s, "\033[?2026h\rhalf ");
	start = clock_mono_ns();
	while (clock_mono_ns() - start < 60 * 1000000ull)
		pump(&s, c);
	assert_false(shows(c, "half"));
	prints(&s, "whole\033[?2026l");
	UNTIL(&s, c, shows(c, "half whole"));
	prints(&s, "\033[?2026h\rnever ended");
	UNTIL(&s, c, shows(c, "never ended"));
	pty_client_free(c);
	teardown(&s);
}

static struct pty_client *held_client;

static void hold(void *data, const struct pty_screen *screen)
{
	(void)data;
	(void)screen;
	if (held_client)
		pty_client_hold(held_client);
}

/* The next picture comes when the host was told of the last one, which may be put off. */
static void told_later(void **state)
{
	const struct pty_client_events ev = {.update = hold};
	struct scene s;
	struct pty_client *c;

	(void)state;
	setup(&s, 20, 5);
	c = attach(&s, 20, 5, false, &ev);
	UNTIL(&s, c, pty_client_screen(c)->generation);
	held_client = c;
	prints(&s, "one");
	UNTIL(&s, c, shows(c, "one"));
	prints(&s, " two");
	for (int i = 0; i < 10; i++)
		pump(&s, c);
	assert_false(shows(c, "two"));
	assert_false(pty_client_want_write(c));
	held_client = NULL;
	assert_int_equal(pty_client_on_writable(c), 0);
	UNTIL(&s, c, shows(c, "one two"));
	pty_client_free(c);
	teardown(&s);
}

static void ends(void **state)
{
	struct scene s;
	struct pty_client *c, *late;

	(void)state;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	prints(&s, "last words");
	tell(&s, PTY_CONTROL_EXITED, 3, -1);
	UNTIL(&s, c, pty_client_screen(c)->ended);
	assert_true(shows(c, "last words"));
	late = attach(&s, 80, 24, false, NULL); /* the last screen is still served */
	UNTIL(&s, late, pty_client_screen(late)->ended);
	assert_true(shows(late, "last words"));
	pty_client_text(late, "x", 1);
	tell(&s, PTY_CONTROL_DROP, 0, -1);
	for (;;) {
		struct pollfd p = {.fd = pty_client_fd(c), .events = POLLIN};
		assert_true(poll(&p, 1, 10000) > 0);
		if (pty_client_on_readable(c) < 0)
			break;
	}
	pty_client_free(c);
	pty_client_free(late);
	teardown(&s);
}

static void ends_with_the_broker(void **state)
{
	struct scene s;
	int status;

	(void)state;
	setup(&s, 80, 24);
	close(s.control);
	assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
	close(s.slave);
}

/* ---- confinement --------------------------------------------------------------------- */

/* Bit i set: attempt i got through. */
static int attempts(void)
{
	char *const argv[] = {"/bin/true", NULL};
	int got = 0, fd;

	fd = open("/etc/passwd", O_RDONLY);
	got |= fd >= 0 ? 1 : 0;
	got |= open("/tmp/nono-host-was-here", O_WRONLY | O_CREAT, 0600) >= 0 ? 2 : 0;
	got |= socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 4 : 0;
	got |= socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 8 : 0;
	got |= kill(getppid(), 0) == 0 ? 16 : 0;
	got |= mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		       MAP_FAILED
		   ? 32
		   : 0;
	execv("/bin/true", argv);
	return got;
}

static void confined_host_can_do_nothing(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		struct nono_error err;

		if (nono_confine_helper(&err) < 0)
			_exit(200);
		_exit(attempts());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* The running host is under the same: its kernel says so. */
	struct scene s;
	struct pty_client *c;
	char path[64];
	struct err err;
	setup(&s, 80, 24);
	c = attach(&s, 80, 24, false, NULL);
	UNTIL(&s, c, pty_client_screen(c)->generation);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)s.pid);
	_cleanup_free_ char *text = file_read(path, 1 << 16, NULL, &err);
	assert_non_null(text);
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	assert_non_null(strstr(text, "Seccomp:\t2"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000"));
	pty_client_free(c);
	teardown(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(output_and_keys),
	    cmocka_unit_test(works_without_clients),
	    cmocka_unit_test(read_only_types_nothing),
	    cmocka_unit_test(size_of_who_typed_last),
	    cmocka_unit_test(stuck_client),
	    cmocka_unit_test(agent_that_does_not_read),
	    cmocka_unit_test(hostile_bytes),
	    cmocka_unit_test(hostile_client),
	    cmocka_unit_test(history_bell_clipboard),
	    cmocka_unit_test(searches),
	    cmocka_unit_test(copies),
	    cmocka_unit_test(synchronized_output),
	    cmocka_unit_test(told_later),
	    cmocka_unit_test(ends),
	    cmocka_unit_test(ends_with_the_broker),
	    cmocka_unit_test(confined_host_can_do_nothing),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
