/* tally - how often each text came, for at most TALLY_MAX different ones. */
#ifndef NONO_AUDIT_TALLY_H
#define NONO_AUDIT_TALLY_H

#include "common/common.h"

#define TALLY_MAX 4096u

struct tally_entry {
	char *text;
	uint64_t count;
	char first[TIME_STR_MAX], last[TIME_STR_MAX];
};
struct tally {
	struct tally_entry *slots; /* a hash table, half empty */
	size_t used;
	uint64_t other; /* came when the table was full */
};
void tally_add(struct tally *t, const char *text, const char *time);
/* The entries, most frequent first: moved to the front of slots. Adding afterwards is over. */
void tally_sort(struct tally *t);
void tally_free(struct tally *t);

#endif
