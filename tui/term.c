/* The user's terminal. */
#include "tui/term.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#define ANSWER_MS 1000 /* how long leaving waits for answers that never came */

/* Title kept, alternate screen, no wrapping at the margin, bracketed paste, focus reports. */
static const char enter_sequence[] = "\033[22;0t\033[?1049h\033[?7l\033[?2004h\033[?1004h";
/* Keyboard protocol, synchronized output, colours, colour scheme; DA1 last: every terminal
 * answers it, so its answer says that no other is to be expected. */
static const char questions[] =
    "\033[?u\033[?2026$p\033]10;?\033\\\033]11;?\033\\\033[?2031$p\033[c";

/* *shared: the flags to give back to a description that others use as well, -1 if it is our own. */
static int open_terminal(int *shared, struct err *err)
{
	char path[64];
	int fd;

	*shared = -1;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err,
			       "standard input and output are not a terminal; use nono ps, logs, "
			       "capture, send and approve from scripts");
	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && !ttyname_r(STDIN_FILENO, path, sizeof(path)))
		fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	/* Under su and its kind it may belong to somebody else: what we were given still works. */
	*shared = fcntl(STDIN_FILENO, F_GETFL);
	if ((*shared & O_ACCMODE) == O_RDWR)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_errno(err, errno, "cannot open the terminal (/dev/tty)");
	return fd;
}

int term_usable(struct err *err)
{
	int shared;
	_cleanup_close_ int fd = open_terminal(&shared, err);
	struct term_caps caps = {0};

	return fd < 0 ? -1 : term_detect(&caps, fd, err);
}

static void set_raw(struct terminal *t)
{
	struct termios raw = t->guard.saved;

	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(t->fd, TCSADRAIN, &raw);
}

int term_open(struct terminal *t, struct err *err)
{
	memset(t, 0, sizeof(*t));
	t->guard.fd = -1;
	t->fd = open_terminal(&t->guard.shared, err);
	if (t->fd < 0)
		return -1;
	if (term_detect(&t->caps, t->fd, err))
		goto fail;
	if (tcgetattr(t->fd, &t->guard.saved)) {
		err_errno(err, errno, "cannot read the terminal's settings");
		goto fail;
	}
	t->guard.tty = t->fd;
	if (term_guard_start(&t->guard, err))
		goto fail;
	if (t->guard.shared >= 0)
		fcntl(t->fd, F_SETFL, t->guard.shared | O_NONBLOCK);
	set_raw(t);
	buf_adds(&t->replies, enter_sequence);
	buf_adds(&t->replies, questions);
	return 0;
fail:
	close(t->fd);
	t->fd = -1;
	return -1;
}

void term_size(const struct terminal *t, int *cols, int *rows)
{
	struct winsize ws;

	*cols = 80;
	*rows = 24;
	if (!ioctl(t->fd, TIOCGWINSZ, &ws) && ws.ws_col && ws.ws_row) {
		*cols = ws.ws_col < PTY_COLS_MAX ? ws.ws_col : PTY_COLS_MAX;
		*rows = ws.ws_row < PTY_ROWS_MAX ? ws.ws_row : PTY_ROWS_MAX;
	}
}

/* ---- answers ----------------------------------------------------------- */

static void judge_background(struct terminal *t)
{
	uint32_t bg = t->caps.bg;
	unsigned luma = ((bg >> 16) * 299 + (bg >> 8 & 0xff) * 587 + (bg & 0xff) * 114) / 1000;

	t->caps.dark = luma < 128;
}

static bool mode_reply(struct terminal *t, unsigned mode, unsigned state)
{
	bool known = state == 1 || state == 2;

	if (mode == 2026 && known) {
		t->caps.out.sync = true;
		return true;
	}
	if (mode == 2031 && known)
		buf_adds(&t->replies, "\033[?2031h");
	return false;
}

bool term_reply(struct terminal *t, const struct input_event *ev)
{
	switch (ev->reply) {
	case REPLY_DA1:
		t->caps.answered = true;
		return false;
	case REPLY_KITTY:
		if (!t->caps.kitty)
			buf_adds(&t->replies, "\033[>1u"); /* tell keys apart, nothing more */
		t->caps.kitty = true;
		return false;
	case REPLY_MODE:
		return mode_reply(t, ev->params[0], ev->params[1]);
	case REPLY_SCHEME:
		/* The colours have changed with it: ask again. */
		buf_adds(&t->replies, "\033]10;?\033\\\033]11;?\033\\");
		t->caps.dark = ev->params[0] == 1;
		return true;
	case REPLY_FG:
		t->caps.fg = ev->params[0];
		return t->caps.have_colors;
	case REPLY_BG:
		t->caps.bg = ev->params[0];
		t->caps.have_colors = true;
		judge_background(t);
		return true;
	default:
		return false;
	}
}

void term_mouse(struct terminal *t, int mode)
{
	if (t->mouse == mode)
		return;
	if (t->mouse)
		buf_addf(&t->replies, "\033[?%dl", t->mouse);
	if (mode)
		buf_addf(&t->replies, "\033[?%dh\033[?1006h", mode);
	t->mouse = mode;
}

void term_again(struct terminal *t)
{
	int mouse = t->mouse;

	if (t->guard.shared >= 0)
		fcntl(t->fd, F_SETFL, t->guard.shared | O_NONBLOCK);
	set_raw(t);
	buf_adds(&t->replies, enter_sequence);
	if (t->caps.kitty)
		buf_adds(&t->replies, "\033[>1u");
	t->mouse = 0;
	term_mouse(t, mouse);
}

/* ---- writing, leaving -------------------------------------------------- */

static int write_some(int fd, struct buf *b)
{
	size_t done = 0;

	while (done < b->len) {
		ssize_t n = write(fd, b->data + done, b->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done)
		buf_consume(b, done);
	return 0;
}

int term_write(struct terminal *t, struct buf *b)
{
	/* Never between the halves of a frame that was cut. */
	if (b->len && write_some(t->fd, b))
		return -1;
	if (!b->len && t->replies.len)
		return write_some(t->fd, &t->replies);
	return 0;
}

/* Answers that arrive after we are gone would be typed into the shell. */
static void drain(struct terminal *t)
{
	uint64_t end = clock_mono_ns() + ANSWER_MS * 1000000ull;
	char junk[512];

	while (!t->caps.answered) {
		uint64_t now = clock_mono_ns();
		struct pollfd p = {.fd = t->fd, .events = POLLIN};
		ssize_t n;

		if (now >= end || poll(&p, 1, (int)((end - now) / 1000000) + 1) <= 0)
			return;
		n = read(t->fd, junk, sizeof(junk));
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
		/* The end of DA1's answer: "ESC [ ? ... c". */
		for (ssize_t i = 0; i < n; i++)
			if (junk[i] == 'c')
				t->caps.answered = true;
	}
}

void term_close(struct terminal *t)
{
	struct buf leave = {0};

	if (t->fd < 0)
		return;
	drain(t);
	buf_adds(&leave, term_leave_sequence);
	for (int i = 0; i < 20 && leave.len; i++) { /* a terminal that does not read: 1 s at most */
		struct pollfd p = {.fd = t->fd, .events = POLLOUT};

		if (poll(&p, 1, 50) < 0 || write_some(t->fd, &leave))
			break;
	}
	buf_free(&leave);
	tcsetattr(t->fd, TCSAFLUSH, &t->guard.saved);
	if (t->guard.shared >= 0)
		fcntl(t->fd, F_SETFL, t->guard.shared);
	term_guard_end(&t->guard);
	buf_free(&t->replies);
	close(t->fd);
	t->fd = -1;
}
