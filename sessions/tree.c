/* Process trees by /proc. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include "sessions/tree.h"

#define TREE_MAX 65536

void pid_list_free(struct pid_list *l)
{
	free(l->v);
	*l = (struct pid_list){0};
}

void pid_list_add(struct pid_list *l, pid_t pid)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->v = xrealloc_array(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = pid;
}

static ssize_t read_small(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read_full(fd, buf, size - 1);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return n;
}

int proc_stat_read(pid_t pid, struct proc_stat *out)
{
	unsigned long long utime, stime, start;
	char path[64], text[1024], *p;
	int ppid, pgrp, session, tty, tpgid;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_small(path, text, sizeof(text)) <= 0)
		return -1;
	p = strrchr(text, ')'); /* the name may hold anything */
	if (!p)
		return -1;
	if (sscanf(p + 1,
		   " %c %d %d %d %d %d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
		   &out->state, &ppid, &pgrp, &session, &tty, &tpgid, &utime, &stime, &start) != 9)
		return -1;
	out->pid = pid;
	out->ppid = ppid;
	out->pgrp = pgrp;
	out->session = session;
	out->tty = (unsigned)tty;
	out->tpgid = tpgid;
	out->cpu_ticks = utime + stime;
	out->start_time = start;
	return 0;
}

/* Adds the numbers of a "children" file. -1: no such file. */
static int add_children(const char *path, pid_t except, struct pid_list *out)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	int pid;

	if (!f)
		return -1;
	while (fscanf(f, "%d", &pid) == 1)
		if (pid > 0 && pid != except && out->n < TREE_MAX)
			pid_list_add(out, pid);
	return 0;
}

static void children_of(pid_t pid, pid_t except, struct pid_list *out)
{
	char path[96];
	struct dirent *de;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	if (!d)
		return;
	while ((de = readdir(d))) {
		long tid;
		if (str_to_long(de->d_name, 1, INT32_MAX, &tid) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%ld/children", pid, tid);
		add_children(path, except, out);
	}
	closedir(d);
}

static bool listed(const struct pid_list *l, pid_t pid)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == pid)
			return true;
	return false;
}

/* Without "children" files: pairs of all processes, closed over until nothing is added. */
static void tree_by_scan(pid_t root, pid_t except, struct pid_list *out)
{
	struct pid_list pids = {0}, parents = {0};
	DIR *d = opendir("/proc");
	struct dirent *de;
	bool more = true;

	if (!d)
		return;
	while ((de = readdir(d))) {
		struct proc_stat st;
		long pid;
		if (str_to_long(de->d_name, 1, INT32_MAX, &pid) < 0 ||
		    proc_stat_read((pid_t)pid, &st) < 0)
			continue;
		pid_list_add(&pids, st.pid);
		pid_list_add(&parents, st.ppid);
	}
	closedir(d);
	while (more) {
		more = false;
		for (size_t i = 0; i < pids.n; i++) {
			if (pids.v[i] == except || listed(out, pids.v[i]) || out->n >= TREE_MAX)
				continue;
			if (parents.v[i] != root && !listed(out, parents.v[i]))
				continue;
			pid_list_add(out, pids.v[i]);
			more = true;
		}
	}
	pid_list_free(&pids);
	pid_list_free(&parents);
}

void tree_list(pid_t root, pid_t except, struct pid_list *out)
{
	out->n = 0;
	if (access("/proc/self/task", R_OK) == 0) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
		if (access(path, R_OK) < 0) {
			tree_by_scan(root, except, out);
			return;
		}
	}
	children_of(root, except, out);
	for (size_t i = 0; i < out->n; i++)
		children_of(out->v[i], except, out);
}

size_t tree_signal(pid_t root, pid_t except, int sig)
{
	struct pid_list l = {0};
	size_t n;

	tree_list(root, except, &l);
	n = l.n;
	for (size_t i = 0; i < l.n; i++)
		kill(l.v[i], sig);
	pid_list_free(&l);
	return n;
}

size_t tree_kill(pid_t root, pid_t except)
{
	size_t before = 0, now;

	/* A stopped process does not fork: look until the tree stops growing. */
	for (int i = 0; i < 8; i++) {
		now = tree_signal(root, except, SIGSTOP);
		if (now <= before)
			break;
		before = now;
	}
	return tree_signal(root, except, SIGKILL);
}
