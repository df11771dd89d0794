/*
 * The screen host: the agent's terminal on one side, clients on the other, in a process that can do
 * nothing but use the descriptors it was given.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "pty/host.h"
#include "sandbox/nono.h"

#define CHUNK	    (64u << 10)
#define TURN_BYTES  (128u << 10) /* output that is read before clients get their turn */
#define DRAIN_MAX   (8u << 20)	 /* ... after the agent has ended */
#define SLICE	    (4u << 10)
#define TURN_NS	    (10 * 1000000ull) /* a few bytes can mean much work */
#define RETRY_NS    (50 * 1000000ull)
#define EVENT_NS    (100 * 1000000ull)
#define EVENT_BURST 5

/* ---- what the terminal wants ---------------------------------------------------- */

static void on_reply(void *data, const char *s, size_t n)
{
	struct host *h = data;

	if (h->master >= 0 && h->to_agent.len + n <= REPLIES_MAX)
		buf_add(&h->to_agent, s, n);
}

/* Bells and the like: a few at once, then ten a second. */
static bool event_allowed(struct host *h)
{
	uint64_t now = clock_mono_ns(), more = (now - h->last_event_ns) / EVENT_NS;

	if (more) {
		h->events_left = more > EVENT_BURST ? EVENT_BURST : h->events_left + (unsigned)more;
		if (h->events_left > EVENT_BURST)
			h->events_left = EVENT_BURST;
		h->last_event_ns = now;
	}
	if (!h->events_left)
		return false;
	h->events_left--;
	return true;
}

static void on_bell(void *data)
{
	if (event_allowed(data))
		host_broadcast(data, FRAME_BELL, "", 0);
}

static void on_clipboard(void *data, const char *text, size_t n)
{
	if (event_allowed(data))
		host_broadcast(data, FRAME_CLIPBOARD, text, n);
}

static void on_notify(void *data, const char *title, const char *body)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (!event_allowed(data))
		return;
	put_string(&b, title);
	put_string(&b, body);
	host_broadcast(data, FRAME_NOTIFY, b.data, b.len);
}

/* A whole picture in the middle of a chunk: who is due gets this one, not half of the next. */
static void on_frame_end(void *data)
{
	struct host *h = data;

	h->hold_ns = 0;
	if (h->n_clients)
		host_deltas(h, clock_mono_ns());
}

void host_set_size(struct host *h, int cols, int rows)
{
	struct winsize ws;

	if ((cols == h->t->cols && rows == h->t->rows) || terminal_resize(h->t, cols, rows) < 0)
		return;
	ws = (struct winsize){.ws_col = (unsigned short)h->t->cols,
			      .ws_row = (unsigned short)h->t->rows};
	recorder_size(&h->recorder, h->t->cols, h->t->rows);
	if (h->master >= 0)
		ioctl(h->master, TIOCSWINSZ, &ws);
}

/* ---- the agent's terminal --------------------------------------------------------- */

