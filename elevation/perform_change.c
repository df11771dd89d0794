/*
 * Changes of the tree: names made, moved, removed. Each acts on a name in the directory that was
 * checked; that the name still means the object that was checked is looked at right before.
 *
 * Sources: mkdir(2), mknod(2), rename(2), link(2), symlink(2), unlink(2), rmdir(2).
 */
#include "elevation/perform.h"

#include <fcntl.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE	 2
#define RENAME_WHITEOUT	 4
#endif

/* Errno unless a new name can be made here. */
static int place_free(const struct place *p, bool for_dir)
{
	int err;

	if (p->err)
		return p->err;
	if (p->fd >= 0)
		return EEXIST;
	err = place_named(p);
	if (err)
		return err;
	return p->dir_only && !for_dir ? ENOENT : 0;
}

static int do_mkdir(struct call *c)
{
	const mode_t wanted = c->mode & 01777;
	mode_t mode;
	int err = place_free(&c->a, true);

	if (err)
		return err;
	mode = create_mode(c, c->a.parent, wanted);
	if (mkdirat(c->a.parent, c->a.name, mode) < 0)
		return errno;
	mode_restore(c->a.parent, c->a.name, mode);
	return 0;
}

static int do_mknod(struct call *c)
{
	const mode_t type = c->mode & S_IFMT ? c->mode & S_IFMT : S_IFREG;
	mode_t mode;
	int err;

	if ((type != S_IFREG && type != S_IFIFO && type != S_IFSOCK) ||
	    (c->mode & (S_ISUID | S_ISGID)))
		return EPERM;
	err = place_free(&c->a, false);
	if (err)
		return err;
	mode = create_mode(c, c->a.parent, c->mode & 01777);
	if (mknodat(c->a.parent, c->a.name, type | mode, 0) < 0)
		return errno;
	mode_restore(c->a.parent, c->a.name, mode);
	return 0;
}

static int do_symlink(struct call *c)
{
	int err;

	if (!c->text[0])
		return ENOENT;
	err = place_free(&c->a, false);
	if (err)
		return err;
	return symlinkat(c->text, c->a.parent, c->a.name) < 0 ? errno : 0;
}

/* What the session listens on is known by name (sockets_own.c): no other socket gets such a name.
 */
static bool is_foreign_socket(const struct elevation *e, const struct place *p)
{
	return p->fd >= 0 && S_ISSOCK(p->st.st_mode) && !own_has_file(e->own, p);
}

