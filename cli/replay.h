/* replay - a session's recording and the events beside it. */
#ifndef NONO_CLI_REPLAY_H
#define NONO_CLI_REPLAY_H

#include "audit/audit.h"
#include "cli/cli.h"
#include "pty/pty.h"

struct replay {
	FILE *in;
	struct pty_recorded frame;
	struct buf data;
	bool have_frame;
	uint64_t begin_ns;
	struct audit_reader *reader; /* NULL: there are no more events */
	struct audit_record *rec;
	bool have_event, all; /* all: what is read, too */
};
int replay_open(struct replay *r, const char *id, bool all, struct err *err);
void replay_close(struct replay *r);
/* Makes the next one current; false: there is none. */
bool replay_next_frame(struct replay *r);
bool replay_next_event(struct replay *r);
/* Is the current event not after that time? */
bool replay_event_due(const struct replay *r, uint64_t time_ns);
/* "denied  read  /x  (cat 12)" */
void replay_event_text(const struct replay *r, char *out, size_t size);

/* replay_cast.c: asciicast v2, to standard output */
void replay_cast(struct replay *r);
/* replay_play.c: on the terminal */
int replay_play(struct replay *r, double speed, double max_wait_s, struct err *err);

#endif
