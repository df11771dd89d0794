/*
 * diagnostics - what a session was refused, told when it is over: a footer after a failed run, one
 * JSON object for programs, and the offer to write what was missing into a profile.
 */
#ifndef NONO_CLI_DIAGNOSTICS_H
#define NONO_CLI_DIAGNOSTICS_H

#include "cli/cli.h"

struct diagnostics {
	struct session_record record;
	struct session_denial *v;
	size_t n;
	uint64_t total;
};

/* Of a session that has ended; wait: it has, and its record will say so at any moment. False: it
 * runs on, or there is no record. */
bool diagnostics_load(const char *id, bool wait, struct diagnostics *out);
void diagnostics_free(struct diagnostics *d);

/* At most lines refusals, the newest first. Adds nothing if there were none. */
void diagnostics_footer(const struct diagnostics *d, size_t lines, struct buf *out);
/* The object of --diagnostics-json. */
cJSON *diagnostics_json(const struct diagnostics *d);

/* Asks on the terminal (standard input and error) what of it shall be written to which profile.
 * in: what the session was started with. */
void diagnostics_save_prompt(const struct diagnostics *d, const struct policy_input *in);

#endif
