/*
 * options - command lines by table: long and short options, repeatable lists, environment twins.
 *
 * A table's rows say where a value goes by its offset in the command's own struct, which begins
 * zeroed. Strings and lists borrow from argv or the environment.
 */
#ifndef NONO_CLI_OPTIONS_H
#define NONO_CLI_OPTIONS_H

#include "common/common.h"

struct strings { /* NULL-terminated when not empty */
	const char **v;
	size_t n;
	char *owned; /* what an environment variable was cut into */
};

enum option_kind {
	OPTION_FLAG = 0, /* bool: true */
	OPTION_COUNT,	 /* int: one more each time */
	OPTION_SET,	 /* int: the row's value; another row with the same place conflicts */
	OPTION_STRING,	 /* const char *: the last one wins */
	OPTION_LIST,	 /* struct strings: appended; from the environment: split at commas */
	OPTION_NUMBER,	 /* long: between min and max; 'value' when not given */
	OPTION_CHOICE,	 /* int: 'value' + index in choices */
	OPTION_SIZE,	 /* int[2]: COLSxROWS */
	OPTION_PAIR,	 /* struct strings: two words each time, appended */
};

struct option_row {
	const char *name; /* NULL ends the table */
	char letter;
	enum option_kind kind;
	size_t offset;
	unsigned only;	  /* commands that have this row, 0 = all that use the table */
	const char *arg;  /* what the help calls the value */
	const char *help; /* NULL: an old spelling, accepted but not shown */
	const char *env[2];
	int value;
	long min, max;
	const char *const *choices; /* NULL-terminated */
};

/* Rows under a heading of the help. */
struct option_group {
	const char *title; /* NULL ends the list */
	const struct option_row *rows;
};

enum option_order {
	OPTION_ANYWHERE = 0, /* options and arguments mixed, "--" ends the options */
	OPTION_FIRST,	     /* everything after the first argument is an argument */
};

/* Rows whose 'only' lacks the bit 'mask' do not exist. */
struct option_table {
	const struct option_row *rows; /* may be NULL */
	unsigned mask;
	void *into;
};

/* Parses argv[0..argc), without a command name in front, by one or more tables. args receives the
 * positional arguments (pointers into argv; caller frees args->v). */
int options_parse(const struct option_table *tables, size_t n, enum option_order order, int argc,
		  char *const *argv, struct strings *args, struct err *err);
/* Frees what lists allocated. */
void options_free(const struct option_table *t);

void strings_append(struct strings *s, const char *v);
bool option_takes_value(const struct option_row *r);

/* Lines of the help, aligned. */
void options_help(const struct option_row *rows, unsigned mask, struct buf *out);

#endif
