/*
 * Exchanges on their way: the request's head and body from the driver downstream, the answer from
 * the one upstream, each through what a job wants of it.
 */
#include "network/proxy/job.h"

struct exchange *exchange_new(struct proxy *p)
{
	struct exchange *x = xcalloc(1, sizeof(*x));
	struct job *j = xcalloc(1, sizeof(*j));

	x->proxy = p;
	x->job = j;
	j->x = x;
	j->started_ns = clock_mono_ns();
	return x;
}

void job_stop(struct job *j)
{
	if (j->x->up)
		j->x->up->cancel(j->x);
	if (j->asking)
		ask_drop(&j->ask);
	j->asking = false;
	dial_cancel(&j->dial);
	job_forget_credentials(j);
	credentials_page_cancel(&j->page);
}

void exchange_free(struct exchange *x)
{
	struct job *j = x->job;

	job_stop(j);
	if (!j->ended && j->event.connection) {
		if (!*j->event.reason)
			str_copy(j->event.reason, sizeof(j->event.reason), "the client went away");
		job_ended(j);
	}
	free(j->url);
	http_head_free(&x->request);
	http_head_free(&x->response);
	http_head_free(&x->request_trailers);
	http_head_free(&x->response_trailers);
	free(j);
	free(x);
}

static void note_facts(struct job *j)
{
	struct exchange *x = j->x;

	j->event.connection = x->connection;
	j->event.peer_port = x->peer_port;
	j->event.http2 = x->http2;
	j->event.time_ns = clock_real_ns();
}

/* ---- the request ---- */

void exchange_request(struct exchange *x)
{
	struct job *j = x->job;
	struct http_head *r = &x->request;
	const struct http_text *upgrade;

	note_facts(j);
	if (!job_target(j))
		return;
	credentials_redact(x->proxy->credentials, j->event.path);
	/* Of upgrades only WebSocket's: another protocol would leave with nobody looking at it. */
	upgrade = r->upgrade ? http_get(r, "Upgrade", 0) : NULL;
	r->upgrade = upgrade && !http_get(r, "Upgrade", 1) && http_text_is(*upgrade, "websocket") &&
		     r->body == HTTP_BODY_NONE;
	http_remove_hop_by_hop(r);
	if (j->by_route && !job_check_phantom(j))
		return;
	job_decide(j);
}

void exchange_bad_request(struct exchange *x, unsigned status, const char *why)
{
	struct job *j = x->job;

	note_facts(j);
	j->event.mode = x->origin ? NET_MODE_INTERCEPT : NET_MODE_FORWARD;
	j->event.decision = NET_DENIED;
	if (x->origin) {
		str_copy(j->event.host, sizeof(j->event.host), x->origin->host.name);
		j->event.port = x->origin->port;
	}
	job_answer(j, status, "%s", why);
}

void exchange_broken_request(struct exchange *x, const char *why)
{
	if (x->finished)
		return;
	job_stop(x->job);
	job_answer(x->job, 400, "%s", why);
}

/* ---- the request's body ---- */

static size_t body_limit(const struct job *j)
{
	return j->login ? CREDENTIAL_LOGIN_MAX : CREDENTIAL_BODY_MAX;
}

static void too_large(struct job *j)
{
	job_answer(j, 413,
		   "the body is larger than %zu bytes, which is all that can be looked at here",
		   body_limit(j));
}

void job_collect(struct job *j)
{
	struct exchange *x = j->x;

	j->collect = true;
	if (!job_trailers_fit(j))
		return;
	if (x->request.body == HTTP_BODY_LENGTH && x->request.length > body_limit(j)) {
		too_large(j);
		return;
	}
	http_remove(&x->request, "Expect");
	if (x->request.expect_continue && !x->request_ended) {
		http_head_clear(&x->response);
		x->response.status = 100;
		x->down->respond(x, true);
		x->down->flush(x);
	}
	if (!x->request_ended)
		x->down->request_resume(x);
}

size_t exchange_request_data(struct exchange *x, const char *p, size_t n)
{
	struct job *j = x->job;

	if (x->finished)
		return n;
	if (j->collect && !x->up) {
		if (n > body_limit(j) - j->body.len) {
			too_large(j);
			return n;
		}
		buf_add(&j->body, p, n);
		return n;
	}
	if (!x->up)
		return 0;
	n = x->up->data(x, p, n);
	x->bytes_out += n;
	return n;
}

bool job_trailers_fit(struct job *j)
{
	struct exchange *x = j->x;
	const char *name;
	char why[160];

	if (!x->request_trailers.n)
		return true;
	name = http_trailers_misplaced(&x->request_trailers);
	if (name)
		snprintf(why, sizeof(why), "%.64s is no field for a trailer", name);
	else if (j->collect)
		snprintf(why, sizeof(why),
			 "trailers after a body that is looked at as a whole can't be passed on");
	else if (x->request.body != HTTP_BODY_CHUNKED && x->up && !x->up->trailers_after_length)
		snprintf(why, sizeof(why),
			 "trailers after a body with a length can't be passed on over HTTP/1.1");
	else
		return true;
	exchange_broken_request(x, why);
	return false;
}

