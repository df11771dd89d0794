/*
 * snapshots - states of directory trees, kept so that they can be compared and put back.
 *
 * One content store serves all sessions (<state>/snapshots): objects by SHA-256, in packs that
 * never change once they have their name. A directory is an object (a list of entries with the
 * hashes of what they hold), so that two equal directories are one hash. A record (one small JSON
 * file) names the object whose entries are the roots; it is written when everything it names is on
 * disk.
 *
 *   leaf = H(0x00 | at most 1 MiB of content)    node = H(0x01 | left | right), as RFC 6962 has it
 *   directory = H(0x01 | its entries as in tree.h)
 *
 * The trees are taken to be hostile and to change under the hand: nothing is opened through a link,
 * what is read is what the opened descriptor says it is.
 *
 * A handle is used by one thread at a time; open several for several threads. Any number of
 * processes may use one store: taking and reading share the lock, gc and repair take it alone and
 * wait. Functions return 0, or -1 with *err. Out-structures are the caller's to free, also after
 * -1.
 */
#ifndef NONO_SNAPSHOTS_H
#define NONO_SNAPSHOTS_H

#include "common/common.h"

struct snap_store;

#define SNAP_HASH_SIZE 32
#define SNAP_HASH_HEX  (2 * SNAP_HASH_SIZE + 1)
struct snap_hash {
	uint8_t b[SNAP_HASH_SIZE];
};
void snap_hash_hex(char out[SNAP_HASH_HEX], const struct snap_hash *h);
int snap_hash_parse(struct snap_hash *h, const char *hex); /* 64 lower-case digits, nothing after */
bool snap_hash_equal(const struct snap_hash *a, const struct snap_hash *b);

/* ---- the store ----------------------------------------------------------- */

/* state: the product's state directory (dir_state()). Makes what is missing, 0700. */
int snap_open(struct snap_store **out, const char *state, struct err *err);
/* The same by a descriptor of the directory; taken over, also after -1. */
int snap_open_dir(struct snap_store **out, int dir, struct err *err);
/* Such a descriptor; nothing on the way may be a link. -1 with errno. */
int snap_dir(const char *path);
void snap_close(struct snap_store *s); /* NULL is fine */
/* Directories with snapshots in them: from now on snapshots leave them out, by whatever name they
 * are met. At most SNAP_APART_MAX; what is not there is none. NULL-terminated, may be NULL. */
#define SNAP_APART_MAX 64
void snap_set_apart(struct snap_store *s, const char *const *dirs);
/* Bytes of packs, records not counted. */
uint64_t snap_store_bytes(struct snap_store *s);
/* From now on a snapshot that would make the packs larger than this fails; 0 = no bound. */
void snap_set_quota(struct snap_store *s, uint64_t bytes);

/* ---- entries ------------------------------------------------------------- */

enum snap_kind {
	SNAP_NONE = 0, /* nothing is there */
	SNAP_DIR,
	SNAP_FILE,
	SNAP_LINK,     /* symbolic; content: where it points to */
	SNAP_OTHER,    /* socket, device, FIFO: noted, never opened, has no content */
	SNAP_LEFT_OUT, /* something is there that the snapshot does not hold (enum snap_why). Nobody
			* knows whether it changed: not compared, not to be touched by a restore */
};

/* Why something was left out. */
enum snap_why {
	SNAP_WHY_NONE = 0,
	SNAP_WHY_EXCLUDED,   /* by a pattern of the caller */
	SNAP_WHY_IGNORED,    /* by a .gitignore */
	SNAP_WHY_FILE_BYTES, /* larger than a file may be */
	SNAP_WHY_BYTES,	     /* the budget of bytes was spent */
	SNAP_WHY_FILES,	     /* the budget of files was spent */
	SNAP_WHY_DIR_FILES,  /* a directory with more entries than one may have */
	SNAP_WHY_DENIED,     /* no right to read it */
	SNAP_WHY_UNREADABLE, /* another error of reading */
	SNAP_WHY_DEPTH,	     /* nested too deep */
	SNAP_WHY_SYSTEM,     /* a file system of the kernel's (proc, sysfs, ...) */
	SNAP_WHY_CHANGING,   /* kept, but it changed while it was read: may be torn */
	SNAP_WHY_SPECIAL,    /* a socket, device or FIFO: noted as SNAP_OTHER */
	SNAP_WHY_APART,	     /* snapshots themselves: snap_set_apart() */
	SNAP_WHY_COUNT
};
const char *snap_why_text(enum snap_why w); /* "excluded", ... for people and for records */

