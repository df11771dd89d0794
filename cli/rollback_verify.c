/* Verifying what snapshots hold. */
#include "cli/rollback.h"

#define BAD_MAX 4096

struct damages {
	unsigned v[BAD_MAX]; /* numbers of snapshots */
	size_t n;
};

static void on_damage(void *arg, const struct snap_damage *d)
{
	struct damages *bad = arg;

	if (d->where && bad->n < BAD_MAX && (!bad->n || bad->v[bad->n - 1] != d->number))
		bad->v[bad->n++] = d->number;
	printf("[%03u] DAMAGED ", d->number);
	print_text(d->path ? d->path : "the record", 0);
	printf(": ");
	print_text(d->what, 0);
	putchar('\n');
}

static bool is_bad(const struct damages *bad, unsigned number)
{
	for (size_t i = 0; i < bad->n; i++)
		if (bad->v[i] == number)
			return true;
	return bad->n == BAD_MAX; /* one of those that found no room, perhaps */
}

static int run_verify(struct cli *cli, struct err *err)
{
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	struct damages bad = {.n = 0};
	struct snap_verified out = {0};
	char hex[SNAP_HASH_HEX];

	if (rollback_open(&store, err) < 0 || !(s.id = rollback_find(store, cli->args[0], err)) ||
	    snap_verify_session(store, s.id, on_damage, &bad, &out, err) < 0)
		return -1;
	if (rollback_session_load(&s, store, s.id, err) < 0 && !out.damaged)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (is_bad(&bad, s.v[i].number))
			continue;
		snap_hash_hex(hex, &s.v[i].tree);
		printf("[%03u] OK %s %llu files\n", s.v[i].number, hex,
		       (unsigned long long)s.v[i].files);
	}
	puts(out.damaged ? "FAIL" : "PASS");
	return out.damaged ? 1 : 0;
}

const struct command command_rollback_verify = {
    .name = "rollback verify",
    .usage = "SESSION",
    .summary = "Hash everything that a session's snapshots hold again",
    .details = "Exit code 0 when all of it is whole, 1 when not.\n",
    .flags = CLI_ENDED_TOO | CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = run_verify,
};
