/*
 * The supervisor's own look at the tree, where no control group holds a limit.
 *
 * Memory is what processes have in RAM and swap, pages that several share counted once in all
 * (smaps_rollup); where that can't be read, each counts its own. Files in tmpfs that nobody has
 * mapped are not seen.
 */
#include <fcntl.h>
#include <signal.h>

#include "sessions/limits.h"
#include "sessions/tree.h"

#define LOOK_MS	  50  /* when nothing else holds a limit */
#define EVENTS_MS 250 /* when only the kernel's counters are read */

struct process {
	pid_t pid;
	uint64_t memory, threads;
};
struct processes {
	struct process *v;
	size_t n;
	uint64_t memory, threads;
};

static int read_proc(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read_full(fd, text, size - 1);

	if (n < 0)
		return -1;
	text[n] = '\0';
	return 0;
}

/* "Key:   123 kB", the first at the start of a line. */
static uint64_t keyed(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			return strtoull(line + n + 1, NULL, 10);
	}
	return 0;
}

static void measure(pid_t init, struct processes *out)
{
	struct pid_list l = {0};
	char text[8192];

	tree_list(init, 0, &l);
	out->v = xcalloc(l.n + 1, sizeof(*out->v));
	for (size_t i = 0; i < l.n; i++) {
		struct process *p = &out->v[out->n];

		if (read_proc(l.v[i], "status", text, sizeof(text)) < 0)
			continue;
		p->pid = l.v[i];
		p->memory = (keyed(text, "VmRSS") + keyed(text, "VmSwap")) * 1024;
		p->threads = keyed(text, "Threads");
		out->memory += p->memory;
		out->threads += p->threads;
		out->n++;
	}
	pid_list_free(&l);
}

/* Takes long for large processes: only when the sum above, which is never smaller, is too much. */
static void share_out(struct processes *ps)
{
	char text[4096];

	ps->memory = 0;
	for (size_t i = 0; i < ps->n; i++) {
		if (read_proc(ps->v[i].pid, "smaps_rollup", text, sizeof(text)) == 0 && text[0])
			ps->v[i].memory = (keyed(text, "Pss") + keyed(text, "SwapPss")) * 1024;
		ps->memory += ps->v[i].memory;
	}
}

static int larger_first(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return x->memory > y->memory ? -1 : x->memory < y->memory;
}

/* What the kernel would do: the largest go until the rest fits. */
static uint64_t kill_largest(struct processes *ps, uint64_t limit)
{
	uint64_t killed = 0;

	qsort(ps->v, ps->n, sizeof(*ps->v), larger_first);
	for (size_t i = 0; i < ps->n && ps->memory > limit; i++) {
		kill(ps->v[i].pid, SIGKILL);
		ps->memory -= ps->v[i].memory;
		killed++;
	}
	return killed;
}

unsigned limits_period_ms(const struct limits *l)
{
	if (l->held[LIMIT_MEMORY] == HOLD_WATCH || l->held[LIMIT_PROCESSES] == HOLD_WATCH)
		return LOOK_MS;
	return l->groups.of[NONO_LIMIT_MEMORY].held || l->groups.of[NONO_LIMIT_PROCESSES].held
		   ? EVENTS_MS
		   : 0;
}

void limits_look(struct limits *l, pid_t init, struct limits_seen *out)
{
	bool memory = l->held[LIMIT_MEMORY] == HOLD_WATCH;
	bool processes = l->held[LIMIT_PROCESSES] == HOLD_WATCH;
	struct nono_usage now;

	*out = (struct limits_seen){0};
	nono_groups_usage(&l->groups, &now);
	out->killed = now.killed > l->last.killed ? now.killed - l->last.killed : 0;
	out->refused = now.refused > l->last.refused ? now.refused - l->last.refused : 0;
	out->memory = now.memory;
	out->processes = now.processes;
	l->last = now;
	if ((memory || processes) && init > 0) {
		struct processes ps = {0};

		measure(init, &ps);
		if (memory && ps.memory > l->want.memory)
			share_out(&ps);
		if (memory) {
			out->memory = ps.memory;
			out->killed += kill_largest(&ps, l->want.memory);
		}
		if (processes) {
			out->processes = ps.threads;
			out->too_many = ps.threads > l->want.processes;
		}
		free(ps.v);
	}
	l->reached[LIMIT_MEMORY] += out->killed;
	l->reached[LIMIT_PROCESSES] += out->refused + out->too_many;
}
