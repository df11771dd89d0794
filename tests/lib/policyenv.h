/* A home of its own for tests of the policy: nothing of the user's is read or written. */
#ifndef NONO_TEST_POLICYENV_H
#define NONO_TEST_POLICYENV_H

#include <ftw.h>
#include <sys/stat.h>

#include "policy/policy.h"

static char scene[128]; /* the folder that holds home, work, state, run */

static inline const char *at(const char *below)
{
	static char paths[32][POLICY_PATH_MAX];
	static unsigned next;
	char *p = paths[next++ % ARRAY_LEN(paths)];

	if (path_join(p, POLICY_PATH_MAX, scene, below) < 0)
		abort();
	return p;
}

static inline void make_dir(const char *below)
{
	char path[POLICY_PATH_MAX];

	str_copy(path, sizeof(path), at(below));
	for (char *p = path + strlen(scene) + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = c;
		if (!c)
			return;
	}
}

static inline void make_file(const char *below, const char *text)
{
	char dir[POLICY_PATH_MAX];
	FILE *f;

	str_copy(dir, sizeof(dir), below);
	if (strrchr(dir, '/')) {
		*strrchr(dir, '/') = '\0';
		make_dir(dir);
	}
	f = fopen(at(below), "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static inline char *contents(const char *below)
{
	return file_read(at(below), 1 << 20, NULL, NULL);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int scene_down(void **state)
{
	(void)state;
	if (chdir("/") < 0)
		return -1;
	return nftw(scene, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int scene_up(void **state)
{
	static const char *const unset[] = {"XDG_DATA_HOME", "XDG_CACHE_HOME", "TMPDIR",
					    "CLAUDE_CONFIG_DIR", "CODEX_HOME"};

	(void)state;
	snprintf(scene, sizeof(scene), "/tmp/nono-policy-XXXXXX");
	if (!mkdtemp(scene))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(unset); i++)
		unsetenv(unset[i]);
	make_dir("home/.ssh");
	make_dir("home/.sshfoo");
	make_dir("home/.config/nono/profiles");
	make_dir("work/sub");
	make_dir("state/nono");
	make_dir("run");
	make_file("home/.ssh/id_rsa", "secret\n");
	make_file("work/file", "text\n");
	setenv("HOME", at("home"), 1);
	setenv("XDG_CONFIG_HOME", at("home/.config"), 1);
	setenv("XDG_STATE_HOME", at("state"), 1);
	setenv("XDG_RUNTIME_DIR", at("run"), 1);
	return chdir(at("work"));
}

static inline struct policy_input default_input(void)
{
	return (struct policy_input){.block_net = -1, .elevation = -1, .protect_workspace = -1};
}

/* A policy that must resolve; with the text of a user's profile "t", if there is one. */
static inline struct policy *resolved(const char *profile, const struct policy_input *base)
{
	struct policy_input in = base ? *base : default_input();
	struct err err = {0};
	struct policy *p = NULL;

	if (profile) {
		make_file("home/.config/nono/profiles/t.json", profile);
		in.profile = "t";
	}
	if (policy_resolve(&in, &p, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return NULL;
	}
	return p;
}

#endif
