#include "audit/trees_seen.h"

#define SEEN_MAX  (1u << 20)
#define SETTLE_NS 60000000000u

struct seen {
	dev_t dev;
	ino_t ino; /* 0: free */
	off_t size;
	struct timespec changed, modified;
	struct hash hash;
};

void seen_free(struct trees_seen *t)
{
	free(t->v);
	*t = (struct trees_seen){0};
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Its place, or the one where it would be. */
static struct seen *slot(const struct trees_seen *t, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino ^ dev) * 0x9e3779b97f4a7c15u >> 20) & (t->cap - 1);

	while (t->v[i].ino && (t->v[i].ino != ino || t->v[i].dev != dev))
		i = (i + 1) & (t->cap - 1);
	return &t->v[i];
}

bool seen_find(const struct trees_seen *t, const struct stat *st, struct hash *h)
{
	const struct seen *e = t->cap && st->st_ino ? slot(t, st->st_dev, st->st_ino) : NULL;

	if (!e || !e->ino || e->size != st->st_size || !same_time(e->changed, st->st_ctim) ||
	    !same_time(e->modified, st->st_mtim))
		return false;
	*h = e->hash;
	return true;
}

static void grow(struct trees_seen *t)
{
	const struct trees_seen old = *t;

	t->cap = old.cap ? 2 * old.cap : 1024;
	t->v = xcalloc(t->cap, sizeof(*t->v));
	for (size_t i = 0; i < old.cap; i++)
		if (old.v[i].ino)
			*slot(t, old.v[i].dev, old.v[i].ino) = old.v[i];
	free(old.v);
}

void seen_keep(struct trees_seen *t, const struct stat *before, const struct stat *after,
	       uint64_t began_ns, const struct hash *h)
{
	uint64_t changed =
	    (uint64_t)before->st_ctim.tv_sec * 1000000000u + (uint64_t)before->st_ctim.tv_nsec;
	struct seen *e;

	if (t->n >= SEEN_MAX || !before->st_ino || changed + SETTLE_NS > began_ns ||
	    before->st_dev != after->st_dev || before->st_ino != after->st_ino ||
	    before->st_size != after->st_size || !same_time(before->st_ctim, after->st_ctim) ||
	    !same_time(before->st_mtim, after->st_mtim))
		return;
	if (2 * (t->n + 1) > t->cap)
		grow(t);
	e = slot(t, before->st_dev, before->st_ino);
	t->n += !e->ino;
	*e = (struct seen){before->st_dev,  before->st_ino,  before->st_size,
			   before->st_ctim, before->st_mtim, *h};
}
