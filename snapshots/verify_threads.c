/*
 * Checking all packs with several threads. A unit is some MiB of one pack; what a thread found in
 * it waits until the units before it are told, so that the order is that of one thread, and so that
 * nobody holds more than one unit's findings.
 */
#include "snapshots/verify.h"

#define UNIT_PACKED  (4u << 20)
#define UNIT_RAW     (16u << 20)
#define UNIT_OBJECTS 65536u
#define THREADS_MAX  8
#define PROGRESS_NS  100000000ull

/* A pack's entries by block, while somebody uses them. */
struct sorted {
	struct pack_entry *entries;
	size_t users;
};

struct queue {
	struct verify *v;
	pthread_mutex_t mutex;
	pthread_cond_t told_one;
	struct sorted *sorted; /* of the pack below */
	size_t pack, next;     /* of its entries */
	uint64_t taken, told;  /* units */
	uint64_t begin_ns, progress_ns, all_bytes;
	bool stop;
};

struct taken {
	struct verify_unit unit;
	struct sorted *sorted;
	size_t pack;
	uint64_t ticket;
};

static void let_go(struct sorted *s)
{
	if (!s || --s->users)
		return;
	free(s->entries);
	free(s);
}

static size_t unit_end(const struct pack_entry *e, size_t from, size_t count)
{
	uint64_t raw = 0;
	size_t i;

	for (i = from; i < count; i++) {
		if (i > from && e[i].block != e[i - 1].block &&
		    (e[i].block - e[from].block >= UNIT_PACKED || raw >= UNIT_RAW ||
		     i - from >= UNIT_OBJECTS))
			break;
		raw += ENTRY_LEN(&e[i]);
	}
	return i;
}

/* Locked. An empty pack has a unit too: its ends are checked. */
static bool take_unit(struct queue *q, struct taken *t)
{
	struct snap_store *s = q->v->s;
	struct pack *p;

	if (q->stop || q->pack == s->pack_count)
		return false;
	p = s->packs[q->pack];
	if (!q->sorted) {
		q->sorted = xcalloc(1, sizeof(*q->sorted));
		q->sorted->entries = pack_by_block(p);
		q->sorted->users = 1;
		q->next = 0;
	}
	*t = (struct taken){.unit = {p, q->sorted->entries, q->next,
				     unit_end(q->sorted->entries, q->next, p->count)},
			    .sorted = q->sorted,
			    .pack = q->pack,
			    .ticket = q->taken++};
	q->sorted->users++;
	q->next = t->unit.to;
	if (q->next == p->count) {
		let_go(q->sorted);
		q->sorted = NULL;
		q->pack++;
	}
	return true;
}

static void tell_finding(struct verify *v, const struct pack *p, const struct finding *f)
{
	char text[160];

	snprintf(text, sizeof(text), "the pack %s is damaged at byte %llu: %s", p->name,
		 (unsigned long long)f->at, f->what);
	verify_tell(v, &(struct snap_damage){.what = text});
}

static void progress(struct queue *q)
{
	const struct snap_check *o = q->v->o;
	uint64_t now = clock_mono_ns();
	struct snap_progress p = {.bytes_seen = q->all_bytes,
				  .files_read = q->v->out->objects,
				  .bytes_read = q->v->out->bytes,
				  .elapsed_ns = now - q->begin_ns};

	if (!o->progress || now - q->progress_ns < PROGRESS_NS)
		return;
	q->progress_ns = now;
	q->stop = !o->progress(o->arg, &p);
}

/* Locked. */
static void tell_unit(struct queue *q, const struct taken *t, const struct findings *f)
{
	struct verify *v = q->v;
	const struct pack *p = t->unit.pack;

	v->out->objects += f->objects;
	v->out->bytes += f->bytes;
	for (size_t i = 0; i < f->n; i++)
		tell_finding(v, p, &f->v[i]);
	for (size_t i = 0; i < f->bad_n; i++) {
		struct pack_entry e = {.hash = f->bad[i]};
		struct snap_hash key = copy_key(p, &e);

		hashset_add(&v->bad, &key, NULL);
		hashset_add(&v->lost, &f->bad[i], NULL);
	}
	v->damaged[t->pack] = v->damaged[t->pack] || f->n;
	progress(q);
}

static void check_units(struct queue *q, struct reader *r)
{
	struct taken t;

	pthread_mutex_lock(&q->mutex);
	while (take_unit(q, &t)) {
		struct findings f = {0};

		pthread_mutex_unlock(&q->mutex);
		verify_unit(q->v, r, &t.unit, &f);
		pthread_mutex_lock(&q->mutex);
		while (q->told != t.ticket)
			pthread_cond_wait(&q->told_one, &q->mutex);
		if (!q->stop)
			tell_unit(q, &t, &f);
		q->told++;
		pthread_cond_broadcast(&q->told_one);
		let_go(t.sorted);
		findings_free(&f);
	}
	pthread_mutex_unlock(&q->mutex);
}

static void *thread(void *arg)
{
	struct queue *q = arg;
	struct reader *r = reader_new(q->v->s);

	check_units(q, r);
	reader_free(r);
	return NULL;
}

static size_t thread_count(unsigned asked)
{
	long n = asked ? (long)asked : sysconf(_SC_NPROCESSORS_ONLN);

	if (!asked && n < 2)
		n = 2;
	return n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

int verify_packs(struct verify *v, struct err *err)
{
	struct queue q = {.v = v, .begin_ns = clock_mono_ns()};
	size_t n = 0, want;
	pthread_t ids[THREADS_MAX];

	for (size_t i = 0; i < v->s->pack_count; i++)
		for (size_t k = 0; k < v->s->packs[i]->count; k++)
			q.all_bytes += ENTRY_LEN(&v->s->packs[i]->entries[k]);
	want = q.all_bytes < UNIT_PACKED ? 0 : thread_count(v->o->threads) - 1;
	pthread_mutex_init(&q.mutex, NULL);
	pthread_cond_init(&q.told_one, NULL);
	while (n < want && pthread_create(&ids[n], NULL, thread, &q) == 0)
		n++;
	check_units(&q, v->s->reader);
	while (n)
		pthread_join(ids[--n], NULL);
	let_go(q.sorted);
	pthread_cond_destroy(&q.told_one);
	pthread_mutex_destroy(&q.mutex);
	if (!q.stop)
		return 0;
	return err_errno(err, ECANCELED, "verifying");
}
