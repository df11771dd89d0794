/*
 * On the terminal. The recorded bytes go to a screen host of their own, confined as a session's is;
 * what is drawn is its picture, so nothing of them reaches the terminal unparsed.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "cli/replay.h"
#include "cli/screen.h"
#include "tui/term_guard.h"

#define PANEL	 8u /* lines of events, with the bar above them */
#define FRAME_NS 40000000ull

struct player {
	struct replay *r;
	pid_t pid;
	int feed, control; /* the host's terminal, the host's control socket */
	struct screen s;
	char event[PANEL - 1][800];
	size_t n_events;
	uint64_t at_ns, shown_ns; /* time in the session; of the last picture */
	uint64_t last_ns;	  /* time in the session of what came last */
	double speed, max_wait_ns;
	bool paused, over, quit, changed;
	int signals, signal; /* where they are read; the one that ended it */
	uint64_t second;     /* that the bar shows */
	struct winsize ws;
};

/* ---- the host -------------------------------------------------------------------------------- */

static _Noreturn void in_host(int terminal, int control, int cols, int rows)
{
	struct pty_host_config cfg = {
	    .master_fd = 3, .control_fd = 4, .cols = cols, .rows = rows, .scrollback = 100};
	int a = fcntl(terminal, F_DUPFD, 10), b = fcntl(control, F_DUPFD, 10);

	if (a < 0 || b < 0 || dup2(a, 3) < 0 || dup2(b, 4) < 0)
		_exit(1);
	close_range(5, ~0u, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	_exit(pty_host_main(&cfg));
}

static int start(struct player *p, struct err *err)
{
	const struct pty_control add = {.type = PTY_CONTROL_CLIENT, .arg0 = 0};
	int terminal[2], control[2], client[2], cols = (int)p->r->frame.cols,
						rows = (int)p->r->frame.rows;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, terminal) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	p->pid = fork();
	if (p->pid == 0)
		in_host(terminal[1], control[1], cols, rows);
	close(terminal[1]);
	close(control[1]);
	p->feed = terminal[0];
	p->control = control[0];
	fd_set_nonblock(p->feed, true);
	if (p->pid < 0 || fd_send(p->control, &add, sizeof(add), client[1]) < 0)
		return err_errno(err, errno, "can't start the screen host");
	close(client[1]);
	p->s.client =
	    pty_client_new(client[0], cols, rows, false, &(struct pty_client_events){.data = p});
	return p->s.client ? screen_await_picture(&p->s, CALL_TIMEOUT_MS, err)
			   : err_set(err, "no memory for the screen");
}

