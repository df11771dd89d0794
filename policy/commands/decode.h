/*
 * commands_decode - walking the maps of a document by tables. Internal to the room.
 */
#ifndef NONO_POLICY_COMMANDS_DECODE_H
#define NONO_POLICY_COMMANDS_DECODE_H

#include "policy/commands/commands.h"

struct decoder {
	const char *label;
	struct err *err;
};

struct decode_row {
	const char *name;
	int (*take)(const struct decoder *d, const struct doc *v, void *to);
	size_t offset; /* of what take fills */
};

/* Every member of map by its row; what has none is an error. what: "a command's sandbox". */
int decode_map(const struct decoder *d, const struct doc *map, const struct decode_row *rows,
	       void *to, const char *what);
int decode_kind(const struct decoder *d, const struct doc *v, enum doc_kind kind);

/* to: bool, char *, uint64_t, unsigned, struct words. */
int decode_bool(const struct decoder *d, const struct doc *v, void *to);
int decode_string(const struct decoder *d, const struct doc *v, void *to);
int decode_u64(const struct decoder *d, const struct doc *v, void *to);
int decode_seconds(const struct decoder *d, const struct doc *v, void *to);
int decode_ignore(const struct decoder *d, const struct doc *v, void *to);
/* Replaces what is there. */
int decode_words(const struct decoder *d, const struct doc *v, void *to);
/* All of a list of words are names of commands. */
int decode_check_names(const struct decoder *d, const struct doc *list);
/* Adds what is not there yet. */
int decode_more_words(const struct decoder *d, const struct doc *v, void *to);
/* The position of v's text in names, an enum. */
int decode_choice(const struct decoder *d, const struct doc *v, const char *const *names, size_t n,
		  unsigned *out);

void words_add(struct words *w, const char *s);
bool words_have(const struct words *w, const char *s);
void words_free(struct words *w);

/* The parts. */
int decode_box(const struct decoder *d, const struct doc *v, struct command_box *to);
int decode_box_network(const struct decoder *d, const struct doc *v, void *to);
void box_network_free(struct command_network *n);
void box_free(struct command_box *b);
bool box_opens_urls(const struct command_box *b);
int decode_invocation(const struct decoder *d, const struct doc *v, struct command_invocation *to);
void invocation_free(struct command_invocation *i);
int decode_intercepts(const struct decoder *d, const struct doc *v, void *command);
void intercepts_free(struct policy_command *c);
bool command_name_ok(const char *s); /* [A-Za-z0-9._+-]+ */
bool variable_name_ok(const char *s);

/* commands/credentials.c */
int decode_credentials(const struct decoder *d, const struct doc *v, void *policies);
void credentials_decoded_free(struct command_policies *p);
/* commands/uses.c */
int decode_uses(const struct decoder *d, const struct doc *v, void *box);
void uses_free(struct command_box *b);
/* A name that there is not is an error; what can't be had becomes e->why_none. */
int tool_credentials_check(const struct command_policies *all, const struct policy_command *c,
			   struct command_edge *e, struct err *err);
bool box_has_routes(const struct command_policies *all, const struct command_box *b);
/* The agent does not inherit what is a tool's. */
void tool_credentials_hide(struct policy *p);

/* commands/programs.c: executables of commands and of their intercept rules; p->no_exec. */
void commands_find_programs(struct policy *p);
/* Could the owner of this policy put something else there? */
bool policy_may_change(const struct policy *p, const char *path);
/* The first edge of any command whose tool could; NULL if there is none. */
const struct command_edge *command_writer_of(const struct command_policies *all, const char *path,
					     const struct policy_command **by);
void policy_add_no_exec(struct policy *p, const char *path);

/* By its name, NULL if there is none. */
struct command_credential *credential_find(const struct command_policies *p, const char *name);

#endif
