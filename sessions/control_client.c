/* Control protocol, client end. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "sessions/control_parse.h"
#include "sessions/frames.h"
#include "sessions/registry.h"
#include "sessions/runtime.h"
#include "sessions/sessions.h"

#define ARRIVED_MAX 8
#define HELLO_MS    2000
#define TEXT_CLOSE  "the session closed the connection"

struct session_client {
	struct session_client_events ev;
	int fd;
	int next_seq;
	struct frame_reader in;
	struct buf out;
	size_t out_at;
	int fds[ARRIVED_MAX]; /* arrived, in the order of the answers that they belong to */
	size_t n_fds;
	/* A synchronous call in progress. */
	int want_seq;
	cJSON *answer;
	int answer_fd;
};

/* ---- frames in --------------------------------------------------------------------------- */

static int take_fd(struct session_client *c)
{
	int fd;

	if (!c->n_fds)
		return -1;
	fd = c->fds[0];
	c->n_fds--;
	memmove(c->fds, c->fds + 1, c->n_fds * sizeof(*c->fds));
	return fd;
}

static void on_event(struct session_client *c, const char *event, const cJSON *o)
{
	union {
		struct session_state state;
		struct session_request_info request;
	} *u = xcalloc(1, sizeof(*u));

	if (str_eq(event, "status") && c->ev.status) {
		if (session_state_parse(o, &u->state) == 0)
			c->ev.status(c->ev.data, &u->state);
	} else if (str_eq(event, "request") && c->ev.request) {
		if (session_request_parse(o, &u->request) == 0)
			c->ev.request(c->ev.data, &u->request);
	} else if (str_eq(event, "answered") && c->ev.answered) {
		char id[32], state[32], by[256];
		control_str(o, "id", id, sizeof(id));
		control_str(o, "state", state, sizeof(state));
		control_str(o, "by", by, sizeof(by));
		c->ev.answered(c->ev.data, id, state, by);
	} else if (str_eq(event, "warning") && c->ev.warning) {
		char text[320];
		control_str(o, "text", text, sizeof(text));
		c->ev.warning(c->ev.data, text);
	} else if (str_eq(event, "ended") && c->ev.status) {
		u->state.activity = ACTIVITY_EXITED;
		if (session_state_parse(cJSON_GetObjectItemCaseSensitive(o, "status"), &u->state) ==
		    0)
			c->ev.status(c->ev.data, &u->state);
	}
	free(u);
}

static int on_frame(struct session_client *c, const char *p, size_t n)
{
	cJSON *o = cJSON_ParseWithLength(p, n);
	const char *event = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "event"));
	int seq, fd;

	if (!cJSON_IsObject(o)) {
		cJSON_Delete(o);
		return -1;
	}
	if (event) {
		on_event(c, event, o);
		cJSON_Delete(o);
		return 0;
	}
	seq = (int)control_num(o, "seq");
	fd = control_flag(o, "fd") ? take_fd(c) : -1;
	if (c->want_seq && seq == c->want_seq) {
		c->answer = o;
		c->answer_fd = fd;
		c->want_seq = 0;
		return 0;
	}
	if (c->ev.reply)
		c->ev.reply(c->ev.data, seq, o, fd);
	else if (fd >= 0)
		close(fd);
	cJSON_Delete(o);
	return 0;
}

static int on_bytes(struct session_client *c, const char *bytes, size_t n)
{
	const char *frame;
	size_t len;
	int r;

	frame_reader_feed(&c->in, bytes, n);
	while ((r = frame_reader_next(&c->in, &frame, &len)) > 0)
		if (on_frame(c, frame, len) < 0)
			return -1;
	return r;
}

int session_client_on_readable(struct session_client *c)
{
	char bytes[16384];
	int fd = -1;
	ssize_t n = fd_recv(c->fd, bytes, sizeof(bytes), &fd);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (fd >= 0) {
		if (c->n_fds < ARRIVED_MAX)
			c->fds[c->n_fds++] = fd;
		else
			close(fd);
	}
	if (n <= 0 || on_bytes(c, bytes, (size_t)n) < 0) {
		if (c->ev.closed)
			c->ev.closed(c->ev.data);
		return -1;
	}
	return 0;
}

/* ---- frames out ---------------------------------------------------------------------------- */

bool session_client_want_write(const struct session_client *c)
{
	return c->out.len > c->out_at;
}

