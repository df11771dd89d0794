/* Grants that are in the log, but take effect only when somebody has done what must come before. */
#include "elevation/requests.h"

struct held { /* a standing right without a request */
	struct held *next;
	char id[REQUEST_ID_LEN + 1];
	char path[POLICY_PATH_MAX];
	unsigned access;
	bool is_dir;
};

static bool is_risky(const struct request *r)
{
	switch (r->kind) {
	case REQUEST_WRITE:
	case REQUEST_CREATE:
	case REQUEST_DELETE:
	case REQUEST_RENAME:
	case REQUEST_EXEC:
		return true;
	default:
		return false;
	}
}

static bool ask_before(struct elevation *e, const char *id, const char *target, const char *target2)
{
	return e->cfg.events.before &&
	       e->cfg.events.before(e->cfg.events.data, id, target, target2);
}

bool slot_hold(struct elevation *e, struct slot *s, const char *by)
{
	/* What was decided before was held then. */
	if (s->quiet || !is_risky(&s->r) || !ask_before(e, s->r.id, s->r.target, s->r.target2))
		return false;
	copy_text(s->by, sizeof(s->by), by);
	pthread_mutex_lock(&e->requests->lock);
	s->state = SLOT_HELD;
	pthread_mutex_unlock(&e->requests->lock);
	return true;
}

bool standing_hold(struct elevation *e, const char *id, const char *path, unsigned access,
		   bool is_dir)
{
	struct held *h;

	if (!(access & NONO_WRITE) || !ask_before(e, id, path, ""))
		return false;
	h = xcalloc(1, sizeof(*h));
	str_copy(h->id, sizeof(h->id), id);
	str_copy(h->path, sizeof(h->path), path);
	h->access = access;
	h->is_dir = is_dir;
	h->next = e->held;
	e->held = h;
	return true;
}

static struct slot *find_held(struct requests *q, const char *id)
{
	struct slot *found = NULL;

	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < q->n && !found; i++)
		if (q->order[i]->state == SLOT_HELD && str_eq(q->order[i]->r.id, id))
			found = q->order[i];
	pthread_mutex_unlock(&q->lock);
	return found;
}

void elevation_release(struct elevation *e, const char *id, const char *note)
{
	struct slot *s = find_held(e->requests, id);
	char by[REQUEST_NOTE_MAX];

	if (s) {
		snprintf(by, sizeof(by), "%s%s%s", s->by, note ? ", " : "", note ? note : "");
		slot_settle(e, s, by, NULL);
		return;
	}
	for (struct held **p = &e->held; *p; p = &(*p)->next) {
		struct held *h = *p;

		if (!str_eq(h->id, id))
			continue;
		*p = h->next;
		standing_add(e->standing, h->path, h->access, true, h->is_dir, NULL);
		free(h);
		return;
	}
}

void held_free(struct elevation *e)
{
	while (e->held) {
		struct held *h = e->held;

		e->held = h->next;
		free(h);
	}
}
