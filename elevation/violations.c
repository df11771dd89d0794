/* Denials by target: a bounded table, the one least recently refused goes first. */
#include "elevation/requests.h"

#define VIOLATIONS_MAX 1024
#define BUCKETS	       2048 /* a power of two */
#define NONE	       UINT16_MAX

struct slot_links {
	uint64_t hash;
	uint16_t next; /* in its bucket */
	uint16_t newer, older;
};

struct violations {
	pthread_mutex_t lock;
	struct violation *v; /* VIOLATIONS_MAX, touched only when used */
	struct slot_links links[VIOLATIONS_MAX];
	uint16_t buckets[BUCKETS];
	uint16_t newest, oldest;
	size_t n;
};

struct violations *violations_new(void)
{
	struct violations *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	t->v = xcalloc(VIOLATIONS_MAX, sizeof(*t->v));
	for (size_t i = 0; i < BUCKETS; i++)
		t->buckets[i] = NONE;
	t->newest = t->oldest = NONE;
	return t;
}

void violations_free(struct violations *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t->v);
	free(t);
}

static uint64_t hash_add(uint64_t h, const char *s, size_t max)
{
	for (size_t i = 0; i < max && s[i]; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211ull;
	return (h ^ 0xff) * 1099511628211ull;
}

/* ---- order of the last denial ------------------------------------------------------- */

static void unlink_age(struct violations *t, uint16_t i)
{
	struct slot_links *l = &t->links[i];

	if (l->newer != NONE)
		t->links[l->newer].older = l->older;
	else
		t->newest = l->older;
	if (l->older != NONE)
		t->links[l->older].newer = l->newer;
	else
		t->oldest = l->newer;
}

static void make_newest(struct violations *t, uint16_t i)
{
	struct slot_links *l = &t->links[i];

	l->newer = NONE;
	l->older = t->newest;
	if (t->newest != NONE)
		t->links[t->newest].newer = i;
	else
		t->oldest = i;
	t->newest = i;
}

/* ---- table -------------------------------------------------------------------------- */

/* target and op as they are kept; the hash is of the whole target. */
static uint16_t find(const struct violations *t, uint64_t hash, const char *target, const char *op,
		     const char *tool)
{
	uint16_t i = t->buckets[hash & (BUCKETS - 1)];

	while (i != NONE &&
	       (t->links[i].hash != hash || strcmp(t->v[i].op, op) != 0 ||
		strcmp(t->v[i].tool, tool) != 0 || strcmp(t->v[i].target, target) != 0))
		i = t->links[i].next;
	return i;
}

static void unlink_bucket(struct violations *t, uint16_t i)
{
	uint16_t *p = &t->buckets[t->links[i].hash & (BUCKETS - 1)];

	while (*p != i)
		p = &t->links[*p].next;
	*p = t->links[i].next;
}

static uint16_t take_slot(struct violations *t, uint64_t hash)
{
	uint16_t *bucket = &t->buckets[hash & (BUCKETS - 1)], i;

	if (t->n < VIOLATIONS_MAX) {
		i = (uint16_t)t->n++;
	} else {
		i = t->oldest;
		unlink_age(t, i);
		unlink_bucket(t, i);
	}
	t->v[i] = (struct violation){0};
	t->links[i].hash = hash;
	t->links[i].next = *bucket;
	*bucket = i;
	make_newest(t, i);
	return i;
}

void violations_note(struct violations *t, const char *target, const char *op, unsigned access,
		     const char *program, const char *tool, const char *rule, const char *source,
		     bool grantable, uint64_t real_ns)
{
	char op_text[sizeof(t->v->op)], target_text[sizeof(t->v->target)];
	char tool_text[sizeof(t->v->tool)];
	struct violation *v;
	uint64_t hash = hash_add(14695981039346656037ull, target, POLICY_PATH_MAX);
	uint16_t i;

	copy_text(op_text, sizeof(op_text), op ? op : "");
	copy_text(target_text, sizeof(target_text), target);
	copy_text(tool_text, sizeof(tool_text), tool ? tool : "");
	hash = hash_add(hash, op_text, sizeof(op_text));
	pthread_mutex_lock(&t->lock);
	i = find(t, hash, target_text, op_text, tool_text);
	if (i != NONE) {
		unlink_age(t, i);
		make_newest(t, i);
	} else {
		i = take_slot(t, hash);
		memcpy(t->v[i].target, target_text, sizeof(target_text));
		memcpy(t->v[i].op, op_text, sizeof(op_text));
		memcpy(t->v[i].tool, tool_text, sizeof(tool_text));
		t->v[i].first_ns = real_ns;
	}
	v = &t->v[i];
	/* Of the last one: other programs may meet other rules. */
	copy_text(v->program, sizeof(v->program), program ? program : "");
	copy_text(v->rule, sizeof(v->rule), rule ? rule : "");
	copy_text(v->source, sizeof(v->source), source ? source : "");
	v->access |= access;
	v->grantable = grantable;
	v->last_ns = real_ns;
	v->count++;
	pthread_mutex_unlock(&t->lock);
}

void violations_copy(struct violations *t, struct violation_list *out)
{
	struct violation *v = xcalloc(VIOLATIONS_MAX, sizeof(*v));
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	for (uint16_t i = t->oldest; i != NONE; i = t->links[i].newer)
		v[n++] = t->v[i];
	pthread_mutex_unlock(&t->lock);
	*out = (struct violation_list){.v = v, .n = n};
}

void violations_hide(struct violations *t, const char *target, bool hidden)
{
	char text[sizeof(t->v->target)];

	copy_text(text, sizeof(text), target);
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].target, text) == 0)
			t->v[i].hidden = hidden;
	pthread_mutex_unlock(&t->lock);
}

/* ---- for the rest of the program ---------------------------------------------------- */

void elevation_violations(struct elevation *e, struct violation_list *out)
{
	violations_copy(e->violations, out);
}

void elevation_hide(struct elevation *e, const char *target, bool hidden)
{
	violations_hide(e->violations, target, hidden);
	/* The loop thread shows it. */
	if (e->cfg.events.changed)
		e->cfg.events.changed(e->cfg.events.data);
}
