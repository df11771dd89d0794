/*
 * profile_schema - the table of all members. Decoding, merging, the JSON Schema and the guide's
 * reference walk it; a new member is a new row (and a field of struct profile).
 */
#ifndef NONO_POLICY_PROFILE_SCHEMA_H
#define NONO_POLICY_PROFILE_SCHEMA_H

#include "policy/profile.h"

enum member_kind {		  /* what is written; type of the field */
		   M_MAP = 0,	  /* members of its own */
		   M_FLAG,	  /* true, false; int (enum said) */
		   M_WORD,	  /* one of words; int */
		   M_TEXT,	  /* const char * */
		   M_NUMBER,	  /* between min and max; checked only */
		   M_AMOUNT,	  /* "512M", 4, "10m"; struct place */
		   M_LIST,	  /* strings; struct entries */
		   M_PATHS,	  /* strings or {path, when}; struct entries */
		   M_NAMES,	  /* strings or {name, when}; struct entries */
		   M_ONE_OR_LIST, /* a string or strings; struct entries */
		   M_PORTS,	  /* numbers; struct entries */
		   M_RANGES,	  /* "8000-8010" or [8000, 8010]; struct entries */
		   M_DOMAINS,	  /* strings or {domain, endpoints}; struct entries, and
				     profile.endpoints */
		   M_ENDPOINTS,	  /* "METHOD host/path" or {host, method, path}; the same */
		   M_VARIABLES,	  /* map of strings; struct entries */
		   M_REFERENCES,  /* map of strings or {name, when}; struct entries */
		   M_NAMED,	  /* map, each value as `each`; struct entries */
		   M_LIST_OF,	  /* list, each value as `each`; checked only */
		   M_UNIT,	  /* map, taken as a whole; struct place */
		   M_LAYER,	  /* map, decoded elsewhere; appended to profile.command_policies */
		   M_OVERRIDES,	  /* map of profiles by system */
		   M_ANY,	  /* not looked into */
};

enum member_merge {
	MERGE_NONE = 0,	 /* not of the merged profile */
	MERGE_CHILD,	 /* child if said, else base */
	MERGE_OR,	 /* yes if one says yes */
	MERGE_APPEND,	 /* base, then child */
	MERGE_CLEARABLE, /* the same, but the child's [] clears */
	MERGE_UNION,	 /* by name, child wins */
	MERGE_WORKDIR,	 /* child unless it is none */
};

enum member_flag {
	MEMBER_REQUIRED = 1 << 0,
	MEMBER_DEPRECATED = 1 << 1,
	MEMBER_NO_EFFECT = 1 << 2, /* means something on another system only */
	MEMBER_CLEARS = 1 << 3,	   /* null (or "") takes the base's away */
	MEMBER_ABSOLUTE = 1 << 4,  /* a path from / */
};

struct member {
	const char *name; /* NULL ends a table */
	enum member_kind kind;
	enum member_merge merge;
	size_t field;		      /* offset in struct profile */
	const struct member *members; /* M_MAP, M_UNIT; M_WORD: may be this map instead */
	const struct member *each;
	const char *const *words; /* NULL-terminated */
	const char *instead;	  /* it is another spelling of this one ("filesystem.allow") */
	unsigned flags;
	long min, max;
	const char *help; /* one line */
};

extern const struct member profile_members[];
extern const struct member profile_network[];
extern const struct member profile_capture, profile_hook;
extern const struct member profile_session_hook[];

/* The nearest valid name, NULL if none is near. */
const char *profile_nearest(const struct member *table, const char *name);
/* The section ("network") that has a member of that name, NULL if none has. */
const char *profile_section_of(const char *name);

#endif
