/* rollback - what the subcommands of nono rollback and nono snapshot share. */
#ifndef NONO_CLI_ROLLBACK_H
#define NONO_CLI_ROLLBACK_H

#include "cli/cli.h"
#include "sessions/rollback_changes.h"
#include "sessions/rollback_keep.h"
#include "sessions/snapshotter.h"
#include "snapshots/restore.h"

/* Subcommands with files of their own. */
extern const struct command command_rollback_list, command_rollback_review, command_rollback_verify,
    command_rollback_cleanup, command_snapshot_verify;

#define ROW(type, member) .offset = offsetof(struct type, member)

void rollback_close(struct snap_store **s); /* for _cleanup_ */
/* A session with snapshots by its id, what begins it, or its name; caller frees. NULL: err. */
char *rollback_find(const char *what, struct err *err);
/* Records by number; the number -1: the last one that shows what the session did. NULL if there is
 * none. */
const struct snap_record *rollback_pick(const struct snap_record *v, size_t n, long number);
/* The same, and err names those that there are. */
const struct snap_record *rollback_want(const char *session, const struct snap_record *v, size_t n,
					long number, struct err *err);

/* ---- sessions ------------------------------------------------------------------------------ */

struct rollback_session {
	char *id;
	struct rollback_record rec;
	struct snap_record *v;
	size_t n;
};
/* id as it is. Damaged records are told of. -1: none can be read; also then freed by the caller. */
int rollback_session_load(struct rollback_session *s, struct snap_store *store, const char *id,
			  struct err *err);
/* As rollback_find(); with the store that its snapshots are in. */
int rollback_session_open(struct rollback_session *s, struct snap_store **store, const char *what,
			  struct err *err);
void rollback_session_free(struct rollback_session *s);
/* with_count: as the list has it. store NULL: where it is can't be reached now. */
cJSON *rollback_session_json(const struct rollback_session *s, struct snap_store *store,
			     bool with_count);

/* One of them, with what changed. */
cJSON *snapshot_json(const struct snap_record *r, const struct changes *c);
/* snapshots[] of it, each with what changed since the one before; only: as in struct changes. */
cJSON *snapshots_json(const struct rollback_session *s, struct snap_store *store, bool with_changes,
		      const char *const *only);
/* The same of a session by its id, NULL if it has none. */
cJSON *rollback_snapshots_json(const char *id, bool with_changes);

/* ---- changes ------------------------------------------------------------------------------- */

cJSON *changes_json(const struct changes *c);
/* "+2 ~1 -3" */
void changes_count_text(const struct changes *c, char out[64]);

enum show_mode { SHOW_LIST = 0, SHOW_DIFF, SHOW_SIDES, SHOW_FULL };
struct changes_options {
	int mode; /* enum show_mode */
	bool json;
	struct strings paths;
};
/* Option rows for the member m of type, a struct changes_options. */
#define SHOW_ROWS(type, m)                                                   \
	{.name = "diff",                                                     \
	 .kind = OPTION_SET,                                                 \
	 .value = SHOW_DIFF,                                                 \
	 ROW(type, m.mode),                                                  \
	 .help = "What changed in the files, as a unified diff"},            \
	    {.name = "side-by-side",                                         \
	     .kind = OPTION_SET,                                             \
	     .value = SHOW_SIDES,                                            \
	     ROW(type, m.mode),                                              \
	     .help = "In two columns"},                                      \
	    {.name = "full",                                                 \
	     .kind = OPTION_SET,                                             \
	     .value = SHOW_FULL,                                             \
	     ROW(type, m.mode),                                              \
	     .help = "In two columns, with all lines of the changed files"}, \
	    {.name = "path",                                                 \
	     .kind = OPTION_LIST,                                            \
	     ROW(type, m.paths),                                             \
	     .arg = "PATH",                                                  \
	     .help = "Only this file, or this directory and all below it"},  \
	{                                                                    \
		.name = "json", ROW(type, m.json), .help = "As JSON"         \
	}
/* The paths as absolute ones, NULL-terminated, for struct changes; each must lie in a tree of a or
 * b. *out NULL: none were given. Free with strv_free(). */
int show_only(const struct changes_options *o, const struct snap_record *a,
	      const struct snap_record *b, char ***out, struct err *err);
/* To standard output. live: what b's contents are not in the store, read them from the tree. */
int changes_show(struct snap_store *s, const struct changes *c, enum show_mode mode, bool live,
		 struct err *err);
/* After a run: says what changed, and with prompt asks on a terminal what of it goes back. */
void rollback_review(struct cli *cli, const char *id, bool prompt);

/* ---- restoring ----------------------------------------------------------------------------- */

struct restore_options {
	struct strings paths, hunks; /* as given; hunks: "FILE:1,3" */
	bool dry_run, json;
};
#define RESTORE_ROWS(type, m)                                                              \
	{.name = "path",                                                                   \
	 .kind = OPTION_LIST,                                                              \
	 ROW(type, m.paths),                                                               \
	 .arg = "PATH",                                                                    \
	 .help = "Only this file, or this directory and all below it"},                    \
	    {.name = "hunk",                                                               \
	     .kind = OPTION_LIST,                                                          \
	     ROW(type, m.hunks),                                                           \
	     .arg = "FILE:N[,N]",                                                          \
	     .help = "Of this file only these parts, counted as the diff shows them"},     \
	    {.name = "dry-run", ROW(type, m.dry_run), .help = "List what would be done"},  \
	{                                                                                  \
		.name = "json", ROW(type, m.json), .help = "What was done as a JSON array" \
	}
struct restore_run {
	struct cli *cli;
	struct snap_store *store;
	const struct snap_record *to;
	/* Those after it: what was kept before a grant and lies outside of to's roots goes back to
	 * the first state kept of it. n_later 0: only what to holds. */
	const struct snap_record *later;
	size_t n_later;
	struct snap_options options;
	const char *session; /* for the snapshot of the present state; NULL: a named one */
	struct restore_options asked;
	bool check; /* a dry run that prints nothing */
};
/* A relative path means one of the working directory. The first n bytes of given; caller frees. */
int restore_path(const char *given, size_t n, char **out, struct err *err);
int restore_run(const struct restore_run *r, struct err *err);

#endif
