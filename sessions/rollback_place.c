/* Places of snapshots: claimed, opened again, given up. */
#include "sessions/rollback_place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/remark.h"

#define ID_FILE "nono-store"

/* ---- what is there --------------------------------------------------------------------------- */

/* The user's own and nobody else's. */
static int check_owner(int fd, const char *path, struct stat *st, struct err *err)
{
	if (fstat(fd, st) < 0)
		return err_errno(err, errno, "%s", path);
	if (st->st_uid != geteuid())
		return err_set(err,
			       "%s belongs to user %u, not to you: snapshots are not kept there",
			       path, (unsigned)st->st_uid);
	return 0;
}

/* As dir_private() does: without a supervisor a program may change modes. */
static int close_to_others(int fd, const char *path, const struct stat *st, struct err *err)
{
	if (!(st->st_mode & 077))
		return 0;
	if (fchmod(fd, 0700) < 0)
		return err_errno(err, errno, "can't close %s to other users", path);
	remark("nono: %s was open to other users (mode %03o): closed now; what they read or put "
	       "there before stays",
	       path, (unsigned)st->st_mode & 0777);
	return 0;
}

/* "" if there is none. */
static int read_id(int fd, const char *path, char id[POLICY_STORE_ID_LEN + 1], struct err *err)
{
	char text[POLICY_STORE_ID_LEN + 2] = "";
	_cleanup_close_ int file =
	    openat(fd, ID_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n;

	id[0] = '\0';
	if (file < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "%s/" ID_FILE, path);
	n = read_full(file, text, sizeof(text));
	if (n != POLICY_STORE_ID_LEN + 1 || text[POLICY_STORE_ID_LEN] != '\n' ||
	    strspn(text, "0123456789abcdef") != POLICY_STORE_ID_LEN)
		return err_set(err, "%s/" ID_FILE " is damaged", path);
	memcpy(id, text, POLICY_STORE_ID_LEN);
	id[POLICY_STORE_ID_LEN] = '\0';
	return 0;
}

int place_open(const char *path, const char *id, struct err *err)
{
	_cleanup_close_ int fd = snap_dir(path);
	char there[POLICY_STORE_ID_LEN + 1];
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return err_set(err, "the snapshots in %s: a link is in the way: not followed",
			       path);
	if (fd < 0)
		return err_errno(err, errno, "the snapshots in %s are not there", path);
	if (check_owner(fd, path, &st, err) < 0 || read_id(fd, path, there, err) < 0)
		return -1;
	if (!there[0])
		return err_errno(err, ENOENT, "the snapshots in %s are not there", path);
	if (!str_eq(there, id))
		return err_set(err, "%s holds other snapshots than those that were put there",
			       path);
	if (close_to_others(fd, path, &st, err) < 0)
		return -1;
	return STEAL_FD(fd);
}

/* ---- a new one ------------------------------------------------------------------------------- */

/* But for the id. */
static bool is_empty(int fd)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	bool empty = d != NULL;
	struct dirent *de;

	if (!d && own >= 0)
		close(own);
	while (empty && (de = readdir(d)))
		empty = str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
			str_eq(de->d_name, ID_FILE);
	if (d)
		closedir(d);
	return empty;
}

/* Where dest is, or would be: links on the way followed, but not a last one. */
static char *canonical(const char *dest, struct err *err)
{
	char cwd[PATH_MAX], joined[2 * PATH_MAX], clean[PATH_MAX];
	_cleanup_free_ char *top = NULL, *real = NULL;
	size_t n;

	if (!*dest) {
		err_usage(err, "--rollback-dest: a path is needed");
		return NULL;
	}
	if (path_join(joined, sizeof(joined), getcwd(cwd, sizeof(cwd)) ? cwd : "/", dest) < 0 ||
	    path_clean(clean, sizeof(clean), joined) < 0 || strchr(clean, '\n')) {
		err_usage(err, "--rollback-dest: that is not a path that can be used");
		return NULL;
	}
	for (n = strlen(clean); n > 1 && clean[n - 1] != '/';)
		n--;
	while (!real) {
		free(top);
		while (n > 1 && clean[n - 1] == '/')
			n--;
		top = xstrndup(clean, n);
		real = realpath(top, NULL);
		if (!real && (errno != ENOENT || n <= 1)) {
			err_errno(err, errno, "--rollback-dest: %s", top);
			return NULL;
		}
		while (!real && n > 1 && clean[n - 1] != '/')
			n--;
	}
	return xasprintf("%s%s%s", str_eq(real, "/") ? "" : real, clean[n] == '/' ? "" : "/",
			 clean + n);
}

static int check_own(const char *path, struct err *err)
{
	char *own[] = {dir_state(), dir_config(), dir_runtime()};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		_cleanup_free_ char *real = realpath(own[i], NULL);
		const char *o = real ? real : own[i];

		if (rc == 0 && (path_under(o, path) || path_under(path, o)))
			rc = err_set(err,
				     "--rollback-dest: %s and nono's own files in %s may not "
				     "lie in each other",
				     path, o);
		free(own[i]);
	}
	return rc;
}

static bool used_by_session(const char *path)
{
	char **ids = rollback_sessions(NULL);
	bool used = false;

	for (char **i = ids; i && *i && !used; i++) {
		struct rollback_record r;

		used = rollback_record_load(*i, &r, NULL) == 0 && str_eq(r.store, path);
		rollback_record_free(&r);
	}
	if (ids)
		strv_free(ids);
	return used;
}

