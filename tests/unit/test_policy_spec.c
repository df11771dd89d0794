/* What the kernel is told: the rules that come out, and what they hold when they are applied. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/lib/policyenv.h"

#define R NONO_READ
#define W NONO_WRITE
#define X NONO_EXEC

/* What the spec's rules give at path: of all rules for it or a folder above. */
static unsigned given(const struct nono_spec *n, const char *path)
{
	unsigned access = 0;

	for (size_t i = 0; i < n->n_paths; i++)
		if (path_under(n->paths[i].path, path))
			access |= n->paths[i].access;
	return access;
}

static const struct nono_mount *mount_at(const struct nono_spec *n, const char *path)
{
	for (size_t i = 0; i < n->n_mounts; i++)
		if (strcmp(n->mounts[i].path, path) == 0)
			return &n->mounts[i];
	return NULL;
}

static struct policy_spec *spec_of(const struct policy *p, bool supervised)
{
	struct policy_spec *s = NULL;
	struct err err = {0};

	if (policy_spec_new(p, supervised, supervised ? at("tmp") : NULL, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

/* The rule that everything stands on: a call is left to the kernel only where the kernel's rules
 * give the same, and they never give what the policy refuses. */
static void check_agrees(const struct policy *p, const struct nono_spec *n,
			 const char *const *paths)
{
	static const unsigned kinds[] = {R, W, X};

	for (; *paths; paths++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			const char *path = (*paths)[0] == '/' ? *paths : at(*paths);
			bool kernel = given(n, path) & kinds[k];
			struct policy_verdict v;

			policy_check(p, path, kinds[k], false, &v);
			/* Nobody but the kernel can exec: it may refuse. */
			if (v.allowed && v.route == POLICY_KERNEL && kinds[k] != X && !kernel)
				fail_msg("%s access %u: left to a kernel that refuses it", path,
					 kinds[k]);
			if (!v.allowed && kernel)
				fail_msg("%s access %u: the kernel allows what is refused (%s)",
					 path, kinds[k], policy_reason_name(v.reason));
		}
}

static const char closed_inside[] =
    "{\"filesystem\": {\"allow\": [\"$WORKDIR\"], \"deny\": [\"$WORKDIR/a/b/private\"],"
    "\"state\": [\"~/.agent\"], \"read_file\": [\"~/one\"], \"allow_file\": [\"~/two\", "
    "\"~/pat.*\"],"
    "\"protect\": [\"~/.agent/settings.json\"], \"bypass_protection\": "
    "[\"$WORKDIR/a/b/private/open\"]}}";

static void closed_scene(void)
{
	make_file("work/a/b/private/key", "secret\n");
	make_file("work/a/b/private/open/x", "x\n");
	make_file("work/a/b/near", "x\n");
	make_file("work/a/other", "x\n");
	make_file("home/.agent/settings.json", "{}\n");
	make_file("home/.agent/log/1", "x\n");
	make_file("home/one", "1\n");
	make_file("home/two", "2\n");
	make_dir("tmp");
	if (symlink(at("home"), at("work/a/link")) < 0)
		abort();
}

static void test_supervised(void **state)
{
	static const char *const paths[] = {"work",
					    "work/file",
					    "work/sub",
					    "work/a",
					    "work/a/b",
					    "work/a/b/near",
					    "work/a/other",
					    "work/a/b/private",
					    "work/a/b/private/key",
					    "work/a/b/private/open",
					    "work/a/b/private/open/x",
					    "home",
					    "home/.agent",
					    "home/.agent/settings.json",
					    "home/.agent/log/1",
					    "home/one",
					    "home/two",
					    "home/.ssh/id_rsa",
					    "home/.config/nono",
					    "state/nono",
					    "/usr/bin/env",
					    "/dev/null",
					    "/dev/tty",
					    "/etc/passwd",
					    "/etc/shadow",
					    "/etc",
					    "/",
					    NULL};
	struct policy_verdict v;
	struct policy_spec *s;
	const struct nono_spec *n;
	struct policy *p;

	(void)state;
	closed_scene();
	p = resolved(closed_inside, NULL);
	assert_non_null(p);
	s = spec_of(p, true);
	n = policy_spec_get(s);
	check_agrees(p, n, paths);
	/* The workspace is guarded: nothing in it is written by the kernel's leave. */
	assert_int_equal(given(n, at("work/file")), R | X);
	assert_int_equal(given(n, at("work/sub/deep")), R | X);
	assert_int_equal(given(n, at("work/a/b/near")), R | X);
	/* The spine can't be listed by a rule, what is closed has none, nor has a link. */
	assert_int_equal(given(n, at("work/a/b")), 0);
	assert_int_equal(given(n, at("work/a/b/private/key")), 0);
	assert_int_equal(given(n, at("work/a/link")), 0);
	assert_int_equal(given(n, at("work/a/b/private/open/x")), R | X);
	policy_check(p, at("work/a/b"), R, false, &v);
	assert_true(v.allowed && v.route == POLICY_BROKER);
	/* Protected inside: guarded, but read as a whole. */
	assert_int_equal(given(n, at("home/.agent/log/1")), R | X);
	assert_int_equal(given(n, at("home/one")), R | X);
	assert_int_equal(given(n, at("home/two")), 0); /* may be replaced: by name only */
	assert_int_equal(given(n, "/dev/null"), R | W);
	assert_int_equal(given(n, at("tmp/x")), R | W | X);
	assert_int_equal(n->watch, NONO_WATCH_ALL);
	/* A grant may still be answered: no cover hides what it is for. */
	assert_null(mount_at(n, at("work/a/b/private")));
	policy_spec_free(s);
	policy_free(p);
}

static void test_watch_level(void **state)
{
	const char *const allow[] = {at("work"), NULL};
	struct policy_input in = default_input();
	static const struct {
		enum policy_audit_level level;
		int elevation;
		enum nono_watch watch;
	} table[] = {
	    {POLICY_AUDIT_ALL, 0, NONO_WATCH_ALL},
	    {POLICY_AUDIT_CHANGES, 0, NONO_WATCH_CHANGES},
	    {POLICY_AUDIT_DECISIONS, 0, NONO_WATCH_CHANGES},
	    {POLICY_AUDIT_CHANGES, 1, NONO_WATCH_ALL},
	};

	(void)state;
	in.allow = allow;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct policy_spec *s;
		struct policy *p;

		in.audit_level = table[i].level;
		in.elevation = table[i].elevation;
		p = resolved(NULL, &in);
		assert_non_null(p);
		s = spec_of(p, true);
		assert_int_equal(policy_spec_get(s)->watch, table[i].watch);
		policy_spec_free(s);
		s = spec_of(p, false);
		assert_int_equal(policy_spec_get(s)->watch, NONO_WATCH_NONE);
		policy_spec_free(s);
		policy_free(p);
	}
	/* Reads that only the broker can do must reach it. */
	in.audit_level = POLICY_AUDIT_CHANGES;
	in.elevation = 0;
	closed_scene();
	struct policy *p = resolved(closed_inside, &in);
	struct policy_spec *s = spec_of(p, true);
	assert_int_equal(policy_spec_get(s)->watch, NONO_WATCH_ALL);
	policy_spec_free(s);
	policy_free(p);
}

/* Without a temporary home in /tmp the session sees a /tmp of its own. */
static void test_private_tmp(void **state)
{
	struct policy_input in = default_input();
	struct policy_spec *s;
	struct policy_verdict v;
	struct err err = {0};
	struct policy *p;

	(void)state;
	in.workdir = "/usr";
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_false(p->private_tmp); /* HOME is in /tmp here */
	s = spec_of(p, true);
	assert_null(policy_spec_get(s)->private_tmp);
	assert_int_equal(given(policy_spec_get(s), "/tmp"), 0);
	policy_spec_free(s);
	policy_free(p);

	setenv("HOME", "/nonexistent", 1);
	setenv("XDG_CONFIG_HOME", "/nonexistent/c", 1);
	setenv("XDG_STATE_HOME", "/nonexistent/s", 1);
	unsetenv("XDG_RUNTIME_DIR"); /* /tmp/nono-UID then */
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_true(p->private_tmp);
	s = spec_of(p, true);
	assert_string_equal(policy_spec_get(s)->private_tmp, at("tmp"));
	assert_int_equal(given(policy_spec_get(s), "/tmp/x"), R | W | X);
	policy_spec_free(s);
	assert_int_equal(policy_set_tmp(p, "/tmp/nono-0-1", true, &err), 0);
	policy_check(p, "/tmp/x/y", W, true, &v);
	assert_true(v.allowed && v.route == POLICY_KERNEL);
	policy_check(p, "/var/tmp/x", W, true, &v);
	assert_true(v.allowed && v.route == POLICY_KERNEL);
	policy_free(p);

	/* No namespaces: the host's /tmp stays closed, and the terminals of everyone. */
	p = resolved(NULL, &in);
	assert_int_equal(policy_without_namespaces(p, &err), 0);
	s = spec_of(p, true);
	assert_null(policy_spec_get(s)->private_tmp);
	assert_int_equal(policy_spec_get(s)->namespaces, NONO_SKIP);
	assert_int_equal(given(policy_spec_get(s), "/tmp/x"), 0);
	assert_int_equal(given(policy_spec_get(s), "/dev/pts"), 0);
	policy_spec_free(s);
	assert_int_equal(policy_set_tmp(p, "/tmp/nono-0-1", false, &err), 0);
	policy_check(p, "/tmp/x", W, true, &v);
	assert_false(v.allowed);
	policy_check(p, "/tmp/nono-0-1/x", W, true, &v);
	assert_true(v.allowed && v.route == POLICY_KERNEL);
	policy_free(p);
}

static void test_network(void **state)
{
	struct policy_input in = default_input();
	struct policy_spec *s;
	struct policy *p;

	(void)state;
	for (int block = 0; block < 2; block++) {
		in.block_net = block;
		p = resolved("{\"network\": {\"block\": true}}", &in);
		s = spec_of(p, true);
		assert_int_equal(policy_spec_get(s)->net, block ? NONO_NET_OFF : NONO_NET_OPEN);
		policy_spec_free(s);
		policy_free(p);
	}
}

static void test_unsupervised(void **state)
{
	struct policy_spec *s;
	const struct nono_spec *n;
	struct policy *p;
	bool patterns = false;

	(void)state;
	closed_scene();
	make_dir("work/.git/hooks");
	p = resolved(closed_inside, NULL);
	assert_non_null(p);
	s = spec_of(p, false);
	n = policy_spec_get(s);
	assert_null(n->private_tmp);
	/* Deny rules hold by the kernel alone: no folder on the way gives what they refuse. */
	assert_int_equal(given(n, at("work/a/b/private/key")), 0);
	assert_int_equal(given(n, at("work/a/b")), 0);
	assert_int_equal(given(n, at("work/sub/x")), R | W | X);
	assert_int_equal(given(n, at("home/.agent/settings.json")), R | X);
	assert_int_equal(given(n, at("home/.agent/settings.local.json")), R | X);
	assert_int_equal(given(n, at("home/.agent/log/1")), R | W | X);
	assert_int_equal(given(n, at("home/two")), R | W);
	assert_int_equal(given(n, at("state/nono")), 0);
	/* Names are hidden, hooks are read-only, where there is a mount namespace. */
	assert_null(mount_at(n, at("work/a/b/private"))); /* holds something lifted */
	assert_non_null(mount_at(n, at("work/.git/hooks")));
	assert_int_equal(mount_at(n, at("work/.git/hooks"))->kind, NONO_MOUNT_READ_ONLY);
	for (char *const *w = policy_spec_warnings(s); *w; w++)
		patterns |= strstr(*w, "pat.*") != NULL;
	assert_true(patterns);
	policy_spec_free(s);
	policy_free(p);
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Runs in a child that the spec confines: 0 if all is as it must be. */
static int confined(const struct nono_spec *spec)
{
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener;

#define EXPECT(x)                                                               \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "line %d: not so: " #x "\n", __LINE__); \
			return 1;                                               \
		}                                                               \
	} while (0)
	if (nono_confine(spec, &layers, &listener, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	EXPECT(try_open(at("work/sub/new"), O_CREAT | O_WRONLY) == 0);
	EXPECT(try_open(at("work/file"), O_RDONLY) == 0);
	EXPECT(try_open(at("work/a/b/near"), O_RDWR) == 0);
	EXPECT(try_open(at("work/a/b/private/key"), O_RDONLY) == EACCES);
	EXPECT(try_open(at("work/a/b/new"), O_CREAT | O_WRONLY) == EACCES);
	EXPECT(rename(at("work/a"), at("work/moved")) < 0 && errno == EACCES);
	EXPECT(rename(at("work/a/b/private"), at("work/sub/p")) < 0);
	EXPECT(try_open(at("home/.agent/settings.json"), O_WRONLY) == EACCES);
	EXPECT(try_open(at("home/.agent/settings.local.json"), O_CREAT | O_WRONLY) == EACCES);
	EXPECT(try_open(at("home/.agent/log/2"), O_CREAT | O_WRONLY) == 0);
	EXPECT(try_open(at("home/.ssh/id_rsa"), O_RDONLY) == EACCES);
	EXPECT(try_open(at("state/nono/x"), O_CREAT | O_WRONLY) == EACCES);
	EXPECT(try_open("/dev/null", O_RDWR) == 0);
	EXPECT(try_open("/etc/passwd", O_RDONLY) == 0);
	return 0;
}

static void test_unsupervised_holds(void **state)
{
	struct policy_input in = default_input();
	struct policy_spec *s;
	struct policy *p;
	int status;
	pid_t pid;

	(void)state;
	if (nono_landlock_abi() < 1)
		skip();
	closed_scene();
	in.namespaces = NONO_SKIP;
	p = resolved(closed_inside, &in);
	assert_non_null(p);
	s = spec_of(p, false);
	assert_int_equal(policy_spec_get(s)->n_mounts, 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(confined(policy_spec_get(s)));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	policy_spec_free(s);
	policy_free(p);
}

static void test_agents_agree(void **state)
{
	static const char *const profiles[] = {"default", "claude-code", "codex", "opencode",
					       "gemini"};
	static const char *const paths[] = {"work/file",
					    "work/.git/config",
					    "home/.claude/x",
					    "home/.claude/settings.json",
					    "home/.codex/config.toml",
					    "home/.codex/log",
					    "home/.gemini/settings.json",
					    "home/.config/opencode/opencode.json",
					    "home/.claude.json",
					    "home/.npm/_cacache/x",
					    "home/.bashrc",
					    "home/.ssh/id_rsa",
					    "home/.config/git/config",
					    "home/.config/git/credentials",
					    "/etc/ssl/private",
					    "/etc/ssl/certs",
					    "/dev/shm/x",
					    "/proc/self/status",
					    "/dev/ptmx",
					    NULL};
	struct policy_input in = default_input();

	(void)state;
	make_file("home/.claude/settings.json", "{}");
	make_file("home/.codex/config.toml", "");
	make_file("home/.gemini/settings.json", "{}");
	make_file("home/.config/opencode/opencode.json", "{}");
	make_file("home/.config/git/credentials", "x");
	make_file("home/.config/git/config", "");
	make_file("home/.claude.json", "{}");
	in.allow_cwd = true;
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
		struct policy_spec *s;
		struct policy *p;

		in.profile = profiles[i];
		p = resolved(NULL, &in);
		assert_non_null(p);
		s = spec_of(p, true);
		check_agrees(p, policy_spec_get(s), paths);
		assert_null(*policy_spec_warnings(s));
		policy_spec_free(s);
		policy_free(p);
	}
}

/* An agent's first start: its folders are there before the rules are made, but for what is no
 * folder's place. */
static void test_first_start(void **state)
{
	struct policy_input in = default_input();
	struct err err = {0};
	struct policy_spec *s;
	struct policy *p;
	struct stat st;

	(void)state;
	make_file("home/.cache", "a file in the way\n");
	in.profile = "opencode";
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_true(lstat(at("home/.local"), &st) < 0); /* resolving alone makes nothing */
	assert_int_equal(policy_make_state(p, &err), 0);
	assert_int_equal(lstat(at("home/.local/share/opencode"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	s = spec_of(p, true);
	assert_int_equal(given(policy_spec_get(s), at("home/.local/share/opencode/bin/rg")),
			 R | W | X);
	assert_int_equal(given(policy_spec_get(s), at("home/.config/opencode/x")), R | X);
	assert_int_equal(given(policy_spec_get(s), at("home/.cache/opencode")), 0);
	policy_spec_free(s);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_supervised, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_watch_level, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_private_tmp, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_network, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_unsupervised, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_unsupervised_holds, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_agents_agree, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_first_start, scene_up, scene_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
