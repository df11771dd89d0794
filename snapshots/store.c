/* The store's directories, lock and list of packs. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "snapshots/place.h"
#include "snapshots/store.h"

static int open_dir(int at, const char *name, struct err *err)
{
	int fd;

	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "can't make the directory %s of the snapshots", name);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "can't open the directory %s of the snapshots", name);
	return fd;
}

static int open_dirs(struct snap_store *s, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/snapshots", s->state);

	if (dir_private(path, err) < 0)
		return -1;
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0)
		return err_errno(err, errno, "can't open %s", path);
	if ((s->packs_dir = open_dir(s->dir, "packs", err)) < 0 ||
	    (s->cache_dir = open_dir(s->dir, "cache", err)) < 0 ||
	    (s->named_dir = open_dir(s->dir, "named", err)) < 0)
		return -1;
	return 0;
}

/* state and top: taken over. */
static int open_store(struct snap_store **out, char *state, int top, struct err *err)
{
	struct snap_store *s = xcalloc(1, sizeof(*s));

	*out = NULL;
	s->state = state;
	s->top = top;
	s->dir = s->packs_dir = s->cache_dir = s->named_dir = -1;
	if (open_dirs(s, err) < 0 || store_refresh(s, NULL, err) < 0) {
		snap_close(s);
		return -1;
	}
	s->reader = reader_new(s);
	*out = s;
	return 0;
}

int snap_open(struct snap_store **out, const char *state, struct err *err)
{
	return open_store(out, xstrdup(state), -1, err);
}

int snap_open_dir(struct snap_store **out, int dir, struct err *err)
{
	return open_store(out, xasprintf("/proc/self/fd/%d", dir), dir, err);
}

int snap_dir(const char *path)
{
	return place_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
}

void snap_set_apart(struct snap_store *s, const char *const *dirs)
{
	struct stat st;

	s->apart_count = 0;
	/* Its own directory, whatever it is called by now. */
	if (s->top >= 0 && fstat(s->top, &st) == 0)
		s->apart[s->apart_count++] = (struct apart){st.st_dev, st.st_ino};
	for (; dirs && *dirs && s->apart_count < ARRAY_LEN(s->apart); dirs++)
		if (lstat(*dirs, &st) == 0 && S_ISDIR(st.st_mode))
			s->apart[s->apart_count++] = (struct apart){st.st_dev, st.st_ino};
}

bool store_apart(const struct snap_store *s, const struct stat *st)
{
	for (size_t i = 0; i < s->apart_count; i++)
		if (s->apart[i].ino == st->st_ino && s->apart[i].dev == st->st_dev)
			return true;
	return false;
}

void snap_close(struct snap_store *s)
{
	if (!s)
		return;
	reader_free(s->reader);
	for (size_t i = 0; i < s->pack_count; i++)
		pack_close(s->packs[i]);
	free(s->packs);
	for (size_t i = 0; i < s->overlay_count; i++)
		free(s->overlay[i].p);
	free(s->overlay);
	cleanup_close(&s->named_dir);
	cleanup_close(&s->cache_dir);
	cleanup_close(&s->packs_dir);
	cleanup_close(&s->dir);
	cleanup_close(&s->top);
	free(s->state);
	free(s);
}

int store_lock(struct snap_store *s, enum store_lock how, bool (*cancel)(void *), void *arg,
	       struct err *err)
{
	int op = how == STORE_ALONE ? LOCK_EX : LOCK_SH;
	_cleanup_close_ int fd =
	    openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == EROFS && how == STORE_SHARED) /* who only reads may */
		fd = openat(s->dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, errno, "can't open the lock of the snapshots");
	while (flock(fd, op | LOCK_NB) < 0) {
		struct timespec pause = {.tv_nsec = 20000000};

		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_errno(err, errno, "can't lock the snapshots");
		if (cancel && cancel(arg))
			return err_errno(err, ECANCELED, "waiting for the lock of the snapshots");
		nanosleep(&pause, NULL);
	}
	return STEAL_FD(fd);
}

int store_trylock(struct snap_store *s)
{
	_cleanup_close_ int fd =
	    openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? STEAL_FD(fd) : -1;
}

static struct pack *known(struct snap_store *s, const char *name)
{
	for (size_t i = 0; i < s->pack_count; i++)
		if (s->packs[i] && str_eq(s->packs[i]->name, name))
			return STEAL_PTR(s->packs[i]);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	const struct pack *p = *(struct pack *const *)a, *q = *(struct pack *const *)b;

	/* Searched from the end: the large ones first. */
	return p->count < q->count ? -1 : p->count > q->count;
}

int store_refresh(struct snap_store *s, struct buf *bad, struct err *err)
{
	int fd = openat(s->packs_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct pack **packs = NULL;
	size_t count = 0;
	struct dirent *de;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return err_errno(err, errno, "can't list the packs of the snapshots");
	}
	while ((de = readdir(d))) {
		struct err why = {0};
		struct pack *p;

		if (!str_ends(de->d_name, ".pack") || strlen(de->d_name) != 21)
			continue;
		p = known(s, de->d_name);
		if (!p)
			p = pack_open(s->packs_dir, de->d_name, &why);
		if (!p) {
			if (bad && why.code != ENOENT)
				buf_addf(bad, "%s\n", why.msg);
			continue;
		}
		packs = xrealloc_array(packs, count + 1, sizeof(*packs));
		packs[count++] = p;
	}
	closedir(d);
	for (size_t i = 0; i < s->pack_count; i++)
		pack_close(s->packs[i]);
	free(s->packs);
	s->packs = packs;
	s->pack_count = count;
	if (count)
		qsort(packs, count, sizeof(*packs), by_size);
	/* Blocks that a reader keeps are named by their pack. */
	if (s->reader)
		reader_forget(s->reader);
	return 0;
}

uint64_t snap_store_bytes(struct snap_store *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->pack_count; i++)
		n += s->packs[i]->size;
	return n;
}

void snap_set_quota(struct snap_store *s, uint64_t bytes)
{
	s->quota = bytes;
}

uint64_t store_generation(struct snap_store *s)
{
	_cleanup_close_ int fd = openat(s->dir, "generation", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint64_t v;

	return fd >= 0 && read_full(fd, &v, sizeof(v)) == (ssize_t)sizeof(v) ? v : 0;
}

int store_raise_generation(struct snap_store *s, struct err *err)
{
	uint64_t v = store_generation(s) + 1;

	if (disk_write_file(s->faults, s->dir, "generation", &v, sizeof(v)) < 0)
		return err_errno(err, errno, "can't write the store's generation");
	return 0;
}

const struct pack_entry *store_find(struct snap_store *s, const struct snap_hash *h,
				    struct pack **pack)
{
	for (size_t i = s->pack_count; i-- > 0;) {
		const struct pack_entry *e = pack_find(s->packs[i], h);
		if (!e)
			continue;
		if (pack)
			*pack = s->packs[i];
		return e;
	}
	return NULL;
}
