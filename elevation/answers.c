/* The answers to requests: into the log first, then into the standing decisions, then to who waits.
 */
#include "elevation/requests.h"

#include "common/host.h"

/* ---- finding ------------------------------------------------------------------------ */

static struct slot *find_slot(struct elevation *e, const char *prefix, struct err *err)
{
	struct requests *q = e->requests;
	struct slot *found = NULL, *other = NULL;
	size_t len = strlen(prefix);

	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < q->n && len; i++) {
		struct slot *s = q->order[i];
		if (s->state != SLOT_OPEN || s->quiet || strncmp(s->r.id, prefix, len) != 0)
			continue;
		if (!found)
			found = s;
		else
			other = s;
	}
	pthread_mutex_unlock(&q->lock);
	if (!found)
		err_set(err, "no open request '%.32s': it may have been answered or have expired",
			prefix);
	else if (other)
		err_set(err, "'%.32s' fits several requests, %s and %s: use more of the id", prefix,
			found->r.id, other->r.id);
	return other ? NULL : found;
}

const struct request *elevation_find(struct elevation *e, const char *id_prefix, struct err *err)
{
	struct slot *s = find_slot(e, id_prefix, err);

	return s ? &s->r : NULL;
}

/* ---- ending ------------------------------------------------------------------------- */

static void log_decision(struct elevation *e, const struct slot *s, enum request_state state,
			 const char *scope, const char *by, const char *why)
{
	const struct request *r = &s->r;
	char backend[32];
	struct audit_decision_event ev = {
	    .request_id = r->id,
	    .kind = request_kind_name(r->kind),
	    .path = r->target,
	    .access = request_access_name(r->access),
	    .reason = r->reason[0] ? r->reason : NULL,
	    .backend = backend,
	    .scope = scope,
	    .by = by,
	    .program = r->program,
	    .pid = r->pid,
	    .granted = state == REQUEST_GRANTED,
	    .timed_out = state == REQUEST_EXPIRED,
	    .deny_reason = why,
	    .duration_ms = (clock_mono_ns() - r->opened_ns) / 1000000,
	    .host = r->host[0] ? r->host : NULL,
	    .port = r->port,
	    .method = r->method,
	    .route = r->route,
	};

	/* Who decided, without its pid: "tui", "cli"; what ends by itself says how. */
	copy_text(backend, sizeof(backend), by);
	if (strstr(backend, " pid "))
		*strstr(backend, " pid ") = '\0';
	audit_emit_decision(e->cfg.log, &ev);
	if (r->access2) { /* of a rename or link both paths were decided */
		ev.path = r->target2;
		ev.access = request_access_name(r->access2);
		audit_emit_decision(e->cfg.log, &ev);
	}
}

/* Takes the slot out of the list; what waits for it is the caller's. The pace is about requests
 * that bother somebody: one that was granted does not count. */
static struct call *unlink_slot(struct requests *q, struct slot *s, bool granted)
{
	struct call *calls;
	size_t i = 0;

	pthread_mutex_lock(&q->lock);
	if (granted && q->rate_ns >= RATE_INTERVAL_NS)
		q->rate_ns -= RATE_INTERVAL_NS;
	calls = s->calls;
	s->calls = NULL;
	s->calls_end = &s->calls;
	s->n_calls = 0;
	while (i < q->n && q->order[i] != s)
		i++;
	if (i < q->n) {
		memmove(&q->order[i], &q->order[i + 1], (q->n - i - 1) * sizeof(*q->order));
		q->n--;
	}
	pthread_mutex_unlock(&q->lock);
	return calls;
}

static void resume_all(struct elevation *e, struct call *calls, bool grant)
{
	while (calls) {
		struct call *c = calls;
		calls = c->next;
		c->next = NULL;
		c->waiting = false;
		if (call_valid(e, c))
			call_resume(e, c, grant);
		else
			call_done(e, c);
	}
}

