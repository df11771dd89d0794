/* Opening the store of a session, and finding the sessions that have one. */
#include "sessions/rollback_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sessions/rollback_place.h"

int rollback_store_state(struct snap_store **out, struct err *err)
{
	_cleanup_free_ char *state = dir_state();

	if (dir_private(state, err) < 0 || snap_open(out, state, err) < 0)
		return -1;
	rollback_store_apart(*out);
	return 0;
}

int rollback_store_of(const struct rollback_record *r, struct snap_store **out, struct err *err)
{
	int fd;

	*out = NULL;
	if (!r->store)
		return rollback_store_state(out, err);
	fd = place_open(r->store, r->store_id, err);
	if (fd < 0)
		return -1;
	if (snap_open_dir(out, fd, err) < 0)
		return err_prefix(err, "the snapshots in %s", r->store);
	rollback_store_apart(*out);
	return 0;
}

int rollback_store_open(const char *id, struct snap_store **out, struct err *err)
{
	struct rollback_record r;
	int rc;

	rollback_record_load(id, &r, NULL);
	rc = rollback_store_of(&r, out, err);
	rollback_record_free(&r);
	return rc;
}

void rollback_store_apart(struct snap_store *s)
{
	_cleanup_(policy_stores_free) struct policy_stores list = {.n = 0};
	const char *paths[POLICY_STORES_MAX + 1];
	size_t n = 0;

	_Static_assert(POLICY_STORES_MAX <= SNAP_APART_MAX, "a store knows all of them");
	/* A damaged list: what was read of it. No session starts with one. */
	policy_stores_load(&list, NULL);
	for (; n < list.n; n++)
		paths[n] = list.v[n].path;
	paths[n] = NULL;
	snap_set_apart(s, paths);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_snapshots(int dir, const char *id)
{
	_cleanup_free_ char *below = xasprintf("%s/snapshots", id);
	struct rollback_record r;
	struct stat st;
	bool elsewhere;

	if (!snap_name_ok(id))
		return false;
	if (fstatat(dir, below, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	elsewhere = rollback_record_load(id, &r, NULL) == 0 && r.store;
	rollback_record_free(&r);
	return elsewhere;
}

char **rollback_sessions(struct err *err)
{
	_cleanup_free_ char *state = dir_state(), *path = xasprintf("%s/rollbacks", state);
	char **v = xcalloc(1, sizeof(*v));
	DIR *d = opendir(path);
	struct dirent *de;
	size_t n = 0;

	if (!d && errno != ENOENT) {
		err_errno(err, errno, "can't list %s", path);
		free(v);
		return NULL;
	}
	while (d && (de = readdir(d))) {
		if (!has_snapshots(dirfd(d), de->d_name))
			continue;
		v = xrealloc_array(v, n + 2, sizeof(*v));
		v[n++] = xstrdup(de->d_name);
		v[n] = NULL;
	}
	if (d)
		closedir(d);
	qsort(v, n, sizeof(*v), by_text);
	return v;
}

/* ---- many of them ---------------------------------------------------------------------------- */

static struct rollback_opened *known(struct rollback_stores *s, const struct rollback_record *r)
{
	for (size_t i = 0; i < s->n; i++) {
		struct rollback_opened *o = s->v[i];

		if (!o->path == !r->store &&
		    (!r->store || (str_eq(o->path, r->store) && str_eq(o->id, r->store_id))))
			return o;
	}
	return NULL;
}

struct rollback_opened *rollback_stores_get(struct rollback_stores *s, const char *id,
					    struct err *err)
{
	struct rollback_record r;
	struct rollback_opened *o;

	rollback_record_load(id, &r, NULL);
	o = known(s, &r);
	if (!o) {
		o = xcalloc(1, sizeof(*o));
		o->path = r.store ? xstrdup(r.store) : NULL;
		str_copy(o->id, sizeof(o->id), r.store_id);
		rollback_store_of(&r, &o->store, &o->err);
		s->v = xrealloc_array(s->v, s->n + 1, sizeof(*s->v));
		s->v[s->n++] = o;
	}
	rollback_record_free(&r);
	if (o->store)
		return o;
	if (err)
		*err = o->err;
	return NULL;
}

void rollback_stores_free(struct rollback_stores *s)
{
	for (size_t i = 0; i < s->n; i++) {
		snap_close(s->v[i]->store);
		free(s->v[i]->path);
		free(s->v[i]);
	}
	free(s->v);
	*s = (struct rollback_stores){0};
}
