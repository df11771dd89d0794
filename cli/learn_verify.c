/* Does the learned profile suffice? */
#include "cli/learn.h"

#define LINES	   10
#define ROUNDS_MAX 4

static bool was_refused_before(const struct learn *l, const struct session_denial *d)
{
	for (size_t i = 0; l->has_first && i < l->first.n; i++)
		if (str_eq(l->first.v[i].path, d->path) && str_eq(l->first.v[i].access, d->access))
			return true;
	return false;
}

/* What it was refused that it was not before. */
static void keep_new(const struct learn *l, struct diagnostics *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (!was_refused_before(l, &d->v[i]))
			d->v[n++] = d->v[i];
	d->n = n;
	d->total = n;
}

static int exit_code_before(const struct learn *l)
{
	return l->has_first ? l->first.record.exit_code : 0;
}

static bool holds(const struct learn *l, const struct diagnostics *d)
{
	return !d->n && d->record.exit_code == exit_code_before(l);
}

static void say_result(const struct learn *l, const struct diagnostics *d)
{
	_cleanup_(buf_free) struct buf out = {0};
	int code = d->record.exit_code;

	if (holds(l, d))
		cli_say(l->cli,
			"Tested: it holds (exit code %d, nothing refused that was not before).",
			code);
	else
		fprintf(stderr, "Tested: it does not hold (exit code %d, before %d).\n", code,
			exit_code_before(l));
	if (!holds(l, d) && !d->n)
		cli_say(l->cli, "Nothing was refused: what is done already it may do otherwise.");
	diagnostics_footer(d, LINES, &out);
	if (out.len)
		fwrite(out.data, 1, out.len, stderr);
}

/* A file of nono's own, which no session can write. */
static char *test_profile(const struct learn *l, struct err *err)
{
	_cleanup_free_ char *dir = dir_runtime(), *path = NULL;
	char random[9];

	random_hex(random, 4);
	path = xasprintf("%s/learn-%s.json", dir, random);
	if (dir_private(dir, err) < 0 ||
	    file_write_atomic(path, 0600, l->text, strlen(l->text), err) < 0)
		return NULL;
	return STEAL_PTR(path);
}

static int run_once(struct learn *l, struct diagnostics *d, struct err *err)
{
	_cleanup_free_ char *path = test_profile(l, err);
	struct learn_run r;
	int rc;

	if (!path)
		return -1;
	rc = learn_program(l, path, false, &r, err);
	unlink(path);
	if (rc < 0)
		return err_prefix(err, "under the profile");
	if (!diagnostics_load(r.id, true, d))
		return err_set(err, "the run under the profile left no record");
	keep_new(l, d);
	return 0;
}

/* True if there are rules now that were not there. */
static bool learn_more(struct learn *l, const struct diagnostics *d)
{
	_cleanup_free_ char *before = xstrdup(l->text);

	return observed_add(&d->record, &l->seen, NULL) == 0 && learn_fold(l, NULL) == 0 &&
	       !str_eq(before, l->text);
}

static int rounds(struct learn *l, struct err *err)
{
	for (int i = 1;; i++) {
		struct diagnostics d = {0};
		bool held, again;

		if (run_once(l, &d, err) < 0)
			return -1;
		held = holds(l, &d);
		again = !held && d.n && i < ROUNDS_MAX && learn_more(l, &d);
		if (again)
			cli_say(l->cli, "Tested: it was refused %zu more; learned, once more.",
				d.n);
		else
			say_result(l, &d);
		diagnostics_free(&d);
		if (!again)
			return !held;
	}
}

int learn_verify(struct learn *l, struct err *err)
{
	if (l->o->no_verify || l->o->from || (l->o->json && !l->o->yes))
		return 0;
	if (!l->o->yes && !learn_on_terminal()) {
		cli_say(l->cli, "Not tested: --yes runs the program again under the profile.");
		return 0;
	}
	if (!l->o->yes)
		learn_show(l);
	if (!learn_agreed(l, "Run the program again under it, to test it?"))
		return 0;
	return rounds(l, err);
}