struct snap_entry {
	const char
	    *name; /* bytes but '\0', not always UTF-8; terminated. Of a root: its absolute path */
	size_t name_len;
	enum snap_kind kind;
	enum snap_why why; /* with SNAP_LEFT_OUT */
	bool sparse;	   /* had holes */
	bool has_xattrs;
	uint32_t mode; /* permission bits with set-id and sticky; SNAP_OTHER: st_mode whole */
	uint32_t uid, gid;
	int64_t mtime_ns;      /* since 1970 */
	uint64_t size;	       /* bytes; SNAP_DIR: 0 */
	uint64_t link_id;      /* entries of one snapshot with the same one (not 0) are one file */
	struct snap_hash hash; /* content; SNAP_DIR: its object */
	struct snap_hash xattrs;
};

/* One directory. Entries are sorted by name bytes; a reader may rely on: no empty name, no "/" (but
 * in roots), no "." or "..", no name twice. */
struct snap_tree {
	struct snap_entry *entries;
	size_t count;
	void *memory;
};
int snap_tree_read(struct snap_store *s, const struct snap_hash *hash, struct snap_tree *out,
		   struct err *err);
void snap_tree_free(struct snap_tree *t);

/* ---- records ------------------------------------------------------------- */

struct snap_root {
	char *path;	     /* absolute, as given */
	enum snap_kind kind; /* SNAP_NONE: it did not exist */
};
struct snap_left_out {
	char *path;
	enum snap_why why;
};
#define SNAP_LEFT_OUT_LISTED 1000 /* paths named in a record; the counts are whole */

struct snap_record {
	unsigned number;
	int parent;	  /* number of the record before, -1 for none */
	char *name;	  /* of a named snapshot, else NULL */
	char *tag;	  /* free text, may be NULL */
	char *reason;	  /* "start", "end", "manual", ... as the caller said */
	uint64_t time_ns; /* real time when taking began */
	struct snap_root *roots;
	size_t root_count;
	uint64_t files, dirs, bytes; /* held by the snapshot; bytes: sizes of files */
	struct snap_hash tree; /* object whose entries are the roots; the Merkle root of it all */
	struct snap_left_out *left_out;
	size_t left_out_count;
	uint64_t left_out_total[SNAP_WHY_COUNT];
};
void snap_record_free(struct snap_record *r);

/* Where a record is kept: <state>/rollbacks/SESSION/snapshots/NNN.json (session), or
 * <state>/snapshots/named/NAME.json (session NULL, record.name). A session id or a name is one path
 * component of letters, digits, "-", "_", ".", not beginning with ".", at most 128 bytes. */
bool snap_name_ok(const char *name);
/* Loads one. A record that was damaged is an error that says so. session NULL: by name. */
int snap_record_load(struct snap_store *s, const char *session, unsigned number, const char *name,
		     struct snap_record *out, struct err *err);
/* All of a session (by number), or all named ones (session NULL; by name). Damaged ones come as a
 * message in bad (lines, may be NULL) and are not in the list. */
int snap_record_list(struct snap_store *s, const char *session, struct snap_record **out,
		     size_t *count, struct buf *bad, struct err *err);
void snap_record_list_free(struct snap_record *v, size_t count);
/* Sessions that have records, sorted; ends in NULL, caller frees each and the vector. */
char **snap_record_sessions(struct snap_store *s, struct err *err);
/* The content stays in the store until gc. */
int snap_record_delete(struct snap_store *s, const char *session, unsigned number, const char *name,
		       struct err *err);

/* What is left of a session when its last record is deleted: what lies beside them is kept. */
int snap_session_remove(struct snap_store *s, const char *session, struct err *err);
/* Bytes of a session's records. */
uint64_t snap_session_bytes(struct snap_store *s, const char *session);

/* ---- taking -------------------------------------------------------------- */

struct snap_progress {
	uint64_t files_seen, bytes_seen; /* looked at so far */
	uint64_t files_read, bytes_read; /* had to be read */
	uint64_t bytes_stored;		 /* written to the store */
	uint64_t elapsed_ns;
};
/* Called about ten times a second from the thread that takes. False ends it: -1 with ECANCELED in
 * err->code, nothing is kept. */
typedef bool snap_progress_fn(void *arg, const struct snap_progress *p);

struct snap_options {
	/* Patterns as in .gitignore, relative to each root ("node_modules/", "*.o", "/build").
	 * Later ones win, "!" takes back. NULL-terminated, may be NULL. */
	const char *const *excludes;
	bool gitignore;	    /* leave out what .gitignore files say */
	bool settled;	    /* read again what had changed shortly before it was last read: sees
			     * writes through a mapping that left the times alone. For the state
			     * that has to be right: the end of a session */
	uint64_t max_files; /* 0 = no bound, also below */
	uint64_t max_bytes;
	uint64_t max_file_bytes;
	uint64_t max_dir_entries; /* of one directory below a root */
	unsigned threads;	  /* 0: as many as there are processors, 2 to 8 */
	snap_progress_fn *progress;
	void *arg;
};

