/* Control protocol, server end: one client. */
#include <sys/socket.h>

#include "sessions/control_conn.h"

/* ---- life of a client -------------------------------------------------------- */

static void client_unlink(struct control_client *c)
{
	struct control_client **p = &c->server->clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->server->n_clients--;
}

static void client_handle_closed(uv_handle_t *h)
{
	struct control_client *c = h->data;
	struct control_server *s = c->server;

	if (--c->handles > 0)
		return;
	close(c->fd);
	frame_reader_free(&c->in);
	while (c->head) {
		struct out_frame *f = c->head;
		c->head = f->next;
		if (f->fd >= 0)
			close(f->fd);
		free(f);
	}
	client_unlink(c);
	free(c);
	control_server_maybe_done(s);
}

void control_conn_drop(struct control_client *c)
{
	bool counted = c->known;

	if (c->dying)
		return;
	c->dying = true;
	uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, client_handle_closed);
	uv_close((uv_handle_t *)&c->hello_timer, client_handle_closed);
	if (counted && c->server->cfg.changed)
		c->server->cfg.changed(c->server->cfg.data);
}

void control_conn_hello_timeout(uv_timer_t *t)
{
	control_conn_drop(t->data);
}

/* ---- output --------------------------------------------------------------------- */

static void on_ready(uv_poll_t *h, int status, int events);

void control_conn_events(struct control_client *c)
{
	if (!c->dying)
		uv_poll_start(&c->poll, c->head ? UV_READABLE | UV_WRITABLE : UV_READABLE,
			      on_ready);
}

static ssize_t send_part(int sock, const struct out_frame *f)
{
	struct iovec v = {(void *)(uintptr_t)(f->data + f->sent), f->len - f->sent};

	return fds_send(sock, &v, 1, &f->fd, f->fd >= 0, MSG_DONTWAIT);
}

/* -1: the client is gone. */
static int client_flush(struct control_client *c)
{
	while (c->head) {
		struct out_frame *f = c->head;
		ssize_t n = send_part(c->fd, f);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (f->fd >= 0) {
			close(f->fd);
			f->fd = -1;
		}
		f->sent += (size_t)n;
		if (f->sent < f->len)
			continue;
		c->head = f->next;
		if (!c->head)
			c->tail = &c->head;
		c->queued -= f->len;
		free(f);
	}
	return 0;
}

/* Queues and tries to send at once. Takes fd over. */
void control_conn_send(struct control_client *c, const char *json, int fd)
{
	size_t n = strlen(json);
	_cleanup_(buf_free) struct buf b = {0};
	struct out_frame *f;

	if (c->dying || frame_add(&b, json, n) < 0 || c->queued + b.len > CONTROL_QUEUE_MAX) {
		if (fd >= 0)
			close(fd);
		/* It does not read, or the answer does not fit: it must not hold us up. */
		control_conn_drop(c);
		return;
	}
	f = xcalloc(1, sizeof(*f) + b.len);
	f->len = b.len;
	f->fd = fd;
	memcpy(f->data, b.data, b.len);
	*c->tail = f;
	c->tail = &f->next;
	c->queued += f->len;
	if (client_flush(c) < 0)
		control_conn_drop(c);
	else
		control_conn_events(c);
}

static void client_answer(struct control_client *c, const cJSON *seq, cJSON *answer, int fd,
			  const char *error)
{
	_cleanup_free_ char *text = NULL;

	if (!answer)
		answer = cJSON_CreateObject();
	cJSON_AddItemToObject(answer, "seq",
			      cJSON_CreateNumber(cJSON_IsNumber(seq) ? seq->valuedouble : 0));
	if (error)
		cJSON_AddStringToObject(answer, "error", error);
	else
		cJSON_AddTrueToObject(answer, "ok");
	if (fd >= 0)
		cJSON_AddTrueToObject(answer, "fd");
	text = cJSON_PrintUnformatted(answer);
	cJSON_Delete(answer);
	if (text) {
		control_conn_send(c, text, fd);
	} else {
		if (fd >= 0)
			close(fd);
		control_conn_drop(c);
	}
}

/* ---- input ------------------------------------------------------------------------- */

static bool do_hello(struct control_client *c, const cJSON *frame)
{
	const struct control_config *cfg = &c->server->cfg;
	const char *token = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, "token"));
	const char *role = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, "role"));
	size_t n = strlen(cfg->token);

	if (!token || strlen(token) != n || !token_equal(token, cfg->token, n))
		return false;
	c->known = true;
	c->in.max = FRAME_MAX;
	uv_timer_stop(&c->hello_timer);
	if (role)
		text_printable(c->peer.role, sizeof(c->peer.role), role, strlen(role));
	client_answer(c, cJSON_GetObjectItemCaseSensitive(frame, "seq"), cfg->hello(cfg->data), -1,
		      NULL);
	if (cfg->changed)
		cfg->changed(cfg->data);
	return true;
}

static void do_call(struct control_client *c, const char *op, const cJSON *frame)
{
	const struct control_config *cfg = &c->server->cfg;
	const cJSON *seq = cJSON_GetObjectItemCaseSensitive(frame, "seq");
	struct err err = {0};
	cJSON *answer;
	int fd = -1;

	if (str_eq(op, "subscribe")) {
		c->subscribed = true;
		client_answer(c, seq, NULL, -1, NULL);
		if (cfg->changed)
			cfg->changed(cfg->data);
		return;
	}
	answer = cfg->call(cfg->data, &c->peer, op, frame, &fd, &err);
	if (!answer && fd >= 0) {
		close(fd);
		fd = -1;
	}
	client_answer(c, seq, answer, fd, answer ? NULL : err.msg[0] ? err.msg : "failed");
}

/* False: not a frame of this protocol, or no right to speak it. */
static bool client_frame(struct control_client *c, const char *p, size_t n)
{
	cJSON *frame = cJSON_ParseWithLength(p, n);
	const char *op = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, "op"));
	bool good = cJSON_IsObject(frame) && op;

	if (good && !c->known)
		good = str_eq(op, "hello") && do_hello(c, frame);
	else if (good)
		do_call(c, op, frame);
	cJSON_Delete(frame);
	return good;
}

int control_client_feed(struct control_client *c, const void *p, size_t n)
{
	const char *frame;
	size_t len;
	int r = 0;

	frame_reader_feed(&c->in, p, n);
	while (!c->dying && (r = frame_reader_next(&c->in, &frame, &len)) > 0)
		if (!client_frame(c, frame, len))
			r = -1, control_conn_drop(c);
	if (r < 0)
		control_conn_drop(c);
	return c->dying ? -1 : 0;
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct control_client *c = h->data;
	char bytes[16384];
	ssize_t n;

	if (status < 0) {
		control_conn_drop(c);
		return;
	}
	if (events & UV_READABLE) {
		n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			control_conn_drop(c);
			return;
		}
		if (n > 0 && control_client_feed(c, bytes, (size_t)n) < 0)
			return;
	}
	if (client_flush(c) < 0 || (c->finishing && !c->head))
		control_conn_drop(c);
	else
		control_conn_events(c);
}