static void finish(struct elevation *e, struct slot *s, enum request_state state, bool resume,
		   const char *by, const char *why)
{
	struct requests *q = e->requests;
	bool shown = (s->state == SLOT_OPEN || s->state == SLOT_HELD) && !s->quiet;
	struct call *calls = unlink_slot(q, s, state == REQUEST_GRANTED);

	s->r.state = state;
	resume_all(e, calls, resume);
	for (unsigned i = 0; i < s->n_conns; i++)
		request_socket_answer(e, s->conns[i], state == REQUEST_GRANTED, why);
	if (s->tool && e->cfg.events.tool)
		e->cfg.events.tool(e->cfg.events.data, s->tool, state == REQUEST_GRANTED, s->scope,
				   why ? why : "");
	if (shown) {
		__atomic_sub_fetch(&e->requests_open, 1, __ATOMIC_RELAXED);
		if (e->cfg.events.closed)
			e->cfg.events.closed(e->cfg.events.data, &s->r, by);
	}
	/* After that one, which may have made it a rule of the proxy. */
	for (unsigned i = 0; i < s->n_nets && e->cfg.events.net; i++)
		e->cfg.events.net(e->cfg.events.data, s->nets[i], state == REQUEST_GRANTED,
				  s->scope, why ? why : "");
	pthread_mutex_lock(&q->lock);
	s->state = SLOT_FREE;
	pthread_mutex_unlock(&q->lock);
}

void slot_close(struct elevation *e, struct slot *s, enum request_state state, const char *scope,
		const char *by, const char *why)
{
	if (s->state == SLOT_OPEN || s->state == SLOT_HELD)
		log_decision(e, s, state, scope, by, why);
	finish(e, s, state, false, by, why);
}

/* ---- granting ----------------------------------------------------------------------- */

static int remember(struct elevation *e, const struct slot *s, bool allow, struct err *err)
{
	if (str_eq(s->r.origin, REQUEST_ORIGIN_TOOL)) /* who asked keeps that */
		return 0;
	if (standing_add(e->standing, s->r.target, s->r.access, allow, s->is_dir, err) < 0)
		return -1;
	if (!s->r.access2)
		return 0;
	return standing_add(e->standing, s->r.target2, s->r.access2, allow, s->is_dir2, err);
}

/* Somebody who asked beforehand has no call that waits: the next one in some time is let through.
 */
static int remember_once(struct elevation *e, const struct slot *s, struct err *err)
{
	return standing_add_once(e->standing, s->r.target, s->r.access,
				 clock_mono_ns() + REQUEST_ONCE_S * 1000000000ull, err);
}

static const char cant_log[] = "the log can't be written, so nothing is granted: see to the disk "
			       "that holds it";

int slot_grant(struct elevation *e, struct slot *s, enum request_scope scope, const char *by,
	       struct err *err)
{
	s->scope = s->r.scope = scope;
	log_decision(e, s, REQUEST_GRANTED, request_scope_name(scope), by, NULL);
	if (audit_flush(e->cfg.log) < 0) {
		slot_close(e, s, REQUEST_DENIED, NULL, by, "the log can't be written");
		return err_set(err, "%s", cant_log);
	}
	return slot_hold(e, s, by) ? 0 : slot_settle(e, s, by, err);
}

int slot_settle(struct elevation *e, struct slot *s, const char *by, struct err *err)
{
	/* A running program gets no right to execute more; what "always" wrote holds from the next
	 * start on. */
	bool now = s->r.kind != REQUEST_EXEC;
	int r = 0;

	if (now && s->scope != SCOPE_ONCE)
		r = remember(e, s, true, err);
	else if (now && s->n_conns)
		r = remember_once(e, s, err);
	if (r < 0) {
		slot_close(e, s, REQUEST_DENIED, NULL, by, "the decision can't be kept");
		return -1;
	}
	finish(e, s, REQUEST_GRANTED, now, by, NULL);
	return 0;
}

static int check_scope(const struct request *r, bool grant, enum request_scope scope,
		       struct err *err)
{
	if (grant && r->kind == REQUEST_EXEC && scope != SCOPE_ALWAYS)
		return err_set(err,
			       "the right to execute can't be given to a program that runs: answer "
			       "'always' and start the session again");
	if (scope == SCOPE_ALWAYS && str_eq(r->origin, REQUEST_ORIGIN_TOOL))
		return err_set(err,
			       "'always' can't be kept for a tool: answer 'session', or say it "
			       "in the profile (command_policies)");
	if (scope == SCOPE_ALWAYS && r->kind == REQUEST_ENDPOINT)
		return 0;
	if (scope == SCOPE_ALWAYS && r->kind == REQUEST_URL && !grant)
		return err_set(err, "a page can't be refused for always: answer 'session'");
	if (scope == SCOPE_ALWAYS && (r->kind == REQUEST_HOST || r->kind == REQUEST_URL))
		return 0;
	if (scope == SCOPE_ALWAYS && (r->kind == REQUEST_SOCKET || r->target[0] != '/'))
		return err_set(
		    err, "'always' can't be kept for a socket: answer 'session', or name it in "
			 "the profile (filesystem.unix_socket)");
	return 0;
}

