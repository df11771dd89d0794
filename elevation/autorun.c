/*
 * What the protection of auto-run files refuses by name although it is harmless: folders of
 * repositories made or removed while empty, git's own change of a configuration whose new content
 * was read and judged, removal of one, files that point to a repository (pointers.c).
 *
 * A new configuration is put in place as a copy of what was judged: the program may still hold the
 * file that it renames, and could change it afterwards.
 */
#include "elevation/perform.h"

#include <fcntl.h>
#include <strings.h>

struct sides {
	enum policy_special a, b; /* POLICY_SPECIAL_NONE: nothing but the policy's plain yes */
};

static bool side(const struct elevation *e, const struct place *p, unsigned access,
		 enum policy_special *out)
{
	struct policy_verdict v;

	*out = POLICY_SPECIAL_NONE;
	policy_check(e->cfg.policy, p->path, access, p->fd < 0, &v);
	if (v.allowed)
		return true;
	*out = v.special;
	return v.reason == POLICY_PROTECTED_PATH && v.special != POLICY_SPECIAL_NONE;
}

static bool both_sides(const struct elevation *e, const struct call *c, struct sides *s)
{
	*s = (struct sides){0};
	return side(e, &c->a, c->access ? c->access : NONO_WRITE, &s->a) &&
	       (!c->access2 || side(e, &c->b, c->access2, &s->b));
}

static bool is_folder_kind(enum policy_special s)
{
	return s == POLICY_SPECIAL_GIT_DIR || s == POLICY_SPECIAL_GIT_HOOKS_DIR ||
	       s == POLICY_SPECIAL_AUTORUN_DIR;
}

/* ---- a new configuration --------------------------------------------------------------------- */

/* All of a regular file behind an O_PATH descriptor, at most max bytes. */
static char *read_object(int object, const struct stat *st, size_t max, size_t *n)
{
	char path[FD_PATH_MAX];
	char *text;
	ssize_t got;

	if (object < 0 || !S_ISREG(st->st_mode))
		return NULL;
	fd_path(path, object);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	text = malloc(max + 1);
	got = text ? read_full(fd, text, max + 1) : -1;
	if (got < 0 || (size_t)got > max) {
		free(text);
		return NULL;
	}
	*n = (size_t)got;
	return text;
}

/* The new content, judged; NULL if it is not harmless. */
static char *judged_config(const struct elevation *e, const struct call *c, size_t *n)
{
	char dir[POLICY_PATH_MAX];
	struct git_context ctx = {.policy = e->cfg.policy, .dir = dir};
	_cleanup_free_ char *text = read_object(c->a.fd, &c->a.st, GIT_CONFIG_MAX, n);
	_cleanup_free_ char *old = read_object(c->b.fd, &c->b.st, GIT_CONFIG_MAX, &ctx.old_n);
	char *slash;

	if (!text || !str_copy(dir, sizeof(dir), c->b.path))
		return NULL;
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return NULL;
	*slash = '\0';
	ctx.old = old;
	return git_config_check(&ctx, text, *n, NULL, 0) ? STEAL_PTR(text) : NULL;
}

static int write_new(int fd, mode_t mode, const char *text, size_t n)
{
	if (write_full(fd, text, n) < 0 || fchmod(fd, mode & 0777) < 0)
		return errno;
	return 0;
}

