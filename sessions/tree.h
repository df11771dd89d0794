/*
 * tree - the processes below one process, and ending them all.
 *
 * Read from /proc/PID/task/TID/children, or from every /proc/PID/stat where the kernel has no such
 * file (proc(5), CONFIG_PROC_CHILDREN).
 */
#ifndef NONO_SESSIONS_TREE_H
#define NONO_SESSIONS_TREE_H

#include <sys/types.h>

#include "common/common.h"

struct pid_list {
	pid_t *v;
	size_t n, cap;
};
void pid_list_free(struct pid_list *l);
void pid_list_add(struct pid_list *l, pid_t pid);
/* Descendants of root, without root and without except (0 = none) and what is below that. A
 * snapshot: processes come and go meanwhile. At most 65536. */
void tree_list(pid_t root, pid_t except, struct pid_list *out);
/* One signal to each of them. Returns how many there were. */
size_t tree_signal(pid_t root, pid_t except, int sig);
/* Stops, then kills: what forks while it is being killed is found by the next look. Returns how
 * many were still there when it looked last; the caller reaps and calls again until it is 0. */
size_t tree_kill(pid_t root, pid_t except);

/* What activity wants to know of a process. */
struct proc_stat {
	pid_t pid, ppid, pgrp, session, tpgid;
	char state;
	unsigned tty;
	uint64_t cpu_ticks;  /* user + system */
	uint64_t start_time; /* field 22 */
};
int proc_stat_read(pid_t pid, struct proc_stat *out); /* -1: no such process */

#endif
