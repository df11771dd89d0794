/*
 * Files on their way to their places. Each must be on the disk before it replaces another one, or
 * both could be lost. So of a batch all are written, then the disk is waited for once, then they
 * take their places: to wait for many costs little more than for one, and a file system looks long
 * for a free inode while it replaces files, since what was just deleted is not to be used again.
 *
 * Some files of one directory are a unit, which one thread writes; several threads do.
 */
#include <fcntl.h>
#include <stdatomic.h>

#include "snapshots/restore_steps.h"
#include "snapshots/store.h"

#define BATCH_FILES  4096
#define BATCH_BYTES  (64u << 20) /* the disk holds the old and the new ones for a while */
#define UNITS_MAX    400	 /* a descriptor each */
#define UNIT_FILES   32
#define TOGETHER     16 /* from so many files on the whole file system is asked once */
#define THREADS_MAX  4
#define THREAD_UNITS 4 /* fewer units are no work for two */

struct put {
	struct step *step;
	struct err *err; /* NULL: all is well so far */
	bool ready;	 /* temp is complete */
	char temp[64];
};

struct unit {
	int dir; /* -1: could not be opened */
	dev_t dev;
	size_t from, to; /* of the batch's files */
	int unsynced;	 /* errno */
};

struct batch {
	struct restore *x;
	struct put v[BATCH_FILES];
	size_t n;
	uint64_t bytes;
	struct unit units[UNITS_MAX];
	size_t n_units;
	size_t dir_len; /* of the last unit's directory */
};

