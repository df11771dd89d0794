/* The file of a profile, changed: checked before, held while it is, replaced as a whole. */
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/assets.h"
#include "policy/change.h"
#include "policy/profile.h"
#include "policy/views/diff.h"

void change_free(struct change *c)
{
	free(c->file);
	free(c->name);
	free(c->extends);
	free(c->before);
	free(c->after);
	if (c->lock >= 0)
		close(c->lock);
}

/* How a file names the profile in use: by its name where that leads to it. */
char *policy_reference(const struct policy *p)
{
	_cleanup_free_ char *config = dir_config(), *dir = xasprintf("%s/profiles/", config);
	const char *base;
	char *dot;

	if (!p->profile_file)
		return xstrdup(p->profile_name ? p->profile_name : "default");
	base = path_base(p->profile_file);
	if (str_starts(p->profile_file, dir) && p->profile_file + strlen(dir) == base) {
		char *name = xstrdup(base);

		dot = strrchr(name, '.');
		if (dot)
			*dot = '\0';
		if (profile_name_ok(name))
			return name;
		free(name);
	}
	return xstrdup(p->profile_file);
}

/* A built-in profile gets a file of its name that extends it. */
static int find_file(struct change *c, struct err *err)
{
	const struct policy *p = c->p;
	_cleanup_free_ char *config = dir_config();

	if (p->profile_file) {
		c->file = xstrdup(p->profile_file);
		return 0;
	}
	c->name = policy_reference(p);
	if (!profile_name_ok(c->name))
		return err_set(err, "%s is none of your own profiles: put the rule in by hand",
			       c->name);
	c->extends = xstrdup(c->name);
	/* Made meanwhile, perhaps by the last answer. */
	c->file = profile_user_file(c->name);
	if (!c->file)
		c->file = xasprintf("%s/profiles/%s.json", config, c->name);
	return 0;
}

static int find_named(struct change *c, const char *name, struct err *err)
{
	_cleanup_free_ char *config = dir_config();

	if (!profile_name_ok(name))
		return err_set(err, "\"%.128s\" is not a profile name (letters, digits, '-')",
			       name);
	c->name = xstrdup(name);
	c->extends = policy_reference(c->p);
	c->file = profile_user_file(name);
	if (!c->file && asset_profile(name) && !str_eq(c->extends, name))
		return err_set(err, "%s is a built-in profile: choose another name", name);
	if (!c->file)
		c->file = xasprintf("%s/profiles/%s.json", config, name);
	return 0;
}

/* A link, or a file in the reach of the program that the rule is for, is not written. */
static int check_file(struct change *c, struct err *err)
{
	_cleanup_free_ char *dir = xstrdup(c->file), *real = NULL;
	struct policy_verdict v;
	struct stat st;

	*strrchr(dir, '/') = '\0';
	real = realpath(*dir ? dir : "/", NULL);
	if (real) {
		_cleanup_free_ char *place = xasprintf("%s/%s", real, path_base(c->file));
		policy_check(c->p, place, NONO_WRITE, true, &v);
		if (v.allowed || v.reason == POLICY_PROTECTED_PATH)
			return err_set(err,
				       "%s: the session may write there, so it can't hold its own "
				       "rules: keep the profile in ~/.config/nono/profiles",
				       c->file);
	}
	c->mode = 0600;
	if (lstat(c->file, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "can't look at %s", c->file);
	if (S_ISLNK(st.st_mode))
		return err_set(err,
			       "%s is a symbolic link: nono does not write through links; "
			       "change the file that it leads to",
			       c->file);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, "%s is not a file of yours", c->file);
	c->mode = st.st_mode & 0777;
	return 0;
}

static int read_file(struct change *c, struct err *err)
{
	_cleanup_close_ int fd = open(c->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT && c->name ? 0
						  : err_errno(err, errno, "can't read %s", c->file);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DOC_TEXT_MAX)
		return err_set(err, "%s is no file that a profile can be in", c->file);
	c->before = xcalloc((size_t)st.st_size + 1, 1);
	n = read_full(fd, c->before, (size_t)st.st_size);
	if (n < 0)
		return err_errno(err, errno, "can't read %s", c->file);
	c->before[n] = '\0';
	return 0;
}

/* The new text must still load, or the next session would not start. */
static int check_text(const struct change *c, struct err *err)
{
	struct profile *prof = profile_parse(c->after, strlen(c->after), c->file, err);

	bool ok = prof != NULL;

	profile_freep(&prof);
	return ok ? 0 : -1;
}

static int open_dir(const struct change *c, bool make, struct err *err)
{
	_cleanup_free_ char *dir = xstrdup(c->file);
	int fd;

	*strrchr(dir, '/') = '\0';
	if (make && c->name) {
		_cleanup_free_ char *config = dir_config();
		if (dir_private(config, err) < 0 || dir_private(dir, err) < 0)
			return -1;
	}
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "can't open %s (a link is not followed)", dir);
	if (fd_lock(fd, dir, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int change_begin(struct change *c, const struct policy *p, const char *name, bool apply,
		 struct err *err)
{
	*c = (struct change){.p = p, .lock = -1};
	if ((name ? find_named(c, name, err) : find_file(c, err)) < 0)
		return -1;
	if (apply) {
		c->lock = open_dir(c, true, err);
		if (c->lock < 0)
			return -1;
	}
	return check_file(c, err) < 0 ? -1 : read_file(c, err);
}

int change_end(struct change *c, bool apply, char **diff, struct err *err)
{
	_cleanup_(buf_free) struct buf text = {0};

	if (check_text(c, err) < 0)
		return -1;
	diff_unified(&text, c->file, c->before, c->after);
	if (apply && !str_eq(c->before, c->after)) {
		if (file_write_atomic(c->file, c->mode, c->after, strlen(c->after), err) < 0)
			return -1;
		fsync(c->lock);
	}
	if (diff)
		*diff = text.data ? STEAL_PTR(text.data) : xstrdup("");
	return 0;
}
