/* Control protocol, server end. */
#include <sys/socket.h>

#include "sessions/control_conn.h"

bool token_equal(const char *a, const char *b, size_t n)
{
	unsigned char diff = 0;

	for (size_t i = 0; i < n; i++)
		diff |= (unsigned char)a[i] ^ (unsigned char)b[i];
	return diff == 0;
}

/* ---- server -------------------------------------------------------------------------- */

struct control_client *control_server_add(struct control_server *s, int fd, bool known)
{
	struct control_client *c;

	if (s->n_clients >= CONTROL_CLIENTS_MAX || s->closing || fd_set_nonblock(fd, true) < 0) {
		close(fd);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->server = s;
	c->fd = fd;
	c->known = known;
	c->in.max = known ? FRAME_MAX : CONTROL_HELLO_MAX;
	c->tail = &c->head;
	if (uv_poll_init(s->cfg.loop, &c->poll, fd) < 0) {
		close(fd);
		free(c);
		return NULL;
	}
	uv_timer_init(s->cfg.loop, &c->hello_timer);
	c->handles = 2;
	c->poll.data = c->hello_timer.data = c;
	c->next = s->clients;
	s->clients = c;
	s->n_clients++;
	if (!known)
		uv_timer_start(&c->hello_timer, control_conn_hello_timeout, CONTROL_HELLO_MS, 0);
	control_conn_events(c);
	return c;
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct control_server *s = h->data;
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	struct control_client *c;
	int fd;

	(void)events;
	if (status < 0)
		return;
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != getuid()) {
		close(fd);
		return;
	}
	c = control_server_add(s, fd, false);
	if (c)
		c->peer.pid = cred.pid;
}

int control_server_new(const struct control_config *cfg, struct control_server **out,
		       struct err *err)
{
	struct control_server *s = xcalloc(1, sizeof(*s));
	int r;

	s->cfg = *cfg;
	s->listen_fd = cfg->listen_fd;
	r = uv_poll_init(cfg->loop, &s->listen, cfg->listen_fd);
	if (r < 0) {
		free(s);
		return err_set(err, "can't serve the control socket: %s", uv_strerror(r));
	}
	uv_timer_init(cfg->loop, &s->close_timer);
	s->handles = 2;
	s->listen.data = s->close_timer.data = s;
	uv_poll_start(&s->listen, UV_READABLE, on_connection);
	*out = s;
	return 0;
}

void control_server_broadcast(struct control_server *s, cJSON *event)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(event);
	struct control_client *c, *next;

	cJSON_Delete(event);
	for (c = s->clients; text && c; c = next) {
		next = c->next;
		if (c->subscribed && !c->dying)
			control_conn_send(c, text, -1);
	}
}

unsigned control_server_clients(const struct control_server *s)
{
	unsigned n = 0;

	for (const struct control_client *c = s->clients; c; c = c->next)
		n += c->known && !c->dying;
	return n;
}

unsigned control_server_subscribers(const struct control_server *s)
{
	unsigned n = 0;

	for (const struct control_client *c = s->clients; c; c = c->next)
		n += c->subscribed && !c->dying;
	return n;
}

static void server_handle_closed(uv_handle_t *h)
{
	struct control_server *s = h->data;

	s->handles--;
}

void control_server_maybe_done(struct control_server *s)
{
	if (s->closing && !s->clients && !uv_is_closing((uv_handle_t *)&s->close_timer))
		uv_close((uv_handle_t *)&s->close_timer, server_handle_closed);
}

static void on_close_timeout(uv_timer_t *t)
{
	struct control_server *s = t->data;
	struct control_client *next;

	for (struct control_client *c = s->clients; c; c = next) {
		next = c->next;
		control_conn_drop(c);
	}
}

void control_server_close(struct control_server *s, unsigned ms)
{
	struct control_client *next;

	if (s->closing)
		return;
	s->closing = true;
	uv_poll_stop(&s->listen);
	uv_close((uv_handle_t *)&s->listen, server_handle_closed);
	close(s->listen_fd);
	s->listen_fd = -1;
	uv_timer_start(&s->close_timer, on_close_timeout, ms, 0);
	for (struct control_client *c = s->clients; c; c = next) {
		next = c->next;
		if (!c->head)
			control_conn_drop(c);
		else
			c->finishing = true;
	}
	control_server_maybe_done(s);
}

bool control_server_closed(const struct control_server *s)
{
	return s->closing && !s->clients && s->handles == 0;
}

void control_server_free(struct control_server *s)
{
	free(s);
}
