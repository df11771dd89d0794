/*
 * What becomes of a line of `nono request`. The path is looked up in the program's own view, by a
 * worker: it may lead to a file system that waits.
 */
#include "elevation/request_socket.h"
#include "elevation/requests.h"

#include <fcntl.h>

static void resolve(struct elevation *e, struct call *c)
{
	struct requests *q = e->requests;

	process_program(c->pid, c->program, sizeof(c->program));
	view_find(e, c, AT_FDCWD, true, false, &c->a);
	if (!c->a.err) {
		policy_check(e->cfg.policy, c->a.path, c->access, c->a.fd < 0, &c->verdict);
		if (c->verdict.allowed && c->a.fd >= 0) /* a closed file by another name */
			closed_match(e->closed, c->a.path, &c->a.st, c->access, clock_mono_ns(),
				     &c->verdict);
	}
	pthread_mutex_lock(&q->lock);
	c->next = q->resolved;
	q->resolved = c;
	pthread_mutex_unlock(&q->lock);
	elevation_wake(e);
}

void conn_line(struct elevation *e, struct conn *conn, size_t n)
{
	_cleanup_free_ struct request_line *line = xcalloc(1, sizeof(*line));
	const char *why;
	struct call *c;

	if (request_line_parse(conn->line, n, line, &why) < 0) {
		conn_answer(conn, false, why);
		return;
	}
	c = call_new(e);
	if (!c) {
		conn_answer(conn, false, "too much is going on");
		return;
	}
	c->id = 0; /* nothing stopped */
	c->name = "open";
	c->size = (int64_t)conn->id;
	c->tid = c->pid = conn->pid;
	c->ppid = 0;
	c->op = OP_OPEN;
	c->access = line->access;
	str_copy(c->a.asked, sizeof(c->a.asked), line->path);
	str_copy(conn->reason, sizeof(conn->reason), line->reason);
	free(STEAL_PTR(conn->line));
	conn->state = CONN_RESOLVING;
	if (workers_run(e, resolve, c))
		return;
	call_done(e, c);
	conn_answer(conn, false, "too much is going on");
}

/* NULL: it may be asked for. */
static const char *refusal(const struct policy_verdict *v)
{
	if (v->allowed || v->grantable)
		return NULL;
	return v->reason == POLICY_OWN_STATE ? "that belongs to nono itself and is never granted"
					     : policy_reason_name(v->reason);
}

static void open_request(struct elevation *e, struct conn *conn, const struct call *c)
{
	struct requests *q = e->requests;
	bool exists = c->a.fd >= 0;
	const struct ask ask = {
	    .kind = !(c->access & NONO_WRITE) ? REQUEST_READ
		    : exists		      ? REQUEST_WRITE
					      : REQUEST_CREATE,
	    .target = c->a.path,
	    .target2 = "",
	    .asked = c->a.asked,
	    .program = c->program,
	    .reason = conn->reason,
	    .origin = "request",
	    .access = c->access,
	    .exists = exists,
	    .is_dir = exists && S_ISDIR(c->a.st.st_mode),
	    .pid = c->pid,
	    .verdict = &c->verdict,
	};
	const char *why;
	struct slot *s;

	pthread_mutex_lock(&q->lock);
	s = slot_for(e, &ask, &why);
	if (s && s->n_conns == REQUESTS_CONNS_MAX) {
		s = NULL;
		why = "too many ask for the same thing";
	}
	if (s) {
		s->conns[s->n_conns++] = conn->id;
		conn->state = CONN_WAITING;
	}
	pthread_mutex_unlock(&q->lock);
	if (!s)
		conn_answer(conn, false, why);
}

static void conn_resolved(struct elevation *e, struct conn *conn, const struct call *c)
{
	const struct policy_verdict *v = &c->verdict;
	const char *why;

	if (c->a.err || (c->a.fd < 0 && !(c->access & NONO_WRITE))) {
		conn_answer(conn, false, strerror(c->a.err ? c->a.err : ENOENT));
		return;
	}
	why = refusal(v);
	if (v->allowed)
		conn_answer(conn, true, "allowed already");
	else if (why || c->a.anonymous)
		conn_answer(conn, false, why ? why : "that is no file");
	else
		open_request(e, conn, c);
}

void take_resolved(struct elevation *e)
{
	struct requests *q = e->requests;
	struct call *list;

	pthread_mutex_lock(&q->lock);
	list = STEAL_PTR(q->resolved);
	pthread_mutex_unlock(&q->lock);
	while (list) {
		struct call *c = list;
		struct conn *conn = conn_by_id(e, (uint64_t)c->size);
		list = c->next;
		if (conn)
			conn_resolved(e, conn, c);
		call_done(e, c);
	}
}
