/*
 * Limits by a control group of version 2. A group with processes in it can't share out controllers:
 * the nearest ancestor that can is taken, but never past one that has a limit of its own.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst.
 */
#include "sandbox/cgroup.h"
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int set2(const char *dir, unsigned need, const struct nono_limits *l)
{
	char quota[64];

	if (need & (1U << NONO_LIMIT_MEMORY)) {
		if (cgroup_put_number(dir, "memory.max", l->memory) < 0)
			return -1;
		/* Without swap, where there is any: the limit is meant for both. */
		if (cgroup_put(dir, "memory.swap.max", "0") < 0 && errno != ENOENT)
			return -1;
	}
	if ((need & (1U << NONO_LIMIT_PROCESSES)) &&
	    cgroup_put_number(dir, "pids.max", l->processes) < 0)
		return -1;
	(void)snprintf(quota, sizeof(quota), "%llu %d",
		       (unsigned long long)(l->cpu * CGROUP_CPU_PERIOD_US / 1000),
		       CGROUP_CPU_PERIOD_US);
	if ((need & (1U << NONO_LIMIT_CPU)) && cgroup_put(dir, "cpu.max", quota) < 0)
		return -1;
	return 0;
}

/* Can dir share out these controllers, after being told to if it must be? words: how to tell. */
static bool shares(const char *dir, unsigned need, const char *words, struct nono_group *why)
{
	if (!cgroup_has(dir, "cgroup.controllers", need)) {
		cgroup_no(why, "the controller is not handed down to", dir, 0);
		return false;
	}
	if (cgroup_has(dir, "cgroup.subtree_control", need))
		return true;
	if (cgroup_put(dir, "cgroup.subtree_control", words) == 0)
		return true;
	cgroup_no(why, "the controller can't be switched on below", dir, errno);
	return false;
}

/* A limit here is meant for the caller too: what it starts does not leave it. */
static bool has_limit(const char *dir, unsigned need)
{
	char text[64];

	for (int i = 0; i < NONO_LIMITS; i++)
		if ((need & (1U << i)) &&
		    cgroup_get(dir, cgroup_controllers[i].max, text, sizeof(text)) == 0 &&
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
					      cgroup_controllers[i].name);
	/* Moving a process takes the right to write the common ancestor's list. */
	(void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", parent);
	if (faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) < 0) {
		cgroup_no(g, "no process can be moved in", parent, errno);
		return false;
	}
	if (!shares(parent, need, words, g))
		return false;
	if (cgroup_mkdir(parent, name, words, dir) < 0) {
		cgroup_no(g, "no control group can be made in", parent, errno);
		return false;
	}
	if (set2(dir, need, l) < 0) {
		cgroup_no(g, "the limit can't be set in", dir, errno);
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
			cgroup_no(g, "a limit of its own is on the caller's group", dir, 0);
			return false;
		}
		*slash = '\0';
	}
}

/* A process is in one group of version 2 only: the largest set of limits that one can hold. The
 * processor's first, which nothing else can hold. */
void cgroup_make2_all(const struct cgroup_place *place, unsigned need, const struct nono_limits *l,
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
