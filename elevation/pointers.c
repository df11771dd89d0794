/*
 * The small files that say where a repository is: ".git" of worktrees and submodules, commondir,
 * gitdir. git opens them, writes one line and closes them, so at the open nobody knows what they
 * will say. The program gets a file in memory; when nobody has that open for writing any more (a
 * read lease can be had), what it says is judged and a copy put in place. That is looked at before
 * every other stopped call, so the program, and whatever it starts, finds the file there.
 *
 * Sources: memfd_create(2), fcntl(2) "Leases", gitrepository-layout(5), git-worktree(1).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <sys/mman.h>

#define POINTERS_MAX 32

struct pointer {
	int memory; /* the file in memory, open for reading; -1: free */
	int parent;
	mode_t mode;
	bool existed;
	char name[NAME_MAX + 1];
	char path[POLICY_PATH_MAX];
	char program[256];
};

struct pointers {
	pthread_mutex_t lock;
	unsigned n; /* atomic: looked at without the lock */
	struct pointer list[POINTERS_MAX];
};

struct pointers *pointers_new(void)
{
	struct pointers *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	for (size_t i = 0; i < POINTERS_MAX; i++)
		t->list[i].memory = t->list[i].parent = -1;
	return t;
}

static void drop(struct pointers *t, struct pointer *p)
{
	close(p->memory);
	close(p->parent);
	p->memory = p->parent = -1;
	__atomic_sub_fetch(&t->n, 1, __ATOMIC_RELEASE);
}

void pointers_free(struct pointers *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < POINTERS_MAX; i++)
		if (t->list[i].memory >= 0)
			drop(t, &t->list[i]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- opening ------------------------------------------------------------------------------- */

static int keep(struct pointers *t, const struct call *c, int memory)
{
	struct pointer *p = NULL;

	for (size_t i = 0; !p && i < POINTERS_MAX; i++)
		if (t->list[i].memory < 0)
			p = &t->list[i];
	if (!p)
		return ENFILE;
	p->parent = fcntl(c->a.parent, F_DUPFD_CLOEXEC, 3);
	if (p->parent < 0)
		return errno;
	p->memory = memory;
	p->existed = c->a.fd >= 0;
	p->mode = p->existed ? c->a.st.st_mode & 0777 : create_mode(c, c->a.parent, c->mode & 0777);
	str_copy(p->name, sizeof(p->name), c->a.name);
	str_copy(p->path, sizeof(p->path), c->a.path);
	str_copy(p->program, sizeof(p->program), c->program);
	__atomic_add_fetch(&t->n, 1, __ATOMIC_RELEASE);
	return 0;
}

void pointers_open(const struct elevation *e, const struct call *c, struct answer *out)
{
	_cleanup_close_ int made = memfd_create("git", MFD_CLOEXEC), theirs = -1, ours = -1;
	char path[FD_PATH_MAX];

	out->err = place_named(&c->a);
	if (out->err)
		return;
	if (made >= 0) {
		fd_path(path, made);
		ours = open(path, O_RDONLY | O_CLOEXEC);
		theirs = open(path, (c->flags & (O_ACCMODE | O_APPEND)) | O_CLOEXEC);
	}
	if (ours < 0 || theirs < 0) {
		out->err = errno;
		return;
	}
	pthread_mutex_lock(&e->pointers->lock);
	out->err = keep(e->pointers, c, ours);
	pthread_mutex_unlock(&e->pointers->lock);
	if (out->err)
		return;
	ours = -1;
	out->cloexec = c->flags & O_CLOEXEC;
	out->fd = STEAL_FD(theirs);
}

/* ---- putting in place ---------------------------------------------------------------------- */

/* Nobody has it open for writing, and nobody opens it while it is read. */
static bool finished(int memory)
{
	return fcntl(memory, F_SETLEASE, F_RDLCK) == 0;
}

static bool judged(const struct policy *policy, const struct pointer *p, const char *text, size_t n)
{
	char dir[POLICY_PATH_MAX];
	char *slash;

	str_copy(dir, sizeof(dir), p->path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return false;
	*slash = '\0';
	return git_pointer_check(policy, dir, p->name, text, n);
}

static int put(const struct pointer *p, const char *text, size_t n)
{
	const unsigned flags = p->existed ? 0 : 1; /* RENAME_NOREPLACE */
	char temp[64], random[17];
	struct stat st;
	int err = 0;

	if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return EEXIST;
	random_hex(random, 8);
	snprintf(temp, sizeof(temp), "nono-%s", random);
	_cleanup_close_ int fd =
	    openat(p->parent, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write_full(fd, text, n) < 0 || fchmod(fd, p->mode) < 0 ||
	    renameat2(p->parent, temp, p->parent, p->name, flags) < 0)
		err = errno;
	if (err)
		unlinkat(p->parent, temp, 0);
	return err;
}

static void finish(struct elevation *e, const struct pointer *p)
{
	char text[GIT_POINTER_MAX + 1];
	ssize_t n = pread(p->memory, text, sizeof(text), 0);

	if (n > 0 && (size_t)n <= GIT_POINTER_MAX && judged(e->cfg.policy, p, text, (size_t)n) &&
	    put(p, text, (size_t)n) == 0)
		return;
	violations_note(e->violations, p->path, "write", NONO_WRITE, p->program, e->cfg.tool,
			policy_special_name(POLICY_SPECIAL_GIT_POINTER), "workspace", false,
			clock_real_ns());
}

void pointers_flush(struct elevation *e)
{
	struct pointers *t = e->pointers;

	if (!__atomic_load_n(&t->n, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < POINTERS_MAX; i++) {
		struct pointer *p = &t->list[i];

		if (p->memory >= 0 && finished(p->memory)) {
			finish(e, p);
			drop(t, p);
		}
	}
	pthread_mutex_unlock(&t->lock);
}
