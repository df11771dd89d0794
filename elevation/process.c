/* What /proc says of processes. */
#include "elevation/engine.h"

#include <fcntl.h>

#define STATUS_MAX    4096
#define ANCESTORS_MAX 4096 /* a chain that is longer leads nowhere */

/* The numbers of a line "Name:\t1\t2": the first and the last. */
static bool numbers_of(const char *text, const char *name, int base, long *first, long *last)
{
	const char *line = strstr(text, name);
	char *end;

	if (!line)
		return false;
	line += strlen(name);
	*first = *last = strtol(line, &end, base);
	if (end == line)
		return false;
	while (*end == '\t' || *end == ' ') {
		const char *s = end;
		long v = strtol(s, &end, base);

		if (end == s)
			break;
		*last = v;
	}
	return true;
}

int process_numbers(int proc_dir, struct proc_numbers *out)
{
	_cleanup_close_ int fd = openat(proc_dir, "status", O_RDONLY | O_CLOEXEC);
	char text[STATUS_MAX];
	ssize_t n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
	long pid, ppid, ns_pid, ns_tid, mask, tmp;

	if (n < 0)
		return -1;
	text[n] = '\0';
	/* The name of the program stands in the first line, with its newlines escaped. */
	if (!numbers_of(text, "\nUmask:", 8, &mask, &tmp) ||
	    !numbers_of(text, "\nTgid:", 10, &pid, &tmp) ||
	    !numbers_of(text, "\nPPid:", 10, &ppid, &tmp) ||
	    !numbers_of(text, "\nNStgid:", 10, &tmp, &ns_pid) ||
	    !numbers_of(text, "\nNSpid:", 10, &tmp, &ns_tid)) {
		errno = ESRCH;
		return -1;
	}
	*out = (struct proc_numbers){
	    .pid = (pid_t)pid,
	    .ppid = (pid_t)ppid,
	    .ns_pid = (pid_t)ns_pid,
	    .ns_tid = (pid_t)ns_tid,
	    .umask = (mode_t)mask & 0777,
	};
	return 0;
}

static int open_proc(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void process_program(pid_t pid, char *out, size_t size)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = pid > 0 && size > 1 ? readlink(path, out, size - 1) : 0;
	out[n > 0 ? n : 0] = '\0';
}

static int numbers_by_pid(pid_t pid, struct proc_numbers *out)
{
	_cleanup_close_ int dir = open_proc(pid);

	return dir < 0 ? -1 : process_numbers(dir, out);
}

pid_t process_parent(pid_t pid)
{
	struct proc_numbers n;

	return numbers_by_pid(pid, &n) < 0 ? 0 : n.ppid;
}

pid_t process_of_thread(pid_t tid)
{
	struct proc_numbers n;

	return numbers_by_pid(tid, &n) < 0 ? 0 : n.pid;
}

bool process_inside(const struct elevation *e, pid_t pid)
{
	pid_t at = pid;

	/* Whoever loses its parent becomes init's child, so the chain always leads there. A parent
	 * that ends between two looks would break it: that is looked at again. */
	for (int again = 0; again < 3; again++) {
		for (int i = 0; i < ANCESTORS_MAX && at > 1; i++) {
			pid_t parent = process_parent(at);

			if (parent == e->cfg.init_pid)
				return true;
			if (parent <= 0)
				break;
			at = parent;
		}
		if (at == 1)
			return false;
		at = pid;
	}
	return false;
}
