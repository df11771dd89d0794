/*
 * profiles - what is written down: the rules that a profile would need, the user's files and the
 * built-in ones, who consents to a repository's. Part of policy/policy.h.
 */
#ifndef NONO_POLICY_PROFILES_H
#define NONO_POLICY_PROFILES_H

#include "common/common.h"

struct policy;
struct policy_input;

/* ---- standing rules --------------------------------------------------- */

/* Adds a standing rule to the user's profile (a file of his own that extends the one in use).
 * Without apply the text of the change (unified diff) alone is returned in *diff; caller frees. */
int policy_always(const struct policy *p, const char *path, unsigned access, bool deny, bool apply,
		  char **diff, struct err *err);

/* The same for a host: network.allow_domain, network.deny_domain. */
int policy_always_host(const struct policy *p, const char *host, bool deny, bool apply, char **diff,
		       struct err *err);
/* For one kind of request of a credential route: network.approved_endpoints, refused_endpoints. */
int policy_always_endpoint(const struct policy *p, const char *route, const char *method,
			   const char *path, bool deny, bool apply, char **diff, struct err *err);
/* For pages that are opened in the user's browser, "https://host[:port]": open_urls.allow_origins.
 */
int policy_always_url(const struct policy *p, const char *origin, bool apply, char **diff,
		      struct err *err);

/* ---- rules for a profile ----------------------------------------------- */

/* An entry of a list of "filesystem": "read_file", "~/x"; or of "network": "allow_domain", "host".
 */
struct policy_entry {
	const char *list; /* static */
	char *value;	  /* owned by whoever has the entry */
};

/* False for what a profile has no words for, or a person can't read: control characters, '*'. */
bool policy_nameable(const char *path);
/* The path with "~", "$XDG_CONFIG_HOME", ... and, if workdir, "$WORKDIR" at its front. */
char *policy_word(const struct policy *p, const char *path, bool workdir);
/* The list that grants access to a file or a directory. */
const char *policy_list_for(unsigned access, bool dir);
/* A new profile as it is written to a file. more: further bases, NULL-terminated, may be NULL. */
void policy_profile_text(struct buf *out, const char *name, const char *extends,
			 const char *const *more, const struct policy_entry *v, size_t n,
			 bool block_net);
/* What changes, as a unified diff; before NULL: the file is new. Caller frees. */
char *policy_diff(const char *file, const char *before, const char *after);
/* Adds entries to the user's profile of that name: made if there is none, then it extends the
 * profile in use (and has no network, if block_net). Without apply only *diff is made; caller
 * frees. */
int policy_save(const struct policy *p, const char *name, const char *const *more,
		const struct policy_entry *v, size_t n, bool block_net, bool apply, char **diff,
		struct err *err);
/* Something that a program did, or tried. */
struct policy_access {
	const char *path; /* absolute, clean, links followed */
	unsigned access;  /* enum nono_access */
	bool dir;	  /* path is a directory, and was used as one */
	bool gone;	  /* it is not there any more */
	bool link; /* it is a symbolic link: a rule by its name would be about what it leads to */
	bool refused;
	bool closed; /* for good: no rule is wanted */
};
/* The rules that a profile on top of p would need for it. */
struct policy_learned {
	struct policy_entry *v;
	char **paths; /* of v */
	size_t n;
	size_t n_seen, n_covered;	       /* paths, those that p grants already */
	size_t n_closed, n_left_out;	       /* no rule is made for these */
	char **closed, **left_out;	       /* the first ones, with the reason; printable, NULL-
						  terminated, NULL if none */
	size_t n_closed_said, n_left_out_said; /* entries of the two */
};
void policy_learn(const struct policy *p, const struct policy_access *v, size_t n,
		  struct policy_learned *out);
void policy_learned_free(struct policy_learned *l);

/* How a profile refers to the one in use: its name, or where its file is. Caller frees. */
char *policy_reference(const struct policy *p);

/* The capability summary of a dry run and of the start ("Capabilities:" ...), §2.2 of the
 * reference. verbose adds sources and non-user grants. */
void policy_describe(const struct policy *p, int verbose, struct buf *out);

