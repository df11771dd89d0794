/* Restoring: all, some paths, some hunks of a file. */
#include <sys/stat.h>

#include "cli/rollback.h"
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
	else if (s->run->dry_run || !s->run->cli->silent) {
		printf("%-8s", word_of(c));
		print_text(c->path, 0);
		putchar('\n');
	}
}

/* ---- what was asked for -----------------------------------------------------------------------
 */

static int absolute(const char *given, size_t n, char **out, struct err *err)
{
	_cleanup_free_ char *p = xstrndup(given, n), *cwd = NULL;
	char joined[8192], clean[4096];

	if (p[0] != '/')
		cwd = getcwd(NULL, 0);
	if ((p[0] != '/' && !cwd) || path_join(joined, sizeof(joined), cwd ? cwd : "/", p) < 0 ||
	    path_clean(clean, sizeof(clean), joined) < 0)
		return err_usage(err, "%s is no path", show(given).s);
	*out = xstrdup(clean);
	return 0;
}

static const char *root_of(const struct snap_record *r, const char *path)
{
	for (size_t i = 0; i < r->root_count; i++)
		if (path_under(r->roots[i].path, path))
			return r->roots[i].path;
	return NULL;
}

/* What goes back to which snapshot: the trees of r->to first. */
struct part {
	const struct snap_record *to;
	const char *root; /* NULL: all of it */
};
struct parts {
	struct part *v;
	size_t n;
};

static void parts_free(struct parts *p)
{
	free(p->v);
}

static void add_part(struct parts *p, const struct snap_record *to, const char *root)
{
	for (size_t i = 1; i < p->n; i++) {
		if (path_under(p->v[i].root, root))
			return; /* an earlier state */
		if (path_under(root, p->v[i].root)) {
			remark("nono: warning: %s is left alone, of a part of it there is an "
			       "earlier state: --snapshot %u puts it back",
			       show(root).s, to->number);
			return;
		}
	}
	p->v = xrealloc_array(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct part){to, root};
}

static void find_parts(const struct restore_run *r, struct parts *p)
{
	p->v = xcalloc(1, sizeof(*p->v));
	p->v[p->n++] = (struct part){r->to, NULL};
	for (size_t i = 0; i < r->n_later; i++) {
		const struct snap_record *k = &r->later[i];

		for (size_t j = 0; k->reason && str_eq(k->reason, "request") && j < k->root_count;
		     j++)
			if (!root_of(r->to, k->roots[j].path))
				add_part(p, k, k->roots[j].path);
	}
}

static const struct part *part_of(const struct parts *p, const char *path)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].root ? path_under(p->v[i].root, path) : !!root_of(p->v[i].to, path))
			return &p->v[i];
	return NULL;
}

static char **absolute_all(const struct restore_run *r, const struct parts *parts, struct err *err)
{
	char **v = xcalloc(r->paths.n + 1, sizeof(*v));

	for (size_t i = 0; i < r->paths.n; i++) {
		const char *p = r->paths.v[i];
		if (absolute(p, strlen(p), &v[i], err) == 0 &&
		    (part_of(parts, v[i]) ||
		     err_set(err, "%s lies in no tree of the snapshot", show(v[i]).s) == 0))
			continue;
		strv_free(v);
		return NULL;
	}
	return v;
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
	if (change_texts(r->store, c, r->dry_run, &a, &b, err) < 0)
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
	if (rc == 0 && !r->dry_run)
		rc = snap_replace(to, c->path, &c->after.hash, text.len ? text.data : "", text.len,
				  err);
	if (rc == 0 && !r->dry_run && r->session)
		snapshot_note(r->session, "restore", to->number, 1, &to->tree);
	diff_free(&d);
	return rc;
}

