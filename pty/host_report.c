/* What the broker is told: fixed size, printable, not often. */
#include <sys/socket.h>

#include "pty/host.h"

#define REPORT_NS (50 * 1000000ull)
#define QUIET_NS  (3 * 1000000ull) /* an echo is not to meet the broker's waking */

static void fill(struct host *h)
{
	struct pty_report *r = &h->report;
	const struct terminal *t = h->t;

	r->clients = 0;
	for (size_t i = 0; i < h->n_clients; i++)
		r->clients += h->clients[i]->hello && !h->clients[i]->over;
	r->bells = (uint32_t)t->bells;
	r->state = t->status.state;
	r->visible = t->visible;
	r->alt_screen = terminal_alt(t);
	r->cols = (uint32_t)t->cols;
	r->rows = (uint32_t)t->rows;
	str_copy(r->title, sizeof(r->title), t->title);
	str_copy(r->state_app, sizeof(r->state_app), t->status.app);
	str_copy(r->state_kind, sizeof(r->state_kind), t->status.kind);
	str_copy(r->state_msg, sizeof(r->state_msg), t->status.msg);
}

/* The socket may take a part of it: the rest follows before the next. */
static void flush(struct host *h)
{
	while (h->report_sent < sizeof(h->reported)) {
		ssize_t n = send(h->control, (const char *)&h->reported + h->report_sent,
				 sizeof(h->reported) - h->report_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		h->report_sent += (size_t)n;
	}
}

uint64_t host_report(struct host *h, uint64_t now, bool at_once)
{
	if (h->control < 0)
		return 0;
	if (h->reported_ns && h->report_sent < sizeof(h->reported)) {
		flush(h);
		if (h->report_sent < sizeof(h->reported))
			return now + REPORT_NS;
	}
	fill(h);
	if (h->reported_ns && memcmp(&h->report, &h->reported, sizeof(h->report)) == 0)
		return 0;
	if (h->reported_ns && !at_once && h->report.clients == h->reported.clients &&
	    h->report.state == h->reported.state && h->report.visible == h->reported.visible &&
	    now - h->reported_ns < REPORT_NS)
		return h->reported_ns + REPORT_NS;
	if (h->reported_ns && !at_once && h->report.last_input_ns + QUIET_NS > now &&
	    now - h->reported_ns < 2 * REPORT_NS)
		return h->report.last_input_ns + QUIET_NS;
	h->reported = h->report;
	h->reported_ns = now;
	h->report_sent = 0;
	flush(h);
	return 0;
}
