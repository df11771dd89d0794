/* Decisions by a descriptor that the program has: about objects without a path (pipes, memfds,
 * removed files), about what it has open for writing, and about devices. */
#include "elevation/engine.h"
#include "elevation/perform.h"
#include "elevation/view.h"

#include <fcntl.h>
#include <linux/major.h>
#include <sys/sysmacros.h>

static const char removed_mark[] = " (deleted)";

/* The path of a removed file when it still had one; what never was in a folder (memfd, pipe) has
 * none. The kernel keeps the last name as it was, no program can change it any more. */
static bool former_path(const struct place *p, char out[POLICY_PATH_MAX])
{
	size_t n, mark = sizeof(removed_mark) - 1;

	if (!S_ISREG(p->st.st_mode) || p->st.st_nlink != 0 ||
	    view_fd_path(p->fd, out, POLICY_PATH_MAX) < 0)
		return false;
	n = strlen(out);
	if (out[0] != '/' || n <= mark || !str_eq(out + n - mark, removed_mark) ||
	    str_starts(out, "/memfd:") || str_starts(out, "/dev/zero"))
		return false;
	out[n - mark] = '\0';
	return true;
}

/* The kernel's rules for the folder may give less than the policy (those of writes in a workspace
 * do): what was allowed there the broker opens once more. */
static enum decision decide_removed(struct elevation *e, struct call *c, const char *path, int *err)
{
	policy_check(e->cfg.policy, path, c->access, false, &c->verdict);
	str_copy(c->a.path, sizeof(c->a.path), path);
	if (c->verdict.allowed)
		return DECIDED_PERFORM;
	c->verdict.grantable = false; /* an answer would be about a name that is gone */
	*err = EACCES;
	return DECIDED_DENY;
}

enum decision decide_anonymous(struct elevation *e, struct call *c, int *err)
{
	const bool removed = c->a.st.st_nlink == 0;
	char path[POLICY_PATH_MAX];

	switch (c->op) {
	case OP_OPEN:
	case OP_TRUNCATE:
		return former_path(&c->a, path) ? decide_removed(e, c, path, err)
						: DECIDED_CONTINUE;
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIMES:
	case OP_SETXATTR:
	case OP_REMOVEXATTR:
		if (removed || S_ISFIFO(c->a.st.st_mode) || S_ISSOCK(c->a.st.st_mode))
			return DECIDED_PERFORM;
		return decide_deny(c, err, "file without a path");
	case OP_WATCH: /* tells of what the program has open already */
		return DECIDED_PERFORM;
	case OP_EXEC:
		return decide_deny(c, err, "program without a path");
	default:
		return decide_deny(c, err, "file without a path");
	}
}

bool decide_writes_to(const struct elevation *e, const struct call *c)
{
	int err = 0, flags;
	_cleanup_close_ int fd = socket_take(e, c, &err);
	struct stat st;

	if (fd < 0 || (flags = fcntl(fd, F_GETFL)) < 0 || (flags & O_PATH) || fstat(fd, &st) < 0)
		return false;
	/* The number may mean another file by now. */
	return ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR) &&
	       st.st_dev == c->a.st.st_dev && st.st_ino == c->a.st.st_ino;
}

bool decide_changes_device(const struct call *c)
{
	const unsigned m = major(c->a.st.st_rdev);

	if (c->op != OP_CHMOD && c->op != OP_CHOWN && c->op != OP_SETXATTR &&
	    c->op != OP_REMOVEXATTR)
		return false;
	if (S_ISCHR(c->a.st.st_mode)) /* mesg(1), script(1), tmux(1) do so with terminals */
		return m != TTY_MAJOR && (m < UNIX98_PTY_SLAVE_MAJOR ||
					  m >= UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT);
	return S_ISBLK(c->a.st.st_mode);
}
