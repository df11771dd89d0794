/*
 * limits - what holds a session's limits: control groups where they can be made, else the rlimit of
 * the session's own user namespace (processes), else the supervisor's own looks at the tree
 * (memory, processes). The processor's share takes a control group. What nothing holds is an error
 * before the program starts.
 *
 *   limits_prepare()   before the program's process exists: makes the groups
 *   limits_enter()     when it waits for its exec: puts it in
 *   limits_look()      every limits_period_ms(): what happened, and the supervisor's own part
 *
 * The groups are named nono-ID; <runtime>/ID/cgroups lists them, so that whoever removes that
 * directory also removes them.
 */
#ifndef NONO_SESSIONS_LIMITS_H
#define NONO_SESSIONS_LIMITS_H

#include <cjson/cJSON.h>

#include "common/common.h"
#include "policy/policy.h"
#include "sandbox/nono.h"

enum limit { LIMIT_MEMORY = 0, LIMIT_PROCESSES, LIMIT_CPU, LIMIT_WALL_TIME, LIMITS };
enum hold { HOLD_NONE = 0, HOLD_CGROUP1, HOLD_CGROUP2, HOLD_RLIMIT, HOLD_WATCH, HOLD_TIMER };

#define LIMITS_FILE "cgroups"

struct limits {
	struct nono_limits want;
	enum hold held[LIMITS]; /* HOLD_NONE: not asked for */
	uint64_t reached[LIMITS];
	struct nono_groups groups;
	struct nono_usage last;
};

const char *limit_name(enum limit l); /* "memory", "max_processes", ... */
/* "64 MiB", "20", "1.5 processors", "10m"; returns out. */
char *limit_show(const struct nono_limits *w, enum limit which, char *out, size_t size);
const char *hold_name(enum hold h); /* "cgroup v1", ... */
bool limits_any(const struct nono_limits *l);

int limits_prepare(struct limits *l, const struct nono_limits *want, const char *id,
		   const char *runtime_dir, struct err *err);
int limits_enter(struct limits *l, pid_t program, const struct nono_layers *layers,
		 struct err *err);
/* True if RLIMIT_NPROC counts the session's processes and nobody else's. */
bool limits_rlimit_counts(const struct nono_layers *layers);

/* What a look found. */
struct limits_seen {
	uint64_t killed;  /* processes for the memory's limit, by the kernel or now by us */
	uint64_t refused; /* new processes */
	bool too_many;	  /* processes, and nothing but us holds the limit */
	uint64_t memory, processes; /* in use */
};
void limits_look(struct limits *l, pid_t init, struct limits_seen *out);
/* 0: nothing to look for. */
unsigned limits_period_ms(const struct limits *l);

/* {"memory": {"limit": bytes, "shown": "64 MiB", "held_by": ..., "reached": times}, ...} */
cJSON *limits_json(const struct limits *l);
/* "memory 64 MiB (cgroup v1), ..."; nothing if there are none. */
void limits_describe(const struct limits *l, struct buf *out);
/* What is held less strictly than a control group would, NULL if nothing. */
const char *limits_weaker(const struct limits *l);

/* Kills what is left in the groups of session id that runtime_dir lists, and removes them. */
void limits_remove(const char *runtime_dir, const char *id);

#endif
