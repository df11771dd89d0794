/*
 * cli - what the commands share: their table, output, and finding a session.
 *
 * A command gets its parsed options in a struct of its own (zeroed before parsing) and returns the
 * exit code, or -1 with err. It prints results to standard output and remarks to standard error;
 * whoever called flushes and reports.
 */
#ifndef NONO_CLI_CLI_H
#define NONO_CLI_CLI_H

#include "cli/options.h"
#include "common/common.h"
#include "sessions/sessions.h"

struct cli {
	bool silent; /* no remarks */
	const struct command *command;
	void *options;	   /* the command's own struct */
	const char **args; /* positional, NULL-terminated */
	size_t n_args;
	/* CLI_RAW: everything after the command's name, as it came. */
	int argc;
	char **argv;
};

enum command_flags {
	CLI_PROGRAM = 1 << 0,	/* what follows the first argument belongs to a program */
	CLI_RAW = 1 << 1,	/* parses for itself */
	CLI_OUTSIDE = 1 << 2,	/* refused inside a sandbox */
	CLI_ENDED_TOO = 1 << 3, /* its SESSION may have ended */
};

enum command_group {
	GROUP_RUN = 0,
	GROUP_SESSIONS,
	GROUP_PANES,
	GROUP_REQUESTS,
	GROUP_RECORD,
	GROUP_OTHER,
	GROUPS,
	GROUP_HIDDEN = GROUPS, /* not in the help */
};

struct command {
	const char *name;    /* of a subcommand: with its parent's, "profile list" */
	const char *alias;   /* another name, NULL for none */
	const char *instead; /* an old name: the command to use; a remark says so */
	enum command_group group;
	const char *usage;   /* what follows "nono NAME" */
	const char *summary; /* one line */
	const char *details; /* after the options of the help, NULL for none */
	const struct option_row *rows;
	const struct option_group *more; /* for the same struct, shared by commands; NULL: none */
	unsigned mask;			 /* for rows that several commands share */
	size_t size;			 /* of the options struct */
	unsigned flags;
	size_t min_args, max_args;	   /* SIZE_MAX = any number */
	const char *arg;		   /* what is missing when there are fewer than min_args */
	const struct command *const *subs; /* NULL-terminated; then nothing below usage but details
					      counts */
	int (*run)(struct cli *cli, struct err *err);
};

/* Programs */
extern const struct command command_run, command_shell, command_wrap, command_learn, command_why;
extern const struct command command_profile, command_policy, command_credential, command_proxy;
/* Sessions */
extern const struct command command_tui, command_attach, command_ps, command_inspect, command_stop,
    command_detach, command_prune;
/* Panes */
extern const struct command command_capture, command_send, command_wait;
/* Requests */
extern const struct command command_requests, command_approve, command_deny, command_request,
    command_connect, command_open_url;
/* Records */
extern const struct command command_logs, command_events, command_audit, command_replay,
    command_rollback, command_snapshot;
/* Others */
extern const struct command command_setup, command_completion, command_complete, command_help;

/* All of them in the order of the help; NULL-terminated. */
extern const struct command *const cli_commands[];
const struct command *cli_find(const char *name);
/* A subcommand by its own word, NULL if there is none. */
const struct command *command_sub(const struct command *c, const char *word);
/* The last word of its name. */
const char *command_word(const struct command *c);
/* Options of every command. */
extern const struct option_row global_rows[];
/* All tables of the command's own options, into its struct; their number. */
#define COMMAND_TABLES_MAX 12
size_t command_tables(const struct command *c, void *into,
		      struct option_table tables[COMMAND_TABLES_MAX]);

/* The whole program: exit code. */
int cli_main(int argc, char **argv);

/* ---- help ------------------------------------------------------------------------------ */

void help_all(struct buf *out);
void help_command(const struct command *c, struct buf *out);

/* ---- output ----------------------------------------------------------------------------- */

/* A remark on standard error, unless --silent. */
void cli_say(const struct cli *cli, const char *fmt, ...) _printf_(2, 3);
/* To standard output, as JSON over several lines (indent of two blanks). */
void print_json(const cJSON *v);
/* One line of JSON, to standard output: text is valid JSON already. */
void print_json_line(const char *text, size_t n);
/* Indents JSON text by two blanks a level. */
void json_pretty(struct buf *out, const char *text, size_t n);
/* Made printable, cut to width columns if width is not 0, and padded to it. */
void print_text(const char *s, size_t width);
/* Each line of text made printable. */
void print_lines(FILE *out, const char *text);
/* Asks on standard error, reads one line of the terminal: was it yes? */
bool ask_yes(const char *question);
/* What was printed goes out now: -1 if the reader is gone. */
int flush_output(struct err *err);
/* Bounded copy made printable, for messages. */
struct shown {
	char s[256];
};
struct shown show(const char *s);
/* Columns for tables: COLUMNS, else the terminal's, else 120. */
int terminal_columns(void);
/* "node agent.js", blanks between the words, made printable; cut to size. */
void command_text(char *const *argv, char *out, size_t size);

/* ---- sessions ------------------------------------------------------------------------------ */

/* A session that is not over; anything else is an error that says so. */
int find_live(const char *what, struct session_record *out, struct err *err);
/* Calls fn with every open request of the live sessions, or of one. A session that ends or hangs
 * meanwhile is left out; with one it is an error. */
int requests_each(const char *session,
		  void (*fn)(void *data, const struct session_record *r, const cJSON *request),
		  void *data, struct err *err);
/* Its control connection; caller frees. */
struct session_client *connect_to(const struct session_record *r, struct err *err);

#define CALL_TIMEOUT_MS 5000

#endif