/* JSON of the policy for the session record and NONO_CAP_FILE. */
void policy_to_json(const struct policy *p, struct buf *out);
/* The rules as a capability manifest (JSON, one line): policy_input.manifest reads it. */
void policy_to_manifest(const struct policy *p, struct buf *out);
/* Back again, as far as the questions above need it: what a program inside knows of its policy. */
int policy_from_json(const char *json, size_t n, const char *label, struct policy **out,
		     struct err *err);

/* ---- profiles ---------------------------------------------------------- */

/* Names of the built-in and user profiles, sorted; NULL-terminated; strv_free(). */
char **policy_profiles(void);

/* A plain name, as profiles have it; is there a built-in one of that name; the user's own file of
 * that name (NULL if there is none; caller frees). */
bool policy_profile_name_ok(const char *name);
bool policy_profile_builtin(const char *name);
char *policy_profile_file(const char *name);
bool policy_group_exists(const char *name);

/* The profile that is meant where none is named: that of dir (canonical) or of the nearest folder
 * above it (*from), else the user's (*from NULL). *name NULL if there is none. Caller frees. */
int policy_default_get(const char *dir, char **name, char **from, struct err *err);
/* dir NULL: the user's. name NULL: none any more. */
int policy_default_set(const char *dir, const char *name, struct err *err);

/* For the commands that show profiles; the caller frees with cJSON_Delete(). what: a name or a
 * file. NULL with err. expanded: paths with what their variables stand for. */
struct cJSON;
struct cJSON *policy_profiles_json(void);
struct cJSON *policy_profile_json(const char *what, bool expanded, struct err *err);
struct cJSON *policy_profile_diff_json(const char *a, const char *b, struct err *err);
struct cJSON *policy_profile_validate_json(const char *what);
struct cJSON *policy_groups_json(bool all_platforms);
struct cJSON *policy_group_json(const char *name, struct err *err);
/* How to write a profile, and all of its members. */
void policy_profile_guide(struct buf *out);
/* Nothing if the texts are equal; before NULL: there is no such file yet. */
void policy_text_diff(const char *path, const char *before, const char *after, struct buf *out);

/* A profile that a repository brings (it lies in the working directory, or extends what does) is
 * used only with the user's consent to its very content. */
#define POLICY_HASH_MAX 65 /* SHA-256 in hex */
struct policy_consent {
	char hash[POLICY_HASH_MAX]; /* "" if no consent is needed */
	bool given;
	char **files; /* what is brought; NULL-terminated */
};
int policy_consent(const struct policy_input *in, struct policy_consent *out, struct err *err);
void policy_consent_free(struct policy_consent *c);
bool policy_consent_given(const char *hash);
/* SHA-256 in hex. */
void policy_hash(const void *text, size_t n, char out[POLICY_HASH_MAX]);
/* Remembers it, among nono's own files. file is for people who read the list. */
int policy_consent_store(const char *hash, const char *file, struct err *err);

/* A file that a policy was made from, and the hash of what it said. */
struct policy_source {
	char *path;
	char sha256[POLICY_HASH_MAX];
};
enum policy_source_now { SOURCE_SAME = 0, SOURCE_CHANGED, SOURCE_GONE, SOURCE_UNREADABLE };
/* Whether it still says that. */
enum policy_source_now policy_source_now(const char *path, const char *sha256);
/* "same", "changed", "gone", "unreadable" */
const char *policy_source_now_name(enum policy_source_now now);

/* A profile for who shows it (policy/profile.h has the members): as its file says it, and with all
 * it extends. Needs no consent. */
struct profile;
struct policy_profile {
	struct profile *own, *merged;
};
int policy_profile_load(const char *what, struct policy_profile *out, struct err *err);
/* The same, and what is wrong with its members is all in faults, each once. */
struct list;
int policy_profile_check(const char *what, struct policy_profile *out, struct list *faults,
			 struct err *err);
void policy_profile_free(struct policy_profile *p);

/* What it says, with the schema's names; one line. (command_policies: a list of layers, base
 * first.) */
void policy_profile_to_json(const struct profile *p, struct buf *out);
/* The JSON Schema of profiles (one line), and the members as a text for people. */
void policy_profile_schema(struct buf *out);
void policy_profile_reference(struct buf *out);

#endif