int session_client_on_writable(struct session_client *c)
{
	while (session_client_want_write(c)) {
		ssize_t n = send(c->fd, c->out.data + c->out_at, c->out.len - c->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->out_at += (size_t)n;
	}
	buf_clear(&c->out);
	c->out_at = 0;
	return 0;
}

int session_client_send(struct session_client *c, const char *op, cJSON *args)
{
	cJSON *o = args ? args : cJSON_CreateObject();
	_cleanup_free_ char *text = NULL;
	int seq = ++c->next_seq;

	cJSON_AddStringToObject(o, "op", op);
	cJSON_AddNumberToObject(o, "seq", seq);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (text)
		frame_add(&c->out, text, strlen(text));
	session_client_on_writable(c); /* a failure shows at the next read */
	return seq;
}

cJSON *session_client_call(struct session_client *c, const char *op, cJSON *args, int *fd,
			   int timeout_ms, struct err *err)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * 1000000u;
	const char *error;
	cJSON *answer;
	int got;

	c->answer = NULL;
	c->answer_fd = -1;
	c->want_seq = c->next_seq + 1;
	session_client_send(c, op, args);
	while (!c->answer) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		uint64_t now = clock_mono_ns();
		if (now >= deadline) {
			c->want_seq = 0;
			err_set(err, "the session does not answer");
			return NULL;
		}
		if (session_client_want_write(c))
			p.events |= POLLOUT;
		if (poll(&p, 1, (int)((deadline - now) / 1000000u) + 1) < 0 && errno != EINTR)
			break;
		if ((p.revents & POLLOUT) && session_client_on_writable(c) < 0)
			break;
		if ((p.revents & ~POLLOUT) && session_client_on_readable(c) < 0)
			break;
	}
	c->want_seq = 0;
	answer = STEAL_PTR(c->answer);
	got = STEAL_FD(c->answer_fd);
	if (!answer) {
		err_set(err, TEXT_CLOSE);
		return NULL;
	}
	error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));
	if (error) {
		err_set(err, "%s", error);
		if (got >= 0)
			close(got);
		cJSON_Delete(answer);
		return NULL;
	}
	if (fd)
		*fd = got;
	else if (got >= 0)
		close(got);
	return answer;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Where the session's sockets are: in the runtime directory of whoever started it, which another
 * login may not share. */
static char *find_runtime(const char *id)
{
	char *usual = session_runtime_dir(id);
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct session_record r;
	const char *dir;
	size_t n;

	if (access(usual, F_OK) == 0)
		return usual;
	path = registry_path(id);
	text = file_read(path, FRAME_MAX, &n, NULL);
	if (!text || registry_parse(text, n, &r) < 0)
		return usual;
	dir = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r.json, "runtime_dir"));
	if (dir && dir[0] == '/') {
		free(usual);
		usual = xstrdup(dir);
	}
	session_record_free(&r);
	return usual;
}

static int hello(struct session_client *c, const char *dir, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/token", dir), *token = NULL;
	cJSON *args, *answer;

	token = file_read(path, 1024, NULL, err);
	if (!token)
		return -1;
	args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "token", token);
	cJSON_AddStringToObject(args, "role", c->ev.status || c->ev.reply ? "tui" : "cli");
	answer = session_client_call(c, "hello", args, NULL, HELLO_MS, err);
	if (!answer)
		return -1;
	cJSON_Delete(answer);
	return 0;
}

struct session_client *session_connect(const char *id, const struct session_client_events *ev,
				       struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	struct session_client *c;
	int fd;

	if (!runtime_id_valid(id)) {
		err_set(err, "'%s' is not a session id", id);
		return NULL;
	}
	dir = find_runtime(id);
	fd = socket_connect_at(dir, "control.sock");
	if (fd < 0) {
		err_errno(err, errno, "session %s can't be reached (%s/control.sock)", id, dir);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	c->answer_fd = -1;
	if (ev)
		c->ev = *ev;
	fd_set_nonblock(fd, true);
	if (hello(c, dir, err) < 0) {
		session_client_free(c);
		return NULL;
	}
	return c;
}

void session_client_free(struct session_client *c)
{
	if (!c)
		return;
	close(c->fd);
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	frame_reader_free(&c->in);
	buf_free(&c->out);
	cJSON_Delete(c->answer);
	free(c);
}

int session_client_fd(const struct session_client *c)
{
	return c->fd;
}
