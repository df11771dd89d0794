/* A limit by a control group of version 1. Source: Documentation/admin-guide/cgroup-v1/. */
#include "sandbox/cgroup.h"
#include "sandbox/internal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int set1(const char *dir, int which, const struct nono_limits *l)
{
	switch (which) {
	case NONO_LIMIT_MEMORY:
		if (cgroup_put_number(dir, "memory.limit_in_bytes", l->memory) < 0)
			return -1;
		/* Together with swap, where swap is counted. */
		return cgroup_put_number(dir, "memory.memsw.limit_in_bytes", l->memory) < 0 &&
			       errno != ENOENT && errno != EOPNOTSUPP
			   ? -1
			   : 0;
	case NONO_LIMIT_PROCESSES:
		return cgroup_put_number(dir, "pids.max", l->processes);
	default:
		if (cgroup_put_number(dir, "cpu.cfs_period_us", CGROUP_CPU_PERIOD_US) < 0)
			return -1;
		return cgroup_put_number(dir, "cpu.cfs_quota_us",
					 l->cpu * CGROUP_CPU_PERIOD_US / 1000);
	}
}

void cgroup_make1(const struct cgroup_place *place, int which, const struct nono_limits *l,
		  const char *name, struct nono_group *g)
{
	char dir[NONO_GROUP_PATH_MAX];

	if (cgroup_mkdir(place->dir, name, NULL, dir) < 0) {
		cgroup_no(g, "no control group can be made in", place->dir, errno);
		return;
	}
	if (set1(dir, which, l) < 0) {
		cgroup_no(g, "the limit can't be set in", dir, errno);
		(void)rmdir(dir);
		return;
	}
	g->held = NONO_HELD_CGROUP1;
	(void)snprintf(g->path, sizeof(g->path), "%s", dir);
}
