/*
 * store - where things are on disk, session.json, and the ledger over all sessions.
 */
#ifndef NONO_AUDIT_STORE_H
#define NONO_AUDIT_STORE_H

#include "audit/hash.h"
#include "audit/json.h"

#define EVENTS_FILE	  "audit-events.ndjson"
#define BUNDLE_FILE	  "audit-attestation.bundle"
#define SESSION_FILE	  "session.json"
#define LEDGER_FILE	  "ledger.ndjson"
#define LEDGER_LOCK	  "ledger.lock"
#define LINE_MAX_BYTES	  (256u * 1024) /* longer lines are damage */
#define SESSION_MAX_BYTES (1024u * 1024)
#define LEDGER_LINE_MAX	  4096u

/* 1..64 of [A-Za-z0-9_-]: safe as a file name. */
bool store_id_valid(const char *id);
char *store_root(void); /* <state>/audit */
char *store_dir(const char *id);
/* Directory of a session, O_PATH-like use with openat; -1 with err if there is none. */
int store_open_dir(const char *id, struct err *err);
/* Temp file and rename inside dirfd, no fsync: a killed process can't tear it, see log.c. */
int store_replace(int dirfd, const char *name, const void *data, size_t n, struct err *err);
/* Whole file below dirfd, bounded, links not followed. */
int store_read(int dirfd, const char *name, size_t max, struct buf *out, struct err *err);
/* True while a supervisor holds the log. */
bool store_alive(int dirfd);

/* ---- session.json -------------------------------------------------------- */

struct session_meta {
	char id[65];
	char started[TIME_STR_MAX], ended[TIME_STR_MAX]; /* ended "" while it runs */
	struct buf command;				 /* JSON array */
	struct buf tracked;				 /* JSON array of strings */
	struct buf network;				 /* JSON array of objects, the first ones */
	uint64_t network_count;				 /* of all */
	struct buf roots;	/* JSON array of hex: trees before and after */
	struct buf attestation; /* JSON object, empty = none */
	struct buf extra; /* our own members, ,"profile":... as compact JSON, kept as they are */
	char *executable; /* NULL = unknown */
	char sha256[HASH_HEX];
	uint64_t snapshots;
	bool has_exit, has_integrity;
	int exit_code;
	uint64_t event_count;
	char chain_head[HASH_HEX], merkle_root[HASH_HEX];
};
void meta_free(struct session_meta *m);
void meta_to_json(const struct session_meta *m, struct buf *b); /* pretty, as stored */
int meta_parse(struct session_meta *m, const char *json, size_t n);
int meta_read(struct session_meta *m, int dirfd, struct err *err);
int meta_write(const struct session_meta *m, int dirfd, struct err *err);
/* The digest that the ledger holds, and the text it is the hash of. */
void meta_digest_input(const struct session_meta *m, struct buf *b);
struct hash meta_digest(const struct session_meta *m);
/* Sets count, chain head and root from what was hashed. */
void meta_set_integrity(struct session_meta *m, const struct hash_state *st);

/* ---- ledger -------------------------------------------------------------- */

/* Appends under flock. A line that a killed process left half-written is cut off first. With
 * once, nothing is appended if the session has an entry already. */
int ledger_append(const struct session_meta *m, bool once, struct err *err);

struct ledger_check {
	uint64_t entries;
	bool chain_ok, found, digest_matches;
	uint64_t bad_line; /* first damaged line, from 1 */
	char head[HASH_HEX];
};
/* Reads the whole ledger; id may be NULL. An absent ledger is empty and whole. */
int ledger_verify(const char *id, const struct hash *digest, struct ledger_check *out,
		  struct err *err);
/* What each good line says. */
struct ledger_line {
	uint64_t sequence;
	const char *session_id, *line;
	size_t n; /* of line, without its newline */
};
typedef void ledger_visit(void *data, const struct ledger_line *l);
int ledger_verify_each(const char *id, const struct hash *digest, struct ledger_check *out,
		       ledger_visit *visit, void *data, struct err *err);
void ledger_tree(void *data, const struct ledger_line *l); /* a visit: into a struct tree */
/* A line by itself: whole, in that place, of that session with that digest. */
bool ledger_entry_holds(const char *line, size_t n, uint64_t sequence, const char *id,
			const struct hash *digest);

#endif
