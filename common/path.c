/* Path algebra and the directories of the product. */
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>

#include "common/common.h"
#include "common/remark.h"

bool path_under(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (strncmp(dir, path, n) != 0)
		return false;
	if (n == 1 && dir[0] == '/')
		return path[0] == '/';
	return path[n] == '\0' || path[n] == '/';
}

int path_clean(char *dst, size_t size, const char *path)
{
	size_t o = 0;
	const char *p = path;

	if (*p != '/' || size < 2)
		return -1;
	while (*p) {
		const char *end;
		size_t n;

		while (*p == '/')
			p++;
		end = strchrnul(p, '/');
		n = (size_t)(end - p);
		if (!n)
			break;
		if (n == 1 && p[0] == '.') {
			/* stays where it is */
		} else if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (o && dst[--o] != '/')
				;
		} else {
			if (n + 1 >= size - o)
				return -1;
			dst[o++] = '/';
			memcpy(dst + o, p, n);
			o += n;
		}
		p = end;
	}
	if (!o)
		dst[o++] = '/';
	dst[o] = '\0';
	return 0;
}

int path_join(char *dst, size_t size, const char *dir, const char *name)
{
	int n;

	if (name[0] == '/')
		n = snprintf(dst, size, "%s", name);
	else
		n = snprintf(dst, size, "%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
	return n < 0 || (size_t)n >= size ? -1 : 0;
}

char *path_real(const char *path, struct err *err)
{
	char *p = realpath(path, NULL);

	if (!p)
		err_errno(err, errno, "%s", path);
	return p;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *dir_home(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home && home[0] == '/')
		return xstrdup(home);
	pw = getpwuid(getuid());
	if (pw && pw->pw_dir && pw->pw_dir[0] == '/')
		return xstrdup(pw->pw_dir);
	return xstrdup("/nonexistent");
}

static char *xdg(const char *var, const char *below_home)
{
	const char *dir = getenv(var);
	_cleanup_free_ char *home = NULL;

	if (dir && dir[0] == '/')
		return xasprintf("%s/nono", dir);
	home = dir_home();
	return xasprintf("%s/%s/nono", home, below_home);
}

char *dir_config(void)
{
	return xdg("XDG_CONFIG_HOME", ".config");
}

char *dir_state(void)
{
	return xdg("XDG_STATE_HOME", ".local/state");
}

char *dir_runtime(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (dir && dir[0] == '/')
		return xasprintf("%s/nono", dir);
	return xasprintf("/tmp/nono-%u", (unsigned)getuid());
}

static int make_parents(char *path, struct err *err)
{
	for (char *p = path + 1; *p; p++) {
		int rc;

		if (*p != '/')
			continue;
		*p = '\0';
		rc = mkdir(path, 0700);
		if (rc < 0 && errno != EEXIST) {
			err_errno(err, errno, "cannot create the directory %s", path);
			*p = '/';
			return -1;
		}
		*p = '/';
	}
	return 0;
}

int dir_private(const char *dir, struct err *err)
{
	_cleanup_free_ char *copy = NULL;
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno == ENOENT) {
		copy = xstrdup(dir);
		if (make_parents(copy, err) < 0)
			return -1;
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return err_errno(err, errno, "cannot create the directory %s", dir);
	} else if (lstat(dir, &st) < 0) {
		return err_errno(err, errno, "cannot create the directory %s", dir);
	}
	if (lstat(dir, &st) < 0)
		return err_errno(err, errno, "cannot look at %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, "%s is not a directory (a link or a file): move it away", dir);
	if (st.st_uid != geteuid())
		return err_set(err, "%s belongs to user %u, not to you: refusing to use it", dir,
			       (unsigned)st.st_uid);
	if (!(st.st_mode & 077))
		return 0;
	if (chmod(dir, 0700) < 0)
		return err_errno(err, errno, "cannot close %s to other users", dir);
	remark("nono: %s was open to other users (mode %03o): closed now; what they read or put "
	       "there before stays",
	       dir, (unsigned)st.st_mode & 0777);
	return 0;
}
