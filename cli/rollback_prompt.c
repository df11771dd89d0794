/* After a run: what changed, and whether it stays. */
#include "cli/rollback.h"

#define LISTED 10

struct review {
	struct cli *cli;
	struct snap_store *store;
	struct rollback_record rec;
	struct snap_record *v;
	size_t n;
	struct changes changes;
};

static void summary(const struct review *r)
{
	char count[64], path[512];

	changes_count_text(&r->changes, count);
	fprintf(stderr, "\nChanged: %s\n", count);
	for (size_t i = 0; i < r->changes.n && i < LISTED; i++) {
		const struct change *c = &r->changes.v[i];
		fprintf(stderr, "  %c %s\n", change_sign(c->type),
			text_printable(path, sizeof(path), c->path, strlen(c->path)));
	}
	if (r->changes.n > LISTED)
		fprintf(stderr, "  and %zu more\n", r->changes.n - LISTED);
	fprintf(stderr, "Look: nono rollback show %.8s --diff   Undo: nono rollback restore %.8s\n",
		r->rec.id, r->rec.id);
}

static void restore(const struct review *r, const char **paths, size_t n)
{
	struct err err = {0};
	struct restore_run run = {.cli = r->cli,
				  .store = r->store,
				  .to = &r->v[0],
				  .options = rollback_options(&r->rec),
				  .session = r->rec.id,
				  .asked.paths = {paths, n, NULL}};

	if (restore_run(&run, &err) < 0)
		fprintf(stderr, "nono: %s\n", err.msg);
	flush_output(NULL);
}

static int answer(const char *question)
{
	char line[64];

	fputs(question, stderr);
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin))
		return 'k';
	return line[0] == '\n' ? 'k' : line[0] | 0x20;
}

/* File by file: which of them go back. */
static void choose(const struct review *r)
{
	_cleanup_free_ const char **paths = xcalloc(r->changes.n + 1, sizeof(*paths));
	char path[512], question[640];
	size_t n = 0;

	for (size_t i = 0; i < r->changes.n; i++) {
		const struct change *c = &r->changes.v[i];
		struct changes one = {.v = (struct change *)c, .n = 1};
		int a;

		if (n && path_under(paths[n - 1], c->path))
			continue; /* goes with its directory */
		snprintf(question, sizeof(question), "%c %s: [k]eep, [r]estore, [d]iff, [q]uit? ",
			 change_sign(c->type),
			 text_printable(path, sizeof(path), c->path, strlen(c->path)));
		while ((a = answer(question)) == 'd') {
			changes_show(r->store, &one, SHOW_DIFF, false, NULL);
			flush_output(NULL);
		}
		if (a == 'q')
			return;
		if (a == 'r')
			paths[n++] = c->path;
	}
	if (n)
		restore(r, paths, n);
}

static void ask(const struct review *r)
{
	for (;;) {
		switch (answer("[k]eep all, [r]estore all, [c]hoose files, [d]iff? ")) {
		case 'd':
			changes_show(r->store, &r->changes, SHOW_DIFF, false, NULL);
			flush_output(NULL);
			break;
		case 'c':
			choose(r);
			return;
		case 'r':
			restore(r, NULL, 0);
			return;
		default:
			return;
		}
	}
}

void rollback_review(struct cli *cli, const char *id, bool prompt)
{
	struct review r = {.cli = cli};
	const struct snap_record *last;

	/* Still running: the front end was left. */
	if (rollback_record_load(id, &r.rec, NULL) == 0 && r.rec.ended[0] &&
	    rollback_store_of(&r.rec, &r.store, NULL) == 0 &&
	    snap_record_list(r.store, id, &r.v, &r.n, NULL, NULL) == 0 && r.n > 1) {
		last = rollback_pick(r.v, r.n, -1);
		if (changes_load(r.store, &r.v[0], last, &r.changes, NULL) == 0 && r.changes.n) {
			summary(&r);
			if (prompt && isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
				ask(&r);
		}
	}
	changes_free(&r.changes);
	snap_record_list_free(r.v, r.n);
	rollback_record_free(&r.rec);
	snap_close(r.store);
}
