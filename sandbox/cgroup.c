/*
 * Limits of a process tree by control groups: version 2 where the caller may make groups, version 1
 * where that is what the system has. Each controller is looked for by itself, since a system may
 * have some in one and some in the other.
 *
 * A group is made below the caller's own, so that limits around the caller hold for it too.
 *
 * Source: cgroups(7).
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
#define REMOVE_TRIES  500
#define REMOVE_NAP_NS 2000000

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
		switch (cgroup_find(cgroup_controllers[i].name, "/proc/self/cgroup",
				    "/proc/self/mountinfo", &place)) {
		case 1:
			cgroup_make1(&place, i, l, name, &out->of[i]);
			break;
		case 2:
			unified = place;
			need2 |= 1U << i;
			break;
		default:
			cgroup_no(&out->of[i], "no control groups for", cgroup_controllers[i].name,
				  0);
		}
	}
	if (need2)
		cgroup_make2_all(&unified, need2, l, name, out);
}

void nono_groups_make_in(const struct nono_groups *around, const struct nono_limits *l,
			 const char *name, struct nono_groups *out)
{
	struct nono_limits rest = *l;
	uint64_t *const wanted[NONO_LIMITS] = {[NONO_LIMIT_MEMORY] = &rest.memory,
					       [NONO_LIMIT_PROCESSES] = &rest.processes,
					       [NONO_LIMIT_CPU] = &rest.cpu};
	struct nono_group inner[NONO_LIMITS] = {0};
	bool unified = false;

	for (int i = 0; i < NONO_LIMITS; i++)
		unified |= around->of[i].held == NONO_HELD_CGROUP2;
	for (int i = 0; i < NONO_LIMITS; i++) {
		struct cgroup_place place = {0};

		if (!*wanted[i] || (!unified && around->of[i].held != NONO_HELD_CGROUP1))
			continue;
		*wanted[i] = 0;
		(void)snprintf(place.dir, sizeof(place.dir), "%s", around->of[i].path);
		if (unified)
			cgroup_no(&inner[i], "no control group can be made inside of the session's",
				  "", 0);
		else
			cgroup_make1(&place, i, l, name, &inner[i]);
	}
	nono_groups_make(&rest, name, out);
	for (int i = 0; i < NONO_LIMITS; i++)
		if (inner[i].held || inner[i].why[0])
			out->of[i] = inner[i];
}

int nono_groups_enter(const struct nono_groups *g, pid_t pid, struct nono_error *err)
{
	for (int i = 0; i < NONO_LIMITS; i++) {
		bool again = false;

		for (int k = 0; k < i; k++)
			again |= strcmp(g->of[k].path, g->of[i].path) == 0;
		if (!g->of[i].held || again)
			continue;
		if (cgroup_put_number(g->of[i].path, "cgroup.procs", (uint64_t)pid) < 0)
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
		out->memory =
		    cgroup_get_number(m->path, two ? "memory.current" : "memory.usage_in_bytes");
		out->killed = cgroup_get_keyed(
		    m->path, two ? "memory.events" : "memory.oom_control", "oom_kill");
	}
	if (p->held) {
		out->processes = cgroup_get_number(p->path, "pids.current");
		out->refused = cgroup_get_keyed(p->path, "pids.events", "max");
	}
}

static void kill_members(const char *dir)
{
	char path[NONO_GROUP_PATH_MAX + 16];
	FILE *f;
	int pid;

	if (cgroup_put(dir, "cgroup.kill", "1") == 0)
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
