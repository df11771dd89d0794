/*
 * nono audit cleanup: which records go, and removing them. A record leaves by one rename to a name
 * that no command takes for a record; what a killed cleanup left of it is removed by the next one.
 * The ledger stays as it is: it goes on saying that there was a session, and what its record was.
 */
#include "audit/command.h"
#include "audit/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define GONE	   ".gone-"
#define STARTING_S 60 /* a record without events that is younger may be that of a session to be */

struct candidate {
	char *id;
	time_t started;
	char time[TIME_STR_MAX]; /* the same with its fraction, "" = unknown */
	uint64_t bytes;
	bool go, damaged, undelivered;
	const char *why; /* it stays */
};
struct plan {
	struct candidate *v; /* newest first */
	size_t n;
};

static void plan_free(struct plan *p)
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
static int look_at(struct candidate *c, struct err *err)
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
	const struct candidate *x = a, *y = b;

	if (x->started != y->started)
		return x->started < y->started ? 1 : -1;
	return strcmp(y->time, x->time);
}

static int make_plan(struct plan *p, struct err *err)
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

/* What is kept by one limit is kept. max_bytes removes the oldest of the rest until the whole fits.
 */
static void choose(struct plan *p, const struct audit_cleanup_options *o)
{
	time_t before = time(NULL) - (time_t)o->older_than * 86400;
	uint64_t total = 0, max = (uint64_t)o->max_bytes;

	for (size_t i = 0; i < p->n; i++)
		total += p->v[i].bytes;
	for (size_t i = p->n; i-- > 0;) {
		struct candidate *c = &p->v[i];
		if (c->why)
			continue;
		if (c->damaged && !o->all)
			c->why = "damaged";
		else if (c->undelivered && !o->all)
			c->why = "not delivered to its sink";
		else if (o->keep >= 0 && i < (size_t)o->keep)
			c->why = "one of the newest";
		else if (o->older_than >= 0 && c->started >= before)
			c->why = "young";
		else if (o->max_bytes >= 0 && total <= max)
			c->why = "there is room";
		c->go = !c->why;
		if (c->go)
			total -= c->bytes;
	}
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

/* 1: it stays after all. */
static int remove_record(int root, struct candidate *c, struct err *err)
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

static void sweep(int root)
{
	DIR *d = fdopendir(fcntl(root, F_DUPFD_CLOEXEC, 3));
	struct dirent *de;

	while (d && (de = readdir(d)))
		if (str_starts(de->d_name, GONE))
			remove_dir(root, de->d_name, NULL);
	if (d)
		closedir(d);
}

static void report(const struct plan *p, const struct audit_cleanup_options *o, uint64_t n,
		   uint64_t bytes)
{
	cJSON *v, *list;

	if (!o->json) {
		for (size_t i = 0; i < p->n; i++)
			if (p->v[i].go && o->dry_run)
				printf("%s  %llu KiB\n", p->v[i].id,
				       (unsigned long long)p->v[i].bytes / 1024);
			else if (str_eq(p->v[i].why, "damaged"))
				printf("%s stays: it is damaged (--all removes it too)\n",
				       p->v[i].id);
			else if (p->v[i].undelivered && !p->v[i].go)
				printf("%s stays: its sink does not have it all (nono audit export "
				       "--pending)\n",
				       p->v[i].id);
		printf("%s %llu record(s), %llu KiB\n", o->dry_run ? "would remove" : "removed",
		       (unsigned long long)n, (unsigned long long)bytes / 1024);
		return;
	}
	v = cJSON_CreateObject();
	list = cJSON_AddArrayToObject(v, o->dry_run ? "would_remove" : "removed");
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].go)
			cJSON_AddItemToArray(list, cJSON_CreateString(p->v[i].id));
	cJSON_AddNumberToObject(v, "bytes", (double)bytes);
	list = cJSON_AddArrayToObject(v, "kept");
	for (size_t i = 0; i < p->n; i++) {
		cJSON *k;
		if (p->v[i].go)
			continue;
		k = cJSON_CreateObject();
		cJSON_AddStringToObject(k, "session_id", p->v[i].id);
		cJSON_AddStringToObject(k, "reason", p->v[i].why);
		cJSON_AddItemToArray(list, k);
	}
	command_print(v);
}

int audit_cleanup(const struct audit_cleanup_options *o, struct err *err)
{
	_cleanup_(plan_free) struct plan p = {0};
	_cleanup_free_ char *path = store_root();
	_cleanup_close_ int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t n = 0, bytes = 0;
	int r = 0;

	if (root < 0 && errno != ENOENT)
		return err_errno(err, errno, "can't open %s", path);
	if (root >= 0 && !o->dry_run)
		sweep(root);
	if (make_plan(&p, err) < 0)
		return -1;
	choose(&p, o);
	for (size_t i = p.n; i-- > 0;) {
		struct candidate *c = &p.v[i];
		int kept = 0;
		if (!c->go)
			continue;
		if (!o->dry_run)
			kept = remove_record(root, c, err);
		if (kept < 0) {
			fprintf(stderr, "nono: %s\n", err->msg);
			c->why = "not removed";
			r = 1;
		}
		c->go = kept == 0;
		n += c->go;
		bytes += c->go ? c->bytes : 0;
	}
	report(&p, o, n, bytes);
	return r;
}
