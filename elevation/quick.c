/*
 * The quick look at a path, for the many opens that only read: directories that were walked through
 * a moment ago are known by their name, so one fstatat() tells the rest. Notify thread only.
 *
 * An answer may be old by KEEP_NS when somebody outside of the session moves directories. It
 * decides nothing but whether the kernel is asked to judge, and what the log calls the file.
 */
#include "elevation/view.h"

#include <fcntl.h>

#define DIRS	  128 /* a power of two */
#define NAME_KEEP 480 /* longer ones are walked to every time */
#define KEEP_NS	  50000000ull
#define HOPS	  4 /* links to a neighbour: libx.so -> libx.so.1 */

struct dir {
	uint64_t hash, seen_ns;
	uint32_t generation;
	uint16_t len;
	char name[NAME_KEEP]; /* as written */
	char path[NAME_KEEP]; /* where it is; "" = the root */
};

struct quick_cache {
	uint32_t generation;
	struct dir dirs[DIRS];
	struct place place; /* where a directory is found */
	struct walk walk;
};

struct quick_cache *quick_new(void)
{
	struct quick_cache *q = xcalloc(1, sizeof(*q));

	q->generation = 1;
	place_init(&q->place);
	return q;
}

void quick_free(struct quick_cache *q)
{
	free(q);
}

void quick_forget(struct quick_cache *q)
{
	q->generation++;
}

static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037ull ^ n, word;

	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&word, s, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	for (; n; s++, n--)
		h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return h ^ h >> 29;
}

/* Where the directory called s (n bytes, absolute) is. NULL: not to be known this way. */
static const char *dir_path(struct elevation *e, const struct call *c, const char *s, size_t n)
{
	struct quick_cache *q = e->quick;
	uint64_t hash = hash_of(s, n);
	struct dir *d = &q->dirs[hash & (DIRS - 1)];
	struct walk *w = &q->walk;
	bool usable;

	if (n >= NAME_KEEP)
		return NULL;
	if (d->hash == hash && d->generation == q->generation && d->len == n &&
	    c->received_ns - d->seen_ns < KEEP_NS && memcmp(d->name, s, n) == 0)
		return d->path;
	w->e = e;
	w->c = c;
	w->out = &q->place;
	w->follow = true;
	memcpy(w->rest, s, n);
	memcpy(w->rest + n, "/", 2);
	view_walk(w, AT_FDCWD, false);
	usable = !q->place.err && q->place.fd >= 0 && S_ISDIR(q->place.st.st_mode) &&
		 !w->through_proc && !path_under("/proc", q->place.path) &&
		 strlen(q->place.path) < sizeof(d->path);
	place_close(&q->place);
	if (!usable)
		return NULL;
	d->hash = hash;
	d->generation = q->generation;
	d->seen_ns = c->received_ns;
	d->len = (uint16_t)n;
	memcpy(d->name, s, n);
	str_copy(d->path, sizeof(d->path), q->place.path[1] ? q->place.path : "");
	return d->path;
}

/* "fd/N", many thousand times a second: without printf. */
static void fd_name(char out[24], int fd)
{
	char digits[12];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + fd % 10);
	while (fd /= 10);
	memcpy(out, "fd/", 3);
	for (out += 3; n; out++)
		*out = digits[--n];
	*out = '\0';
}

/* What the program wrote, made absolute. Length, 0: the long way. */
static size_t make_absolute(const struct call *c, const struct proc *p, int dirfd, char *out,
			    size_t size)
{
	char name[24] = "cwd";
	const char *asked = c->a.asked;
	size_t n = strlen(asked);
	ssize_t base;

	if (!n || n >= size)
		return 0;
	if (asked[0] == '/') {
		memcpy(out, asked, n + 1);
		return n;
	}
	if (dirfd != AT_FDCWD && dirfd < 0)
		return 0;
	if (dirfd >= 0)
		fd_name(name, dirfd);
	base = readlinkat(p->dir, name, out, size - 1);
	if (base <= 0 || out[0] != '/' || (size_t)base + 1 + n >= size)
		return 0;
	out[base++] = '/';
	memcpy(out + base, asked, n + 1);
	return (size_t)base + n;
}

bool quick_find(struct elevation *e, const struct call *c, const struct proc *p, int dirfd,
		bool follow, struct quick *out)
{
	char text[POLICY_PATH_MAX], *name;
	size_t n = make_absolute(c, p, dirfd, text, sizeof(text)), len, dir_len;
	int root = view_root(e, c->tid);
	const char *dir;

	if (!n || root < 0)
		return false;
	name = strrchr(text, '/') + 1;
	len = n - (size_t)(name - text);
	if (!len || len > NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	dir = dir_path(e, c, text, (size_t)(name - text));
	if (!dir)
		return false;
	dir_len = strlen(dir);
	memcpy(out->path, dir, dir_len);
	out->path[dir_len++] = '/';
	memcpy(out->path + dir_len, name, len + 1);
	for (int hops = 0; hops < HOPS; hops++) {
		char link[NAME_MAX + 2];
		ssize_t l;

		out->exists = fstatat(root, out->path + 1, &out->st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!out->exists)
			return errno == ENOENT;
		if (!S_ISLNK(out->st.st_mode) || !follow)
			return true;
		l = readlinkat(root, out->path + 1, link, sizeof(link) - 1);
		if (l <= 0 || l > NAME_MAX || memchr(link, '/', (size_t)l) || link[0] == '.')
			return false;
		link[l] = '\0';
		memcpy(out->path + dir_len, link, (size_t)l + 1);
	}
	return false;
}
