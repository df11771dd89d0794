/* Standing decisions of a session: by path, kept in memory only. */
#include "elevation/internal.h"

#define STANDING_MAX 4096
#define BUCKETS	     1024 /* a power of two */

struct entry {
	struct entry *next;
	uint64_t hash;
	unsigned allow;	     /* enum nono_access, the path itself */
	unsigned allow_tree; /* and everything below */
	unsigned deny, deny_tree;
	unsigned once; /* one call, until once_ns; atomic, 0 when used */
	uint64_t once_ns;
	size_t len;
	char path[];
};

struct standing_table {
	pthread_rwlock_t lock;
	struct entry *buckets[BUCKETS];
	size_t n;
};

#define HASH_START 14695981039346656037ull

static uint64_t hash_more(uint64_t h, char c)
{
	return (h ^ (unsigned char)c) * 1099511628211ull;
}

static uint64_t hash_of(const char *path)
{
	uint64_t h = HASH_START;

	while (*path)
		h = hash_more(h, *path++);
	return h;
}

struct standing_table *standing_new(void)
{
	struct standing_table *t = xcalloc(1, sizeof(*t));

	pthread_rwlock_init(&t->lock, NULL);
	return t;
}

void standing_free(struct standing_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (t->buckets[i]) {
			struct entry *e = t->buckets[i];
			t->buckets[i] = e->next;
			free(e);
		}
	}
	pthread_rwlock_destroy(&t->lock);
	free(t);
}

static struct entry *find(const struct standing_table *t, uint64_t hash, const char *path,
			  size_t len)
{
	struct entry *e = t->buckets[hash & (BUCKETS - 1)];

	while (e && (e->hash != hash || e->len != len || memcmp(e->path, path, len) != 0))
		e = e->next;
	return e;
}

/* ---- looking up --------------------------------------------------------------------- */

struct found {
	unsigned allow, deny;
	struct entry *exact;
};

/* What covers the directory does not cover what a rule of its own closes below it. */
static bool tree_reaches(const struct entry *e, const struct policy_verdict *v)
{
	if (!v)
		return true;
	if (v->reason == POLICY_PROTECTED_PATH)
		return false;
	if (v->reason != POLICY_SENSITIVE_PATH)
		return true;
	return v->rule && v->rule[0] == '/' && path_under(v->rule, e->path);
}

static void look(const struct standing_table *t, const char *path, uint64_t hash, size_t len,
		 bool exact, const struct policy_verdict *v, struct found *f)
{
	struct entry *e = find(t, hash, path, len);

	if (!e)
		return;
	f->deny |= e->deny_tree | (exact ? e->deny : 0);
	if (exact) {
		f->allow |= e->allow | e->allow_tree;
		f->exact = e;
	} else if (tree_reaches(e, v)) {
		f->allow |= e->allow_tree;
	}
}

static void look_everywhere(const struct standing_table *t, const char *path,
			    const struct policy_verdict *v, struct found *f)
{
	uint64_t h = HASH_START;
	size_t i;

	for (i = 0; path[i]; i++) {
		/* Only of absolute paths parts mean something ("abstract:name" is one word). */
		if (path[i] == '/' && path[0] == '/' && path[i + 1])
			look(t, path, i ? h : hash_more(h, '/'), i ? i : 1, false, v, f);
		h = hash_more(h, path[i]);
	}
	look(t, path, h, i, true, v, f);
}

/* The right that is missing: what the policy gives already needs no decision. */
static unsigned needed(unsigned access, const struct policy_verdict *v)
{
	if (v && v->reason == POLICY_INSUFFICIENT)
		return access & ~v->rule_access;
	if (v && v->reason == POLICY_PROTECTED_PATH)
		return access & NONO_WRITE;
	return access;
}

