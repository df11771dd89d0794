/* The threads and their tasks. */
#include "snapshots/walk.h"

#include <fcntl.h>

#include "snapshots/place.h"

int walk_openat(const struct node *dir, const char *name, int flags)
{
	return dir->fd == AT_FDCWD ? place_openat(AT_FDCWD, name, flags)
				   : openat(dir->fd, name, flags | O_CLOEXEC);
}

void walk_push(struct walk *w, struct node *n, uint32_t from, uint32_t to)
{
	pthread_mutex_lock(&w->mutex);
	if (w->task_count == w->task_cap) {
		w->task_cap = w->task_cap ? 2 * w->task_cap : 256;
		w->tasks = xrealloc_array(w->tasks, w->task_cap, sizeof(*w->tasks));
	}
	w->tasks[w->task_count++] = (struct task){n, from, to};
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
}

static void set_done(struct walk *w)
{
	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->mutex);
}

void walk_fail(struct walk *w, const struct err *err)
{
	pthread_mutex_lock(&w->mutex);
	if (!w->failed)
		w->err = *err;
	w->failed = w->done = true;
	w->stop = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->mutex);
}

static bool next_task(struct walk *w, struct task *t)
{
	pthread_mutex_lock(&w->mutex);
	while (!w->done && !w->task_count)
		pthread_cond_wait(&w->work, &w->mutex);
	if (w->done) {
		pthread_mutex_unlock(&w->mutex);
		return false;
	}
	*t = w->tasks[--w->task_count];
	pthread_mutex_unlock(&w->mutex);
	return true;
}

/* One part of a node is done; the last one finishes it, and perhaps its parents. */
static int part_done(struct worker *k, struct node *n, struct err *err)
{
	while (n && atomic_fetch_sub(&n->pending, 1) == 1) {
		struct node *parent = n->parent;

		if (node_finish(k, n, err) < 0)
			return -1;
		if (!parent)
			set_done(k->w);
		n = parent;
	}
	return 0;
}

static void *work(void *arg)
{
	struct worker *k = arg;
	struct err err = {0};
	struct task t;
	int rc = 0;

	while (rc == 0 && next_task(k->w, &t)) {
		rc = t.to ? node_slice(k, t.node, t.from, t.to, &err) : node_list(k, t.node, &err);
		if (rc == 0)
			rc = part_done(k, t.node, &err);
	}
	if (rc == 0 && k->packer && !k->w->failed)
		rc = packer_flush(k->packer, &err);
	if (rc < 0)
		walk_fail(k->w, &err);
	return NULL;
}

/* From the caller's thread, until all is done. */
static void watch(struct walk *w)
{
	uint64_t began = clock_mono_ns();

	pthread_mutex_lock(&w->mutex);
	while (!w->done) {
		struct timespec until;
		struct snap_progress p;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&w->work, &w->mutex, &until);
		if (w->done || !w->o->progress)
			continue;
		pthread_mutex_unlock(&w->mutex);
		p = (struct snap_progress){w->files_seen,
					   w->bytes_seen,
					   w->files_read,
					   w->bytes_read,
					   w->writer ? writer_bytes(w->writer) : 0,
					   clock_mono_ns() - began};
		if (!w->o->progress(w->o->arg, &p)) {
			struct err err = {0};
			err_errno(&err, ECANCELED, "the snapshot");
			walk_fail(w, &err);
		}
		pthread_mutex_lock(&w->mutex);
	}
	pthread_mutex_unlock(&w->mutex);
}

static void worker_init(struct worker *k, struct walk *w)
{
	memset(k, 0, sizeof(*k));
	k->w = w;
	if (w->writer)
		k->packer = packer_new(w->writer);
	else
		k->room = xcalloc(1, CHUNK_MAX + 1);
}

static void worker_free(struct worker *k)
{
	packer_free(k->packer);
	free(k->room);
	buf_free(&k->tree);
	buf_free(&k->scratch);
}

#define THREADS_MAX 16

int walk_run(struct walk *w, unsigned threads, struct err *err)
{
	struct worker workers[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	unsigned started = 0;

	if (threads == 0) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);
		threads = n < 2 ? 2 : n > 8 ? 8 : (unsigned)n;
	}
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	for (uint32_t i = 0; i < w->top.count; i += WALK_SLICE) {
		uint32_t to = i + WALK_SLICE < w->top.count ? i + WALK_SLICE : w->top.count;
		w->top.pending++;
		walk_push(w, &w->top, i, to);
	}
	for (; started < threads; started++) {
		worker_init(&workers[started], w);
		if (pthread_create(&ids[started], NULL, work, &workers[started])) {
			worker_free(&workers[started]);
			break;
		}
	}
	if (!started)
		return err_errno(err, EAGAIN, "can't start a thread for the snapshot");
	watch(w);
	for (unsigned i = 0; i < started; i++) {
		pthread_join(ids[i], NULL);
		worker_free(&workers[i]);
	}
	if (w->failed)
		*err = w->err;
	return w->failed ? -1 : 0;
}

void walk_free(struct walk *w)
{
	node_free(&w->top);
	free(w->tasks);
	ignore_free(w->excludes);
	cache_close(&w->cache);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->mutex);
}

/* The path of an entry: the roots' names are paths by themselves. */
static void add_path(struct buf *b, const struct node *n)
{
	const struct item *i;

	if (!n->parent)
		return;
	add_path(b, n->parent);
	i = &n->parent->items[n->index];
	buf_add(b, i->name, i->name_len);
	if (!(i->name_len == 1 && i->name[0] == '/'))
		buf_addc(b, '/');
}

void walk_left_out(struct walk *w, struct node *n, const char *name, enum snap_why why)
{
	struct snap_record *r = w->record;
	struct buf b = {0};

	pthread_mutex_lock(&w->mutex);
	r->left_out_total[why]++;
	if (r->left_out_count < SNAP_LEFT_OUT_LISTED) {
		add_path(&b, n);
		buf_adds(&b, name);
		if (!r->left_out)
			r->left_out = xcalloc(SNAP_LEFT_OUT_LISTED, sizeof(*r->left_out));
		r->left_out[r->left_out_count++] = (struct snap_left_out){b.data, why};
	}
	pthread_mutex_unlock(&w->mutex);
}

int walk_put(struct worker *k, enum object_kind kind, const struct snap_hash *h, const void *p,
	     size_t n, const struct snap_hash *base, struct err *err)
{
	return k->packer ? packer_put(k->packer, kind, h, p, n, base, err) : 0;
}
