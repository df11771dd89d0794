/*
 * A policy to learn by: what no rule closes is granted, tree by tree from the root. All of it
 * counts as a workspace: the kernel's rules let nothing be changed there, the broker does it, and
 * files that would be run later stay protected. What is closed is carved out as below any other
 * grant.
 *
 * Not /proc, /sys and /dev: what is in there is no file that a rule could be learned about (disks,
 * other processes); there the profile's own grants hold.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "policy/resolve.h"

static bool is_special(const struct policy *p, const char *name)
{
	static const char *const never[] = {"dev", "proc", "sys", "boot", "lost+found"};

	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (strcmp(name, never[i]) == 0)
			return true;
	/* Behind a private view it is the session's own. */
	return p->private_tmp && strcmp(name, "tmp") == 0;
}

int observe_grants(struct resolver *r)
{
	const unsigned access = NONO_READ | NONO_WRITE | NONO_EXEC;
	DIR *d = opendir("/");
	struct dirent *de;
	int rc = 0;

	if (!d)
		return err_errno(r->err, errno, "can't read /");
	while (rc == 0 && (de = readdir(d))) {
		_cleanup_free_ char *path = xasprintf("/%s", de->d_name);
		struct stat st;

		if (de->d_name[0] == '.' || is_special(r->p, de->d_name) || lstat(path, &st) < 0 ||
		    !S_ISDIR(st.st_mode))
			continue;
		rc = add_grant(r, path, access, GRANT_WORKSPACE | GRANT_OBSERVED, "observe");
	}
	closedir(d);
	return rc;
}
