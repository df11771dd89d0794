/*
 * json - the little JSON the log needs: appending to a buffer, and walking over the members of an
 * object in place, without building a tree. Lengths are bounded by the caller's buffer; nesting
 * by JSON_DEPTH.
 */
#ifndef NONO_AUDIT_JSON_H
#define NONO_AUDIT_JSON_H

#include "common/common.h"

#define JSON_DEPTH 64

/* A piece of JSON text: a whole value, a string with its quotes. Borrowed. */
struct json_span {
	const char *p;
	size_t n;
};

void json_add_u64(struct buf *b, uint64_t v);
/* ,"key":"text" – nothing at all if s is NULL. */
void json_add_member(struct buf *b, const char *key, const char *s, size_t n);
void json_add_member_str(struct buf *b, const char *key, const char *s); /* s may be NULL */
void json_add_member_int(struct buf *b, const char *key, int64_t v);
/* JSON text that is valid already, quoted once more. */
void json_add_quoted(struct buf *b, const char *json, size_t n);
/* A valid value without white space between tokens. */
void json_compact(struct buf *b, struct json_span v);
/* The object text without white space between tokens. -1 (b unchanged) if it is no object. */
int json_add_compact(struct buf *b, const char *text);

/* Checks one whole value at p; its length, 0 if it is cut, malformed or nested too deep. */
size_t json_value_len(const char *p, size_t n);

struct json_iter {
	const char *p, *end;
	bool failed, object;
};
/* Over the members of an object or the elements of an array. -1 if v is neither. */
int json_iter_init(struct json_iter *it, struct json_span v);
/* 1 = a member (key with its quotes; empty in an array), 0 = the end, -1 = malformed. */
int json_iter_next(struct json_iter *it, struct json_span *key, struct json_span *val);
/* Finds a member. False if absent or malformed. */
bool json_get(struct json_span obj, const char *key, struct json_span *val);
bool json_key_is(struct json_span key, const char *name);

/* Decodes a string value into dst (cut to size-1 bytes at a character's border, terminated; a
 * NUL inside becomes U+FFFD). Bytes decoded, -1 if v is no valid string. */
ssize_t json_string(struct json_span v, char *dst, size_t size);
/* Same, whole; grows b. */
int json_string_buf(struct json_span v, struct buf *b);
int json_int(struct json_span v, int64_t *out);
int json_u64(struct json_span v, uint64_t *out);

#endif