static void stop(struct player *p)
{
	screen_close(&p->s);
	if (p->feed >= 0)
		close(p->feed);
	if (p->control >= 0)
		close(p->control);
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

/* All of it; what the terminal would answer is thrown away. */
static void feed(struct player *p)
{
	const char *s = p->r->data.data;
	size_t n = p->r->data.len;
	char answers[4096];

	while (n > 0 && !p->over) {
		ssize_t done = send(p->feed, s, n, MSG_NOSIGNAL);
		while (recv(p->feed, answers, sizeof(answers), MSG_DONTWAIT) > 0)
			;
		if (done > 0) {
			s += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			p->over = screen_serve(&p->s, 5) < 0;
		} else {
			p->over = true;
		}
	}
}

static void add_event(struct player *p)
{
	const size_t keep = ARRAY_LEN(p->event);
	char text[760];

	if (p->n_events == keep) {
		memmove(p->event[0], p->event[1], (keep - 1) * sizeof(p->event[0]));
		p->n_events--;
	}
	replay_event_text(p->r, text, sizeof(text));
	snprintf(p->event[p->n_events++], sizeof(p->event[0]), "%.8s %s",
		 strlen(p->r->rec->time) > 19 ? p->r->rec->time + 11 : "", text);
	p->changed = true;
}

static void note_time(struct player *p, uint64_t ns)
{
	if (ns > p->last_ns)
		p->last_ns = ns;
}

static bool at_end(const struct replay *r)
{
	return !r->have_frame && !r->have_event;
}

/* When the screen changes next; behind its end, when there is the next event. */
static uint64_t next_ns(const struct replay *r)
{
	return r->have_frame ? r->frame.time_ns : r->have_event ? audit_time_ns(r->rec->time) : 0;
}

/* Everything up to now. */
static void catch_up(struct player *p)
{
	struct replay *r = p->r;

	while (r->have_frame && r->frame.time_ns <= p->at_ns && !p->over) {
		if (r->frame.kind == PTY_RECORDED_OUTPUT)
			feed(p);
		else
			pty_client_resize(p->s.client, (int)r->frame.cols, (int)r->frame.rows);
		p->changed = true;
		note_time(p, r->frame.time_ns);
		replay_next_frame(r);
	}
	for (; replay_event_due(r, p->at_ns); replay_next_event(r)) {
		note_time(p, audit_time_ns(r->rec->time));
		add_event(p);
	}
	/* The clock stands when all was shown. */
	if (at_end(r))
		p->at_ns = p->last_ns;
}

static void advance(struct player *p, uint64_t real_ns)
{
	uint64_t next = next_ns(p->r);

	if (p->paused)
		return;
	p->at_ns += (uint64_t)((double)real_ns * p->speed);
	if (p->max_wait_ns > 0 && next > p->at_ns && (double)(next - p->at_ns) > p->max_wait_ns)
		p->at_ns = next - (uint64_t)p->max_wait_ns;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Is there anything that the last picture did not have? */
static bool look(struct player *p)
{
	const uint64_t second = (p->at_ns - p->r->begin_ns) / 1000000000u;
	struct winsize ws = {.ws_row = 24, .ws_col = 80};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
	p->changed |= p->s.changed || second != p->second || ws.ws_row != p->ws.ws_row ||
		      ws.ws_col != p->ws.ws_col;
	p->second = second;
	p->ws = ws;
	p->s.changed = false;
	return p->changed;
}

static void add_line(struct buf *b, const char *s, size_t n)
{
	buf_add(b, s, n);
	buf_adds(b, "\033[0m\033[K\r\n");
}

static void draw(struct player *p)
{
	_cleanup_(buf_free) struct buf screen = {0}, b = {0};
	const struct winsize ws = p->ws;
	const uint64_t s = p->second;
	size_t rows, n = 0;
	char bar[200];

	rows = ws.ws_row > PANEL + 2 ? ws.ws_row - PANEL - 1u : 1u;
	pty_dump_screen(screen_picture(&p->s), true, &screen);
	buf_adds(&b, "\033[?2026h\033[H");
	for (const char *at = screen.data, *end = at + screen.len; at < end && n < rows; n++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((nl ? nl : end) - at);
		add_line(&b, at, len);
		at += len + 1;
	}
	for (; n < rows; n++)
		add_line(&b, "", 0);
	snprintf(bar, sizeof(bar), " %llu:%02llu  %gx%s  Space pause  + - speed  . on  q end ",
		 (unsigned long long)(s / 60), (unsigned long long)(s % 60), p->speed,
		 at_end(p->r) ? "  END"
		 : p->paused  ? "  PAUSED"
			      : "");
	buf_adds(&b, "\033[7m");
	buf_addf(&b, "%-*.*s", ws.ws_col, ws.ws_col, bar);
	add_line(&b, "", 0);
	for (size_t i = 0; i < ARRAY_LEN(p->event); i++)
		add_line(&b, i < p->n_events ? p->event[i] : "",
			 i < p->n_events ? strlen(p->event[i]) : 0);
	buf_adds(&b, "\033[?2026l");
	if (write_full(STDOUT_FILENO, b.data, b.len) < 0)
		p->quit = true;
	p->changed = false;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void key(struct player *p, char c)
{
	if (c == 'q' || c == 3)
		p->quit = true;
	else if (c == ' ')
		p->paused = !p->paused;
	else if (c == '+' && p->speed < 100)
		p->speed *= 2;
	else if (c == '-' && p->speed > 0.1)
		p->speed /= 2;
	else if (c == '.')
		p->at_ns += 10000000000ull;
	p->changed = true;
}

static void read_keys(struct player *p)
{
	char c[64];
	ssize_t n = read(STDIN_FILENO, c, sizeof(c));

	if (n <= 0)
		p->quit = n == 0 || errno != EINTR;
	for (ssize_t i = 0; i < n; i++)
		key(p, c[i]);
}

static void read_signal(struct player *p)
{
	struct signalfd_siginfo s;

	if (read(p->signals, &s, sizeof(s)) != (ssize_t)sizeof(s))
		return;
	p->signal = (int)s.ssi_signo;
	p->quit = true;
}

static void run(struct player *p)
{
	uint64_t last = clock_mono_ns();

	while (!p->quit) {
		struct pollfd in[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				      {.fd = p->signals, .events = POLLIN}};
		uint64_t now;

		poll(in, ARRAY_LEN(in), p->r->have_frame && !p->paused ? 10 : 100);
		if (in[0].revents)
			read_keys(p);
		if (in[1].revents)
			read_signal(p);
		now = clock_mono_ns();
		advance(p, now - last);
		last = now;
		catch_up(p);
		if (!p->over && screen_serve(&p->s, 0) < 0)
			p->over = true;
		if (now - p->shown_ns < FRAME_NS || !look(p))
			continue;
		p->shown_ns = now;
		draw(p);
	}
}

/* The signals that would end it are read, so that the terminal is put back before they do. */
static int on_terminal(struct player *p, const struct termios *before, struct err *err)
{
	struct term_guard guard = {.tty = STDOUT_FILENO, .shared = -1, .saved = *before};
	struct termios raw = *before;
	sigset_t ends, mask;

	if (term_guard_start(&guard, err) < 0)
		return -1;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigaddset(&ends, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ends, &mask);
	p->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	/* Alternate screen, no wrapping, no cursor. */
	printf("\033[?1049h\033[?7l\033[?25l\033[2J");
	fflush(stdout);
	run(p);
	printf("\033[?7h\033[?25h\033[?1049l");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSADRAIN, before);
	term_guard_end(&guard);
	if (p->signals >= 0)
		close(p->signals);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return 0;
}

int replay_play(struct replay *r, double speed, double max_wait_s, struct err *err)
{
	struct player p = {.r = r,
			   .feed = -1,
			   .control = -1,
			   .signals = -1,
			   .speed = speed,
			   .max_wait_ns = max_wait_s * 1e9,
			   .at_ns = r->begin_ns,
			   .last_ns = r->begin_ns};
	struct termios before;
	int code = start(&p, err);

	if (code == 0 && tcgetattr(STDIN_FILENO, &before) == 0)
		code = on_terminal(&p, &before, err);
	stop(&p);
	if (p.signal)
		raise(p.signal);
	return code;
}
