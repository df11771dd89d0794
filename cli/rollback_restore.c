/* Restoring: all, some paths, some hunks of a file. */
#include "cli/meter.h"
#include "cli/rollback_parts.h"
#include "common/remark.h"
#include "snapshots/diff.h"

struct shown_steps {
	const struct restore_run *run;
	cJSON *list; /* of --json */
};

static const char *word_of(const struct snap_change *c)
{
	switch (c->type) {
	case SNAP_CREATED:
		return "create";
	case SNAP_DELETED:
		return "remove";
	case SNAP_PERMISSIONS:
		return "mode";
	default:
		return "replace";
	}
}

static void on_step(void *arg, const struct snap_change *c, const struct err *failed)
{
	struct shown_steps *s = arg;

	if (s->list) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "path", c->path);
		cJSON_AddStringToObject(o, "action", word_of(c));
		if (failed)
			cJSON_AddStringToObject(o, "error", failed->msg);
		cJSON_AddItemToArray(s->list, o);
		return;
	}
	if (failed)
		remark("nono: warning: %s: %s", show(c->path).s, failed->msg);
	else if (s->run->asked.dry_run || !s->run->cli->silent) {
		printf("%-8s", word_of(c));
		print_text(c->path, 0);
		putchar('\n');
	}
}

/* Of those that can be done at all. */
static void count_step(void *arg, const struct snap_change *c, const struct err *failed)
{
	(void)failed;
	*(uint64_t *)arg += c->after->kind != SNAP_OTHER;
}

/* ---- hunks ------------------------------------------------------------------------------------
 */

static int pick_hunks(const char *list, const struct diff *d, bool *take, struct err *err)
{
	_cleanup_free_ char *copy = xstrdup(list);
	char *save = NULL;
	long n;

	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (str_to_long(w, 1, (long)d->hunk_count, &n) < 0)
			return err_usage(err, "\"%.40s\" is no hunk: there are 1 to %zu", w,
					 d->hunk_count);
		take[n - 1] = true;
	}
	return 0;
}

static int revert_hunks(const struct restore_run *r, const struct snap_record *to,
			const struct change *c, const char *list, struct err *err)
{
	_cleanup_(buf_free) struct buf a = {0}, b = {0}, text = {0};
	_cleanup_free_ bool *take = NULL;
	struct diff d;
	int rc;

	if (c->before.kind != SNAP_FILE || c->after.kind != SNAP_FILE)
		return err_set(err, "%s has no hunks: use --path", show(c->path).s);
	if (change_texts(r->store, c, r->asked.dry_run, &a, &b, err) < 0)
		return err_prefix(err, "%s", show(c->path).s);
	diff_make(&d, a.data ? a.data : "", a.len, b.data ? b.data : "", b.len);
	take = xcalloc(d.hunk_count + 1, sizeof(*take));
	rc = pick_hunks(list, &d, take, err);
	if (rc == 0 && !r->check) {
		diff_revert(&d, take, &text);
		printf("%-8s", "hunks");
		print_text(c->path, 0);
		printf(":%s\n", show(list).s);
	}
	if (rc == 0 && !r->asked.dry_run)
		rc = snap_replace(to, c->path, &c->after.hash, text.len ? text.data : "", text.len,
				  err);
	if (rc == 0 && !r->asked.dry_run && r->session)
		snapshot_note(r->session, "restore", to->number, 1, &to->tree);
	diff_free(&d);
	return rc;
}

