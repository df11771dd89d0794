/*
 * Limits of a process tree by control groups: version 2 where the caller may make groups, version 1
 * where that is what the system has. Each controller is looked for by itself, since a system may
 * have some in one and some in the other.
 *
 * A group is made below the caller's own, so that limits around the caller hold for it too. In
 * version 2 a group with processes in it can't share out controllers: there the nearest ancestor
 * that can is taken, but never past one that has a limit of its own.
 *
 * Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/.
 */
#include "sandbox/cgroup.h"
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define MAGIC_CGROUP1 0x27e0eb
#define MAGIC_CGROUP2 0x63677270
#define SHARED_GROUP  "nono"
#define CPU_PERIOD_US 100000
#define REMOVE_TRIES  500
#define REMOVE_NAP_NS 2000000

static const struct controller {
	const char *name, *max;
} controllers[NONO_LIMITS] = {
    [NONO_LIMIT_MEMORY] = {"memory", "memory.max"},
    [NONO_LIMIT_PROCESSES] = {"pids", "pids.max"},
    [NONO_LIMIT_CPU] = {"cpu", "cpu.max"},
};

/* ---- small files -------------------------------------------------------------------- */

static int put(const char *dir, const char *file, const char *text)
{
	char path[NONO_GROUP_PATH_MAX + 64];
	size_t n = strlen(text);

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

static int put_number(const char *dir, const char *file, uint64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return put(dir, file, text);
}

static int get(const char *dir, const char *file, char *out, size_t size)
{
	char path[NONO_GROUP_PATH_MAX + 64];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return -1;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
	if (n < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

static uint64_t get_number(const char *dir, const char *file)
{
	char text[64];

	return get(dir, file, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

/* The number behind "key " at the start of a line. */
static uint64_t get_keyed(const char *dir, const char *file, const char *key)
{
	char text[1024];
	size_t n = strlen(key);

	if (get(dir, file, text, sizeof(text)) < 0)
		return 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return strtoull(line + n, NULL, 10);
	}
	return 0;
}

static bool has_word(const char *list, char separator, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p;) {
		size_t len = 0;
		while (p[len] && p[len] != separator && p[len] != '\n')
			len++;
		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len;
		if (*p)
			p++;
	}
	return false;
}

static bool has_controllers(const char *dir, const char *file, unsigned need)
{
	char list[512];

	if (get(dir, file, list, sizeof(list)) < 0)
		return false;
	for (int i = 0; i < NONO_LIMITS; i++)
		if ((need & (1U << i)) && !has_word(list, ' ', controllers[i].name))
			return false;
	return true;
}

/* ---- version 1 ------------------------------------------------------------------------ */

static int set1(const char *dir, int which, const struct nono_limits *l)
{
	switch (which) {
	case NONO_LIMIT_MEMORY:
		if (put_number(dir, "memory.limit_in_bytes", l->memory) < 0)
			return -1;
		/* Together with swap, where swap is counted. */
		return put_number(dir, "memory.memsw.limit_in_bytes", l->memory) < 0 &&
			       errno != ENOENT && errno != EOPNOTSUPP
			   ? -1
			   : 0;
	case NONO_LIMIT_PROCESSES:
		return put_number(dir, "pids.max", l->processes);
	default:
		if (put_number(dir, "cpu.cfs_period_us", CPU_PERIOD_US) < 0)
			return -1;
		return put_number(dir, "cpu.cfs_quota_us", l->cpu * CPU_PERIOD_US / 1000);
	}
}

static void no(struct nono_group *g, const char *what, const char *where, int code)
{
	(void)snprintf(g->why, sizeof(g->why), "%s %.120s%s%s", what, where, code ? ": " : "",
		       code ? strerror(code) : "");
}

/*
 * Makes dir/name. The top of a hierarchy is not even writable to its owner: who gave up his
 * capabilities could not remove a group there again, so those of all sessions lie in one called
 * "nono", which stays. below: switched on for it in version 2 (NULL = nothing to do).
 */
static int make_group(const char *parent, const char *name, const char *below,
		      char out[NONO_GROUP_PATH_MAX])
{
	char dir[NONO_GROUP_PATH_MAX];
	struct stat st;
	bool top = stat(parent, &st) == 0 && !(st.st_mode & S_IWUSR);
	int n = snprintf(dir, sizeof(dir), "%s%s", parent, top ? "/" SHARED_GROUP : "");

	if (n >= (int)sizeof(dir) ||
	    snprintf(out, NONO_GROUP_PATH_MAX, "%s/%s", dir, name) >= NONO_GROUP_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (top && mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -1;
	if (top && below && put(dir, "cgroup.subtree_control", below) < 0)
		return -1;
	return mkdir(out, 0755);
}

static void make1(const struct cgroup_place *place, int which, const struct nono_limits *l,
		  const char *name, struct nono_group *g)
{
	char dir[NONO_GROUP_PATH_MAX];

	if (make_group(place->dir, name, NULL, dir) < 0) {
		no(g, "no control group can be made in", place->dir, errno);
		return;
	}
	if (set1(dir, which, l) < 0) {
		no(g, "the limit can't be set in", dir, errno);
		(void)rmdir(dir);
		return;
	}
	g->held = NONO_HELD_CGROUP1;
	(void)snprintf(g->path, sizeof(g->path), "%s", dir);
}

/* ---- version 2 ---------------------------------------------------------------------------- */

static int set2(const char *dir, unsigned need, const struct nono_limits *l)
{
	char quota[64];

	if (need & (1U << NONO_LIMIT_MEMORY)) {
		if (put_number(dir, "memory.max", l->memory) < 0)
			return -1;
		/* Without swap, where there is any: the limit is meant for both. */
		if (put(dir, "memory.swap.max", "0") < 0 && errno != ENOENT)
			return -1;
	}
	if ((need & (1U << NONO_LIMIT_PROCESSES)) && put_number(dir, "pids.max", l->processes) < 0)
		return -1;
	(void)snprintf(quota, sizeof(quota), "%llu %d",
		       (unsigned long long)(l->cpu * CPU_PERIOD_US / 1000), CPU_PERIOD_US);
	if ((need & (1U << NONO_LIMIT_CPU)) && put(dir, "cpu.max", quota) < 0)
		return -1;
	return 0;
}

/* Can dir share out these controllers, after being told to if it must be? words: how to tell. */
static bool shares(const char *dir, unsigned need, const char *words, struct nono_group *why)
{
	if (!has_controllers(dir, "cgroup.controllers", need)) {
		no(why, "the controller is not handed down to", dir, 0);
		return false;
	}
	if (has_controllers(dir, "cgroup.subtree_control", need))
		return true;
	if (put(dir, "cgroup.subtree_control", words) == 0)
		return true;
	no(why, "the controller can't be switched on below", dir, errno);
	return false;
}

/* A limit here is meant for the caller too: what it starts does not leave it. */
static bool has_limit(const char *dir, unsigned need)
{
	char text[64];

	for (int i = 0; i < NONO_LIMITS; i++)
		if ((need & (1U << i)) && get(dir, controllers[i].max, text, sizeof(text)) == 0 &&
		    strncmp(text, "max", 3) != 0)
			return true;
	return false;
}

static bool make2_in(const char *parent, unsigned need, const struct nono_limits *l,
		     const char *name, struct nono_group *g)
{
	char dir[NONO_GROUP_PATH_MAX], procs[NONO_GROUP_PATH_MAX + 16], words[64] = "";
	size_t n = 0;

	for (int i = 0; i < NONO_LIMITS; i++)
		if (need & (1U << i))
			n += (size_t)snprintf(words + n, sizeof(words) - n, "%s+%s", n ? " " : "",
					      controllers[i].name);
	/* Moving a process takes the right to write the common ancestor's list. */
	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", parent);
	if (faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) < 0) {
		no(g, "no process can be moved in", parent, errno);
		return false;
	}
	if (!shares(parent, need, words, g))
		return false;
	if (make_group(parent, name, words, dir) < 0) {
		no(g, "no control group can be made in", parent, errno);
		return false;
	}
	if (set2(dir, need, l) < 0) {
		no(g, "the limit can't be set in", dir, errno);
		(void)rmdir(dir);
		return false;
	}
	g->held = NONO_HELD_CGROUP2;
	(void)snprintf(g->path, sizeof(g->path), "%s", dir);
	return true;
}

bool cgroup_make2(const struct cgroup_place *place, unsigned need, const struct nono_limits *l,
		  const char *name, struct nono_group *g)
{
	char dir[NONO_GROUP_PATH_MAX];
	size_t top = strlen(place->mount);

	(void)snprintf(dir, sizeof(dir), "%s", place->dir);
	for (;;) {
		struct nono_group try = {0};
		char *slash;

		if (make2_in(dir, need, l, name, &try)) {
			*g = try;
			return true;
		}
		/* The nearest group says most about why. */
		if (!g->why[0])
			memcpy(g->why, try.why, sizeof(g->why));
		slash = strrchr(dir, '/');
		if (strlen(dir) <= top || !slash)
			return false;
		if (has_limit(dir, need)) {
			no(g, "a limit of its own is on the caller's group", dir, 0);
			return false;
		}
		*slash = '\0';
	}
}

/* A process is in one group of version 2 only: the largest set of limits that one can hold. The
 * processor's first, which nothing else can hold. */
static void make2(const struct cgroup_place *place, unsigned need, const struct nono_limits *l,
		  const char *name, struct nono_groups *out)
{
	static const unsigned sets[] = {7, 5, 6, 4, 3, 1, 2};
	char why[sizeof(out->of[0].why)] = "";

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct nono_group g = {0};

		if (sets[i] & ~need)
			continue;
		if (!cgroup_make2(place, sets[i], l, name, &g)) {
			if (!why[0])
				memcpy(why, g.why, sizeof(why));
			continue;
		}
		for (int k = 0; k < NONO_LIMITS; k++)
			if (sets[i] & (1U << k))
				out->of[k] = g;
		need &= ~sets[i];
		break;
	}
	for (int k = 0; k < NONO_LIMITS; k++)
		if (need & (1U << k))
			memcpy(out->of[k].why, why, sizeof(why));
}

/* ---- both --------------------------------------------------------------------------------- */

void nono_groups_make(const struct nono_limits *l, const char *name, struct nono_groups *out)
{
	const bool asked[NONO_LIMITS] = {[NONO_LIMIT_MEMORY] = l->memory,
					 [NONO_LIMIT_PROCESSES] = l->processes,
					 [NONO_LIMIT_CPU] = l->cpu};
	struct cgroup_place unified = {0};
	unsigned need2 = 0;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < NONO_LIMITS; i++) {
		struct cgroup_place place;

		if (!asked[i])
			continue;
		switch (cgroup_find(controllers[i].name, "/proc/self/cgroup",
				    "/proc/self/mountinfo", &place)) {
		case 1:
			make1(&place, i, l, name, &out->of[i]);
			break;
		case 2:
			unified = place;
			need2 |= 1U << i;
			break;
		default:
			no(&out->of[i], "no control groups for", controllers[i].name, 0);
		}
	}
	if (need2)
		make2(&unified, need2, l, name, out);
}

int nono_groups_enter(const struct nono_groups *g, pid_t pid, struct nono_error *err)
{
	for (int i = 0; i < NONO_LIMITS; i++) {
		bool again = false;

		for (int k = 0; k < i; k++)
			again |= strcmp(g->of[k].path, g->of[i].path) == 0;
		if (!g->of[i].held || again)
			continue;
		if (put_number(g->of[i].path, "cgroup.procs", (uint64_t)pid) < 0)
			return nono_fail_errno(err, errno, "Moving the program into the group %s",
					       g->of[i].path);
	}
	return 0;
}

void nono_groups_usage(const struct nono_groups *g, struct nono_usage *out)
{
	const struct nono_group *m = &g->of[NONO_LIMIT_MEMORY], *p = &g->of[NONO_LIMIT_PROCESSES];
	const bool two = m->held == NONO_HELD_CGROUP2;

	memset(out, 0, sizeof(*out));
	if (m->held) {
		out->memory = get_number(m->path, two ? "memory.current" : "memory.usage_in_bytes");
		out->killed =
		    get_keyed(m->path, two ? "memory.events" : "memory.oom_control", "oom_kill");
	}
	if (p->held) {
		out->processes = get_number(p->path, "pids.current");
		out->refused = get_keyed(p->path, "pids.events", "max");
	}
}

static void kill_members(const char *dir)
{
	char path[NONO_GROUP_PATH_MAX + 16];
	FILE *f;
	int pid;

	if (put(dir, "cgroup.kill", "1") == 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 1 && pid != getpid())
			(void)kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

int nono_group_remove(const char *path)
{
	struct statfs fs;

	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (statfs(path, &fs) < 0 || (fs.f_type != MAGIC_CGROUP1 && fs.f_type != MAGIC_CGROUP2))
		return -1;
	/* A process that was killed leaves its group a little later. */
	for (int i = 0; i < REMOVE_TRIES; i++) {
		const struct timespec nap = {.tv_nsec = REMOVE_NAP_NS};

		kill_members(path);
		if (rmdir(path) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -1;
		(void)nanosleep(&nap, NULL);
	}
	return -1;
}
