/*
 * Closed files by what they are rather than what they are called. A policy is made of names; what
 * is closed must stay so when somebody gives it another one: another hard link to a closed file, or
 * a closed folder moved (not by the program, which can't, but by its user, while the session runs).
 *
 * Closed folders are held by a descriptor, whose path is asked for now and then. When the first
 * file with several links is opened, the closed folders are listed; only if a file of that number
 * is among what they list, each file in them is looked at. Many systems have links everywhere
 * (package stores, layers of an image), and the log of all sessions is long: it is listed only for
 * what one of its files can be, that is, nothing to execute, the user's own, and, as they are made
 * for nobody else, open to others only outside of where the system has its files.
 */
#include "elevation/engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "elevation/view.h"

#define HELD_MAX   256
#define LINKED_MAX 1024
#define SCAN_MAX   4096 /* files looked at */
#define SCAN_DEPTH 3
#define LIST_BYTES 32768u
#define LOOK_NS	   1000000000ull
#define EVERYTHING ((unsigned)(NONO_READ | NONO_WRITE | NONO_EXEC))

struct held {
	const struct policy_deny *deny;
	int fd; /* O_PATH */
	struct stat st;
	bool moved;
	char *now; /* where it is, if moved */
};

struct linked { /* a file with several names, one of them closed */
	dev_t dev;
	ino_t ino;
	const struct policy_deny *deny;
};

enum { LISTED_STATE = 0, LISTED_OTHERS, LISTINGS };

struct listing { /* what closed folders list, sorted once they are */
	ino_t numbers[SCAN_MAX];
	size_t n;
	bool done;
	bool complete; /* else every file must be looked at */
};

struct closed {
	const struct policy *policy;
	char *state; /* where nono keeps its files */
	pthread_mutex_t lock;
	struct held held[HELD_MAX];
	size_t n_held;
	struct linked linked[LINKED_MAX];
	size_t n_linked;
	struct listing listings[LISTINGS];
	bool scanned;
	uint64_t next_ns; /* atomic: when the paths of the held ones are looked at again */
	unsigned n_moved; /* atomic */
};

struct closed *closed_new(const struct policy *p)
{
	struct closed *t = xcalloc(1, sizeof(*t));
	_cleanup_free_ char *state = dir_state();

	t->policy = p;
	t->state = realpath(state, NULL);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void closed_free(struct closed *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_held; i++) {
		close(t->held[i].fd);
		free(t->held[i].now);
	}
	pthread_mutex_destroy(&t->lock);
	free(t->state);
	free(t);
}

/* Another rule may open just this path. */
static bool is_closed(const struct policy *p, const char *path, unsigned access)
{
	struct policy_verdict v;

	policy_check(p, path, access & NONO_READ ? NONO_READ : NONO_WRITE, false, &v);
	return !v.allowed;
}

void closed_fill(struct closed *t)
{
	const struct policy *p = t->policy;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < p->n_denies && t->n_held < HELD_MAX; i++) {
		const struct policy_deny *d = &p->denies[i];
		struct held *h = &t->held[t->n_held];

		/* What comes later has no name in other places that were granted before. */
		if (d->absent || !(d->access & (NONO_READ | NONO_WRITE)) ||
		    !is_closed(p, d->path, d->access))
			continue;
		h->fd = open(d->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (h->fd < 0)
			continue;
		if (fstat(h->fd, &h->st) < 0) {
			close(h->fd);
			continue;
		}
		h->deny = d;
		t->n_held++;
	}
	pthread_mutex_unlock(&t->lock);
}

/* ---- what closed folders list
 * -------------------------------------------------------------------- */