static int restore_hunks(const struct restore_run *r, const struct parts *parts,
			 const struct snap_record *now, struct err *err)
{
	for (size_t i = 0; i < r->asked.hunks.n; i++) {
		const char *colon = strrchr(r->asked.hunks.v[i], ':');
		_cleanup_free_ char *path = NULL;
		const struct part *part;
		_cleanup_(changes_free) struct changes c = {0};

		if (!colon)
			return err_usage(err, "--hunk is FILE:N[,N]..., as in main.c:1,3");
		if (restore_path(r->asked.hunks.v[i], (size_t)(colon - r->asked.hunks.v[i]), &path,
				 err) < 0)
			return -1;
		c.only = (const char *const[]){path, NULL};
		part = parts_of(parts, path);
		if (changes_load(r->store, part ? part->to : r->to, now, &c, err) < 0)
			return -1;
		if (c.n != 1)
			return err_set(err, "%s did not change", show(path).s);
		if (revert_hunks(r, part ? part->to : r->to, &c.v[0], colon + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all --------------------------------------------------------------------------------------
 */

/* asked: NULL = everything. */
static int restore_part(const struct restore_run *r, const struct part *part, char *const *asked,
			const struct snap_record *now, snap_step_fn *fn, void *arg,
			struct snap_restored *out, struct err *err)
{
	_cleanup_free_ const char **only = parts_asked(part, asked);
	struct snap_restored one = {0};

	if (!only)
		return 0;
	if (snap_restore(r->store,
			 &(struct snap_restore){.to = part->to,
						.now = now,
						.only = only[0] ? only : NULL,
						.dry_run = r->asked.dry_run,
						.fn = fn,
						.arg = arg},
			 &one, err) < 0)
		return -1;
	out->steps += one.steps;
	out->failed += one.failed;
	return 0;
}

static int restore_parts(const struct restore_run *r, const struct parts *parts,
			 const struct snap_record *now, snap_step_fn *fn, void *arg,
			 struct snap_restored *out, struct err *err)
{
	char **only = r->asked.paths.n ? parts_paths(r, parts, err) : NULL;
	int rc = r->asked.paths.n && !only ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < parts->n; i++)
		rc = restore_part(r, &parts->v[i], only, now, fn, arg, out, err);
	strv_free(only);
	return rc;
}

static void say_outcome(const struct restore_run *r, const struct snap_restored *out)
{
	unsigned long long steps = out->steps, failed = out->failed;

	if (!steps)
		cli_say(r->cli, "Nothing to restore: all is as in the snapshot.");
	else if (r->asked.dry_run)
		cli_say(r->cli, "%llu change%s; nothing was done.", steps, steps == 1 ? "" : "s");
	else
		cli_say(r->cli, "Restored %llu of %llu.", steps - failed, steps);
}

static int restore_to(const struct restore_run *r, const struct parts *parts,
		      const struct snap_record *now, struct err *err)
{
	struct shown_steps shown = {r, r->asked.json ? cJSON_CreateArray() : NULL};
	struct snap_restored out = {0};
	int rc = restore_parts(r, parts, now, on_step, &shown, &out, err);

	if (rc == 0 && r->session && !r->asked.dry_run)
		snapshot_note(r->session, "restore", r->to->number, out.steps - out.failed,
			      &r->to->tree);
	if (rc == 0 && shown.list)
		print_json(shown.list);
	cJSON_Delete(shown.list);
	if (rc < 0)
		return -1;
	say_outcome(r, &out);
	if (out.failed)
		return err_set(err, "%llu of %llu could not be restored",
			       (unsigned long long)out.failed, (unsigned long long)out.steps);
	return 0;
}

/* The state that is there now: kept, so that the restore can be undone. */
static int present_state(const struct restore_run *r, const char *const *roots,
			 const char *const *cached, struct snap_record *now, struct err *err)
{
	char name[64];
	struct snap_take t = {.roots = roots,
			      .cached = cached,
			      .options = r->options,
			      .session = r->session,
			      .reason = "before-restore"};
	int rc;

	if (!r->session) {
		snprintf(name, sizeof(name), "before-restore-%llu",
			 (unsigned long long)(clock_real_ns() / 1000000));
		t.name = name;
	}
	rc = snap_take(r->store, &t, now, err);
	meter_clear(r->options.arg);
	if (rc < 0)
		return err_prefix(err, "can't keep the present state");
	if (r->session) {
		snapshot_note(r->session, "before-restore", now->number, now->files, &now->tree);
		cli_say(r->cli, "The present state is snapshot %u: undo with --snapshot %u",
			now->number, now->number);
	} else {
		cli_say(r->cli, "The present state is the snapshot %s", name);
	}
	return 0;
}

/* Is there anything to do, and can all of it be done? Before anything is kept or put back; what a
 * dry run would find it finds by itself. */
static int check_request(const struct restore_run *r, const struct parts *parts,
			 const struct snap_record *now, bool *any, struct err *err)
{
	struct restore_run check = *r;
	struct snap_restored out = {0};
	uint64_t possible = 0;
	int rc;

	*any = true;
	if (r->asked.dry_run)
		return 0;
	check.asked.dry_run = check.check = true;
	if (r->asked.hunks.n)
		return restore_hunks(&check, parts, now, err);
	rc = restore_parts(&check, parts, now, count_step, &possible, &out, err);
	*any = possible > 0;
	if (rc < 0 || *any)
		return rc;
	if (out.steps)
		return err_set(
		    err,
		    "nothing to restore but what is not made again: sockets, devices and "
		    "FIFOs (%llu)",
		    (unsigned long long)out.steps);
	say_outcome(r, &out);
	if (r->asked.json)
		puts("[]");
	return 0;
}

int restore_run(const struct restore_run *asked, struct err *err)
{
	struct meter meter = meter_of(asked->cli, "snapshot");
	struct restore_run metered = *asked;
	const struct restore_run *r = &metered;
	_cleanup_(parts_free) struct parts parts = {0};
	_cleanup_free_ const char **roots = NULL, **usual = NULL;
	struct snap_record now = {0};
	size_t n = r->to->root_count;
	bool any = false;
	int rc;

	metered.options.progress = meter_show;
	metered.options.arg = &meter;
	parts_find(r, &parts);
	roots = xcalloc(n + parts.n, sizeof(*roots));
	usual = xcalloc(n + 1, sizeof(*usual));
	for (size_t i = 0; i < n; i++)
		roots[i] = usual[i] = r->to->roots[i].path;
	for (size_t i = 1; i < parts.n; i++)
		roots[n++] = parts.v[i].root;
	rc = r->asked.paths.n ? parts_check(r, &parts, err) : 0;
	if (rc == 0)
		rc = snap_scan(r->store, roots, &r->options, &now, err);
	meter_clear(&meter);
	if (rc == 0)
		rc = check_request(r, &parts, &now, &any, err);
	if (rc == 0 && any && !r->asked.dry_run) {
		/* What changed since then is in this one, and the restore goes by it. */
		snap_record_free(&now);
		rc = present_state(r, roots, usual, &now, err);
	}
	if (rc == 0 && any && r->asked.hunks.n)
		rc = restore_hunks(r, &parts, &now, err);
	if (rc == 0 && any && (!r->asked.hunks.n || r->asked.paths.n))
		rc = restore_to(r, &parts, &now, err);
	snap_record_free(&now);
	return rc;
}
