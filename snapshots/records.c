/* Where records lie: saving, loading, listing. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "snapshots/record.h"

bool snap_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 128 || name[0] == '.')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
	       n;
}

/* The directory that holds them, or -1 (ENOENT in err->code if there is none). */
static int open_records(struct snap_store *s, const char *session, bool make, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (session && !snap_name_ok(session))
		return err_usage(err, "%s is no session id", session);
	if (!session) {
		fd = openat(s->named_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd >= 0 ? fd : err_errno(err, errno, "can't open the named snapshots");
	}
	path = xasprintf("%s/rollbacks/%s/snapshots", s->state, session);
	if (make && dir_private(path, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "the session %s has no snapshots", session);
	return fd;
}

static int file_name(char out[160], const char *session, unsigned number, const char *name,
		     struct err *err)
{
	if (session)
		snprintf(out, 160, "%03u.json", number);
	else if (name && snap_name_ok(name))
		snprintf(out, 160, "%s.json", name);
	else
		return err_usage(
		    err, "a snapshot's name is letters, digits, '-', '_' and '.', at most 128");
	return 0;
}

static int load_file(int dir, const char *file, struct snap_record *out, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "can't read the snapshot %s", file);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)RECORD_MAX)
		return err_set(err, "the record of the snapshot is malformed");
	text = xcalloc(1, (size_t)st.st_size + 1);
	if (read_full(fd, text, (size_t)st.st_size) != (ssize_t)st.st_size)
		return err_errno(err, errno, "can't read the snapshot %s", file);
	return record_parse(text, (size_t)st.st_size, out, err);
}

int snap_record_load(struct snap_store *s, const char *session, unsigned number, const char *name,
		     struct snap_record *out, struct err *err)
{
	_cleanup_close_ int dir = open_records(s, session, false, err);
	char file[160];

	memset(out, 0, sizeof(*out));
	if (dir < 0 || file_name(file, session, number, name, err) < 0)
		return -1;
	if (!session && faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return err_set(err, "there is no snapshot named %s", name);
	if (load_file(dir, file, out, err) < 0)
		return err_prefix(err, "%s", session ? session : name);
	return 0;
}

int snap_record_delete(struct snap_store *s, const char *session, unsigned number, const char *name,
		       struct err *err)
{
	_cleanup_close_ int dir = open_records(s, session, false, err);
	char file[160];

	if (dir < 0 || file_name(file, session, number, name, err) < 0)
		return -1;
	if (disk_unlink(s->faults, dir, file) < 0)
		return err_errno(err, errno, "can't remove the snapshot %s", file);
	return fsync(dir) < 0 ? err_errno(err, errno, "can't remove the snapshot %s", file) : 0;
}

/* The number in "012.json", -1 if it is none. */
static long number_of(const char *file)
{
	_cleanup_free_ char *digits = NULL;
	long v;

	if (!str_ends(file, ".json"))
		return -1;
	digits = xstrndup(file, strlen(file) - 5);
	return str_to_long(digits, 0, 999999999, &v) == 0 ? v : -1;
}

static int by_number(const void *a, const void *b)
{
	const struct snap_record *x = a, *y = b;

	if (x->name && y->name)
		return strcmp(x->name, y->name);
	return x->number < y->number ? -1 : x->number > y->number;
}

int snap_record_list(struct snap_store *s, const char *session, struct snap_record **out,
		     size_t *count, struct buf *bad, struct err *err)
{
	int fd = open_records(s, session, false, err);
	struct dirent *de;
	DIR *d;

	*out = NULL;
	*count = 0;
	if (fd < 0)
		return err && err->code == ENOENT ? 0 : -1;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_errno(err, errno, "can't list snapshots");
	}
	while ((de = readdir(d))) {
		struct err why;
		struct snap_record r;

		if (!str_ends(de->d_name, ".json") || (session && number_of(de->d_name) < 0))
			continue;
		if (load_file(dirfd(d), de->d_name, &r, &why) < 0) {
			if (bad && why.code != ENOENT)
				buf_addf(bad, "%s%s%s: %s\n", session ? session : "",
					 session ? "/" : "", de->d_name, why.msg);
			snap_record_free(&r);
			continue;
		}
		*out = xrealloc_array(*out, *count + 1, sizeof(**out));
		(*out)[(*count)++] = r;
	}
	closedir(d);
	if (*count)
		qsort(*out, *count, sizeof(**out), by_number);
	return 0;
}

void snap_record_list_free(struct snap_record *v, size_t count)
{
	for (size_t i = 0; i < count; i++)
		snap_record_free(&v[i]);
	free(v);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **snap_record_sessions(struct snap_store *s, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/rollbacks", s->state);
	char **v = xcalloc(1, sizeof(*v));
	struct dirent *de;
	size_t n = 0;
	DIR *d = opendir(path);

	if (!d && errno != ENOENT) {
		err_errno(err, errno, "can't list %s", path);
		free(v);
		return NULL;
	}
	while (d && (de = readdir(d))) {
		_cleanup_free_ char *below = xasprintf("%s/snapshots", de->d_name);
		struct stat st;

		if (!snap_name_ok(de->d_name) ||
		    fstatat(dirfd(d), below, &st, AT_SYMLINK_NOFOLLOW) < 0)
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

int snap_session_remove(struct snap_store *s, const char *session, struct err *err)
{
	_cleanup_free_ char *dir = xasprintf("%s/rollbacks/%s", s->state, session);
	_cleanup_free_ char *records = xasprintf("%s/snapshots", dir);

	if (!snap_name_ok(session))
		return err_usage(err, "%s is no session id", session);
	if (rmdir(records) < 0 && errno != ENOENT)
		return err_errno(err, errno, "can't remove the snapshots of %s", session);
	if (rmdir(dir) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return err_errno(err, errno, "can't remove what was kept of %s", session);
	return 0;
}

uint64_t snap_session_bytes(struct snap_store *s, const char *session)
{
	int fd = open_records(s, session, false, NULL);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;

	if (!d && fd >= 0)
		close(fd);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
			sum += (uint64_t)st.st_size;
	if (d)
		closedir(d);
	return sum;
}

static int last_number(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	long last = -1;

	if (!d && fd >= 0)
		close(fd);
	while (d && (de = readdir(d)))
		if (number_of(de->d_name) > last)
			last = number_of(de->d_name);
	if (d)
		closedir(d);
	return (int)last;
}

int record_save(struct snap_store *s, const char *session, struct snap_record *r, struct err *err)
{
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_close_ int dir = open_records(s, session, true, err);
	char file[160];

	if (dir < 0)
		return -1;
	/* Whoever else saves here takes another number. */
	if (flock(dir, LOCK_EX) < 0)
		return err_errno(err, errno, "can't lock the snapshots");
	if (session) {
		r->parent = last_number(dir);
		r->number = (unsigned)(r->parent + 1);
	}
	if (file_name(file, session, r->number, r->name, err) < 0)
		return -1;
	if (!session && faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		err_set(err,
			"there is a snapshot named %s already: take another name, or delete that "
			"one first",
			r->name);
		if (err)
			err->code = EEXIST;
		return -1;
	}
	record_format(&text, r);
	if (disk_write_file(s->faults, dir, file, text.data, text.len) < 0)
		return err_errno(err, errno, "can't write the snapshot's record");
	return 0;
}
