/*
 * The unix sockets that the session's own programs listen on. A program may connect to these
 * without a question; to any other only with a grant. To connect first and look at SO_PEERCRED
 * would be too late: its other threads could write in between.
 *
 * A path socket that the broker bound is known by its inode, held open so that the number is not
 * used again. One that the program bound itself, where Landlock lets it, is known by its name, if
 * the inode there came into being right after the call was let through; sockets of
 * others are not moved or linked to such a name. What is left: somebody outside binds just that
 * name, in a folder that the program may write, in the second after the program said that it would.
 * An abstract one is known as
 * long as the socket that was bound to the name lives.
 *
 * Sources: unix(7), statx(2), proc(5) (/proc/net/unix).
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <inttypes.h>

#define FILES_MAX    128
#define EXPECTED_MAX 256
#define ABSTRACT_MAX 128
#define NAME_BYTES   107
#define SOON	     1000000000ull /* between the answer and the program's bind */

struct own_file {
	int fd;
	dev_t dev;
	ino_t ino;
};

struct own_expected {
	dev_t dev;
	ino_t ino; /* of the directory */
	uint64_t real_ns;
	char name[NAME_MAX + 1];
};

struct own_abstract {
	ino_t sock;
	size_t n;
	char name[NAME_BYTES];
};

struct own_sockets {
	pthread_mutex_t lock;
	pthread_rwlock_t names;
	struct own_file files[FILES_MAX];
	struct own_expected expected[EXPECTED_MAX];
	struct own_abstract abstract[ABSTRACT_MAX];
	unsigned next_file, next_expected, next_abstract;
};

struct own_sockets *own_sockets_new(void)
{
	struct own_sockets *o = xcalloc(1, sizeof(*o));

	pthread_mutex_init(&o->lock, NULL);
	pthread_rwlock_init(&o->names, NULL);
	for (size_t i = 0; i < FILES_MAX; i++)
		o->files[i].fd = -1;
	return o;
}

void own_sockets_free(struct own_sockets *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < FILES_MAX; i++)
		if (o->files[i].fd >= 0)
			close(o->files[i].fd);
	pthread_rwlock_destroy(&o->names);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void own_names_shared(struct own_sockets *o)
{
	pthread_rwlock_rdlock(&o->names);
}

void own_names_alone(struct own_sockets *o)
{
	pthread_rwlock_wrlock(&o->names);
}

void own_names_done(struct own_sockets *o)
{
	pthread_rwlock_unlock(&o->names);
}

/* ---- path sockets -------------------------------------------------------------------------- */

/* An entry that is free, or whose file has no name any more, else the oldest. */
static struct own_file *file_slot(struct own_sockets *o)
{
	struct stat st;

	for (unsigned i = 0; i < FILES_MAX; i++) {
		struct own_file *f = &o->files[(o->next_file + i) % FILES_MAX];

		if (f->fd < 0 || fstat(f->fd, &st) < 0 || st.st_nlink == 0)
			return f;
	}
	return &o->files[o->next_file];
}

static void add_file(struct own_sockets *o, int fd)
{
	struct own_file *f;
	struct stat st;
	int copy;

	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return;
	f = file_slot(o);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct own_file){.fd = copy, .dev = st.st_dev, .ino = st.st_ino};
	o->next_file = (unsigned)(f - o->files + 1) % FILES_MAX;
}

void own_add_file(struct own_sockets *o, int fd)
{
	pthread_mutex_lock(&o->lock);
	add_file(o, fd);
	pthread_mutex_unlock(&o->lock);
}

void own_expect_file(struct own_sockets *o, const struct place *p)
{
	struct own_expected *x;
	struct timespec now;
	struct stat st;

	/* The clock that files get their times from. */
	if (p->parent < 0 || fstat(p->parent, &st) < 0 ||
	    clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
		return;
	pthread_mutex_lock(&o->lock);
	x = &o->expected[o->next_expected];
	o->next_expected = (o->next_expected + 1) % EXPECTED_MAX;
	*x = (struct own_expected){.dev = st.st_dev,
				   .ino = st.st_ino,
				   .real_ns =
				       (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec};
	str_copy(x->name, sizeof(x->name), p->name);
	pthread_mutex_unlock(&o->lock);
}

static uint64_t birth_ns(int fd)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) < 0 || !(x.stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)x.stx_btime.tv_sec * 1000000000u + x.stx_btime.tv_nsec;
}

static bool was_expected(const struct own_sockets *o, const struct place *p)
{
	struct stat st;
	uint64_t born;

	if (p->parent < 0 || fstat(p->parent, &st) < 0)
		return false;
	born = birth_ns(p->fd);
	for (size_t i = 0; born && i < EXPECTED_MAX; i++) {
		const struct own_expected *x = &o->expected[i];

		if (x->real_ns && x->ino == st.st_ino && x->dev == st.st_dev &&
		    strcmp(x->name, p->name) == 0 && born >= x->real_ns &&
		    born <= x->real_ns + SOON)
			return true;
	}
	return false;
}

bool own_has_file(struct own_sockets *o, const struct place *p)
{
	bool found = false;

	if (p->fd < 0 || !S_ISSOCK(p->st.st_mode))
		return false;
	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; !found && i < FILES_MAX; i++)
		found = o->files[i].fd >= 0 && o->files[i].ino == p->st.st_ino &&
			o->files[i].dev == p->st.st_dev;
	if (!found && was_expected(o, p)) {
		add_file(o, p->fd); /* under whatever name from here on */
		found = true;
	}
	pthread_mutex_unlock(&o->lock);
	return found;
}

/* ---- abstract sockets ---------------------------------------------------------------------- */

void own_add_abstract(struct own_sockets *o, int sock, const char *name, size_t n)
{
	struct own_abstract *a;
	struct stat st;

	if (n > NAME_BYTES || fstat(sock, &st) < 0)
		return;
	pthread_mutex_lock(&o->lock);
	a = &o->abstract[o->next_abstract];
	o->next_abstract = (o->next_abstract + 1) % ABSTRACT_MAX;
	a->sock = st.st_ino;
	a->n = n;
	memcpy(a->name, name, n);
	pthread_mutex_unlock(&o->lock);
}

/* Seventh field of a line: the socket's number. */
static bool socket_lives(ino_t sock)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/net/unix", "re");
	char line[512];
	uint64_t number;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %" SCNu64, &number) == 1 &&
		    number == sock)
			return true;
	return false;
}

bool own_has_abstract(struct own_sockets *o, const char *name, size_t n)
{
	ino_t socks[ABSTRACT_MAX];
	size_t found = 0;

	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < ABSTRACT_MAX; i++) {
		const struct own_abstract *a = &o->abstract[i];

		if (a->sock && a->n == n && memcmp(a->name, name, n) == 0)
			socks[found++] = a->sock;
	}
	pthread_mutex_unlock(&o->lock);
	for (size_t i = 0; i < found; i++)
		if (socket_lives(socks[i]))
			return true;
	return false;
}
