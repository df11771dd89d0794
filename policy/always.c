/*
 * A standing rule, written to a file of the user's: the profile in use if it is one of his, else
 * <config>/profiles/NAME.json, which extends the built-in one of that name.
 */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "policy/diff.h"
#include "policy/edit.h"
#include "policy/json.h"
#include "policy/policy.h"
#include "policy/profile.h"

struct change {
	const struct policy *p;
	char *file;
	char *name;   /* of the profile, for a new file */
	char *before; /* NULL: there is no file yet */
	char *after;
	mode_t mode;
};

static void change_free(struct change *c)
{
	free(c->file);
	free(c->name);
	free(c->before);
	free(c->after);
}

static void find_file(struct change *c)
{
	const struct policy *p = c->p;
	_cleanup_free_ char *config = dir_config();

	if (p->profile_file) {
		c->file = xstrdup(p->profile_file);
		return;
	}
	c->name = xstrdup(p->profile_name ? p->profile_name : "default");
	/* Made meanwhile, perhaps by the last answer. */
	c->file = profile_user_file(c->name);
	if (!c->file)
		c->file = xasprintf("%s/profiles/%s.json", config, c->name);
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
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > JSON_SIZE_MAX)
		return err_set(err, "%s is no file that a profile can be in", c->file);
	c->before = xcalloc((size_t)st.st_size + 1, 1);
	n = read_full(fd, c->before, (size_t)st.st_size);
	if (n < 0)
		return err_errno(err, errno, "can't read %s", c->file);
	c->before[n] = '\0';
	return 0;
}

static const char *grant_list(const char *path, unsigned access)
{
	struct stat st;
	bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	if (!(access & NONO_WRITE))
		return profile_fs_names[dir ? FS_READ : FS_READ_FILE];
	if (access & (NONO_READ | NONO_EXEC))
		return profile_fs_names[dir ? FS_ALLOW : FS_ALLOW_FILE];
	return profile_fs_names[dir ? FS_WRITE : FS_WRITE_FILE];
}

static int add(struct change *c, const char *list, const char *path, struct err *err)
{
	char *text = edit_add(c->after, c->file, list, path, err);

	if (!text)
		return -1;
	free(c->after);
	c->after = text;
	return 0;
}

static bool lifted(const struct policy *p, const char *path)
{
	for (char **b = p->bypasses; b && *b; b++)
		if (path_under(path, *b))
			return true;
	return false;
}

static int make_text(struct change *c, const char *path, unsigned access, bool deny,
		     struct err *err)
{
	struct policy_verdict v;

	policy_check(c->p, path, access, false, &v);
	if (v.reason == POLICY_OWN_STATE && !v.allowed)
		return err_set(err, "%s belongs to nono itself: it is never granted", path);
	c->after =
	    c->before
		? xstrdup(c->before)
		: xasprintf("{\n  \"meta\": { \"name\": \"%s\" },\n  \"extends\": \"%s\"\n}\n",
			    c->name, c->name);
	if (deny) {
		if (lifted(c->p, path))
			return err_set(err,
				       "%s is in bypass_protection of the profile: take it out "
				       "there",
				       path);
		return add(
		    c, profile_fs_names[access & (NONO_READ | NONO_EXEC) ? FS_DENY : FS_PROTECT],
		    path, err);
	}
	if (add(c, grant_list(path, access), path, err) < 0)
		return -1;
	/* A deny rule yields only to its being named. */
	if (!v.allowed && (v.reason == POLICY_SENSITIVE_PATH ||
			   (v.reason == POLICY_PROTECTED_PATH && !str_eq(v.source, "workspace"))))
		return add(c, profile_fs_names[FS_BYPASS], path, err);
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
	if (flock(fd, LOCK_EX) < 0) {
		close(fd);
		return err_errno(err, errno, "can't lock %s", dir);
	}
	return fd;
}

int policy_always(const struct policy *p, const char *path, unsigned access, bool deny, bool apply,
		  char **diff, struct err *err)
{
	_cleanup_(change_free) struct change c = {.p = p};
	_cleanup_close_ int lock = -1;
	struct buf text = {0};

	*diff = NULL;
	if (path[0] != '/' || !access || strlen(path) >= POLICY_PATH_MAX)
		return err_set(err, "a rule needs an absolute path");
	if (strpbrk(path, "*$\n\r"))
		return err_set(err,
			       "%s: a profile can't name it ('*' and '$' have a meaning there): "
			       "answer for this session",
			       path);
	find_file(&c);
	/* Held from reading to renaming: two sessions may learn at the same time. */
	if (apply) {
		lock = open_dir(&c, true, err);
		if (lock < 0)
			return -1;
	}
	if (check_file(&c, err) < 0 || read_file(&c, err) < 0 ||
	    make_text(&c, path, access, deny, err) < 0 || check_text(&c, err) < 0)
		return -1;
	diff_unified(&text, c.file, c.before, c.after);
	*diff = text.data ? text.data : xstrdup("");
	if (!apply || str_eq(c.before, c.after))
		return 0;
	if (file_write_atomic(c.file, c.mode, c.after, strlen(c.after), err) < 0) {
		free(STEAL_PTR(*diff));
		return -1;
	}
	fsync(lock);
	return 0;
}
