/*
 * fields - structs of plain data to JSON and back: one row a member. What is zero is not written.
 */
#ifndef NONO_NETWORK_FIELDS_H
#define NONO_NETWORK_FIELDS_H

#include <cjson/cJSON.h>

#include "network/network.h"

enum field_kind {
	FIELD_TEXT = 1, /* char *, owned */
	FIELD_CHARS,	/* char[size] */
	FIELD_LIST,	/* char **, NULL-terminated, owned */
	FIELD_NUMBER,	/* unsigned or enum, at most max */
	FIELD_PORT,	/* uint16_t */
	FIELD_FLAG,	/* bool */
	FIELD_STRUCT,	/* of: its members */
	FIELD_ARRAY,	/* of: its members, size each; pointer at .at, size_t count at .count */
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t at, size, count;
	const struct field *of;
	unsigned max;
};

extern const struct field net_policy_fields[]; /* struct policy_network */

void fields_write(const struct field *f, const void *data, cJSON *out);
/* data is zero before; on failure what is in it can be freed by fields_free(). */
int fields_read(const struct field *f, void *data, const cJSON *in, struct err *err);
void fields_free(const struct field *f, void *data);

#endif
