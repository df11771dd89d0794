/*
 * Links in /proc. Some mean something else to each who reads them (self), some lead to objects
 * rather than paths (fd/3, cwd, root, exe), and those of processes outside of the session are none
 * of the program's business: the broker could follow them, the program could not.
 *
 * Source: proc(5).
 */
#include "elevation/view.h"

#include <fcntl.h>

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > 0 && n < 10;
}

/* The object behind a link that is none in truth. Its path, if it has one in the program's view. */
static int follow_magic(struct walk *w, int link, const char *name, char *text, size_t size,
			int *object)
{
	_cleanup_close_ int fd = openat(w->at, name, O_PATH | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : readlinkat(link, "", text, size - 1);
	struct stat st;

	if (n < 0)
		return errno;
	if (fstat(fd, &st) < 0)
		return EACCES;
	text[n] = '\0';
	if ((size_t)n < size - 1 && view_reaches(w->root, text, &st))
		return 0;
	*object = STEAL_FD(fd);
	return 0;
}

int view_proc_link(struct walk *w, int link, const char *name, char *text, size_t size, int *object)
{
	const char *rel = w->base + strlen("/proc");
	const struct proc *p = w->proc;
	const bool host = view_host_numbers(w->e, p->tid);
	ssize_t n;
	size_t len;

	w->through_proc = true;
	if (!path_under("/proc", w->base))
		return EACCES; /* another /proc somewhere: of whom is not known */
	if (!*rel && str_eq(name, "self")) {
		snprintf(text, size, "%d", (int)(host ? p->pid : p->ns_pid));
		return 0;
	}
	if (!*rel && str_eq(name, "thread-self")) {
		snprintf(text, size, "%d/task/%d", (int)(host ? p->pid : p->ns_pid),
			 (int)(host ? p->tid : p->ns_tid));
		return 0;
	}
	len = *rel ? strcspn(rel + 1, "/") : 0;
	if (len && digits(rel + 1, len)) {
		if (!view_process_inside(w->e, p, (pid_t)strtol(rel + 1, NULL, 10)))
			return EACCES;
		return follow_magic(w, link, name, text, size, object);
	}
	n = readlinkat(link, "", text, size - 1);
	if (n <= 0)
		return n < 0 ? errno : ENOENT;
	text[n] = '\0';
	return 0;
}