/* Uses a permission for one call up. */
static bool take_once(struct entry *e, unsigned missing)
{
	unsigned once;

	if (!e)
		return false;
	once = __atomic_load_n(&e->once, __ATOMIC_RELAXED);
	if (!once || (missing & ~once) || clock_mono_ns() > e->once_ns)
		return false;
	return __atomic_compare_exchange_n(&e->once, &once, 0, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

enum standing standing_lookup(struct standing_table *t, const char *path, unsigned access,
			      const struct policy_verdict *v)
{
	enum standing result = STANDING_NONE;
	struct found f = {0};
	unsigned missing;

	pthread_rwlock_rdlock(&t->lock);
	if (t->n) {
		look_everywhere(t, path, v, &f);
		missing = needed(access, v) & ~f.allow;
		if (f.deny & access)
			result = STANDING_DENY;
		else if (access && (!v || v->grantable) &&
			 (!missing || take_once(f.exact, missing)))
			result = STANDING_ALLOW;
	}
	pthread_rwlock_unlock(&t->lock);
	return result;
}

/* ---- adding ------------------------------------------------------------------------- */

static struct entry *get(struct standing_table *t, const char *path, struct err *err)
{
	size_t len = strlen(path);
	uint64_t hash = hash_of(path);
	struct entry *e = find(t, hash, path, len);

	if (e)
		return e;
	if (!len || len >= POLICY_PATH_MAX) {
		err_set(err, "no decision can stand for a path of %zu bytes", len);
		return NULL;
	}
	if (t->n >= STANDING_MAX) {
		err_set(err,
			"%d decisions stand in this session already: answer 'once', or add the "
			"directory to the profile",
			STANDING_MAX);
		return NULL;
	}
	e = xcalloc(1, sizeof(*e) + len + 1);
	e->hash = hash;
	e->len = len;
	memcpy(e->path, path, len + 1);
	e->next = t->buckets[hash & (BUCKETS - 1)];
	t->buckets[hash & (BUCKETS - 1)] = e;
	t->n++;
	return e;
}

/* A permission below a denied directory would never hold: say so instead. */
static int check_above(const struct standing_table *t, const char *path, unsigned access,
		       struct err *err)
{
	struct found f = {0};
	char up[POLICY_PATH_MAX];
	char *slash;

	if (!str_copy(up, sizeof(up), path) || up[0] != '/')
		return 0;
	while ((slash = strrchr(up, '/')) && up[1]) {
		slash[slash == up] = '\0';
		look(t, up, hash_of(up), strlen(up), false, NULL, &f);
		if (f.deny & access)
			return err_set(
			    err,
			    "%s was denied for this session, with all below it: allow that "
			    "first",
			    up);
	}
	return 0;
}

int standing_add(struct standing_table *t, const char *path, unsigned access, bool allow,
		 bool subtree, struct err *err)
{
	struct entry *e = NULL;

	pthread_rwlock_wrlock(&t->lock);
	if (!allow || check_above(t, path, access, err) == 0)
		e = get(t, path, err);
	if (e && allow) { /* the later decision on the same path counts */
		e->deny &= ~access;
		e->deny_tree &= ~access;
		e->allow |= access;
		e->allow_tree |= subtree ? access : 0;
	} else if (e) {
		e->allow &= ~access;
		e->allow_tree &= ~access;
		e->once = 0;
		e->deny |= access;
		e->deny_tree |= subtree ? access : 0;
	}
	pthread_rwlock_unlock(&t->lock);
	return e ? 0 : -1;
}

int standing_add_once(struct standing_table *t, const char *path, unsigned access,
		      uint64_t until_mono_ns, struct err *err)
{
	struct entry *e = NULL;

	pthread_rwlock_wrlock(&t->lock);
	if (check_above(t, path, access, err) == 0)
		e = get(t, path, err);
	if (e) {
		e->deny &= ~access;
		e->deny_tree &= ~access;
		e->once = access;
		e->once_ns = until_mono_ns;
	}
	pthread_rwlock_unlock(&t->lock);
	return e ? 0 : -1;
}