static int put_in_place(struct call *c, const char *text, size_t n)
{
	char temp[64], random[17];
	int err;

	random_hex(random, 8);
	snprintf(temp, sizeof(temp), "config.nono-%s", random);
	_cleanup_close_ int fd =
	    openat(c->b.parent, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	err = write_new(fd, c->a.st.st_mode, text, n);
	if (!err && renameat2(c->b.parent, temp, c->b.parent, c->b.name, (unsigned)c->flags) < 0)
		err = errno;
	if (err)
		unlinkat(c->b.parent, temp, 0);
	return err;
}

static int replace_config(const struct elevation *e, struct call *c)
{
	size_t n;
	_cleanup_free_ char *text = judged_config(e, c, &n);
	int err;

	if (!text)
		return EACCES;
	err = place_unchanged(&c->a);
	if (!err)
		err = place_named(&c->b);
	if (!err)
		err = put_in_place(c, text, n);
	/* The old name goes, as with a rename. */
	if (!err && place_unchanged(&c->a) == 0)
		unlinkat(c->a.parent, c->a.name, 0);
	return err;
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool is_config_rename(const struct call *c, const struct sides *s)
{
	return c->op == OP_RENAME && s->b == POLICY_SPECIAL_GIT_CONFIG;
}

static bool harmless_rename(const struct elevation *e, const struct call *c, const struct sides *s)
{
	size_t n;

	if (c->flags & ~1 || c->a.fd < 0 || !S_ISREG(c->a.st.st_mode) || c->a.dir_only ||
	    c->b.dir_only || (s->a != POLICY_SPECIAL_NONE && s->a != POLICY_SPECIAL_GIT_CONFIG))
		return false;
	if (s->b == POLICY_SPECIAL_NONE) /* a configuration goes away */
		return true;
	if (s->b != POLICY_SPECIAL_GIT_CONFIG || (c->b.fd >= 0 && S_ISDIR(c->b.st.st_mode)))
		return false;
	_cleanup_free_ char *text = judged_config(e, c, &n);
	return text != NULL;
}

static bool harmless_unlink(const struct call *c, enum policy_special s)
{
	if (s == POLICY_SPECIAL_GIT_DIR) /* a ".git" file */
		return c->a.fd >= 0 && S_ISREG(c->a.st.st_mode);
	return s == POLICY_SPECIAL_GIT_CONFIG || s == POLICY_SPECIAL_GIT_POINTER;
}

/* Written anew as a whole. */
static bool harmless_open(const struct call *c, enum policy_special s)
{
	const bool named = s == POLICY_SPECIAL_GIT_POINTER ||
			   (s == POLICY_SPECIAL_GIT_DIR && strcasecmp(c->a.name, ".git") == 0);

	if (!named || c->a.dir_only || !(c->flags & O_ACCMODE) ||
	    (c->flags & (O_DIRECTORY | O_PATH | (O_TMPFILE & ~O_DIRECTORY))))
		return false;
	if (c->a.fd < 0)
		return c->flags & O_CREAT;
	return (c->flags & O_TRUNC) && !(c->flags & O_EXCL) && S_ISREG(c->a.st.st_mode);
}

static bool harmless(const struct elevation *e, const struct call *c, const struct sides *s)
{
	switch (c->op) {
	case OP_OPEN:
		return harmless_open(c, s->a);
	case OP_MKDIR:
		return is_folder_kind(s->a) && c->a.fd < 0;
	case OP_RMDIR:
		return is_folder_kind(s->a) && c->a.fd >= 0 && S_ISDIR(c->a.st.st_mode);
	case OP_CHMOD:
		/* What its owner can't read or pass is as good as removed. (Of a configuration git
		 * tries whether its execute bit stays set, and clears it again.) */
		if (c->a.st.st_mode & ~c->mode &
		    (S_ISDIR(c->a.st.st_mode) ? S_IRUSR | S_IXUSR : S_IRUSR))
			return false;
		/* fall through */
	case OP_CHOWN:
	case OP_UTIMES:
		/* Not of a hook: the bit that makes it run is one of these. */
		return is_folder_kind(s->a) || s->a == POLICY_SPECIAL_GIT_CONFIG ||
		       s->a == POLICY_SPECIAL_GIT_POINTER;
	case OP_UNLINK:
		return harmless_unlink(c, s->a);
	case OP_RENAME:
		return harmless_rename(e, c, s);
	default:
		return false;
	}
}

bool special_harmless(const struct elevation *e, struct call *c)
{
	struct sides s;

	return both_sides(e, c, &s) && (s.a || s.b) && harmless(e, c, &s);
}

void special_perform(const struct elevation *e, struct call *c, struct answer *out)
{
	struct sides s;

	*out = (struct answer){.fd = -1};
	if (!both_sides(e, c, &s) || !harmless(e, c, &s)) {
		out->err = EACCES;
		return;
	}
	if (c->op == OP_OPEN) {
		pointers_open(e, c, out);
		return;
	}
	if (!is_config_rename(c, &s)) {
		perform(e, c, out);
		return;
	}
	own_names_shared(e->own);
	out->err = replace_config(e, c);
	own_names_done(e->own);
}
