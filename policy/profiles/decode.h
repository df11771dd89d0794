/*
 * profile_decode - what the parts of decoding share. Internal.
 */
#ifndef NONO_POLICY_PROFILE_DECODE_H
#define NONO_POLICY_PROFILE_DECODE_H

#include "policy/profiles/schema.h"

struct member_reader {
	const char *label;
	struct profile *p;
	struct profile *overrides; /* platform_overrides.linux */
	const struct policy_host *host;
	bool store;	 /* false: the values are only checked */
	char where[256]; /* "network.custom_credentials.x", for messages */
	struct err *err;
	struct list *faults; /* all of them are asked for (err is set then); else NULL */
};

/* Sets the error "LABEL:LINE:COLUMN: where: what"; -1. */
int member_bad(struct member_reader *d, const struct doc *at, const char *what);
size_t member_enter(struct member_reader *d, const char *name);
int member_map(struct member_reader *d, const struct doc *map, const struct member *table);
int member_overrides(struct member_reader *d, const struct doc *at);

/* values.c: one value, by its kind. */
int member_value(struct member_reader *d, const struct doc *at, const struct member *m);
#define MEMBER_TEXT_MAX 65536
struct entries *member_entries(struct member_reader *d,
			       const struct member *m); /* NULL: not kept */
int member_not_a(struct member_reader *d, const struct doc *at, const char *want);
bool member_is_text(const struct doc *at, size_t max); /* not empty, and shorter */
int member_check_list(struct member_reader *d, const struct doc *at, enum doc_kind kind,
		      const char *want);
/* lists.c; key: what an entry that is an object calls the string, NULL: only strings. */
int member_list(struct member_reader *d, const struct doc *at, const struct member *m,
		const char *key);
int member_one_or_list(struct member_reader *d, const struct doc *at, const struct member *m);
int member_ports(struct member_reader *d, const struct doc *at, const struct member *m);
int member_ranges(struct member_reader *d, const struct doc *at, const struct member *m);
/* {KEY: value, when: ...}: *value is NULL if it does not hold here. */
int member_conditional(struct member_reader *d, const struct doc *at, const char *key,
		       const struct doc **value);
/* domains.c */
int member_domains(struct member_reader *d, const struct doc *at, struct entries *out);
int member_endpoints(struct member_reader *d, const struct doc *at, struct entries *out);

#endif
