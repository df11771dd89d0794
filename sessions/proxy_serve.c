/*
 * The broker's end of the proxy's socket: who connects, what happened, what must be asked. Every
 * message is checked; the other end parses what strangers send.
 */
#include <sys/socket.h>

#include "sessions/proxy_link.h"

#define WHO_NS	       250000000ull /* the connection is noted when connect returned: at once */
#define WHO_AGAIN_MS   2
#define BATCH	       64	/* messages before others have their turn */
#define OUT_BYTES_STOP 1048576u /* unsent answers: no more questions are taken */

/* ---- sending ------------------------------------------------------------------------------ */

static void watch(struct proxy *p);

static bool flush_out(struct proxy *p)
{
	size_t done = 0;

	while (p->out.len - done >= sizeof(struct net_msg)) {
		if (send(p->fd, p->out.data + done, sizeof(struct net_msg),
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		done += sizeof(struct net_msg);
	}
	if (done)
		buf_consume(&p->out, done);
	return !p->out.len;
}

static void post(struct proxy *p, const struct net_msg *m)
{
	if (p->fd < 0 || p->ending)
		return;
	if (!p->out.len && send(p->fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	buf_add(&p->out, m, sizeof(*m));
	watch(p);
}

static void answer(struct proxy *p, uint32_t id, bool granted, enum request_scope scope,
		   const char *why)
{
	struct net_msg m = {
	    .type = NET_ANSWER, .id = id, .granted = granted, .scope = scope != SCOPE_ONCE};

	str_copy(m.text, sizeof(m.text), why);
	post(p, &m);
}

void proxy_answered(struct proxy *p, uint64_t id, bool granted, enum request_scope scope,
		    const char *why)
{
	if (p)
		answer(p, (uint32_t)id, granted, scope, why);
}

static void decide(struct proxy *p, enum net_msg_type type, const char *host, uint16_t port)
{
	struct net_msg m = {.type = type, .port = port};

	if (!p)
		return;
	m.event.port = port;
	str_copy(m.event.host, sizeof(m.event.host), host);
	post(p, &m);
}

void proxy_allow(struct proxy *p, const char *host, uint16_t port)
{
	decide(p, NET_ALLOW, host, port);
}

void proxy_deny(struct proxy *p, const char *host, uint16_t port)
{
	decide(p, NET_DENY, host, port);
}

/* ---- who connects --------------------------------------------------------------------------- */

static void say_who(struct proxy *p, uint32_t id, uint16_t port, pid_t pid)
{
	const struct net_msg m = {.type = NET_PEER, .id = id, .port = port, .pid = pid};

	post(p, &m);
}

static void on_who_timer(uv_timer_t *t)
{
	struct proxy *p = t->data;
	uint64_t now = clock_mono_ns();
	size_t left = 0;

	for (size_t i = 0; i < p->n_who; i++) {
		struct who *w = &p->who[i];
		pid_t pid = elevation_peer_claim(p->elevation, w->port);

		if (pid || now >= w->until_ns)
			say_who(p, w->id, w->port, pid);
		else
			p->who[left++] = *w;
	}
	p->n_who = left;
	if (!left)
		uv_timer_stop(&p->timer);
}

/* The proxy may accept before the broker's connect has returned. */
static void on_who(struct proxy *p, const struct net_msg *m)
{
	pid_t pid = elevation_peer_claim(p->elevation, m->port);

	if (pid || p->n_who == WHO_MAX || !p->loop) {
		say_who(p, m->id, m->port, pid);
		return;
	}
	p->who[p->n_who++] =
	    (struct who){.id = m->id, .port = m->port, .until_ns = clock_mono_ns() + WHO_NS};
	if (p->n_who == 1)
		uv_timer_start(&p->timer, on_who_timer, WHO_AGAIN_MS, WHO_AGAIN_MS);
}

/* ---- what must be asked --------------------------------------------------------------------- */

static void on_ask(struct proxy *p, const struct net_msg *m)
{
	const struct net_event *ev = &m->event;
	bool endpoint = str_eq(ev->category, "endpoint_policy");
	bool page = str_eq(ev->rule, NET_RULE_OPEN_URL);
	char program[1024] = "", shown[1024], url[PROXY_URL_MAX];
	struct net_ask a = {
	    .host = ev->host,
	    .port = ev->port,
	    .method = endpoint ? ev->method : "",
	    .path = endpoint ? ev->path : "",
	    .route = ev->route,
	    .rule = ev->rule,
	    .reason = ev->reason,
	    .timeout_s = m->timeout_s,
	    .backend = m->text[0] ? m->text : NULL,
	};
	struct err err = {0};
	int r;

	if (page) {
		proxy_url_of(ev, url, sizeof(url));
		a.url = url;
	}
	a.pid = elevation_peer(p->elevation, ev->peer_port, program, sizeof(program));
	a.program = text_printable(shown, sizeof(shown), program, strlen(program));
	r = p->cfg.ask ? p->cfg.ask(p->cfg.asks, &a, m->id, &err)
		       : elevation_ask_net(p->elevation, &a, m->id, &err);
	if (r != 0)
		answer(p, m->id, r > 0, SCOPE_ONCE, err.msg);
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void on_message(struct proxy *p, const struct net_msg *m)
{
	if (!p->elevation) /* not served yet */
		return;
	switch (m->type) {
	case NET_EVENT:
		proxy_event(p, &m->event);
		return;
	case NET_WHO:
		on_who(p, m);
		return;
	case NET_ASK:
		if (p->ending)
			return;
		on_ask(p, m);
		return;
	case NET_DROP:
		if (p->cfg.drop)
			p->cfg.drop(p->cfg.asks, m->id);
		else
			elevation_drop_net(p->elevation, m->id);
		return;
	default: /* nothing that is asked for */
		return;
	}
}

bool proxy_read(struct proxy *p)
{
	struct net_msg m;
	ssize_t n;

	for (int i = 0; i < BATCH; i++) {
		n = recv(p->fd, &m, sizeof(m), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0 || !net_msg_valid(&m, (size_t)n))
			return false;
		on_message(p, &m);
	}
	return true;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct proxy *p = h->data;

	if (--p->handles == 0 && p->released)
		proxy_free(p);
}

void proxy_release(struct proxy *p)
{
	p->elevation = NULL;
	p->log = NULL;
	p->released = true;
	if (!p->handles)
		proxy_free(p);
}

/* Nobody may take its place at its port. */
void proxy_lost(struct proxy *p)
{
	if (p->elevation)
		elevation_proxy_gone(p->elevation);
	if (p->fd < 0)
		return;
	if (p->watched) {
		uv_close((uv_handle_t *)&p->poll, on_handle_closed);
		uv_close((uv_handle_t *)&p->timer, on_handle_closed);
		p->watched = false;
	}
	close(p->fd);
	p->fd = -1;
}

static void died(struct proxy *p)
{
	const struct audit_event ev = {
	    .kind = AUDIT_CONNECT,
	    .decision = AUDIT_DENIED,
	    .time_ns = clock_real_ns(),
	    .pid = p->pid,
	    .op = "proxy_died",
	    .target = "the network proxy",
	    .target_len = strlen("the network proxy"),
	    .rule = "the session has no network any more",
	};

	audit_emit(p->log, &ev);
	elevation_denied_net(p->elevation, "the network proxy", "nono-proxy",
			     "it has ended: the session has no network any more", false);
	proxy_lost(p);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct proxy *p = h->data;

	if (status < 0 || ((events & UV_READABLE) && !proxy_read(p))) {
		died(p);
		return;
	}
	if ((events & UV_WRITABLE) && p->fd >= 0)
		flush_out(p);
	watch(p);
}

static void watch(struct proxy *p)
{
	int events =
	    (p->out.len < OUT_BYTES_STOP ? UV_READABLE : 0) | (p->out.len ? UV_WRITABLE : 0);

	if (p->watched)
		uv_poll_start(&p->poll, events, on_poll);
}

int proxy_serve(struct proxy *p, uv_loop_t *loop, struct elevation *e, struct audit_log *log,
		struct err *err)
{
	int r;

	p->elevation = e;
	p->log = log;
	p->loop = loop;
	r = uv_poll_init(loop, &p->poll, p->fd);
	if (r < 0)
		return err_set(err, "can't watch the network proxy: %s", uv_strerror(r));
	uv_timer_init(loop, &p->timer);
	p->poll.data = p->timer.data = p;
	p->handles = 2;
	p->watched = true;
	watch(p);
	return 0;
}
