/* Open requests in the loop thread: shown to others, ended by time or when nobody waits any more.
 */
#include "elevation/requests.h"

unsigned slot_waiting(const struct slot *s)
{
	return s->n_calls + s->n_conns + s->n_nets + (s->tool != 0);
}

static void fill_parents(struct request *r)
{
	pid_t pid = r->pid;
	char program[POLICY_PATH_MAX];

	for (size_t i = 0; i < REQUEST_PARENTS; i++) {
		r->parents[i][0] = '\0';
		pid = pid > 1 ? process_parent(pid) : 0;
		if (pid <= 0)
			break;
		process_program(pid, program, sizeof(program));
		if (!program[0])
			break;
		copy_text(r->parents[i], sizeof(r->parents[i]), program);
	}
}

static void new_id(const struct requests *q, struct request *r)
{
	char id[REQUEST_ID_LEN + 1];
	bool taken;

	do {
		random_hex(id, 4);
		taken = false;
		for (size_t i = 0; i < q->n; i++)
			taken |= str_eq(q->order[i]->r.id, id);
	} while (taken);
	str_copy(r->id, sizeof(r->id), id);
}

/* What was decided between the call's own look and now. */
static enum standing decided_meanwhile(struct elevation *e, const struct slot *s)
{
	/* Rather asked once too often than answered by half. */
	if (s->r.access2 || s->r.kind == REQUEST_EXEC || s->r.kind == REQUEST_TOOL)
		return STANDING_NONE;
	return standing_lookup(e->standing, s->r.target, s->r.access, &s->verdict);
}

static void open_slot(struct elevation *e, struct slot *s)
{
	struct requests *q = e->requests;
	enum standing standing = decided_meanwhile(e, s);

	fill_parents(&s->r);
	pthread_mutex_lock(&q->lock);
	new_id(q, &s->r);
	s->state = SLOT_OPEN;
	s->quiet = standing != STANDING_NONE;
	s->r.waiting = slot_waiting(s);
	pthread_mutex_unlock(&q->lock);
	__atomic_add_fetch(&e->requests_total, 1, __ATOMIC_RELAXED);
	if (standing == STANDING_DENY) {
		slot_close(e, s, REQUEST_DENIED, NULL, "decided before", "denied for this session");
	} else if (standing == STANDING_ALLOW) {
		slot_grant(e, s, SCOPE_ONCE, "decided before", NULL);
	} else {
		__atomic_add_fetch(&e->requests_open, 1, __ATOMIC_RELAXED);
		if (e->cfg.events.opened)
			e->cfg.events.opened(e->cfg.events.data, &s->r);
	}
}

/* Calls whose program is gone, or was interrupted, wait no more. Returns those to give back. */
static struct call *drop_gone(struct elevation *e, struct slot *s)
{
	struct call **p = &s->calls, *gone = NULL, *c;
	unsigned conns = 0;

	while ((c = *p)) {
		if (call_valid(e, c)) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		c->next = gone;
		gone = c;
		s->n_calls--;
	}
	s->calls_end = p;
	for (unsigned i = 0; i < s->n_conns; i++)
		if (request_socket_waits(e, s->conns[i]))
			s->conns[conns++] = s->conns[i];
	s->n_conns = conns;
	s->r.waiting = slot_waiting(s);
	return gone;
}

static void look_after(struct elevation *e, struct slot *s, uint64_t now, bool check)
{
	struct requests *q = e->requests;
	struct call *gone = NULL;
	bool nobody;

	pthread_mutex_lock(&q->lock);
	if (check)
		gone = drop_gone(e, s);
	s->r.waiting = slot_waiting(s);
	nobody = s->r.waiting == 0;
	pthread_mutex_unlock(&q->lock);
	while (gone) {
		struct call *next = gone->next;
		call_done(e, gone);
		gone = next;
	}
	if (nobody)
		slot_close(e, s, REQUEST_DENIED, NULL, "caller gone",
			   "nobody waits for it any more");
	else if (now >= s->r.deadline_ns)
		slot_close(e, s, REQUEST_EXPIRED, NULL, "timeout", "nobody answered in time");
}

/* A copy of the order: closing takes slots out of it. */
static size_t slots_now(struct requests *q, struct slot *out[REQUESTS_OPEN_MAX])
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	memcpy(out, q->order, n * sizeof(*out));
	pthread_mutex_unlock(&q->lock);
	return n;
}

static enum slot_state state_of(struct requests *q, const struct slot *s)
{
	enum slot_state state;

	pthread_mutex_lock(&q->lock);
	state = s->state;
	pthread_mutex_unlock(&q->lock);
	return state;
}

static int ms_until(uint64_t t, uint64_t now)
{
	return t <= now ? 0 : (int)((t - now + 999999) / 1000000);
}

int requests_dispatch(struct elevation *e)
{
	struct requests *q = e->requests;
	struct slot *v[REQUESTS_OPEN_MAX];
	int socket_ms = request_socket_dispatch(e), ms;
	size_t n = slots_now(q, v);
	uint64_t now = clock_mono_ns(), next = 0;
	bool check = now >= q->check_ns;

	if (check)
		q->check_ns = now + CALLERS_CHECK_NS;
	for (size_t i = 0; i < n; i++) {
		if (state_of(q, v[i]) == SLOT_NEW)
			open_slot(e, v[i]);
		if (state_of(q, v[i]) == SLOT_OPEN)
			look_after(e, v[i], now, check);
		if (state_of(q, v[i]) == SLOT_OPEN && (!next || v[i]->r.deadline_ns < next))
			next = v[i]->r.deadline_ns;
	}
	if (!next)
		return socket_ms;
	ms = ms_until(next < q->check_ns ? next : q->check_ns, now);
	return socket_ms >= 0 && socket_ms < ms ? socket_ms : ms;
}

const struct request *const *elevation_requests(struct elevation *e, size_t *n)
{
	struct requests *q = e->requests;

	*n = 0;
	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < q->n; i++)
		if (q->order[i]->state == SLOT_OPEN)
			q->view[(*n)++] = &q->order[i]->r;
	pthread_mutex_unlock(&q->lock);
	return q->view;
}

/* ---- life --------------------------------------------------------------------------- */

int requests_start(struct elevation *e, struct err *err)
{
	struct requests *q = xcalloc(1, sizeof(*q));

	pthread_mutex_init(&q->lock, NULL);
	q->slots = xcalloc(REQUESTS_OPEN_MAX, sizeof(*q->slots));
	e->requests = q;
	if (e->cfg.request_socket && e->cfg.policy->elevation && request_socket_open(e, err) < 0) {
		requests_free(e);
		return -1;
	}
	return 0;
}

void requests_stop(struct elevation *e)
{
	struct requests *q = e->requests;
	struct slot *v[REQUESTS_OPEN_MAX];
	size_t n;

	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_mutex_unlock(&q->lock);
	n = slots_now(q, v);
	for (size_t i = 0; i < n; i++)
		slot_close(e, v[i], REQUEST_DENIED, NULL, "session ended", "the session ended");
	request_socket_close(e);
}

void requests_free(struct elevation *e)
{
	struct requests *q = e->requests;

	if (!q)
		return;
	request_socket_close(e);
	held_free(e);
	while (q->resolved) {
		struct call *c = q->resolved;
		q->resolved = c->next;
		call_done(e, c);
	}
	pthread_mutex_destroy(&q->lock);
	free(q->slots);
	free(q);
	e->requests = NULL;
}