struct snap_take {
	const char *const *roots; /* absolute paths of directories and files, NULL-terminated; none
				   * below another. One that does not exist is noted as such */
	struct snap_options options;
	/* Those whose stat cache serves, where this one holds some more of which nothing is known;
	 * NULL: roots. */
	const char *const *cached;
	const char *session;	  /* NULL: a named snapshot */
	const char *name;	  /* of a named snapshot; must not exist yet */
	const char *tag, *reason; /* may be NULL */
};
/* Takes a snapshot, durable when this returns. With a session the number is the next free one. out
 * may be NULL. */
int snap_take(struct snap_store *s, const struct snap_take *t, struct snap_record *out,
	      struct err *err);
/* What a snapshot of the present state would be: nothing is stored, but the directory objects can
 * be read by this handle until it is closed. For comparing: snap_changes(s, &before, &now, ...). */
int snap_scan(struct snap_store *s, const char *const *roots, const struct snap_options *o,
	      struct snap_record *out, struct err *err);

/* ---- reading ------------------------------------------------------------- */

/* The entry at an absolute path (a root or below one). *out is SNAP_NONE if there is none; its name
 * borrows from path. */
int snap_lookup(struct snap_store *s, const struct snap_record *r, const char *path,
		struct snap_entry *out, struct err *err);
/* Content of a file or the target of a link, checked against its hash; at most max bytes, more is
 * an error. Appends to out. */
int snap_blob_read(struct snap_store *s, const struct snap_hash *hash, size_t max, struct buf *out,
		   struct err *err);
/* Writes the content to fd from its offset on. With sparse, zeros become holes (fd must be an empty
 * file at offset 0). Nothing unchecked is written: a damaged chunk ends it before its bytes. */
int snap_blob_write(struct snap_store *s, const struct snap_hash *hash, int fd, bool sparse,
		    struct err *err);
/* The hash that the content of fd has as a file of a snapshot (from offset 0 to its end). */
int snap_hash_fd(int fd, struct snap_hash *out, uint64_t *size, struct err *err);

/* Extended attributes of an entry, in order of names. */
typedef int snap_xattr_fn(void *arg, const char *name, const void *value, size_t n,
			  struct err *err);
int snap_xattrs_read(struct snap_store *s, const struct snap_hash *xattrs, snap_xattr_fn *fn,
		     void *arg, struct err *err);

/* ---- changes ------------------------------------------------------------- */

enum snap_change_type {
	SNAP_CREATED,
	SNAP_MODIFIED, /* content or kind */
	SNAP_DELETED,
	SNAP_PERMISSIONS, /* same content, other mode, owner or attributes */
};
const char *snap_change_name(enum snap_change_type t); /* "Created", ... as records have it */
struct snap_change {
	enum snap_change_type type;
	const char *path; /* absolute, bytes */
	size_t path_len;
	const struct snap_entry *before,
	    *after; /* kind SNAP_NONE where there is none; never NULL */
};
/* Non-zero ends the run and is returned. Everything borrowed for the call. */
typedef int snap_change_fn(void *arg, const struct snap_change *c, struct err *err);
/* A root that only one of them is about is not compared. What differs from a to b, sorted by path
 * bytes component by component; only directories with other hashes are read. A created or deleted
 * directory is followed by all it holds. A change of times alone is none. What either of them left
 * out is not compared. */
int snap_changes(struct snap_store *s, const struct snap_record *a, const struct snap_record *b,
		 snap_change_fn *fn, void *arg, struct err *err);

/* ---- upkeep -------------------------------------------------------------- */

struct snap_damage {
	const char
	    *where; /* session id, or NULL for a named snapshot; NULL, NULL: the store itself */
	unsigned number;
	const char *name;
	const char *path; /* of the damaged file; NULL: the record or a pack */
	const char *what; /* in words */
	bool repaired;
};
typedef void snap_damage_fn(void *arg, const struct snap_damage *d);
struct snap_verified {
	uint64_t records, objects, bytes; /* looked at */
	uint64_t damaged, repaired;	  /* calls of fn; of them repaired */
};
struct snap_check {
	bool repair;	    /* from another copy in the store, or from the live tree where a file
			     * still has that content; with all records only */
	snap_damage_fn *fn; /* one call at a time, not always from the thread that asked */
	snap_progress_fn *progress; /* as of taking: bytes_read are checked, bytes_seen there are */
	void *arg;		    /* of both */
	unsigned threads;	    /* 0: as many as there are processors, 2 to 8 */
};
/* Every object is hashed again and every record followed. 0 also when damage was found. */
int snap_verify(struct snap_store *s, const struct snap_check *o, struct snap_verified *out,
		struct err *err);
/* One session's records only (session NULL: the named ones). */
int snap_verify_session(struct snap_store *s, const char *session, const struct snap_check *o,
			struct snap_verified *out, struct err *err);

struct snap_gc {
	uint64_t bytes_before, bytes_after, objects_dropped;
};
/* Drops what no record names. Fails, with nothing dropped, when a record can't be read: what it
 * names is not known. */
int snap_gc(struct snap_store *s, struct snap_gc *out, struct err *err);

#endif
