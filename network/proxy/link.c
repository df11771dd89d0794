/*
 * The broker's end of the proxy: questions and events over one SOCK_SEQPACKET. An event that does
 * not fit is kept, and no new work is taken until it is gone. Without a broker (nono proxy) events
 * are lines of a log.
 */
#include "network/proxy/h2.h"

#include <sys/socket.h>

struct link_message {
	struct link_message *next;
	struct net_msg m;
};

static void on_link(uv_poll_t *h, int status, int events);

static void watch(struct link *l)
{
	uv_poll_start(&l->poll, UV_READABLE | (l->first ? UV_WRITABLE : 0), on_link);
}

/* The broker is gone, and with it the session. */
static void lost(struct proxy *p, const char *why)
{
	str_copy(p->failure, sizeof(p->failure), why);
	uv_stop(&p->loop.uv);
}

static int try_send(struct link *l, const struct net_msg *m)
{
	ssize_t n;

	do
		n = send(l->fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

void link_send(struct proxy *p, const struct net_msg *m)
{
	struct link *l = &p->link;
	int rc = 0;

	if (l->fd < 0)
		return;
	if (!l->first) {
		rc = try_send(l, m);
		if (!rc)
			return;
		if (rc != -EAGAIN && rc != -ENOBUFS) {
			lost(p, "the broker is gone");
			return;
		}
	}
	struct link_message *keep = xcalloc(1, sizeof(*keep));
	keep->m = *m;
	*l->last = keep;
	l->last = &keep->next;
	watch(l);
	listener_update(p);
}

static void send_kept(struct proxy *p)
{
	struct link *l = &p->link;

	while (l->first) {
		struct link_message *m = l->first;
		int rc = try_send(l, &m->m);

		if (rc == -EAGAIN || rc == -ENOBUFS)
			return;
		if (rc) {
			lost(p, "the broker is gone");
			return;
		}
		l->first = m->next;
		if (!l->first)
			l->last = &l->first;
		free(m);
	}
	watch(l);
	listener_update(p);
	h1_server_go_on(p);
	h2_server_go_on(p);
}

/* ---- events ---- */

void link_event(struct proxy *p, const struct net_event *e)
{
	if (p->link.fd < 0) {
		if (p->link.log)
			log_event(p->link.log, p->config->log_text, e);
		return;
	}
	struct net_msg m = {.type = NET_EVENT, .event = *e};
	link_send(p, &m);
}

/* ---- questions ---- */

static void ask_unlink(struct ask *a)
{
	if (!a->prev)
		return;
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->prev = NULL;
	deadline_clear(a->proxy, &a->deadline);
}

static void on_ask_deadline(struct deadline *d)
{
	struct ask *a = (struct ask *)(void *)((char *)d - offsetof(struct ask, deadline));
	struct net_msg m = {.type = NET_DROP, .id = a->id};

	ask_unlink(a);
	link_send(a->proxy, &m);
	a->decision = NET_APPROVE_TIMEOUT;
	str_copy(a->why, sizeof(a->why), "nobody answered in time");
	a->answered(a);
}

/* The broker has the deadline that counts; this one is for a broker that forgot. */
#define ASK_DEFAULT_S 660

void ask_start(struct proxy *p, struct ask *a, const struct net_event *e, unsigned timeout_s,
	       const char *backend)
{
	struct net_msg m = {.type = NET_ASK, .event = *e, .timeout_s = timeout_s};

	str_copy(m.text, sizeof(m.text), backend ? backend : "");

	a->proxy = p;
	a->id = m.id = ++p->link.next_id;
	a->next = p->link.asks;
	a->prev = &p->link.asks;
	if (a->next)
		a->next->prev = &a->next;
	p->link.asks = a;
	deadline_set(p, &a->deadline, 1000ull * (timeout_s ? timeout_s + 5 : ASK_DEFAULT_S),
		     on_ask_deadline);
	link_send(p, &m);
}

void ask_drop(struct ask *a)
{
	struct net_msg m = {.type = NET_DROP, .id = a->id};

	if (!a->prev)
		return;
	ask_unlink(a);
	link_send(a->proxy, &m);
}

void who_start(struct proxy *p, struct who *w, uint16_t peer_port)
{
	struct net_msg m = {.type = NET_WHO, .port = peer_port};

	w->proxy = p;
	w->id = m.id = ++p->link.next_id;
	w->next = p->link.whos;
	w->prev = &p->link.whos;
	if (w->next)
		w->next->prev = &w->next;
	p->link.whos = w;
	link_send(p, &m);
}

void who_drop(struct who *w)
{
	if (!w->prev)
		return;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
}

/* ---- what the broker says ---- */

static void on_answer(struct proxy *p, const struct net_msg *m)
{
	struct ask *a = p->link.asks;

	while (a && a->id != m->id)
		a = a->next;
	if (!a)
		return; /* dropped meanwhile */
	ask_unlink(a);
	a->decision = m->granted ? NET_APPROVE_GRANTED : NET_APPROVE_DENIED;
	str_copy(a->why, sizeof(a->why), m->text);
	a->answered(a);
}

static void on_peer(struct proxy *p, const struct net_msg *m)
{
	struct who *w = p->link.whos;

	while (w && w->id != m->id)
		w = w->next;
	if (!w)
		return;
	who_drop(w);
	w->answered(w, m->pid);
}

static void on_message(struct proxy *p, const struct net_msg *m)
{
	struct net_host host;

	switch (m->type) {
	case NET_ANSWER:
		on_answer(p, m);
		break;
	case NET_PEER:
		on_peer(p, m);
		break;
	case NET_ALLOW:
		if (!net_host_parse(m->event.host, strlen(m->event.host), &host, NULL))
			net_rules_allow(p->rules, &host, m->port ? m->port : m->event.port);
		break;
	case NET_DENY:
		if (net_host_parse(m->event.host, strlen(m->event.host), &host, NULL))
			break;
		net_rules_deny(p->rules, &host);
		deny_host(p, host.name, "a person denied this host");
		break;
	case NET_QUIT:
		uv_stop(&p->loop.uv);
		break;
	default:
		break;
	}
}

static void on_link(uv_poll_t *h, int status, int events)
{
	struct proxy *p = h->data;
	struct net_msg m;

	if (status < 0 || (events & UV_READABLE)) {
		for (int i = 0; i < 64; i++) {
			ssize_t n = recv(p->link.fd, &m, sizeof(m), MSG_DONTWAIT);

			if (n < 0 && (errno == EAGAIN || errno == EINTR))
				break;
			if (n <= 0) {
				lost(p, "the broker is gone");
				return;
			}
			if (net_msg_valid(&m, (size_t)n))
				on_message(p, &m);
		}
	}
	if (events & UV_WRITABLE)
		send_kept(p);
}

int link_start(struct proxy *p, int fd, FILE *log, struct err *err)
{
	struct link *l = &p->link;
	int rc;

	l->fd = fd;
	l->log = log;
	l->last = &l->first;
	if (fd < 0)
		return 0;
	rc = uv_poll_init(&p->loop.uv, &l->poll, fd);
	if (rc < 0)
		return err_set(err, "Watching the broker's socket: %s", uv_strerror(rc));
	l->poll.data = p;
	watch(l);
	return 0;
}
