/* A home in which little exists, for fuzz targets of the policy, so that a run costs little. */
#ifndef NONO_TEST_FUZZHOME_H
#define NONO_TEST_FUZZHOME_H

#include <fcntl.h>
#include <sys/stat.h>

#include "policy/policy.h"

/* Made at the first call; name: of the target. */
static inline const char *fuzz_home(const char *name)
{
	static char dir[64];

	if (dir[0])
		return dir;
	snprintf(dir, sizeof(dir), "/tmp/nono-fuzz-%s-%u", name, (unsigned)getuid());
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		abort();
	_cleanup_free_ char *work = xasprintf("%s/work", dir);
	if (mkdir(work, 0700) < 0 && errno != EEXIST)
		abort();
	setenv("HOME", dir, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	return dir;
}

static inline void fuzz_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write_full(fd, data, size) < 0)
		abort();
	close(fd);
}

/* Nono's own files are nobody's, whatever was read. */
static inline void fuzz_check_own(const struct policy *p, const struct nono_spec *spec,
				  const char *home)
{
	static const char *const own[] = {".local/state/nono", ".local/state/nono/audit/x",
					  ".config/nono/profiles/x.json"};
	char path[POLICY_PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct policy_verdict v;

		if (path_join(path, sizeof(path), home, own[i]) < 0)
			abort();
		policy_check(p, path, NONO_READ, false, &v);
		if (v.allowed || v.grantable)
			abort();
		policy_check(p, path, NONO_WRITE, true, &v);
		if (v.allowed || v.grantable)
			abort();
		for (size_t k = 0; k < spec->n_paths; k++)
			if (path_under(spec->paths[k].path, path))
				abort();
	}
}

#endif
