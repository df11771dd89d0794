#include "audit/trees.h"

#include "audit/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

struct trees_count {
	uint64_t files, bytes, unreadable;
	struct trees *trees;
};

#define DOMAIN_TREE "nono.audit.tree.v1\n"
#define PIECE	    65536u
#define LIST_BYTES  65536u

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As the session's policy has them. */
static void find_places(struct trees *t)
{
	_cleanup_(policy_stores_free) struct policy_stores list = {.n = 0};
	struct stat st;

	policy_stores_load(&list, NULL);
	for (size_t i = 0; i < list.n; i++)
		if (lstat(list.v[i].path, &st) == 0 && S_ISDIR(st.st_mode))
			t->places[t->n_places++] = (struct trees_place){st.st_dev, st.st_ino};
}

static bool is_place(const struct trees *t, const struct stat *st)
{
	for (size_t i = 0; i < t->n_places; i++)
		if (t->places[i].ino == st->st_ino && t->places[i].dev == st->st_dev)
			return true;
	return false;
}

void trees_set(struct trees *t, char *const *paths)
{
	size_t n = 0, kept = 0;

	while (paths && paths[n])
		n++;
	if (!n)
		return;
	find_places(t);
	t->paths = xcalloc(n + 1, sizeof(*t->paths));
	for (size_t i = 0; i < n; i++)
		t->paths[i] = xstrdup(paths[i]);
	qsort(t->paths, n, sizeof(*t->paths), by_text);
	for (size_t i = 0; i < n; i++) {
		bool inside = false;
		for (size_t k = 0; k < kept; k++)
			inside = inside || path_under(t->paths[k], t->paths[i]);
		if (inside)
			free(t->paths[i]);
		else
			t->paths[kept++] = t->paths[i];
	}
	t->paths[kept] = NULL;
}

void trees_free(struct trees *t)
{
	for (size_t i = 0; t->paths && t->paths[i]; i++)
		free(t->paths[i]);
	free(t->paths);
	t->paths = NULL;
	seen_free(&t->seen);
}

static struct hash nothing(void)
{
	struct hash h;

	digest_sha256("", 0, h.b);
	return h;
}

static struct hash hash_open_file(int fd, struct trees_count *n)
{
	_cleanup_free_ char *piece = xcalloc(1, PIECE);
	struct hash h;
	SHA256_CTX c;
	ssize_t got;

	SHA256_Init(&c);
	while (fd >= 0 && (got = read_full(fd, piece, PIECE)) > 0) {
		SHA256_Update(&c, piece, (size_t)got);
		n->bytes += (uint64_t)got;
	}
	n->unreadable += fd < 0;
	SHA256_Final(h.b, &c);
	return h;
}

static int open_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd;
}

static struct hash hash_file(int dir, const char *name, const struct stat *st,
			     struct trees_count *n)
{
	uint64_t began = clock_real_ns();
	_cleanup_close_ int fd = -1;
	struct stat after;
	struct hash h;

	if (seen_find(&n->trees->seen, st, &h)) {
		n->bytes += (uint64_t)st->st_size;
		return h;
	}
	fd = open_file(dir, name);
	h = hash_open_file(fd, n);
	if (fd >= 0 && fstat(fd, &after) == 0)
		seen_keep(&n->trees->seen, st, &after, began, &h);
	return h;
}

static struct hash hash_link(int dir, const char *name)
{
	char target[4096];
	ssize_t len = readlinkat(dir, name, target, sizeof(target));
	struct hash h;

	digest_sha256(target, len > 0 ? (size_t)len : 0, h.b);
	return h;
}

static char **names_in(DIR *d, size_t *n)
{
	char **v = NULL;
	struct dirent *de;
	size_t cap = 0;

	*n = 0;
	while ((de = readdir(d))) {
		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (*n == cap) {
			cap = cap ? 2 * cap : 64;
			v = xrealloc_array(v, cap, sizeof(*v));
		}
		v[(*n)++] = xstrdup(de->d_name);
	}
	if (v)
		qsort(v, *n, sizeof(*v), by_text);
	return v;
}

