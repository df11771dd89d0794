/*
 * Limits of a tool by control groups of its own, one for each run: memory of all its processes
 * together, and their number, which no rlimit counts for root. They lie inside of the session's
 * groups where it has any, so that both limits hold.
 */
#include <fcntl.h>

#include "sessions/limits.h"
#include "sessions/tool_run.h"

_Static_assert(RUNS_MAX <= 64, "slots are bits");

static bool wants(const struct command_resources *r)
{
	return r->backend != RESOURCES_PORTABLE && (r->memory_bytes || r->max_processes);
}

static void group_name(const struct tools *t, int slot, char *out, size_t size)
{
	snprintf(out, size, "nono-%s.%d", t->cfg.id, slot);
}

static void remove_all(const struct nono_groups *g)
{
	for (int i = 0; i < NONO_LIMITS; i++)
		if (g->of[i].held)
			nono_group_remove(g->of[i].path);
}

void tools_limits_prepare(struct tools *t)
{
	const struct command_policies *all = t->cfg.policy->commands;
	const struct nono_limits some = {.memory = 1u << 30, .processes = 1000};
	struct nono_groups tried;
	char name[64];
	bool any = false;

	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < all->v[i].n_edges; k++)
			any |= wants(&all->v[i].edges[k].box.resources);
	if (!any)
		return;
	group_name(t, 0, name, sizeof(name));
	nono_groups_make_in(t->cfg.groups, &some, name, &tried);
	remove_all(&tried);
}

/* Whoever cleans up after a supervisor that was killed finds them there. */
static int list_slot(struct tools *t, const struct run *r, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/" LIMITS_FILE, t->cfg.rt->dir);
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_close_ int fd = -1;

	if (t->slots_listed & (1ull << r->slot))
		return 0;
	for (int i = 0; i < NONO_LIMITS; i++)
		if (r->groups.of[i].held)
			buf_addf(&text, "%s\n", r->groups.of[i].path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write_full(fd, text.data ? text.data : "", text.len) < 0)
		return err_errno(err, errno, "can't write %s", path);
	t->slots_listed |= 1ull << r->slot;
	return 0;
}

static int check(const struct run *r, const struct command_resources *want, struct err *err)
{
	static const char *const names[] = {
	    [NONO_LIMIT_MEMORY] = "memory_bytes", [NONO_LIMIT_PROCESSES] = "max_processes"};
	const uint64_t asked[] = {
	    [NONO_LIMIT_MEMORY] = want->memory_bytes, [NONO_LIMIT_PROCESSES] = want->max_processes};

	for (int i = 0; i < 2; i++) {
		const struct nono_group *g = &r->groups.of[i];

		if (!asked[i] || g->held)
			continue;
		if (want->backend == RESOURCES_CGROUP || want->fail_if_weaker)
			return err_set(err, "no control group holds its %s: %s", names[i], g->why);
		if (i == NONO_LIMIT_PROCESSES && geteuid() == 0)
			return err_set(err,
				       "nothing holds max_processes for root but a control "
				       "group: %s",
				       g->why);
	}
	return 0;
}

int run_limits_make(struct run *r, struct err *err)
{
	const struct command_resources *want = &r->verdict.edge->box.resources;
	const struct nono_limits limits = {.memory = want->memory_bytes,
					   .processes = want->max_processes};
	char name[64];

	if (want->max_processes && want->backend == RESOURCES_PORTABLE && geteuid() == 0)
		return err_set(err, "nothing holds max_processes for root but a control group "
				    "(resources.backend)");
	if (!wants(want))
		return 0;
	r->slot = __builtin_ctzll(~r->t->slots); /* there are no more runs than slots */
	r->t->slots |= 1ull << r->slot;
	group_name(r->t, r->slot, name, sizeof(name));
	nono_groups_make_in(r->t->cfg.groups, &limits, name, &r->groups);
	if (list_slot(r->t, r, err) == 0 && check(r, want, err) == 0)
		return 0;
	run_limits_end(r);
	return -1;
}

unsigned run_limits_held(const struct run *r)
{
	unsigned held = 0;

	for (unsigned i = 0; i < NONO_LIMITS; i++)
		held |= r->groups.of[i].held ? 1u << i : 0;
	return held;
}

bool run_limits_killed(const struct run *r)
{
	struct nono_usage u = {0};

	if (!r->groups.of[NONO_LIMIT_MEMORY].held)
		return false;
	nono_groups_usage(&r->groups, &u);
	return u.killed > 0;
}

void run_limits_end(struct run *r)
{
	if (r->slot < 0)
		return;
	remove_all(&r->groups);
	r->t->slots &= ~(1ull << r->slot);
	r->groups = (struct nono_groups){0};
	r->slot = -1;
}