void exchange_request_end(struct exchange *x)
{
	struct job *j = x->job;

	x->request_ended = true;
	if (x->finished || !job_trailers_fit(j))
		return;
	if (j->collect)
		job_body_complete(j);
	else if (x->up)
		x->up->end(x);
}

void exchange_request_flush(struct exchange *x)
{
	if (x->up)
		x->up->flush(x);
}

void exchange_up_drained(struct exchange *x)
{
	struct job *j = x->job;
	const char *p = j->login ? j->login_body.data : j->body.data;
	size_t n = j->login ? j->login_body.len : j->body.len;

	if (!j->collect) {
		if (!x->request_ended)
			x->down->request_resume(x);
		return;
	}
	if (j->body_sent == SIZE_MAX)
		return;
	while (j->body_sent < n) {
		size_t taken = x->up->data(x, p + j->body_sent, n - j->body_sent);

		if (!taken)
			return;
		j->body_sent += taken;
		x->bytes_out += taken;
	}
	j->body_sent = SIZE_MAX;
	x->up->end(x);
}

/* ---- the answer ---- */

static void upgraded(struct job *j)
{
	struct exchange *x = j->x;
	struct proxy *p = x->proxy;
	struct stream *server, *client;

	if (!x->request.upgrade || !x->response.upgrade || !x->down->take) {
		x->up->cancel(x);
		job_answer(j, 502, "the server switches to a protocol that nobody asked for");
		return;
	}
	http_remove_hop_by_hop(&x->response);
	x->responded = true;
	j->event.status = 101;
	j->event.websocket = 1;
	x->down->respond(x, false);
	server = x->up->take(x);
	client = x->down->take(x);
	if (!client) {
		stream_close(server);
		x->finished = true;
		x->down->abort(x);
		return;
	}
	tunnel_start(p, client, server, &j->event, j->started_ns, NULL);
	j->ended = true;
	exchange_free(x);
}

void exchange_response(struct exchange *x)
{
	struct job *j = x->job;
	struct http_head *r = &x->response;

	if (r->status == 101) {
		upgraded(j);
		return;
	}
	r->upgrade = false;
	http_remove_hop_by_hop(r);
	/* Another way to the same host would be one past the proxy. */
	http_remove(r, "Alt-Svc");
	if (!x->request.wants_trailers)
		http_remove(r, "Trailer");
	if (r->status < 200) {
		if (!x->responded && !(j->collect && r->status == 100))
			x->down->respond(x, true);
		return;
	}
	j->event.status = (uint16_t)r->status;
	if (j->route && j->injected)
		credentials_answered(x->proxy->credentials, j->route, &j->want, r->status);
	if (j->login && r->body != HTTP_BODY_NONE)
		return;			       /* when its body is there */
	http_head_forget_secrets(&x->request); /* it is not sent again */
	x->responded = true;
	x->down->respond(x, false);
}

size_t exchange_response_data(struct exchange *x, const char *p, size_t n)
{
	struct job *j = x->job;

	if (j->login && !x->responded) {
		if (n <= CREDENTIAL_LOGIN_MAX - j->login_answer.len)
			buf_add(&j->login_answer, p, n);
		else
			j->login_answer.len = CREDENTIAL_LOGIN_MAX; /* refused at its end */
		return n;
	}
	n = x->down->data(x, p, n);
	x->bytes_in += n;
	return n;
}

/* The tokens in it become stand-ins. */
static void login_answered(struct job *j)
{
	struct exchange *x = j->x;
	_cleanup_(buf_free) struct buf out = {0};
	struct err err;
	size_t sent = 0;

	if (j->login_answer.len >= CREDENTIAL_LOGIN_MAX) {
		job_answer(j, 502, "the login's answer is too large to be looked at");
		return;
	}
	if (credentials_login_answer(x->proxy->credentials, j->login, j->login_answer.data,
				     j->login_answer.len, &out, &err) < 0) {
		job_answer(j, 502, "%s", err.msg);
		return;
	}
	x->response.body = HTTP_BODY_LENGTH;
	x->response.length = out.len;
	x->responded = true;
	x->down->respond(x, false);
	while (sent < out.len) {
		size_t n = x->down->data(x, out.data + sent, out.len - sent);

		if (!n)
			break;
		sent += n;
	}
	x->bytes_in += sent;
	x->finished = true;
	job_ended(j);
	if (sent == out.len)
		x->down->end(x);
	else
		x->down->abort(x);
}

void exchange_response_end(struct exchange *x)
{
	struct job *j = x->job;

	if (j->login && !x->responded) {
		login_answered(j);
		return;
	}
	http_trailers_clean(&x->response_trailers);
	x->finished = true;
	job_ended(j);
	x->down->end(x);
}

void exchange_response_flush(struct exchange *x)
{
	x->down->flush(x);
}

void exchange_down_drained(struct exchange *x)
{
	if (x->up)
		x->up->resume(x);
}