static void failed(struct put *p, const struct err *err)
{
	if (p->err)
		return;
	p->err = xcalloc(1, sizeof(*p->err));
	*p->err = *err;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static int place_of(const struct unit *u, const struct put *p, struct place *out)
{
	out->dir = u->dir;
	return str_copy(out->name, sizeof(out->name), strrchr(p->step->path, '/') + 1) ? 0 : -1;
}

static int write_beside(struct reader *r, const struct place *place, struct put *p, bool sync,
			struct err *err)
{
	const struct snap_entry *e = &p->step->after;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (place_check(place, restore_before(p->step), &st, err) < 0)
		return -1;
	fd = place_temp(place, p->temp, err);
	if (fd < 0)
		return -1;
	p->ready = true;
	if (blob_write(r, &e->hash, fd, e->sparse, err) < 0 ||
	    restore_meta(r, fd, e, true, err) < 0)
		return -1;
	return !sync || fsync(fd) == 0 ? 0 : err_errno(err, errno, "can't write %s", place->name);
}

static void write_unit(struct batch *b, struct unit *u, struct reader *r)
{
	struct place place;
	struct stat st;
	struct err err = {0};
	int rc = place_begin(b->x->r->to, b->v[u->from].step->path, &place, &err);

	u->dir = place.dir;
	if (rc == 0 && fstat(u->dir, &st) < 0)
		rc = err_errno(&err, errno, "can't look at its directory");
	if (rc == 0)
		u->dev = st.st_dev;
	for (size_t i = u->from; i < u->to; i++) {
		struct put *p = &b->v[i];

		if (rc == 0)
			err = (struct err){0};
		if (rc < 0 || place_of(u, p, &place) < 0 ||
		    write_beside(r, &place, p, b->n < TOGETHER, &err) < 0)
			failed(p, &err);
	}
}

/* ---- placing ----------------------------------------------------------------------------------
 */

/* What is there may have been changed while it waited. */
static int take_place(const struct place *place, const struct put *p, struct err *err)
{
	const struct snap_entry *before = restore_before(p->step);
	struct stat st;

	if (place_check(place, before, &st, err) < 0)
		return -1;
	return place_put(place, -1, p->temp, before->kind != SNAP_NONE, err);
}

static void place_unit(struct batch *b, struct unit *u, struct reader *r)
{
	struct place place;

	(void)r;
	for (size_t i = u->from; i < u->to; i++) {
		struct put *p = &b->v[i];
		struct err err = {0};

		if (!p->ready || place_of(u, p, &place) < 0)
			continue;
		if (u->unsynced)
			err_errno(&err, u->unsynced, "can't write %s", place.name);
		if (!p->err && !u->unsynced && take_place(&place, p, &err) == 0)
			continue;
		failed(p, &err);
		unlinkat(u->dir, p->temp, 0);
	}
}

/* ---- together ---------------------------------------------------------------------------------
 */

struct job {
	struct batch *batch;
	void (*fn)(struct batch *b, struct unit *u, struct reader *r);
	atomic_size_t next;
};

static void work(struct job *j, struct reader *r)
{
	size_t i;

	while ((i = atomic_fetch_add(&j->next, 1)) < j->batch->n_units)
		j->fn(j->batch, &j->batch->units[i], r);
}

static void *thread(void *arg)
{
	struct job *j = arg;
	struct reader *r = reader_new(j->batch->x->s);

	work(j, r);
	reader_free(r);
	return NULL;
}

static void each_unit(struct batch *b, void (*fn)(struct batch *, struct unit *, struct reader *))
{
	struct job j = {.batch = b, .fn = fn};
	pthread_t ids[THREADS_MAX];
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = 0;

	while (n + 1 < THREADS_MAX && n + 1 < (size_t)(processors > 1 ? processors : 2) &&
	       b->n_units >= (n + 1) * THREAD_UNITS && !pthread_create(&ids[n], NULL, thread, &j))
		n++;
	work(&j, b->x->s->reader);
	while (n)
		pthread_join(ids[--n], NULL);
}

/* Each file system once; it tells of errors of any file. */
static void sync_all(struct batch *b)
{
	for (size_t i = 0; i < b->n_units; i++) {
		struct unit *u = &b->units[i], *same = b->units;

		if (u->dir < 0)
			continue;
		while (same < u && (same->dir < 0 || same->dev != u->dev))
			same++;
		u->unsynced = same < u ? same->unsynced : syncfs(u->dir) < 0 ? errno : 0;
	}
}

void restore_flush(struct restore *x)
{
	struct batch *b = x->batch;

	if (!b)
		return;
	x->s->busy = true; /* what the readers go by stays */
	each_unit(b, write_unit);
	if (b->n >= TOGETHER)
		sync_all(b);
	each_unit(b, place_unit);
	x->s->busy = false;
	for (size_t i = 0; i < b->n; i++) {
		struct put *p = &b->v[i];

		p->step->placed = !p->err;
		x->out->bytes += p->err ? 0 : p->step->after.size;
		restore_report(x, p->step, p->err);
		free(p->err);
	}
	for (size_t i = 0; i < b->n_units; i++)
		if (b->units[i].dir >= 0)
			close(b->units[i].dir);
	free(b);
	x->batch = NULL;
}

static bool same_unit(const struct batch *b, const char *path, size_t dir_len)
{
	const struct unit *u = b->n_units ? &b->units[b->n_units - 1] : NULL;

	return u && u->to - u->from < UNIT_FILES && dir_len == b->dir_len &&
	       !memcmp(b->v[u->from].step->path, path, dir_len);
}

void restore_file(struct restore *x, struct step *t)
{
	size_t dir_len = (size_t)(strrchr(t->path, '/') - t->path);
	struct batch *b = x->batch;

	if (b && (b->n == BATCH_FILES || b->bytes >= BATCH_BYTES ||
		  (b->n_units == UNITS_MAX && !same_unit(b, t->path, dir_len))))
		restore_flush(x);
	if (!x->batch) {
		x->batch = xcalloc(1, sizeof(*b));
		x->batch->x = x;
	}
	b = x->batch;
	if (!same_unit(b, t->path, dir_len)) {
		b->units[b->n_units++] = (struct unit){.dir = -1, .from = b->n, .to = b->n};
		b->dir_len = dir_len;
	}
	b->v[b->n++] = (struct put){.step = t};
	b->units[b->n_units - 1].to = b->n;
	b->bytes += t->after.size;
}