static bool is_on(int fd, const uint32_t *types, size_t n)
{
	struct statfs f;

	if (fstatfs(fd, &f) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((uint32_t)f.f_type == types[i])
			return true;
	return false;
}

/* Where a folder lists the numbers that stat tells as well (an overlay may not). */
static bool lists_numbers(int fd)
{
	static const uint32_t known[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
					 F2FS_SUPER_MAGIC, TMPFS_MAGIC};

	return is_on(fd, known, ARRAY_LEN(known));
}

/* The kernel's own: what is in them never has a second name. */
static bool has_no_links(int fd)
{
	static const uint32_t known[] = {CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC,
					 SYSFS_MAGIC};

	return is_on(fd, known, ARRAY_LEN(known));
}

static bool list(struct listing *t, int dirfd, const char *name, dev_t dev, unsigned depth);

/* False if it can't be told from this entry what it is. */
static bool list_entry(struct listing *t, int fd, const struct dirent64 *de, dev_t dev,
		       unsigned depth)
{
	if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
		return true;
	if (t->n == SCAN_MAX || de->d_type == DT_UNKNOWN)
		return false;
	t->numbers[t->n++] = de->d_ino;
	return de->d_type != DT_DIR || !depth || list(t, fd, de->d_name, dev, depth - 1);
}

/* One folder. False: too much, or on another file system than where it began. */
static bool list(struct listing *t, int dirfd, const char *name, dev_t dev, unsigned depth)
{
	_cleanup_close_ int fd =
	    openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *entries = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd < 0) /* nor could a scan look into it */
		return true;
	if (fstat(fd, &st) < 0)
		return false;
	if (st.st_dev != dev)
		return has_no_links(fd);
	entries = malloc(LIST_BYTES);
	while (entries && (n = getdents64(fd, entries, LIST_BYTES)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *de = (const struct dirent64 *)(entries + at);

			if (!list_entry(t, fd, de, dev, depth))
				return false;
			at += de->d_reclen;
		}
	return n == 0;
}

static int compare_numbers(const void *a, const void *b)
{
	const ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return x < y ? -1 : x > y;
}

static void list_all(struct closed *t, unsigned which)
{
	struct listing *l = &t->listings[which];

	l->done = l->complete = true;
	for (size_t i = 0; i < t->n_held && l->complete; i++) {
		const struct held *h = &t->held[i];
		const bool state = h->deny->own && str_eq(h->deny->path, t->state);

		if (S_ISDIR(h->st.st_mode) && state == (which == LISTED_STATE) &&
		    !has_no_links(h->fd))
			l->complete =
			    lists_numbers(h->fd) && list(l, h->fd, ".", h->st.st_dev, SCAN_DEPTH);
	}
	qsort(l->numbers, l->n, sizeof(*l->numbers), compare_numbers);
}

static bool like_state(const char *path, const struct stat *st)
{
	if ((st->st_mode & 0111) || st->st_uid != geteuid())
		return false;
	return !(st->st_mode & 077) || !(path_under("/usr", path) || path_under("/etc", path));
}

/* May it be in one of the folders? */
static bool may_be_listed(struct closed *t, unsigned which, const char *path, const struct stat *st)
{
	struct listing *l = &t->listings[which];

	if (which == LISTED_STATE && !like_state(path, st))
		return false;
	if (!l->done)
		list_all(t, which);
	return !l->complete ||
	       bsearch(&st->st_ino, l->numbers, l->n, sizeof(*l->numbers), compare_numbers);
}

/* ---- links into closed folders
 * ------------------------------------------------------------------- */

static void scan(struct closed *t, const struct policy_deny *deny, int dirfd, const char *path,
		 unsigned depth, unsigned *left)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 || has_no_links(fd) ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && *left && t->n_linked < LINKED_MAX && (de = readdir(dir))) {
		char name[POLICY_PATH_MAX];
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    path_join(name, sizeof(name), path, de->d_name) < 0)
			continue;
		--*left;
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth) {
			_cleanup_close_ int sub =
			    openat(fd, de->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (sub >= 0)
				scan(t, deny, sub, name, depth - 1, left);
		} else if (S_ISREG(st.st_mode) && st.st_nlink > 1 &&
			   is_closed(t->policy, name, deny->access)) {
			t->linked[t->n_linked++] = (struct linked){st.st_dev, st.st_ino, deny};
		}
	}
	if (dir)
		closedir(dir);
}

static void scan_all(struct closed *t)
{
	unsigned left = SCAN_MAX;

	t->scanned = true;
	for (size_t i = 0; i < t->n_held; i++) {
		const struct held *h = &t->held[i];

		if (S_ISDIR(h->st.st_mode))
			scan(t, h->deny, h->fd, h->deny->path, SCAN_DEPTH, &left);
	}
}

static const struct policy_deny *find_linked(struct closed *t, const char *path,
					     const struct stat *st)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (t->held[i].st.st_ino == st->st_ino && t->held[i].st.st_dev == st->st_dev)
			return t->held[i].deny;
	if (!may_be_listed(t, LISTED_OTHERS, path, st) && !may_be_listed(t, LISTED_STATE, path, st))
		return NULL;
	if (!t->scanned)
		scan_all(t);
	for (size_t i = 0; i < t->n_linked; i++)
		if (t->linked[i].ino == st->st_ino && t->linked[i].dev == st->st_dev)
			return t->linked[i].deny;
	return NULL;
}

/* ---- moved folders
 * --------------------------------------------------------------------------------- */

static void look_at_paths(struct closed *t, uint64_t now_ns)
{
	char path[POLICY_PATH_MAX];
	unsigned moved = 0;

	for (size_t i = 0; i < t->n_held; i++) {
		struct held *h = &t->held[i];

		h->moved =
		    view_fd_path(h->fd, path, sizeof(path)) == 0 && !str_eq(path, h->deny->path);
		if (!h->moved)
			continue;
		moved++;
		if (!str_eq(h->now, path)) {
			free(h->now);
			h->now = strdup(path);
		}
	}
	__atomic_store_n(&t->n_moved, moved, __ATOMIC_RELAXED);
	__atomic_store_n(&t->next_ns, now_ns + LOOK_NS, __ATOMIC_RELAXED);
}

static const struct policy_deny *find_moved(const struct closed *t, const char *path,
					    unsigned access)
{
	for (size_t i = 0; i < t->n_held; i++) {
		const struct held *h = &t->held[i];

		if (h->moved && h->now && (h->deny->access & access) && path_under(h->now, path))
			return h->deny;
	}
	return NULL;
}

static bool say(const struct policy_deny *d, unsigned access, struct policy_verdict *v)
{
	if (!d || !(d->access & access & EVERYTHING))
		return false;
	*v = (struct policy_verdict){
	    .reason = d->own ? POLICY_OWN_STATE : POLICY_SENSITIVE_PATH,
	    .route = POLICY_BROKER,
	    .grantable = !d->own && !d->quiet,
	    .source = d->source,
	    .rule = d->path,
	};
	return true;
}

bool closed_match(struct closed *t, const char *path, const struct stat *st, unsigned access,
		  uint64_t now_ns, struct policy_verdict *v)
{
	const bool linked = S_ISREG(st->st_mode) && st->st_nlink > 1;
	const bool look = now_ns >= __atomic_load_n(&t->next_ns, __ATOMIC_RELAXED);
	const struct policy_deny *d = NULL;

	if (!linked && !look && !__atomic_load_n(&t->n_moved, __ATOMIC_RELAXED))
		return false;
	pthread_mutex_lock(&t->lock);
	if (look)
		look_at_paths(t, now_ns);
	if (linked)
		d = find_linked(t, path, st);
	if (!d && t->n_moved)
		d = find_moved(t, path, access);
	pthread_mutex_unlock(&t->lock);
	return say(d, access, v);
}
