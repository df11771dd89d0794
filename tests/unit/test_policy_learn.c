/* From accesses to rules: which ones, how they fold, what is never named; and many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/lib/policyenv.h"

#define R  NONO_READ
#define W  NONO_WRITE
#define RW (NONO_READ | NONO_WRITE)
#define RX (NONO_READ | NONO_EXEC)

struct did {
	const char *path; /* below the scene, or absolute; NULL ends */
	unsigned how;	  /* access and what follows */
};
enum { DIR_ = 8, GONE = 16, REFUSED = 32 };

struct row {
	const char *what;
	struct did did[24];
	const char *rules; /* "LIST VALUE\n"... */
	size_t closed, left_out;
};

static struct policy *base(const char *profile)
{
	struct policy *p = resolved(profile, NULL);

	assert_non_null(p);
	return p;
}

static void rules_text(const struct policy_learned *l, struct buf *out)
{
	buf_adds(out, "");
	for (size_t i = 0; i < l->n; i++) {
		/* Under the scene's own name, which is another each time. */
		bool in = str_starts(l->v[i].value, scene);
		buf_addf(out, "%s %s%s\n", l->v[i].list, in ? "@" : "",
			 l->v[i].value + (in ? strlen(scene) : 0));
	}
}

static void learn(const struct policy *p, const struct did *did, struct policy_learned *out)
{
	struct policy_access v[24];
	char paths[24][POLICY_PATH_MAX];
	size_t n = 0;

	for (; n < 24 && did[n].path; n++) {
		str_copy(paths[n], POLICY_PATH_MAX,
			 did[n].path[0] == '/' ? did[n].path : at(did[n].path));
		v[n] = (struct policy_access){.path = paths[n],
					      .access = did[n].how & 7,
					      .dir = did[n].how & DIR_,
					      .gone = did[n].how & GONE,
					      .refused = did[n].how & REFUSED};
	}
	policy_learn(p, v, n, out);
}

