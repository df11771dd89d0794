/* A snapshot before each risky grant: the grant is held until the snapshotter has kept the state,
 * but no longer than a person would wait. Without one it takes effect all the same, and that is
 * said. */
#include "sessions/broker.h"

#define HELD_MAX 128

struct held_grant {
	char id[REQUEST_ID_LEN + 1];
	uint64_t serial; /* of its order, 0 = not sent */
	uint64_t deadline_ns;
	char targets[2][POLICY_PATH_MAX];
};

struct before {
	struct held_grant *v[HELD_MAX]; /* by deadline */
	size_t n;
	uint64_t serial;
	bool waiting; /* for the answer to the order of that serial */
	bool over;    /* no more are taken, which was said */
	bool ended;   /* nobody takes any: said with each grant */
};

static const char who_ended[] = "the process that takes snapshots ended";

/* An "allow" has no answer that could say it, and that to a request is long. */
static void warn_clients(struct broker *b, const char *note)
{
	cJSON *o;

	if (!b->control || !control_server_subscribers(b->control))
		return;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "event", "warning");
	cJSON_AddStringToObject(o, "text", note);
	control_server_broadcast(b->control, o);
}

static void release(struct broker *b, size_t i, const char *why)
{
	struct before *k = b->before;
	struct held_grant *h = k->v[i];
	char note[300];

	memmove(&k->v[i], &k->v[i + 1], (k->n - i - 1) * sizeof(*k->v));
	k->n--;
	snprintf(note, sizeof(note), "no snapshot of before: %.250s", why ? why : "");
	if (why)
		broker_log_before(b, NULL, note);
	if (why && broker_remarks(b))
		remark("nono: warning: %s", note);
	if (b->elevation)
		elevation_release(b->elevation, h->id, why ? note : NULL);
	if (why)
		warn_clients(b, note);
	free(h);
}

static void release_all(struct broker *b, const char *why)
{
	while (b->before->n)
		release(b, 0, why);
}

static void on_timer(uv_timer_t *t);

static void set_timer(struct broker *b)
{
	const struct before *k = b->before;
	uint64_t now = clock_mono_ns(), t = k->n ? k->v[0]->deadline_ns : 0;

	if (k->n && !b->closing)
		uv_timer_start(&b->before_timer, on_timer, t > now ? (t - now) / 1000000 + 1 : 0,
			       0);
	else
		uv_timer_stop(&b->before_timer);
}

/* One at a time: then the snapshotter's socket never fills, and what waits is not older. */
static void send_next(struct broker *b)
{
	struct before *k = b->before;
	struct snapshotter_order o = {0};

	while (k->n && !k->waiting && !k->over) {
		struct held_grant *h = k->v[0];

		o.serial = h->serial = ++k->serial;
		o.deadline_ns = h->deadline_ns;
		memcpy(o.targets, h->targets, sizeof(o.targets));
		k->waiting = !k->ended && snapshotter_before(b->snapshotter, &o) == 0;
		if (!k->waiting)
			release(b, 0,
				k->ended ? who_ended
					 : "the process that takes snapshots does not listen");
	}
	set_timer(b);
}

static void on_timer(uv_timer_t *t)
{
	struct broker *b = t->data;
	struct before *k = b->before;
	uint64_t now = clock_mono_ns();
	char why[64];

	snprintf(why, sizeof(why), "it takes longer than %u s", b->snapshotter->before_s);
	while (k->n && k->v[0]->deadline_ns <= now)
		release(b, 0, why);
	send_next(b);
}

static bool on_before(void *data, const char *id, const char *target, const char *target2)
{
	struct broker *b = data;
	struct before *k = b->before;
	struct held_grant *h;

	if (!k || k->over || b->ending || k->n == HELD_MAX)
		return false;
	h = xcalloc(1, sizeof(*h));
	str_copy(h->id, sizeof(h->id), id);
	str_copy(h->targets[0], sizeof(h->targets[0]), target);
	str_copy(h->targets[1], sizeof(h->targets[1]), target2);
	h->deadline_ns = clock_mono_ns() + b->snapshotter->before_s * 1000000000ull;
	k->v[k->n++] = h;
	/* The order goes from the loop, so that nothing is released from within this call. */
	uv_timer_start(&b->before_timer, on_timer, 0, 0);
	return true;
}

static void take_answer(struct broker *b, const struct snapshotter_answer *a)
{
	struct before *k = b->before;
	char why[sizeof(a->err.msg)];

	k->waiting = false;
	if (a->ok)
		broker_log_before(b, a, NULL);
	if (a->full && !k->over) {
		k->over = true;
		snprintf(why, sizeof(why),
			 "there are %u, as many as there may be (max_snapshots), no more are taken",
			 b->snapshotter->max);
		release_all(b, why);
	}
	str_copy(why, sizeof(why), a->err.msg[0] ? a->err.msg : "it can't be taken");
	if (k->n && k->v[0]->serial == a->serial)
		release(b, 0, a->ok ? NULL : why);
	send_next(b);
}

static void on_snapshotter(uv_poll_t *h, int status, int events)
{
	struct broker *b = h->data;
	struct snapshotter_answer a;
	int r;

	(void)status;
	(void)events;
	while ((r = snapshotter_next(b->snapshotter, &a)) > 0)
		if (b->before)
			take_answer(b, &a);
	if (r == 0)
		return;
	uv_poll_stop(h);
	if (b->before) {
		b->before->ended = true;
		b->before->waiting = false;
		release_all(b, who_ended);
	}
	if (b->ending && !b->over)
		broker_recorded(b);
}

int broker_watch_snapshots(struct broker *b)
{
	if (b->snapshot_poll.type == UV_UNKNOWN_HANDLE &&
	    uv_poll_init(&b->loop, &b->snapshot_poll, b->snapshotter->fd) < 0)
		return -1;
	b->snapshot_poll.data = b;
	return uv_poll_start(&b->snapshot_poll, UV_READABLE, on_snapshotter);
}

/* The table of events is made before there is a loop; nothing asks before there is one. */
void broker_hold_grants(struct broker *b, struct elevation_events *ev)
{
	if (b->snapshotter->fd < 0 || !b->snapshotter->before_s)
		return;
	b->before = xcalloc(1, sizeof(*b->before));
	ev->before = on_before;
}

void broker_before_free(struct broker *b)
{
	for (size_t i = 0; b->before && i < b->before->n; i++)
		free(b->before->v[i]);
	free(STEAL_PTR(b->before));
}
