/* follow - the event log of one session, as it grows. */
#ifndef NONO_CLI_FOLLOW_H
#define NONO_CLI_FOLLOW_H

#include "audit/audit.h"
#include "cli/cli.h"

struct follow {
	char id[SESSION_ID_LEN + 1];
	struct audit_reader *reader;
	bool ended; /* session_ended was read: nothing comes after it */
};

/* tail: the last n events, -1 for all. */
int follow_open(struct follow *f, const char *id, long tail, struct err *err);
void follow_close(struct follow *f);

/* Everything there is now goes to fn. -1 if the log is damaged. */
int follow_read(struct follow *f,
		void (*fn)(void *data, const struct follow *f, const struct audit_line *line),
		void *data, struct err *err);
/* One event as a line of text, to standard output. */
void event_print(const struct audit_line *line);
/* Adds the log's file to an inotify descriptor. */
int follow_watch(const struct follow *f, int inotify, struct err *err);

#endif