static int do_link(const struct elevation *e, struct call *c)
{
	char from[FD_PATH_MAX];
	int err;

	if (c->flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return EINVAL;
	if (c->a.err)
		return c->a.err;
	if (c->a.fd < 0)
		return ENOENT;
	err = place_free(&c->b, false);
	if (err)
		return err;
	if (S_ISDIR(c->a.st.st_mode))
		return EPERM;
	if (is_foreign_socket(e, &c->a))
		return EACCES;
	/* The object itself, also one without a name (O_TMPFILE). */
	fd_path(from, c->a.fd);
	return linkat(AT_FDCWD, from, c->b.parent, c->b.name, AT_SYMLINK_FOLLOW) < 0 ? errno : 0;
}

static int do_unlink(struct call *c)
{
	const enum odd_name odd = place_odd(&c->a);
	int err;

	if (c->a.err)
		return c->a.err;
	if (odd == NAME_DOT || odd == NAME_DOT_DOT || odd == NAME_ROOT)
		return EISDIR;
	err = place_unchanged(&c->a);
	if (err)
		return err;
	if (S_ISDIR(c->a.st.st_mode))
		return EISDIR;
	if (c->a.dir_only)
		return ENOTDIR;
	return unlinkat(c->a.parent, c->a.name, 0) < 0 ? errno : 0;
}

static int do_rmdir(const struct elevation *e, struct call *c)
{
	int err;

	if (c->a.err)
		return c->a.err;
	switch (place_odd(&c->a)) {
	case NAME_DOT:
		return EINVAL;
	case NAME_DOT_DOT:
		return ENOTEMPTY;
	case NAME_ROOT:
		return EBUSY;
	default:
		break;
	}
	err = place_unchanged(&c->a);
	if (err)
		return err;
	if (!S_ISDIR(c->a.st.st_mode))
		return ENOTDIR;
	if (policy_pinned(e->cfg.policy, c->a.path))
		return EACCES;
	return unlinkat(c->a.parent, c->a.name, AT_REMOVEDIR) < 0 ? errno : 0;
}

/* ---- rename -------------------------------------------------------------------------------- */

static int rename_flags_errno(unsigned flags)
{
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return EINVAL;
	return flags & RENAME_WHITEOUT ? EPERM : 0; /* that is a device node */
}

static bool is_odd(const struct place *p)
{
	enum odd_name odd = place_odd(p);

	return odd == NAME_DOT || odd == NAME_DOT_DOT || odd == NAME_ROOT;
}

/* From outside of the workspaces into one nothing moves: EXDEV, and the caller copies. Out there
 * the program may change names without asking, so a file that was checked may be a folder full of
 * hooks by the time it moves. */
static bool may_become(const struct policy *p, const struct place *from, const struct place *to)
{
	if (S_ISDIR(from->st.st_mode))
		return directory_may_become(p, from->path, to->path);
	return policy_workspace(p, from->path) || !policy_workspace(p, to->path);
}

static int rename_places_errno(const struct policy *p, struct call *c, unsigned flags)
{
	if (c->a.err || c->b.err)
		return c->a.err ? c->a.err : c->b.err;
	if (is_odd(&c->a) || is_odd(&c->b))
		return EBUSY;
	if (c->a.fd < 0)
		return ENOENT;
	if ((flags & RENAME_NOREPLACE) && c->b.fd >= 0)
		return EEXIST;
	if ((flags & RENAME_EXCHANGE) && c->b.fd < 0)
		return ENOENT;
	if (!S_ISDIR(c->a.st.st_mode) && (c->a.dir_only || (c->b.dir_only && !flags)))
		return ENOTDIR;
	if (c->b.dir_only && c->b.fd >= 0 && !S_ISDIR(c->b.st.st_mode))
		return ENOTDIR;
	if (policy_pinned(p, c->a.path) || (c->b.fd >= 0 && policy_pinned(p, c->b.path)))
		return EACCES;
	if (!may_become(p, &c->a, &c->b) ||
	    ((flags & RENAME_EXCHANGE) && !may_become(p, &c->b, &c->a)))
		return EXDEV;
	return 0;
}

static int do_rename(const struct elevation *e, struct call *c)
{
	const unsigned flags = (unsigned)c->flags;
	int err = rename_flags_errno(flags);

	if (!err)
		err = rename_places_errno(e->cfg.policy, c, flags);
	if (!err && (is_foreign_socket(e, &c->a) ||
		     ((flags & RENAME_EXCHANGE) && is_foreign_socket(e, &c->b))))
		err = EACCES;
	if (!err)
		err = place_unchanged(&c->a);
	if (!err)
		err = place_named(&c->b);
	/* What is replaced may be another object by now: its name is what was asked about. */
	if (!err && (flags & RENAME_EXCHANGE))
		err = place_unchanged(&c->b);
	if (err)
		return err;
	if (renameat2(c->a.parent, c->a.name, c->b.parent, c->b.name, flags) < 0)
		return errno;
	return 0;
}

int perform_change(const struct elevation *e, struct call *c)
{
	switch (c->op) {
	case OP_MKDIR:
		return do_mkdir(c);
	case OP_MKNOD:
		return do_mknod(c);
	case OP_RENAME:
		return do_rename(e, c);
	case OP_LINK:
		return do_link(e, c);
	case OP_SYMLINK:
		return do_symlink(c);
	case OP_UNLINK:
		return do_unlink(c);
	case OP_RMDIR:
		return do_rmdir(e, c);
	default:
		return EACCES;
	}
}
