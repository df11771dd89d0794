/*
 * Removing records. A record leaves by one rename to a name that no command takes for a record;
 * what a killed removal left of it is removed by the next one. The ledger stays as it is: it goes
 * on saying that there was a session, and what its record was.
 */
#include "audit/removal.h"
#include "audit/command.h"
#include "audit/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define GONE	   ".gone-"
#define STARTING_S 60 /* a record without events that is younger may be that of a session to be */

void removal_plan_free(struct removal_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].id);
	free(p->v);
}

/* Everything in a record's directory, which has no directories. */
static uint64_t bytes_in(int dir)
{
	DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
	struct dirent *de;
	struct stat st;
	uint64_t sum = 0;

	while (d && (de = readdir(d)))
		if (fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	if (d)
		closedir(d);
	return sum;
}

/* The lock of its log, or -1 with why: nobody who has it loses a live session. */
static int lock_record(int dir, const char **why)
{
	int fd = openat(dir, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	*why = NULL;
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		*why = "running";
		return -1;
	}
	if (fstat(fd >= 0 ? fd : dir, &st) < 0 || fd < 0 || st.st_size == 0)
		if (fstat(dir, &st) < 0 || st.st_mtime + STARTING_S > time(NULL))
			*why = "starting";
	if (*why && fd >= 0)
		close(fd);
	return *why ? -1 : fd;
}

/* A session whose supervisor was killed is ended first, so that the ledger knows of it. */
static int look_at(struct removal_candidate *c, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(c->id, err), lock = -1;
	_cleanup_(meta_free) struct session_meta m = {0};
	struct spool spool = {0};
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0)
		return -1;
	c->bytes = bytes_in(dir);
	c->undelivered = spool_read(&spool, dir, NULL) == 1 && !spool.done;
	spool_free(&spool);
	lock = lock_record(dir, &c->why);
	if (meta_read(&m, dir, err) == 0) {
		c->started = command_time(m.started);
		str_copy(c->time, sizeof(c->time), m.started);
	} else {
		c->started = st.st_mtime;
		c->damaged = true;
	}
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct removal_candidate *x = a, *y = b;

	if (x->started != y->started)
		return x->started < y->started ? 1 : -1;
	return strcmp(y->time, x->time);
}

int removal_plan(struct removal_plan *p, struct err *err)
{
	size_t n;
	char **ids = command_ids(&n, err);

	if (!ids)
		return -1;
	p->v = xcalloc(n + 1, sizeof(*p->v));
	for (size_t i = 0; i < n; i++) {
		struct err ignored;
		p->v[p->n].id = ids[i];
		if (look_at(&p->v[p->n], &ignored) == 0)
			p->n++;
		else /* removed meanwhile */
			free(ids[i]);
	}
	free(ids);
	qsort(p->v, p->n, sizeof(*p->v), newest_first);
	return 0;
}

static int remove_dir(int root, const char *name, struct err *err)
{
	int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = dir < 0 ? NULL : fdopendir(dir);
	struct dirent *de;

	if (!d) {
		int saved = errno;
		if (dir >= 0)
			close(dir);
		return saved == ENOENT ? 0 : err_errno(err, saved, "can't open %s", name);
	}
	while ((de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			unlinkat(dir, de->d_name, 0);
	closedir(d);
	if (unlinkat(root, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_errno(err, errno, "can't remove %s", name);
	return 0;
}

int removal_do(int root, struct removal_candidate *c, struct err *err)
{
	_cleanup_close_ int dir =
	    openat(root, c->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int lock = -1;
	char gone[96];

	if (dir < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "can't open record %s", c->id);
	if (!c->damaged && audit_adopt(c->id, err) < 0) {
		c->why = err->code == EBUSY ? "running" : "damaged";
		return 1;
	}
	lock = lock_record(dir, &c->why);
	if (c->why)
		return 1;
	snprintf(gone, sizeof(gone), GONE "%s-%d", c->id, (int)getpid());
	if (renameat(root, c->id, root, gone) < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "can't remove record %s", c->id);
	return remove_dir(root, gone, err);
}

void removal_sweep(int root)
{
	DIR *d = fdopendir(fcntl(root, F_DUPFD_CLOEXEC, 3));
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (str_starts(de->d_name, GONE))
			remove_dir(root, de->d_name, NULL);
	if (d)
		closedir(d);
}