/* Into the profile: both paths, where both are at stake. */
static int write_profile(struct elevation *e, const struct request *r, bool grant, struct err *err)
{
	_cleanup_free_ char *diff = NULL, *diff2 = NULL;
	char origin[NET_NAME_MAX + 32];

	if (r->kind == REQUEST_URL) {
		request_origin(r, origin, sizeof(origin));
		return policy_always_url(e->cfg.policy, origin, true, &diff, err);
	}
	if (r->kind == REQUEST_ENDPOINT)
		return policy_always_endpoint(e->cfg.policy, r->route, r->method, request_path(r),
					      !grant, true, &diff, err);
	if (r->kind == REQUEST_HOST)
		return policy_always_host(e->cfg.policy, r->host, !grant, true, &diff, err);
	if (policy_always(e->cfg.policy, r->target, r->access, !grant, true, &diff, err) < 0)
		return -1;
	if (!r->access2)
		return 0;
	return policy_always(e->cfg.policy, r->target2, r->access2, !grant, true, &diff2, err);
}

int elevation_answer(struct elevation *e, const char *id, bool grant, enum request_scope scope,
		     const char *by, struct err *err)
{
	struct slot *s = find_slot(e, id, err);
	static const char why[] = "a person said no";

	if (!s || check_scope(&s->r, grant, scope, err) < 0)
		return -1;
	if (grant && audit_failed(e->cfg.log))
		return err_set(err, "%s", cant_log);
	if (scope == SCOPE_ALWAYS && write_profile(e, &s->r, grant, err) < 0)
		return -1;
	if (grant)
		return slot_grant(e, s, scope, by, err);
	s->scope = s->r.scope = scope;
	/* A denial that can't stand beyond this answer is one all the same. */
	if (scope != SCOPE_ONCE && remember(e, s, false, err) < 0) {
		slot_close(e, s, REQUEST_DENIED, "once", by, why);
		return -1;
	}
	slot_close(e, s, REQUEST_DENIED, request_scope_name(scope), by, why);
	return 0;
}

int elevation_settle(struct elevation *e, const char *id, bool grant, const char *by,
		     const char *why, struct err *err)
{
	struct slot *s = find_slot(e, id, err);

	if (!s)
		return -1;
	if (grant && check_scope(&s->r, true, SCOPE_ONCE, err) < 0) {
		slot_close(e, s, REQUEST_DENIED, "once", by, "it can't be granted to what runs");
		return -1;
	}
	if (grant)
		return slot_grant(e, s, SCOPE_ONCE, by, err);
	slot_close(e, s, REQUEST_DENIED, "once", by, why);
	return 0;
}

/* ---- without a request -------------------------------------------------------------- */

static int log_session_grant(struct elevation *e, const char *path, unsigned access, const char *by,
			     char id[REQUEST_ID_LEN + 1], struct err *err)
{
	struct audit_decision_event ev = {
	    .request_id = id,
	    .kind = access & NONO_WRITE ? "write" : "read",
	    .path = path,
	    .access = request_access_name(access),
	    .backend = "person",
	    .scope = "session",
	    .by = by,
	    .program = "",
	    .granted = true,
	};

	random_hex(id, 4);
	if (!audit_failed(e->cfg.log)) {
		audit_emit_decision(e->cfg.log, &ev);
		if (audit_flush(e->cfg.log) == 0)
			return 0;
	}
	return err_set(err, "%s", cant_log);
}

/* A name that leads elsewhere would allow what nobody read: the program may have put it there. */
static int check_name(const char *path, bool *exists, struct err *err)
{
	_cleanup_free_ char *real = path_real(path, NULL);

	*exists = real;
	if (real && !str_eq(real, path))
		return err_set(err, "%s is a link to %s: name that", path, real);
	return 0;
}

int elevation_allow_session(struct elevation *e, const char *path, unsigned access, const char *by,
			    struct err *err)
{
	struct policy_verdict v;
	char id[REQUEST_ID_LEN + 1];
	struct stat st;
	bool exists, is_dir;

	if (access & NONO_EXEC)
		return err_set(err,
			       "the right to execute can't be given to a program that runs: add "
			       "it to the profile and start the session again");
	if (check_name(path, &exists, err) < 0)
		return -1;
	policy_check(e->cfg.policy, path, access, !exists, &v);
	if (v.allowed)
		return 0;
	if (!v.grantable)
		return err_set(err, "%s can't be granted: %s", path, policy_reason_name(v.reason));
	if (log_session_grant(e, path, access, by, id, err) < 0)
		return -1;
	is_dir = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (standing_hold(e, id, path, access, is_dir))
		return 0;
	return standing_add(e->standing, path, access, true, is_dir, err);
}