static const struct row rows[] = {
    {"nothing", {{NULL, 0}}, "", 0, 0},
    {"what is granted already", {{"/usr/bin/env", RX}, {"/dev/null", RW}}, "", 0, 0},
    {"files stay files",
     {{"home/a", R}, {"home/b", W}, {"home/c", RW}, {"home/d", RX}},
     "read_file ~/a\nwrite_file ~/b\nallow_file ~/c\nread_file ~/d\n",
     0,
     0},
    {"one path, several times",
     {{"home/p/a", R}, {"home/p/a", W}, {"home/p/a", R}},
     "allow_file ~/p/a\n",
     0,
     0},
    {"written and executed", {{"home/p/a", RW | RX}}, "allow_file ~/p/a\nread_file ~/p/a\n", 0, 0},
    {"two are two", {{"home/p/a", R}, {"home/p/b", R}}, "read_file ~/p/a\nread_file ~/p/b\n", 0, 0},
    {"three are their directory",
     {{"home/p/a", R}, {"home/p/b", R}, {"home/p/c", RX}},
     "read ~/p\n",
     0,
     0},
    {"reading folds, writing does not",
     {{"home/p/a", R}, {"home/p/b", R}, {"home/p/c", RW}},
     "read ~/p\nwrite_file ~/p/c\n",
     0,
     0},
    {"both fold",
     {{"home/p/a", RW}, {"home/p/b", RW}, {"home/p/c", RW}, {"home/p/q/z", R}},
     "allow ~/p\n",
     0,
     0},
    {"writing folds",
     {{"home/p/a", W}, {"home/p/b", W}, {"home/p/c", W}, {"home/p/d", R}},
     "write ~/p\nread_file ~/p/d\n",
     0,
     0},
    {"a list of a directory is all of it", {{"home/p", R | DIR_}}, "read ~/p\n", 0, 0},
    {"but not of the home", {{"home", R | DIR_}, {"/", R | DIR_}}, "", 0, 2},
    {"the home never folds",
     {{"home/a", R}, {"home/b", R}, {"home/c", R}, {"home/d", R}},
     "read_file ~/a\nread_file ~/b\nread_file ~/c\nread_file ~/d\n",
     0,
     0},
    {"nor do the roots",
     {{"home/.config/a", R},
      {"home/.config/b", R},
      {"home/.config/c", R},
      {"home/.cache/a", W},
      {"home/.cache/b", W},
      {"home/.cache/c", W}},
     "write_file $XDG_CACHE_HOME/a\nwrite_file $XDG_CACHE_HOME/b\nwrite_file $XDG_CACHE_HOME/c\n"
     "read_file $XDG_CONFIG_HOME/a\nread_file $XDG_CONFIG_HOME/b\nread_file $XDG_CONFIG_HOME/c\n",
     0,
     0},
    {"nor what holds something closed",
     {{"home/.config/gcloud/x", R},
      {"home/.local/a/1", R},
      {"home/.local/b", R},
      {"home/.local/c", R},
      {"home/.local/d", R}},
     "read_file ~/.local/a/1\nread_file ~/.local/b\nread_file ~/.local/c\nread_file ~/.local/d\n",
     1,
     0},
    {"closed stays closed",
     {{"home/.ssh/id_rsa", R},
      {"home/.ssh", R | DIR_},
      {"state/nono/x", RW},
      {"home/.config/nono/profiles/t.json", W},
      {"home/.bashrc", W}},
     "",
     5,
     0},
    {"folders fold into theirs",
     {{"home/p/a/1", R},
      {"home/p/a/2", R},
      {"home/p/a/3", R},
      {"home/p/b/1", R},
      {"home/p/b/2", R},
      {"home/p/b/3", R},
      {"home/p/c/d/1", R},
      {"home/p/c/d/2", R},
      {"home/p/c/d/3", R},
      {"home/p/e", R}},
     "read ~/p/a\nread ~/p/b\nread ~/p/c/d\nread_file ~/p/e\n",
     0,
     0},
    {"many single ones below",
     {{"home/p/a/1", R},
      {"home/p/b/1", R},
      {"home/p/c/1", R},
      {"home/p/d/1", R},
      {"home/p/e/1", R},
      {"home/p/f/1", R},
      {"home/p/g/1", R},
      {"home/p/h/1", R}},
     "read ~/p\n",
     0,
     0},
    {"the working directory by its name",
     {{"work/a", R}, {"work/sub/b", W}},
     "read_file $WORKDIR/a\nwrite_file $WORKDIR/sub/b\n",
     0,
     0},
    {"all of it",
     {{"work", R | DIR_}, {"work/a", W}},
     "read $WORKDIR\nwrite_file $WORKDIR/a\n",
     0,
     0},
    {"names that are gone need the folder",
     {{"work/sub/tmpXy12", W | GONE}, {"work/sub/b", R}},
     "write $WORKDIR/sub\nread_file $WORKDIR/sub/b\n",
     0,
     0},
    {"but not those that come again",
     {{"work/sub/b.tmp", W | GONE}, {"work/sub/b", W}},
     "write_file $WORKDIR/sub/b\nwrite_file $WORKDIR/sub/b.tmp\n",
     0,
     0},
    {"in the home they can't be had", {{"home/tmpXy12", W | GONE}}, "write_file ~/tmpXy12\n", 0, 1},
    {"a repository's config has no rule",
     {{"work/r/.git", W | DIR_}, {"work/r/.git/config", W}, {"work/r/.git/HEAD", W}},
     "write $WORKDIR/r\n",
     0,
     0},
    {"what would run later",
     {{"work/r/.git/hooks/pre-commit", W | REFUSED},
      {"work/.envrc", W | REFUSED},
      {"work/ok", W | REFUSED}},
     "write_file $WORKDIR/ok\n",
     2,
     0},
    {"names that nobody can read",
     {{"work/a\nb", R},
      {"work/sub/\xe2\x80\xae"
       "cod",
       R},
      {"work/st*r", R},
      {"work/x\xff", W}},
     "",
     0,
     2},
    {"a directory of such a name",
     {{"work/a\nb/c/1", R}, {"work/a\nb/c/2", R}, {"work/a\nb/c/3", R}},
     "read $WORKDIR\n",
     0,
     0},
    {"no directory of everybody's",
     {{"/home/x", R | DIR_}, {"/var/lib", R | DIR_}, {"/srv", W | DIR_}, {"/var/tmp/x/y", R}},
     NULL,
     0,
     3},
    {"not absolute, nothing, too much", {{"/", 0}, {"//", 0}}, "", 0, 0},
};

static void test_rows(void **state)
{
	struct policy *p = base(NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		_cleanup_(buf_free) struct buf text = {0};
		struct policy_learned l;

		learn(p, r->did, &l);
		rules_text(&l, &text);
		if ((r->rules && strcmp(text.data, r->rules) != 0) || l.n_closed != r->closed ||
		    l.n_left_out != r->left_out)
			fail_msg("%s:\n%sclosed %zu, left out %zu", r->what, text.data, l.n_closed,
				 l.n_left_out);
		policy_learned_free(&l);
	}
	policy_free(p);
}

/* What a profile on top closes is closed, and its folder is not named. */
static void test_with_profile(void **state)
{
	struct policy *p;
	const struct did did[] = {{"home/p/a", R},  {"home/p/b", R},
				  {"home/p/c", R},  {"home/p/secret/x", R | REFUSED},
				  {"home/q/x", RW}, {NULL, 0}};
	_cleanup_(buf_free) struct buf text = {0};
	struct policy_learned l;

	(void)state;
	make_dir("home/q");
	p = base("{ \"filesystem\": { \"deny\": [\"~/p/secret\"], \"read\": [\"~/q\"] } }");
	learn(p, did, &l);
	rules_text(&l, &text);
	assert_string_equal(
	    text.data, "read_file ~/p/a\nread_file ~/p/b\nread_file ~/p/c\nwrite_file ~/q/x\n");
	assert_int_equal(l.n_closed, 1);
	assert_non_null(strstr(l.closed[0], "secret"));
	policy_learned_free(&l);
	policy_free(p);
}