static struct hash hash_dir(int fd, dev_t dev, unsigned depth, struct trees_count *n);

static void add_entry(SHA256_CTX *c, int dir, const char *name, dev_t dev, unsigned depth,
		      struct trees_count *n)
{
	struct hash h = nothing();
	struct stat st;
	char head[64];
	int len;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_place(n->trees, &st))
		return;
	n->files++;
	if (S_ISREG(st.st_mode)) {
		h = hash_file(dir, name, &st, n);
	} else if (S_ISLNK(st.st_mode)) {
		h = hash_link(dir, name);
	} else if (S_ISDIR(st.st_mode) && st.st_dev == dev && depth < TREES_DEPTH) {
		int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			h = hash_dir(sub, dev, depth + 1, n);
		n->unreadable += sub < 0;
	}
	len = snprintf(head, sizeof(head), "%o %o %zu ", (unsigned)(st.st_mode & S_IFMT),
		       (unsigned)(st.st_mode & 07777), strlen(name));
	SHA256_Update(c, head, (size_t)len);
	SHA256_Update(c, name, strlen(name));
	SHA256_Update(c, h.b, sizeof(h.b));
}

/* Takes fd. */
static struct hash hash_dir(int fd, dev_t dev, unsigned depth, struct trees_count *n)
{
	DIR *d = fdopendir(fd);
	struct hash h = nothing();
	SHA256_CTX c;
	char **names;
	size_t count;

	if (!d) {
		close(fd);
		return h;
	}
	names = names_in(d, &count);
	SHA256_Init(&c);
	SHA256_Update(&c, DOMAIN_TREE, strlen(DOMAIN_TREE));
	for (size_t i = 0; i < count; i++) {
		add_entry(&c, fd, names[i], dev, depth, n);
		free(names[i]);
	}
	free(names);
	closedir(d);
	SHA256_Final(h.b, &c);
	return h;
}

/* A path that is gone or no directory has a hash too. */
static struct hash hash_tree(const char *path, struct trees_count *n)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		_cleanup_close_ int file = open_file(AT_FDCWD, path);
		return hash_open_file(file, n);
	}
	return fstat(fd, &st) == 0 ? hash_dir(fd, st.st_dev, 0, n) : (close(fd), nothing());
}

void trees_state(struct trees *t, const char *when, struct buf *event, struct buf *roots)
{
	char now[TIME_STR_MAX], hex[HASH_HEX];
	_cleanup_(buf_free) struct buf list = {0};
	struct hash root;
	SHA256_CTX all;

	SHA256_Init(&all);
	SHA256_Update(&all, DOMAIN_TREE, strlen(DOMAIN_TREE));
	for (size_t i = 0; t->paths[i]; i++) {
		struct trees_count n = {.trees = t};
		struct hash h = hash_tree(t->paths[i], &n);
		SHA256_Update(&all, t->paths[i], strlen(t->paths[i]) + 1);
		SHA256_Update(&all, h.b, sizeof(h.b));
		hash_hex(hex, &h);
		if (list.len > LIST_BYTES) /* the root is of them all */
			continue;
		buf_adds(&list, i ? ",{\"path\":" : "{\"path\":");
		buf_add_json_str(&list, t->paths[i], strlen(t->paths[i]));
		buf_addf(&list,
			 ",\"merkle_root\":\"%s\",\"files\":%llu,\"bytes\":%llu,"
			 "\"unreadable\":%llu}",
			 hex, (unsigned long long)n.files, (unsigned long long)n.bytes,
			 (unsigned long long)n.unreadable);
	}
	SHA256_Final(root.b, &all);
	hash_hex(hex, &root);
	time_rfc3339(now, clock_real_ns());
	buf_addf(event,
		 "{\"type\":\"tree_state\",\"timestamp\":\"%s\",\"op\":\"%s\",\"target\":\"%s\","
		 "\"trees\":[",
		 now, when, hex);
	buf_add(event, list.data, list.len);
	buf_adds(event, "]}");
	if (roots->len)
		roots->len--;
	buf_addf(roots, "%s\"%s\"]", roots->len ? "," : "[", hex);
}
