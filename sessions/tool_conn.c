/* The shim's side of a call: its bytes arrive, notes follow, a reply goes back. */
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sessions/tool_run.h"

/* ---- the end --------------------------------------------------------------------------------- */

static void run_free(struct run *r)
{
	tool_call_free(&r->call);
	free(r->bytes);
	strv_free(r->argv);
	strv_free(r->env);
	buf_free(&r->reply);
	buf_free(&r->key);
	secret_free(&r->captured);
	free(r->ca_file);
	free(r->ca_copy);
	free(r->ca_as);
	free(r->browser_as);
	free(r);
}

static void on_closed(uv_handle_t *h)
{
	struct run *r = h->data;

	if (--r->handles == 0)
		run_free(r);
}

static void close_handle(struct run *r, uv_handle_t *h)
{
	if (h->type != UV_UNKNOWN_HANDLE && h->data == r && !uv_is_closing(h))
		uv_close(h, on_closed);
}

void run_unwatch(struct run *r, uv_poll_t *h)
{
	close_handle(r, (uv_handle_t *)h);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void run_close(struct run *r)
{
	struct run **p = &r->t->runs;

	if (r->closing)
		return;
	r->closing = true;
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	r->t->n_runs--;
	if (r->state == RUN_ASKED && r->t->elevation)
		elevation_drop_tool(r->t->elevation, r->id);
	r->handles++; /* not freed before all are told */
	close_handle(r, (uv_handle_t *)&r->poll);
	close_handle(r, (uv_handle_t *)&r->timer);
	close_handle(r, (uv_handle_t *)&r->init_poll);
	close_handle(r, (uv_handle_t *)&r->gate_poll);
	close_handle(r, (uv_handle_t *)&r->gate_elevation);
	close_handle(r, (uv_handle_t *)&r->capture_poll);
	run_proxy_end(r);
	elevation_stop(STEAL_PTR(r->elevation));
	close_fd(&r->fd);
	close_fd(&r->ways_fd);
	close_fd(&r->pidfd);
	close_fd(&r->init_fd); /* its init kills what there is, and ends */
	close_fd(&r->gate_fd);
	close_fd(&r->sockets_fd);
	close_fd(&r->capture_fd);
	run_limits_end(r);
	while (r->n_fds)
		close(r->fds[--r->n_fds]);
	if (--r->handles == 0)
		run_free(r);
}

static void on_give_up(uv_timer_t *t)
{
	run_close(t->data);
}

/* Not at once: the caller is not done with it. */
static void run_give_up(struct run *r)
{
	uv_timer_start(&r->timer, on_give_up, 0, 0);
}

void run_watch(struct run *r, uv_poll_t *h, int fd, int events, uv_poll_cb cb)
{
	if (h->type == UV_UNKNOWN_HANDLE) {
		if (uv_poll_init(r->t->loop, h, fd) < 0) {
			h->type = UV_UNKNOWN_HANDLE;
			run_give_up(r);
			return;
		}
		h->data = r;
		r->handles++;
	}
	uv_poll_start(h, events, cb);
}

/* The shim is gone, or has all it needs. */
static void conn_end(struct run *r)
{
	if (r->state == RUN_STARTED) {
		run_unwatch(r, &r->poll);
		close_fd(&r->fd);
		run_stop(r);
	} else if (r->state == RUN_REPLYING && r->init_fd >= 0) {
		/* What the tool left behind is on its way out. */
		run_unwatch(r, &r->poll);
		close_fd(&r->fd);
		r->state = RUN_OVER;
	} else if (r->state != RUN_OVER) {
		run_close(r);
	}
}

/* ---- replying -------------------------------------------------------------------------------- */

static void on_writable(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;
	ssize_t n = status < 0 ? 0
			       : send(r->fd, r->reply.data + r->replied, r->reply.len - r->replied,
				      MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	r->replied += n > 0 ? (size_t)n : 0;
	if (n <= 0 || r->replied == r->reply.len)
		conn_end(r);
}

void conn_reply(struct run *r, int code, const char *out, const char *err)
{
	struct tool_reply m = {.magic = TOOL_MAGIC, .code = code, .sig = r->ended_by};

	r->state = RUN_REPLYING;
	if (r->fd < 0) {
		conn_end(r);
		return;
	}
	m.out_bytes = out ? (uint32_t)strlen(out) : 0;
	m.err_bytes = err ? (uint32_t)strlen(err) : 0;
	buf_add(&r->reply, &m, sizeof(m));
	buf_add(&r->reply, out ? out : "", m.out_bytes);
	buf_add(&r->reply, err ? err : "", m.err_bytes);
	uv_timer_stop(&r->timer);
	run_watch(r, &r->poll, r->fd, UV_WRITABLE, on_writable);
}

void conn_tell(struct run *r, enum tool_reply_type type, int code, int fd)
{
	const struct tool_reply m = {.magic = TOOL_MAGIC, .code = code, .type = type};

	/* There is room, or it has not read for long: then it is not waited for. */
	if (r->fd >= 0 && r->state == RUN_STARTED &&
	    tool_send(r->fd, &m, sizeof(m), &fd, fd >= 0) != (ssize_t)sizeof(m))
		run_stop(r);
}

void conn_refuse(struct run *r, const char *reason, const char *why)
{
	_cleanup_free_ char *text = NULL;
	char name[128], words[768];

	text_printable(name, sizeof(name), r->call.name ? r->call.name : "?",
		       r->call.name ? strlen(r->call.name) : 1);
	text_printable(words, sizeof(words), why, strlen(why));
	text = xasprintf("nono: tool-sandbox denied %s: %s\n", name, words);
	r->verdict.reason = reason;
	run_log(r, false, false, TOOL_DENIED, NULL);
	conn_reply(r, TOOL_DENIED, NULL, text);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Bytes of the call, with who sent them; false: nothing to go on with. */
static bool receive(struct run *r, void *to, size_t n, size_t max_fds)
{
	size_t n_fds;
	pid_t pid;
	int pidfd;
	ssize_t got =
	    tool_recv(r->fd, to, n, MSG_DONTWAIT, r->fds + r->n_fds, max_fds, &n_fds, &pid, &pidfd);

	if (got < 0 && errno == EAGAIN)
		return false;
	/* It may be gone, and its number somebody else's, before the call is decided. */
	if (r->pidfd < 0 && pidfd < 0 && got > 0 && pid > 0)
		pidfd = pidfd_open(pid, 0);
	if (r->pidfd < 0)
		r->pidfd = pidfd;
	else
		close_fd(&pidfd);
	r->n_fds += n_fds;
	/* One who asks, from its first byte to its last. */
	if (got <= 0 || pid <= 0 || (r->pid && r->pid != pid)) {
		run_close(r);
		return false;
	}
	r->pid = pid;
	r->got += (size_t)got;
	return true;
}

static bool fds_ok(const struct run *r)
{
	struct stat st;

	/* Directories are ways to elsewhere, and no one's output. */
	for (size_t i = 0; i < r->n_fds; i++)
		if (fstat(r->fds[i], &st) < 0 || S_ISDIR(st.st_mode))
			return false;
	return r->n_fds == 3;
}

static void read_header(struct run *r)
{
	if (!receive(r, (char *)&r->header + r->got, sizeof(r->header) - r->got, 3 - r->n_fds) ||
	    r->got < sizeof(r->header))
		return;
	if (!tool_header_ok(&r->header) || !fds_ok(r)) {
		run_close(r);
		return;
	}
	r->bytes = xcalloc(1, (size_t)r->header.bytes + 1);
	r->got = 0;
	r->state = RUN_STRINGS;
}

static void read_strings(struct run *r)
{
	if (!receive(r, r->bytes + r->got, r->header.bytes - r->got, 0) || r->got < r->header.bytes)
		return;
	if (tool_call_parse(&r->header, STEAL_PTR(r->bytes), &r->call) < 0) {
		run_close(r);
		return;
	}
	uv_timer_stop(&r->timer);
	run_decide(r);
}

static void read_note(struct run *r)
{
	struct tool_note n;
	ssize_t got =
	    recv(r->fd, r->note + r->note_got, sizeof(r->note) - r->note_got, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		conn_end(r);
		return;
	}
	r->note_got += (size_t)got;
	if (r->note_got < sizeof(r->note))
		return;
	r->note_got = 0;
	memcpy(&n, r->note, sizeof(n));
	if (n.magic == TOOL_MAGIC)
		run_signal(r, n.sig);
	else
		conn_end(r);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;

	(void)events;
	if (status < 0)
		conn_end(r);
	else if (r->state == RUN_HEADER)
		read_header(r);
	else if (r->state == RUN_STRINGS)
		read_strings(r);
	else
		read_note(r);
}

static void on_slow(uv_timer_t *t)
{
	run_close(t->data);
}

void conn_new(struct tools *t, int fd)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->t = t;
	r->id = ++t->last_id;
	r->fd = fd;
	r->pidfd = r->slot = -1;
	r->init_fd = r->gate_fd = r->sockets_fd = r->capture_fd = r->ways_fd = -1;
	r->next = t->runs;
	t->runs = r;
	t->n_runs++;
	uv_timer_init(t->loop, &r->timer);
	r->timer.data = r;
	r->handles++;
	uv_timer_start(&r->timer, on_slow, READ_TIME_MS, 0);
	run_watch(r, &r->poll, fd, UV_READABLE, on_readable);
}