static int restore_hunks(const struct restore_run *r, const struct parts *parts,
			 const struct snap_record *now, struct err *err)
{
	for (size_t i = 0; i < r->hunks.n; i++) {
		const char *colon = strrchr(r->hunks.v[i], ':');
		_cleanup_free_ char *path = NULL;
		const struct part *part;
		_cleanup_(changes_free) struct changes c = {0};

		if (!colon)
			return err_usage(err, "--hunk is FILE:N[,N]..., as in main.c:1,3");
		if (absolute(r->hunks.v[i], (size_t)(colon - r->hunks.v[i]), &path, err) < 0)
			return -1;
		c.only = (const char *const[]){path, NULL};
		part = part_of(parts, path);
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
			const struct snap_record *now, struct shown_steps *shown,
			struct snap_restored *out, struct err *err)
{
	_cleanup_free_ const char **only = NULL;
	struct snap_restored one = {0};
	size_t n = 0, max = 1;

	for (char *const *i = asked; i && *i; i++)
		max++;
	only = xcalloc(max + 1, sizeof(*only));
	for (char *const *i = asked; i && *i; i++)
		if (part->root ? path_under(part->root, *i) : !!root_of(part->to, *i))
			only[n++] = *i;
	if (asked && !n)
		return 0;
	if (!asked && part->root)
		only[n++] = part->root;
	if (snap_restore(r->store,
			 &(struct snap_restore){.to = part->to,
						.now = now,
						.only = n ? only : NULL,
						.dry_run = r->dry_run,
						.fn = on_step,
						.arg = shown},
			 &one, err) < 0)
		return -1;
	out->steps += one.steps;
	out->failed += one.failed;
	return 0;
}

static int restore_to(const struct restore_run *r, const struct parts *parts,
		      const struct snap_record *now, struct err *err)
{
	struct shown_steps shown = {r, r->json ? cJSON_CreateArray() : NULL};
	char **only = r->paths.n ? absolute_all(r, parts, err) : NULL;
	struct snap_restored out = {0};
	int rc = r->paths.n && !only ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < parts->n; i++)
		rc = restore_part(r, &parts->v[i], only, now, &shown, &out, err);
	strv_free(only);
	if (rc == 0 && r->session && !r->dry_run)
		snapshot_note(r->session, "restore", r->to->number, out.steps - out.failed,
			      &r->to->tree);
	if (rc == 0 && shown.list)
		print_json(shown.list);
	cJSON_Delete(shown.list);
	if (rc < 0)
		return -1;
	if (!out.steps)
		cli_say(r->cli, "Nothing to restore: all is as in the snapshot.");
	else if (r->dry_run)
		cli_say(r->cli, "%llu change%s; nothing was done.", (unsigned long long)out.steps,
			out.steps == 1 ? "" : "s");
	else
		cli_say(r->cli, "Restored %llu of %llu.",
			(unsigned long long)(out.steps - out.failed),
			(unsigned long long)out.steps);
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

	if (r->dry_run)
		return snap_scan(r->store, roots, &r->options, now, err);
	if (!r->session) {
		snprintf(name, sizeof(name), "before-restore-%llu",
			 (unsigned long long)(clock_real_ns() / 1000000));
		t.name = name;
	}
	if (snap_take(r->store, &t, now, err) < 0)
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

/* A path that neither the snapshot nor the disk knows is a mistake, not "nothing to do". */
static int check_paths(const struct restore_run *r, const struct parts *parts, struct err *err)
{
	char **v = absolute_all(r, parts, err);
	int rc = v ? 0 : -1;

	for (size_t i = 0; rc == 0 && v[i]; i++) {
		struct snap_entry e;
		struct stat st;

		rc = snap_lookup(r->store, part_of(parts, v[i])->to, v[i], &e, err);
		if (rc == 0 && e.kind == SNAP_NONE && lstat(v[i], &st) < 0)
			rc = err_set(err, "%s is neither in the snapshot nor there now",
				     show(v[i]).s);
	}
	strv_free(v);
	return rc;
}

/* Before anything is kept or put back. What a dry run would find it finds by itself. */
static int check_request(const struct restore_run *r, const struct parts *parts,
			 const char *const *roots, struct err *err)
{
	struct restore_run check = *r;
	struct snap_record now = {0};
	int rc = r->paths.n ? check_paths(r, parts, err) : 0;

	if (rc < 0 || !r->hunks.n || r->dry_run)
		return rc;
	check.dry_run = check.check = true;
	rc = snap_scan(r->store, roots, &r->options, &now, err);
	if (rc == 0)
		rc = restore_hunks(&check, parts, &now, err);
	snap_record_free(&now);
	return rc;
}

int restore_run(const struct restore_run *r, struct err *err)
{
	_cleanup_(parts_free) struct parts parts = {0};
	_cleanup_free_ const char **roots = NULL, **usual = NULL;
	struct snap_record now = {0};
	size_t n = r->to->root_count;
	int rc;

	find_parts(r, &parts);
	roots = xcalloc(n + parts.n, sizeof(*roots));
	usual = xcalloc(n + 1, sizeof(*usual));
	for (size_t i = 0; i < n; i++)
		roots[i] = usual[i] = r->to->roots[i].path;
	for (size_t i = 1; i < parts.n; i++)
		roots[n++] = parts.v[i].root;
	rc = check_request(r, &parts, roots, err);
	if (rc == 0)
		rc = present_state(r, roots, usual, &now, err);
	if (rc == 0)
		rc = r->hunks.n ? restore_hunks(r, &parts, &now, err) : 0;
	if (rc == 0 && (!r->hunks.n || r->paths.n))
		rc = restore_to(r, &parts, &now, err);
	snap_record_free(&now);
	return rc;
}
