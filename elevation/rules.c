/*
 * The kernel's rules as they stand: which rights the Landlock domain really gives to a path. A rule
 * belongs to what was there when it was made; what took its place since has none, so a rule is
 * counted only while its path still leads to that object.
 *
 * This says what the kernel will answer to a call that goes on. It grants nothing: the kernel
 * judges such a call itself. What is said may be KEEP_NS old where somebody outside of the session
 * moves folders.
 */
#include "elevation/engine.h"

#include <fcntl.h>

#define KEEP_NS 50000000ull

struct rule {
	const char *path; /* the spec's */
	size_t len;	  /* 0: the root */
	uint64_t hash;
	unsigned access;
	struct policy_identity id; /* ino 0: not looked at yet */
	uint64_t seen_ns;	   /* when it was known whether it holds; 0: ask again */
	bool holds;
};

struct rules {
	pthread_mutex_t lock;
	struct rule *v;
	size_t n;
	uint32_t *table; /* numbers + 1 */
	uint32_t mask;
};

struct rules *rules_new(void)
{
	struct rules *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r->v);
	free(r->table);
	free(r);
}

/* Of a path the hash of each folder on its way falls out. */
static uint64_t hash_more(uint64_t h, const char *s, size_t n)
{
	for (; n; s++, n--)
		h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return h;
}

#define HASH_START 14695981039346656037ull

static uint32_t slot_of(const struct rules *r, uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32) & r->mask;
}

static struct rule *find(const struct rules *r, uint64_t hash, const char *path, size_t len)
{
	for (uint32_t at = slot_of(r, hash); r->table[at]; at = (at + 1) & r->mask) {
		struct rule *rule = &r->v[r->table[at] - 1];

		if (rule->hash == hash && rule->len == len && memcmp(rule->path, path, len) == 0)
			return rule;
	}
	return NULL;
}

static void put(struct rules *r, const char *path, unsigned access,
		const struct policy_identity *id)
{
	size_t len = path[1] ? strlen(path) : 0;
	uint64_t hash = hash_more(HASH_START, path, len);
	struct rule *rule = find(r, hash, path, len);
	uint32_t at = slot_of(r, hash);

	if (rule) {
		rule->access |= access;
		return;
	}
	while (r->table[at])
		at = (at + 1) & r->mask;
	r->v[r->n++] =
	    (struct rule){.path = path, .len = len, .hash = hash, .access = access, .id = *id};
	r->table[at] = (uint32_t)r->n;
}

void rules_fill(struct rules *r, const struct policy_spec *spec)
{
	const struct nono_spec *s = spec ? policy_spec_get(spec) : NULL;
	const struct policy_identity *ids = spec ? policy_spec_identities(spec) : NULL;
	uint32_t size = 64;

	if (!s || s->n_paths > UINT32_MAX / 4)
		return;
	while (size < s->n_paths * 2)
		size *= 2;
	r->v = xcalloc(s->n_paths + 1, sizeof(*r->v));
	r->table = xcalloc(size, sizeof(*r->table));
	r->mask = size - 1;
	for (size_t i = 0; i < s->n_paths; i++)
		put(r, s->paths[i].path, s->paths[i].access, &ids[i]);
}

bool rules_known(const struct rules *r)
{
	return r->table != NULL;
}

void rules_forget(struct rules *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n; i++)
		r->v[i].seen_ns = 0;
	pthread_mutex_unlock(&r->lock);
}

static bool is_the_one(struct rule *rule, const struct stat *st)
{
	/* The first look: it came with the session, or shortly after. */
	if (!rule->id.ino)
		rule->id = (struct policy_identity){st->st_dev, st->st_ino};
	return rule->id.dev == st->st_dev && rule->id.ino == st->st_ino;
}

static bool still_holds(struct rule *rule, int root, uint64_t now_ns)
{
	struct stat st;

	if (rule->seen_ns && now_ns - rule->seen_ns < KEEP_NS)
		return rule->holds;
	rule->holds =
	    fstatat(root, rule->len ? rule->path + 1 : ".", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_the_one(rule, &st);
	rule->seen_ns = now_ns;
	return rule->holds;
}

/* What the rules of the first n bytes of path, and of the folders above, give. */
static unsigned given_to(struct rules *r, int root, const char *path, size_t n, uint64_t now_ns)
{
	uint64_t hash = HASH_START;
	struct rule *rule = find(r, hash, path, 0);
	unsigned access = rule && still_holds(rule, root, now_ns) ? rule->access : 0;

	for (size_t at = 0, end; at < n; at = end) {
		const char *slash = memchr(path + at + 1, '/', n - at - 1);

		end = slash ? (size_t)(slash - path) : n;
		hash = hash_more(hash, path + at, end - at);
		rule = find(r, hash, path, end);
		if (rule && (rule->access & ~access) && still_holds(rule, root, now_ns))
			access |= rule->access;
	}
	return access;
}

unsigned rules_of_folder(struct elevation *e, pid_t tid, const char *path, uint64_t now_ns)
{
	struct rules *r = e->rules;
	int root = view_root(e, tid);
	unsigned access;

	if (!r->table || root < 0)
		return 0;
	pthread_mutex_lock(&r->lock);
	access = given_to(r, root, path, path[0] && path[1] ? strlen(path) : 0, now_ns);
	pthread_mutex_unlock(&r->lock);
	return access;
}

unsigned rules_of_object(struct elevation *e, const char *path, const struct stat *st)
{
	struct rules *r = e->rules;
	const size_t len = path[1] ? strlen(path) : 0;
	struct rule *rule;
	unsigned access = 0;

	if (!r->table)
		return 0;
	pthread_mutex_lock(&r->lock);
	rule = find(r, hash_more(HASH_START, path, len), path, len);
	if (rule && is_the_one(rule, st))
		access = rule->access;
	pthread_mutex_unlock(&r->lock);
	return access;
}

bool rules_allow(struct elevation *e, const struct call *c, const struct place *p, unsigned access,
		 bool object)
{
	char folder[POLICY_PATH_MAX];
	const char *slash = strrchr(p->path, '/');
	size_t n = slash ? (size_t)(slash - p->path) : 0;
	unsigned given;

	memcpy(folder, p->path, n);
	folder[n] = '\0';
	given = rules_of_folder(e, c->tid, folder, c->received_ns);
	if (object && p->fd >= 0 && (access & ~given))
		given |= rules_of_object(e, p->path, &p->st);
	return !(access & ~given);
}
