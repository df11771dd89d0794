/* What holds a session's limits. */
#include <fcntl.h>

#include "sessions/limits.h"

static const struct {
	const char *name, *flag;
} names[LIMITS] = {
    [LIMIT_MEMORY] = {"memory", "--memory"},
    [LIMIT_PROCESSES] = {"max_processes", "--max-processes"},
    [LIMIT_CPU] = {"cpu", "--cpu"},
    [LIMIT_WALL_TIME] = {"wall_time", "--wall-time"},
};

const char *limit_name(enum limit l)
{
	return names[l].name;
}

const char *hold_name(enum hold h)
{
	static const char *const words[] = {
	    [HOLD_NONE] = "nothing",  [HOLD_CGROUP1] = "cgroup v1", [HOLD_CGROUP2] = "cgroup v2",
	    [HOLD_RLIMIT] = "rlimit", [HOLD_WATCH] = "supervisor",  [HOLD_TIMER] = "timer",
	};

	return words[h];
}

bool limits_any(const struct nono_limits *l)
{
	return l->memory || l->processes || l->cpu || l->wall_ms;
}

/* ---- making ------------------------------------------------------------------------------ */

/* Written before anybody is in them: a supervisor that is killed leaves the list. */
static int write_list(const struct limits *l, const char *runtime_dir, struct err *err)
{
	_cleanup_free_ char *path = xasprintf("%s/" LIMITS_FILE, runtime_dir);
	_cleanup_close_ int fd =
	    open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	_cleanup_(buf_free) struct buf text = {0};

	for (int i = 0; i < NONO_LIMITS; i++)
		if (l->groups.of[i].held)
			buf_addf(&text, "%s\n", l->groups.of[i].path);
	if (fd < 0 || (text.len && write_full(fd, text.data, text.len) < 0)) {
		err_errno(err, errno, "can't write %s", path);
		for (int i = 0; i < NONO_LIMITS; i++)
			if (l->groups.of[i].held)
				nono_group_remove(l->groups.of[i].path);
		return -1;
	}
	return 0;
}

static enum hold hold_of(const struct nono_group *g, enum hold otherwise)
{
	return g->held == NONO_HELD_CGROUP2   ? HOLD_CGROUP2
	       : g->held == NONO_HELD_CGROUP1 ? HOLD_CGROUP1
					      : otherwise;
}

int limits_prepare(struct limits *l, const struct nono_limits *want, const char *id,
		   const char *runtime_dir, struct err *err)
{
	const struct nono_group *cpu = &l->groups.of[NONO_LIMIT_CPU];
	char name[64];

	l->want = *want;
	if (want->wall_ms)
		l->held[LIMIT_WALL_TIME] = HOLD_TIMER;
	if (!want->memory && !want->processes && !want->cpu)
		return 0;
	snprintf(name, sizeof(name), "nono-%s", id);
	nono_groups_make(want, name, &l->groups);
	if (write_list(l, runtime_dir, err) < 0)
		return -1;
	if (want->memory)
		l->held[LIMIT_MEMORY] = hold_of(&l->groups.of[NONO_LIMIT_MEMORY], HOLD_WATCH);
	if (want->processes)
		l->held[LIMIT_PROCESSES] = hold_of(&l->groups.of[NONO_LIMIT_PROCESSES], HOLD_WATCH);
	if (want->cpu && !cpu->held)
		return err_set(err,
			       "%s can't be held: it takes a control group (%s). nono setup "
			       "--check-only says what would give you one",
			       names[LIMIT_CPU].flag, cpu->why);
	if (want->cpu)
		l->held[LIMIT_CPU] = hold_of(cpu, HOLD_NONE);
	return 0;
}

/* The kernel counts the processes of a user in each user namespace, but not root's. */
bool limits_rlimit_counts(const struct nono_layers *layers)
{
	return layers->user_ns && layers->uid != 0;
}

