/* The broker's talk with the screen host: what is told to it, what it reports, its end. */
#include <sys/socket.h>

#include "sessions/broker.h"

bool broker_watched(const struct broker *b)
{
	return b->have_report && b->report.clients > 0;
}

int broker_tell_host(struct broker *b, const struct pty_control *m, int fd)
{
	if (b->host_fd < 0)
		return -1;
	return fd_send(b->host_fd, m, sizeof(*m), fd);
}

static void on_report(struct broker *b, const struct pty_report *r)
{
	bool before = broker_watched(b);

	b->report = *r;
	/* The other end parses hostile bytes: nothing of what it says is taken on trust. */
	b->report.title[sizeof(r->title) - 1] = '\0';
	b->report.state_app[sizeof(r->state_app) - 1] = '\0';
	b->report.state_kind[sizeof(r->state_kind) - 1] = '\0';
	b->report.state_msg[sizeof(r->state_msg) - 1] = '\0';
	text_printable(b->report.title, sizeof(b->report.title), r->title,
		       strnlen(r->title, sizeof(r->title) - 1));
	text_printable(b->report.state_kind, sizeof(b->report.state_kind), r->state_kind,
		       strnlen(r->state_kind, sizeof(r->state_kind) - 1));
	b->have_report = true;
	if (broker_watched(b) != before) {
		if (before)
			b->expect_until_ns = 0; /* has come and gone */
		broker_write_record(b, NULL);
		broker_linger(b);
	}
	broker_touch(b);
}

static void host_gone(struct broker *b)
{
	struct audit_event ev = {
	    .kind = AUDIT_TERMINAL,
	    .decision = AUDIT_DENIED,
	    .time_ns = clock_real_ns(),
	    .pid = b->host_pid,
	    .op = "screen_host_died",
	    .target = "",
	};

	uv_poll_stop(&b->host_poll);
	b->have_report = false;
	if (b->over) {
		broker_close_down(b);
		return;
	}
	/* Nobody can see or type any more: the program is not left to itself. */
	if (!b->agent_gone) {
		audit_emit(b->log, &ev);
		broker_stop(b, 0);
	}
}

void broker_on_host(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;
	struct pty_report r;
	ssize_t n;

	(void)events;
	n = status < 0 ? 0
		       : recv(b->host_fd, b->report_bytes + b->report_got,
			      sizeof(b->report_bytes) - b->report_got, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		host_gone(b);
		return;
	}
	b->report_got += (size_t)n;
	if (b->report_got < sizeof(r))
		return;
	memcpy(&r, b->report_bytes, sizeof(r));
	b->report_got = 0;
	on_report(b, &r);
}