static void write_agent(struct host *h)
{
	while (h->to_agent.len && h->master >= 0) {
		ssize_t n = write(h->master, h->to_agent.data, h->to_agent.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		h->report.bytes_in += (uint64_t)n;
		buf_consume(&h->to_agent, (size_t)n);
	}
	if (!h->to_agent.len && h->to_agent.cap > CHUNK)
		buf_free(&h->to_agent);
}

static void end_terminal(struct host *h)
{
	if (h->master >= 0)
		close(h->master);
	h->master = -1;
	buf_free(&h->to_agent);
	h->ended = true;
}

/* Parses what was read, as long as there is time. False: some is left. */
static bool parse(struct host *h, uint64_t until)
{
	while (h->chunk_at < h->chunk_len) {
		size_t n = h->chunk_len - h->chunk_at;

		n = n < SLICE ? n : SLICE;
		terminal_feed(h->t, h->chunk + h->chunk_at, n);
		h->chunk_at += n;
		if (until && h->chunk_at < h->chunk_len && clock_mono_ns() > until)
			return false;
	}
	h->chunk_at = h->chunk_len = 0;
	return true;
}

static void nothing_read(struct host *h, ssize_t n, int error)
{
	if (n == 0 || error == EIO) {
		/* Nobody has it open. Somebody may open it again while the agent lives. */
		if (h->exited)
			end_terminal(h);
		else
			h->retry_ns = clock_mono_ns() + RETRY_NS;
	} else if (error != EAGAIN && error != EWOULDBLOCK)
		end_terminal(h);
}

/* Reads and parses at most max bytes, until a moment if that is not 0. */
static void read_agent(struct host *h, size_t max, uint64_t until)
{
	size_t done = 0;

	if (!parse(h, until))
		return;
	while (h->master >= 0 && done < max) {
		ssize_t n = 0;
		int error;

		/* The kernel hands out 4 KiB at a time: the parser gets more at once. */
		while (h->chunk_len < CHUNK) {
			n = read(h->master, h->chunk + h->chunk_len, CHUNK - h->chunk_len);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				break;
			h->chunk_len += (size_t)n;
		}
		error = errno;
		done += h->chunk_len;
		if (h->chunk_len) {
			recorder_output(&h->recorder, h->chunk, h->chunk_len);
			h->report.bytes_out += h->chunk_len;
			h->report.last_output_ns = clock_mono_ns();
		}
		if (n <= 0)
			nothing_read(h, n, error);
		if (!parse(h, until) || n <= 0)
			return;
	}
}

/* ---- the broker --------------------------------------------------------------------- */

static void obey(struct host *h, const struct pty_control *m, int fd)
{
	switch (m->type) {
	case PTY_CONTROL_CLIENT:
		if (fd >= 0)
			host_client_add(h, fd, m->arg0 & 1);
		return;
	case PTY_CONTROL_DROP:
		for (size_t i = 0; i < h->n_clients; i++)
			h->clients[i]->over = true;
		break;
	case PTY_CONTROL_EXITED:
		h->exited = true;
		read_agent(h, DRAIN_MAX, 0);
		end_terminal(h);
		break;
	case PTY_CONTROL_QUIT:
		h->quit = true;
		break;
	case PTY_CONTROL_RECORD:
		if (fd >= 0)
			recorder_start(&h->recorder, fd, h->t->cols, h->t->rows);
		return;
	}
	if (fd >= 0)
		close(fd);
}

static void read_control(struct host *h)
{
	for (;;) {
		int fd = -1;
		ssize_t n = fd_recv(h->control, (char *)&h->message + h->message_got,
				    sizeof(h->message) - h->message_got, &fd);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (n <= 0) {
			h->quit = true;
			return;
		}
		if (fd >= 0) {
			if (h->message_fd >= 0)
				close(h->message_fd);
			h->message_fd = fd;
		}
		h->message_got += (size_t)n;
		if (h->message_got == sizeof(h->message)) {
			h->message_got = 0;
			obey(h, &h->message, STEAL_FD(h->message_fd));
		}
	}
}

/* ---- the loop -------------------------------------------------------------------------- */

static void reap_clients(struct host *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n_clients; i++) {
		if (h->clients[i]->over)
			host_client_free(h->clients[i]);
		else
			h->clients[kept++] = h->clients[i];
	}
	h->n_clients = kept;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

static int wait_ms(uint64_t until, uint64_t now)
{
	if (!until)
		return -1;
	return until <= now ? 0 : (int)((until - now + 999999) / 1000000);
}

/* One turn: what clients typed goes before what the agent prints. */
static void turn(struct host *h, int timeout)
{
	struct pollfd p[2 + HOST_CLIENTS_MAX];
	size_t n = h->n_clients;

	p[0] = (struct pollfd){.fd = h->control, .events = POLLIN};
	/* A descriptor with no events still reports a hang-up: left out while it waits. */
	p[1] = (struct pollfd){.fd = h->retry_ns ? -1 : h->master,
			       .events = (short)(POLLIN | (h->to_agent.len ? POLLOUT : 0))};
	for (size_t i = 0; i < n; i++)
		p[2 + i] = (struct pollfd){
		    .fd = h->clients[i]->fd,
		    .events = (short)(POLLIN | (h->clients[i]->out.len ? POLLOUT : 0))};
	if (poll(p, 2 + n, timeout) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (p[2 + i].revents & POLLOUT)
			host_client_send(h->clients[i]);
		if (p[2 + i].revents & (POLLIN | POLLHUP | POLLERR))
			host_client_read(h, h->clients[i]);
	}
	if (p[0].revents)
		read_control(h);
	write_agent(h);
	if ((p[1].revents & (POLLIN | POLLHUP | POLLERR)) || h->chunk_len) {
		read_agent(h, TURN_BYTES, clock_mono_ns() + TURN_NS);
		write_agent(h);
	}
}

static void serve(struct host *h)
{
	int timeout = 0;

	while (!h->quit) {
		uint64_t now, next;
		bool was_ended = h->ended;

		turn(h, timeout);
		reap_clients(h);
		now = clock_mono_ns();
		if (h->retry_ns && now >= h->retry_ns)
			h->retry_ns = 0;
		next = sooner(host_deltas(h, now), h->retry_ns);
		next = sooner(next, host_report(h, now, h->ended && !was_ended));
		timeout = h->chunk_len ? 0 : wait_ms(next, now);
	}
	host_deltas(h, clock_mono_ns());
}

/* The confinement is not taken on trust: what must fail is tried. */
static int confine(struct nono_error *err)
{
	int fd;

	if (nono_confine_helper(err) < 0)
		return -1;
	fd = open("/", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	close(fd);
	err->code = 0;
	str_copy(err->msg, sizeof(err->msg), "the confinement has no effect");
	return -1;
}

int pty_host_main(const struct pty_host_config *cfg)
{
	struct host h = {.master = cfg->master_fd,
			 .control = cfg->control_fd,
			 .message_fd = -1,
			 .recorder.fd = -1,
			 .events_left = EVENT_BURST};
	const struct terminal_events ev = {.reply = on_reply,
					   .bell = on_bell,
					   .clipboard = on_clipboard,
					   .notify = on_notify,
					   .frame = on_frame_end,
					   .data = &h};
	struct nono_error err = {0};

	if (confine(&err) < 0) {
		fprintf(stderr,
			"nono: the screen host can't be confined, so it is not started: %s\n",
			err.msg);
		return 1;
	}
	if (fd_set_nonblock(h.master, true) < 0 || fd_set_nonblock(h.control, true) < 0)
		return 1;
	h.t = terminal_new(cfg->cols, cfg->rows, cfg->scrollback, &ev);
	h.chunk = malloc(CHUNK);
	if (h.t && h.chunk)
		serve(&h);
	for (size_t i = 0; i < h.n_clients; i++)
		host_client_free(h.clients[i]);
	terminal_free(h.t);
	recorder_stop(&h.recorder);
	buf_free(&h.to_agent);
	free(h.chunk);
	return h.quit ? 0 : 1;
}