int limits_enter(struct limits *l, pid_t program, const struct nono_layers *layers, struct err *err)
{
	struct nono_error ne = {0};

	if (nono_groups_enter(&l->groups, program, &ne) < 0)
		return err_set(err, "%s", ne.msg);
	if (l->held[LIMIT_PROCESSES] == HOLD_WATCH && limits_rlimit_counts(layers))
		l->held[LIMIT_PROCESSES] = HOLD_RLIMIT;
	return 0;
}

void limits_remove(const char *runtime_dir, const char *id)
{
	_cleanup_free_ char *path = xasprintf("%s/" LIMITS_FILE, runtime_dir);
	_cleanup_free_ char *text = file_read(path, 262144, NULL, NULL);
	char name[64], *last;
	size_t n;

	if (!text)
		return;
	snprintf(name, sizeof(name), "nono-%s", id);
	n = strlen(name);
	/* Those of tools lie inside of the session's, and come after them. */
	while ((last = strrchr(text, '\n')) || *text) {
		const char *p = last ? last + 1 : text, *base = path_base(p);

		if (p[0] == '/' && strncmp(base, name, n) == 0 && (!base[n] || base[n] == '.'))
			nono_group_remove(p);
		if (!last)
			break;
		*last = '\0';
	}
}

/* ---- saying --------------------------------------------------------------------------------- */

static double number_of(const struct nono_limits *w, int i)
{
	switch (i) {
	case LIMIT_MEMORY:
		return (double)w->memory;
	case LIMIT_PROCESSES:
		return (double)w->processes;
	case LIMIT_CPU:
		return (double)w->cpu / 1000;
	default:
		return (double)w->wall_ms / 1000;
	}
}

char *limit_show(const struct nono_limits *w, enum limit which, char *out, size_t size)
{
	switch (which) {
	case LIMIT_MEMORY:
		return limits_show_memory(w->memory, out, size);
	case LIMIT_CPU:
		return limits_show_cpu(w->cpu, out, size);
	case LIMIT_WALL_TIME:
		return limits_show_time(w->wall_ms, out, size);
	default:
		snprintf(out, size, "%llu", (unsigned long long)w->processes);
		return out;
	}
}

cJSON *limits_json(const struct limits *l)
{
	cJSON *o = cJSON_CreateObject();
	char text[64];

	for (int i = 0; i < LIMITS; i++) {
		cJSON *one;

		if (!l->held[i])
			continue;
		one = cJSON_AddObjectToObject(o, names[i].name);
		cJSON_AddNumberToObject(one, "limit", number_of(&l->want, i));
		cJSON_AddStringToObject(one, "shown",
					limit_show(&l->want, (enum limit)i, text, sizeof(text)));
		cJSON_AddStringToObject(one, "held_by", hold_name(l->held[i]));
		cJSON_AddNumberToObject(one, "reached", (double)l->reached[i]);
	}
	return o;
}

void limits_describe(const struct limits *l, struct buf *out)
{
	char text[64];

	for (int i = 0; i < LIMITS; i++)
		if (l->held[i])
			buf_addf(out, "%s%s %s (%s)", out->len ? ", " : "", names[i].name,
				 limit_show(&l->want, (enum limit)i, text, sizeof(text)),
				 hold_name(l->held[i]));
}

const char *limits_weaker(const struct limits *l)
{
	bool memory = l->held[LIMIT_MEMORY] == HOLD_WATCH;
	bool processes = l->held[LIMIT_PROCESSES] == HOLD_WATCH;

	if (memory && processes)
		return "no control group holds memory and max_processes: the supervisor looks "
		       "twenty times a second, kills the largest processes, and stops the session "
		       "when there are too many";
	if (memory)
		return "no control group holds memory: the supervisor looks twenty times a second "
		       "and kills the largest processes";
	if (processes)
		return "nothing in the kernel holds max_processes: the supervisor looks twenty "
		       "times a second and stops the session when there are too many";
	return NULL;
}