/* The rules hold: under a profile of them nothing of it is refused. */
static void test_rules_suffice(void **state)
{
	struct policy *p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_learned l;
		_cleanup_(buf_free) struct buf text = {0};
		struct policy *q;

		if (rows[i].left_out || rows[i].closed)
			continue;
		scene_down(NULL); /* one row's file is another's folder */
		assert_int_equal(scene_up(NULL), 0);
		p = base(NULL);
		for (const struct did *d = rows[i].did; d->path && d->path[0] != '/'; d++) {
			if (d->how & DIR_)
				make_dir(d->path);
			else if (!(d->how & GONE))
				make_file(d->path, "");
		}
		learn(p, rows[i].did, &l);
		policy_profile_text(&text, "t", "default", NULL, l.v, l.n, true);
		q = base(text.data);
		assert_true(q->net_blocked);
		for (const struct did *d = rows[i].did; d->path; d++) {
			const char *path = d->path[0] == '/' ? d->path : at(d->path);
			struct policy_verdict v;

			if (!(d->how & 7))
				continue;
			policy_check(q, path, d->how & 7, false, &v);
			if (!v.allowed && v.special == POLICY_SPECIAL_NONE)
				fail_msg("%s: %s is refused (%s) under\n%s", rows[i].what, path,
					 policy_reason_name(v.reason), text.data);
		}
		policy_free(q);
		policy_learned_free(&l);
		policy_free(p);
	}
}

static void test_many(void **state)
{
	enum { MANY = 100000 };
	struct policy *p = base(NULL);
	struct policy_access *v = xcalloc(MANY, sizeof(*v));
	struct policy_learned l;
	uint64_t start;

	(void)state;
	for (int way = 0; way < 3; way++) {
		for (int i = 0; i < MANY; i++) {
			free((char *)(uintptr_t)v[i].path);
			v[i].access = i % 2 ? R : RW;
			v[i].path =
			    way == 0 ? xasprintf("%s/p/d%d/e%d/f%d", at("home"), i % 7, i % 101, i)
			    : way == 1 ? xasprintf("%s/f%d", at("home"), i)
				       : xasprintf("%s/%d/%d/x\ny%d", at("home"), i, i, i);
		}
		start = clock_mono_ns();
		policy_learn(p, v, MANY, &l);
		assert_true(clock_mono_ns() - start <
			    20000000000ull); /* 0.3 s without sanitizers */
		assert_int_equal(l.n_seen, MANY);
		assert_true(l.n <= 1000);
		if (way == 0) {
			assert_int_equal(l.n, 1);
			assert_string_equal(l.v[0].value, "~/p");
			assert_string_equal(l.v[0].list, "allow");
		} else {
			assert_true(l.n_left_out >= MANY - 1000 || way == 2);
		}
		policy_learned_free(&l);
	}
	for (int i = 0; i < MANY; i++)
		free((char *)(uintptr_t)v[i].path);
	free(v);
	policy_free(p);
}

/* ---- what observes -------------------------------------------------------------------------- */

static void check(const struct policy *p, const char *path, unsigned access, bool allowed,
		  enum policy_way route)
{
	struct policy_verdict v;

	policy_check(p, path, access, false, &v);
	if (v.allowed != allowed || (allowed && v.route != route))
		fail_msg("%s %u: allowed %d route %d (%s)", path, access, v.allowed, v.route,
			 policy_reason_name(v.reason));
}

static void test_observe(void **state)
{
	struct policy_input in = default_input();
	struct policy *p;

	(void)state;
	in.observe = true;
	in.elevation = 1;
	p = resolved(NULL, &in);
	assert_non_null(p);
	assert_false(p->elevation);
	/* Read by the kernel's leave, changed by the broker alone. */
	check(p, "/opt/some/thing", R, true, POLICY_KERNEL);
	check(p, at("home/plain/x"), RW, true, POLICY_BROKER);
	check(p, at("work/file"), RW, true, POLICY_BROKER);
	check(p, "/opt/some/thing", W, true, POLICY_BROKER);
	/* Hard denials. */
	check(p, at("home/.ssh/id_rsa"), R, false, 0);
	check(p, at("home/.ssh"), R, false, 0);
	check(p, at("state/nono/x"), R, false, 0);
	check(p, at("home/.config/nono/profiles/t.json"), W, false, 0);
	check(p, at("home/.bashrc"), W, false, 0);
	check(p, at("home/any/.git/hooks/pre-commit"), W, false, 0);
	check(p, at("home/any/.envrc"), W, false, 0);
	check(p, "/etc/shadow", R, false, 0);
	/* What a rule may not be learned about. */
	check(p, "/dev/sda", R, false, 0);
	check(p, "/proc/sys/kernel/core_pattern", W, false, 0);
	check(p, "/sys/kernel/debug/x", R, false, 0);
	assert_true(policy_pinned(p, at("home")));
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_rows, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_with_profile, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_rules_suffice, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_many, scene_up, scene_down),
	    cmocka_unit_test_setup_teardown(test_observe, scene_up, scene_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
