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
	uint8_t given;	      /* what the kernel's rules give below it */
	uint16_t gone;	      /* 0: it exists; else the bytes of path up to what is missing */
	char name[NAME_KEEP]; /* as written */
	char path[NAME_KEEP]; /* where it is, or would be; "" = the root */
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

/* The walk ended because something is not there. Puts in out where it is looked for and returns how
 * much of that is the missing thing's own path; 0: nothing that can be kept. */
static size_t missing_path(const struct walk *w, char *out, size_t size)
{
	const char *rest = w->rest + strspn(w->rest, "/");
	size_t n = strlen(rest), base = strlen(w->base), at;
	struct stat st;

	while (n && rest[n - 1] == '/')
		n--;
	/* What follows a missing folder leads nowhere, not even back. */
	if (!n || base + 1 + n >= size || rest[0] == '.' || memmem(rest, n, "/.", 2) ||
	    memmem(rest, n, "//", 2))
		return 0;
	memcpy(out, w->base, base);
	out[base] = '/';
	memcpy(out + base + 1, rest, n);
	n += base + 1;
	out[n] = '\0';
	for (at = base + 1; at < n; at++) {
		at += strcspn(out + at, "/");
		out[at] = '\0';
		if (fstatat(w->root, out + 1, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			bool none = errno == ENOENT;

			out[at] = at < n ? '/' : '\0';
			return none ? at : 0;
		}
		if (!S_ISDIR(st.st_mode))
			return 0;
		out[at] = at < n ? '/' : '\0';
	}
	return 0;
}

static bool walk_to(struct elevation *e, const struct call *c, const char *s, size_t n,
		    struct dir *d)
{
	struct quick_cache *q = e->quick;
	struct walk *w = &q->walk;
	bool usable;

	w->e = e;
	w->c = c;
	w->out = &q->place;
	w->follow = true;
	memcpy(w->rest, s, n);
	memcpy(w->rest + n, "/", 2);
	view_walk(w, AT_FDCWD, false);
	if (w->through_proc)
		usable = false;
	else if (q->place.err == ENOENT || (!q->place.err && q->place.fd < 0))
		usable = (d->gone = (uint16_t)missing_path(w, d->path, sizeof(d->path))) != 0;
	else
		usable = !q->place.err && S_ISDIR(q->place.st.st_mode) &&
			 str_copy(d->path, sizeof(d->path), q->place.path[1] ? q->place.path : "");
	place_close(&q->place);
	return usable && !path_under("/proc", d->path);
}

/* The directory called s (n bytes, absolute). NULL: not to be known this way. */
static struct dir *find_dir(struct elevation *e, const struct call *c, const char *s, size_t n)
{
	struct quick_cache *q = e->quick;
	uint64_t hash = hash_of(s, n);
	struct dir *d = &q->dirs[hash & (DIRS - 1)];

	if (n >= NAME_KEEP)
		return NULL;
	if (d->hash == hash && d->generation == q->generation && d->len == n &&
	    c->received_ns - d->seen_ns < KEEP_NS && memcmp(d->name, s, n) == 0)
		return d;
	d->generation = 0; /* of nobody, until all of it is known */
	d->gone = 0;
	if (!walk_to(e, c, s, n, d))
		return NULL;
	d->given = (uint8_t)rules_of_folder(e, c->tid, d->path, c->received_ns);
	d->hash = hash;
	d->generation = q->generation;
	d->seen_ns = c->received_ns;
	d->len = (uint16_t)n;
	memcpy(d->name, s, n);
	return d;
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

/* Slashes at the end, and ".": they say that it has to be a directory. */
static size_t trim(char *text, size_t n, bool *dir_only)
{
	*dir_only = false;
	while (n > 1 && (text[n - 1] == '/' || (text[n - 1] == '.' && text[n - 2] == '/'))) {
		*dir_only = true;
		n--;
	}
	text[n] = '\0';
	return n;
}

static bool exists(int root, struct quick *out)
{
	return fstatat(root, out->path + 1, &out->st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* In a directory that was missing a moment ago. */
static bool still_missing(int root, struct dir *d, struct quick *out)
{
	const char next = out->path[d->gone];

	out->path[d->gone] = '\0';
	out->exists = exists(root, out);
	out->path[d->gone] = next;
	if (!out->exists && errno == ENOENT)
		return true;
	d->generation = 0;
	return false;
}

/* The last component, and links from it to neighbours. */
static bool look(int root, bool follow, bool dir_only, size_t dir_len, struct quick *out)
{
	for (int hops = 0; hops < HOPS; hops++) {
		char link[NAME_MAX + 2];
		ssize_t l;

		out->exists = exists(root, out);
		if (!out->exists)
			return errno == ENOENT && !dir_only;
		if (!S_ISLNK(out->st.st_mode) || !(follow || dir_only))
			return !dir_only || S_ISDIR(out->st.st_mode);
		l = readlinkat(root, out->path + 1, link, sizeof(link) - 1);
		if (l <= 0 || l > NAME_MAX || memchr(link, '/', (size_t)l) || link[0] == '.')
			return false;
		link[l] = '\0';
		memcpy(out->path + dir_len, link, (size_t)l + 1);
	}
	return false;
}

bool quick_find(struct elevation *e, const struct call *c, const struct proc *p, int dirfd,
		bool follow, struct quick *out)
{
	char text[POLICY_PATH_MAX], *name;
	size_t n = make_absolute(c, p, dirfd, text, sizeof(text)), len, dir_len;
	int root = view_root(e, c->tid);
	struct dir *dir;
	bool dir_only;

	if (!n || root < 0)
		return false;
	n = trim(text, n, &dir_only);
	name = strrchr(text, '/') + 1;
	len = n - (size_t)(name - text);
	if (!len || len > NAME_MAX || strcmp(name, "..") == 0)
		return false;
	dir = find_dir(e, c, text, (size_t)(name - text));
	if (!dir)
		return false;
	out->given = dir->given;
	dir_len = strlen(dir->path);
	memcpy(out->path, dir->path, dir_len);
	out->path[dir_len++] = '/';
	memcpy(out->path + dir_len, name, len + 1);
	return dir->gone ? still_missing(root, dir, out)
			 : look(root, follow, dir_only, dir_len, out);
}
