/*
 * What the proxy says itself: answers to the client, events to the broker.
 */
#include "network/proxy/job.h"

#include <inttypes.h>

static void answer(struct job *j, unsigned status, const char *name, const char *value,
		   const char *text)
{
	struct exchange *x = j->x;
	struct http_head *r = &x->response;
	_cleanup_(buf_free) struct buf body = {0};
	bool head = http_text_is(x->request.method, "HEAD");

	j->answered = true;
	if (x->responded) { /* too late for words: the answer that was begun is cut */
		job_ended(j);
		x->finished = true;
		x->down->abort(x);
		return;
	}
	j->event.status = (uint16_t)status;
	buf_addf(&body, "nono: %s\n", text);
	http_head_clear(r);
	r->status = status;
	r->body = HTTP_BODY_LENGTH;
	r->length = body.len;
	http_add_str(r, "Content-Type", "text/plain; charset=utf-8");
	http_add_str(r, "Cache-Control", "no-store");
	if (name)
		http_add_str(r, name, value);
	x->responded = x->finished = true;
	x->down->respond(x, false);
	size_t sent = 0;
	while (!head && sent < body.len) {
		size_t n = x->down->data(x, body.data + sent, body.len - sent);

		if (!n)
			break; /* it does not even take a line: it won't miss it */
		sent += n;
	}
	job_ended(j);
	if (!head && sent < body.len)
		x->down->abort(x);
	else
		x->down->end(x);
}

void job_answer_with(struct job *j, unsigned status, const char *name, const char *value,
		     const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	answer(j, status, name, value, text);
}

void job_answer(struct job *j, unsigned status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!*j->event.reason)
		text_printable(j->event.reason, sizeof(j->event.reason), text, strlen(text));
	answer(j, status, NULL, NULL, text);
}

void job_deny(struct job *j, const char *category, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (j->event.decision == NET_ALLOWED)
		j->event.decision = NET_DENIED;
	if (category)
		str_copy(j->event.category, sizeof(j->event.category), category);
	if (!*j->event.reason)
		str_copy(j->event.reason, sizeof(j->event.reason), text);
	answer(j, 403, NULL, NULL, text);
}

void job_tell(struct job *j)
{
	if (j->told)
		return;
	j->told = true;
	credentials_redact(j->x->proxy->credentials, j->event.path);
	j->event.time_ns = clock_real_ns();
	link_event(j->x->proxy, &j->event);
}

void job_ended(struct job *j)
{
	struct net_event *e = &j->event;

	if (j->ended)
		return;
	job_tell(j);
	j->ended = true;
	e->ended = 1;
	e->time_ns = clock_real_ns();
	e->bytes_in = j->x->bytes_in;
	e->bytes_out = j->x->bytes_out;
	e->duration_us = (clock_mono_ns() - j->started_ns) / 1000;
	link_event(j->x->proxy, e);
}