/* What an open directory is: known, with its id; or one that could become a place, id "". */
static int look(int fd, const char *path, char id[POLICY_STORE_ID_LEN + 1], struct stat *st,
		struct err *err)
{
	_cleanup_(policy_stores_free) struct policy_stores list = {.n = 0};
	const struct policy_store *listed;

	if (check_owner(fd, path, st, err) < 0 || read_id(fd, path, id, err) < 0 ||
	    policy_stores_load(&list, err) < 0)
		return -1;
	listed = policy_stores_find(&list, path);
	if (id[0] && !(listed && str_eq(listed->id, id)))
		return err_set(err,
			       "--rollback-dest: what is in %s looks like snapshots, but nobody "
			       "here knows of them: a program may have put them there. Name "
			       "another place, or move it away",
			       path);
	if (!id[0] && !is_empty(fd))
		return err_set(err,
			       "--rollback-dest: %s holds other files: name a directory that is "
			       "empty or not there yet",
			       path);
	if (!id[0] && listed && used_by_session(path))
		return err_set(err,
			       "--rollback-dest: the snapshots that were in %s are not there: is "
			       "it mounted? Name another place, or forget them with nono rollback "
			       "cleanup --all",
			       path);
	return 0;
}

static int open_dest(const char *path, struct err *err)
{
	int fd = snap_dir(path);

	if (fd < 0 && errno == ENOTDIR)
		return err_set(err, "--rollback-dest: %s is not a directory", path);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, "--rollback-dest: %s is a link: name where it leads to", path);
	return fd < 0 ? err_errno(err, errno, "--rollback-dest: %s", path) : fd;
}

static int make_place(int fd, struct rollback_place *p, struct err *err)
{
	char text[POLICY_STORE_ID_LEN + 2];
	_cleanup_close_ int file = -1;

	random_hex(p->id, POLICY_STORE_ID_LEN / 2);
	snprintf(text, sizeof(text), "%s\n", p->id);
	if (fchmod(fd, 0700) < 0)
		return err_errno(err, errno, "--rollback-dest: can't close %s to other users",
				 p->path);
	/* Listed first: what is in the list is closed, what is not is never used. */
	if (policy_stores_add(p->path, p->id, err) < 0)
		return -1;
	p->listed = true;
	file = openat(fd, ID_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file >= 0 && write_full(file, text, strlen(text)) == 0 && fsync(file) == 0 &&
	    fsync(fd) == 0)
		return 0;
	err_errno(err, errno, "--rollback-dest: can't write in %s", p->path);
	if (file >= 0) /* half of one would be in the way when there is room again */
		unlinkat(fd, ID_FILE, 0);
	return -1;
}

static int claim(struct rollback_place *p, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (check_own(p->path, err) < 0)
		return -1;
	if (lstat(p->path, &st) < 0) {
		if (dir_private(p->path, err) < 0)
			return err_prefix(err, "--rollback-dest");
		p->made = true;
	}
	fd = open_dest(p->path, err);
	if (fd < 0)
		return -1;
	/* Others may claim it at the same time. */
	if (flock(fd, LOCK_EX) < 0)
		return err_errno(err, errno, "--rollback-dest: can't lock %s", p->path);
	if (look(fd, p->path, p->id, &st, err) < 0)
		return -1;
	/* Listed before it is asked who reaches it: who starts meanwhile has it closed. */
	if (p->id[0])
		return close_to_others(fd, p->path, &st, err);
	return make_place(fd, p, err) < 0 ? -1 : place_unreached(p->path, err);
}

int rollback_place_claim(const char *dest, struct rollback_place *out, struct err *err)
{
	*out = (struct rollback_place){.path = canonical(dest, err)};
	if (!out->path)
		return -1;
	if (claim(out, err) == 0)
		return 0;
	rollback_place_release(out);
	rollback_place_free(out);
	return -1;
}

int rollback_place_check(const char *dest, struct err *err)
{
	_cleanup_free_ char *path = canonical(dest, err);
	_cleanup_close_ int fd = -1;
	char id[POLICY_STORE_ID_LEN + 1];
	struct stat st;

	if (!path || check_own(path, err) < 0)
		return -1;
	if (lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	fd = open_dest(path, err);
	return fd < 0 ? -1 : look(fd, path, id, &st, err);
}

void rollback_place_release(const struct rollback_place *p)
{
	_cleanup_close_ int fd = p->listed || p->made ? snap_dir(p->path) : -1;
	char id[POLICY_STORE_ID_LEN + 1];

	if (fd < 0 || !is_empty(fd) || used_by_session(p->path))
		return;
	if (p->listed) {
		if (read_id(fd, p->path, id, NULL) == 0 && str_eq(id, p->id))
			unlinkat(fd, ID_FILE, 0);
		policy_stores_remove(p->path, NULL);
	}
	if (p->made)
		rmdir(p->path);
}

void rollback_place_free(struct rollback_place *p)
{
	free(p->path);
	*p = (struct rollback_place){0};
}

void rollback_places_forget(void)
{
	_cleanup_(policy_stores_free) struct policy_stores list = {.n = 0};
	struct stat st;

	if (policy_stores_load(&list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		if (lstat(list.v[i].path, &st) < 0 && errno == ENOENT &&
		    !used_by_session(list.v[i].path))
			policy_stores_remove(list.v[i].path, NULL);
}
