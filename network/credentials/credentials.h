/*
 * credentials - secrets of credential routes: where they come from, how they are kept, how they get
 * into a request, and the stand-ins (phantoms) that the agent holds instead.
 *
 * The proxy holds a struct credentials. It is fed by the *keys* process, which is forked before the
 * proxy confines itself: that one reads files, runs commands, asks the keyring. It serves by index
 * of the configuration alone and parses nothing that the agent wrote but bounded strings.
 *
 * In the proxy everything runs on the loop's thread. Secrets live in pages that are neither dumped
 * nor swapped nor inherited, and are wiped; messages never hold one. The pure parts (phantoms,
 * references, reading a source) are for nono as well and need neither TLS nor a loop.
 */
#ifndef NONO_CREDENTIALS_H
#define NONO_CREDENTIALS_H

#include "common/common.h"
#include "network/network.h"

/* ---- memory for secrets ---------------------------------------------------------------------- */

#define SECRET_MAX 65536

/* Bytes in locked pages between guard pages; NUL-terminated. {0} is an empty one. */
struct secret {
	char *data;
	size_t len, cap;
};
int secret_reserve(struct secret *s, size_t cap, struct err *err);
int secret_set(struct secret *s, const char *data, size_t n, struct err *err);
int secret_add(struct secret *s, const char *data, size_t n, struct err *err);
void secret_wipe(struct secret *s); /* empty; the pages stay */
void secret_free(struct secret *s); /* wipes; also for _cleanup_ */
/* Takes as long wherever they differ. */
bool secret_equal(const char *a, size_t a_len, const char *b, size_t b_len);

/* ---- sources --------------------------------------------------------------------------------- */

/* What a secret is wanted for, as commands may be told. Strings may be "". */
struct credential_facts {
	char host[NET_NAME_MAX];
	char method[24];
	char path[1024];
	char session[40];
};

/* A reference's form: account, keyring://SERVICE/ACCOUNT, env://VAR, file://ABS, kernel://NAME,
 * cmd://CAPTURE, op://..., bw://..., vault://PATH#FIELD. No source is asked. */
int credential_reference_check(const char *reference, struct err *err);
/* Asks the source; may take seconds. n may be NULL (no captures). *ttl_s: for how long it is good,
 * UINT_MAX = as long as it is not refused. With a capture that prints JSON the secret is a list
 * "name\0value\0...": *headers is true then. */
int credential_load(const char *reference, const struct policy_network *n,
		    const struct credential_facts *facts, struct secret *out, unsigned *ttl_s,
		    bool *headers, struct err *err);
/* "openai_key" -> "OPENAI_KEY", NULL for what is no account. Caller frees. */
char *credential_variable(const char *reference);

/* Puts it where the reference points: an account of the keyring, keyring://, kernel://, file://
 * (mode 0600). replace: what is there already. */
int credential_store(const char *reference, const struct secret *s, bool replace, struct err *err);
int credential_remove(const char *reference, struct err *err);
/* Accounts of the keyring's service nono, NULL-terminated; -1 if there is no keyring. */
int credential_accounts(char ***out, struct err *err);
/* Is something there? No secret is read, no command run: unknown for sources that would need that.
 */
enum credential_state { CREDENTIAL_MISSING = 0, CREDENTIAL_SET, CREDENTIAL_UNKNOWN };
enum credential_state credential_state(const char *reference, char *const *accounts);
/* The first digits of its SHA-256: tells whether two are the same. */
void credential_fingerprint(const struct secret *s, char out[9]);

/* ---- programs that know something (run.c) -------------------------------------------------------
 */

struct credential_run {
	char *const *argv;
	char *const *env;  /* "NAME=value" beside ours, NULL = none */
	const char *input; /* at most SECRET_MAX bytes for its standard input; NULL = /dev/null */
	size_t input_n;
	unsigned timeout_s;
	const char *what; /* for messages: "credential op://x/y" */
};
/* Its output, at most SECRET_MAX bytes, in out. *status: exit code, 127 = no such program. */
int credential_run(const struct credential_run *r, struct secret *out, int *status,
		   struct err *err);
/* A program of nono's own: beside this one, else in the libexec folder. Caller frees. */
char *credential_helper(const char *name, struct err *err);

/* ---- stand-ins ------------------------------------------------------------------------------- */

#define PHANTOM_MAX 160
/* A fresh one that looks like a key of the vendor where agents look at that. */
void credential_phantom(const struct policy_route *route, char out[PHANTOM_MAX]);

/* ---- in the proxy ---------------------------------------------------------------------------- */

struct credentials;

/* Before the process confines itself: forks keys, which keeps no descriptor of this process but its
 * end of a socket. c is borrowed. Afterwards this process's environment holds no secret anymore. */
struct credentials *credentials_start(const struct net_config *c, struct err *err);
void credentials_free(struct credentials *c);
/* Readable: call credentials_dispatch(). -1 if there is nothing to be asked. */
int credentials_fd(const struct credentials *c);
void credentials_dispatch(struct credentials *c);

/* A head of a request, whoever holds it and however. Names are compared without case. */
struct credential_head {
	void *data;
	const char *method;
	/* As it is now: "/path?query". */
	const char *(*target)(void *data, size_t *n);
	/* The i-th header of that name, NULL if there are fewer. */
	const char *(*get)(void *data, const char *name, size_t i, size_t *n);
	/* i-th header of all, false past the end: for signing. */
	bool (*each)(void *data, size_t i, const char **name, size_t *name_n, const char **value,
		     size_t *value_n);
	/* These copy. remove: all of that name. */
	int (*set_target)(void *data, const char *target, size_t n);
	int (*add)(void *data, const char *name, const char *value, size_t n);
	void (*remove)(void *data, const char *name);
};

/* 1. Who asks. A stand-in that was found is taken out of the head, so that it goes nowhere.
 * NONE, WRONG: 401 on a reverse route; on an intercepted host NONE passes without a credential and
 * WRONG is 401. */
enum credential_check { CREDENTIAL_OK = 0, CREDENTIAL_NONE, CREDENTIAL_WRONG };
enum credential_check credentials_check(struct credentials *c, const struct policy_route *route,
					const struct credential_head *head,
					const char **mechanism); /* "phantom_header", ... */

/* On an intercepted host, where several routes may lead: the one whose stand-in the request holds
 * (nothing is changed), NULL if none. *here: some route leads to this host. */
const struct policy_route *credentials_find(struct credentials *c, const struct net_host *host,
					    uint16_t port, const struct credential_head *head,
					    bool *here);

/* 2. How fast. 0: now; else microseconds to wait, UINT64_MAX: 429 (*retry_s for Retry-After). */
uint64_t credentials_pace(struct credentials *c, const struct policy_route *route,
			  unsigned *retry_s);

/* 3. The secret. 1: is there; 0: done is called later, from credentials_dispatch() (ok, or err says
 * why not: 503). The want belongs to the caller and must be cancelled before it goes. */
struct credential_want {
	void (*done)(struct credential_want *w, bool ok, const struct err *err);
	void *data;
	/* private */
	struct credential_want *next, **prev;
	struct credential_slot *slot;
	bool waits;
};
int credentials_want(struct credentials *c, const struct policy_route *route,
		     const struct credential_facts *facts, struct credential_want *w,
		     struct err *err);
void credentials_cancel(struct credential_want *w);

/* Must the whole body be there before the head can be made (a signature)? At most
 * CREDENTIAL_BODY_MAX bytes then, else 413. */
#define CREDENTIAL_BODY_MAX (16u << 20)
bool credentials_needs_body(const struct credentials *c, const struct policy_route *route,
			    const struct credential_head *head);
/* 4. Puts it in, after credentials_want() said 1 or done(ok). host: upstream's authority as the
 * Host header has it. body: NULL if it is not needed. *mode: "header", "url_path", "query_param",
 * "basic_auth", "o_auth2", "aws". */
int credentials_inject(struct credentials *c, const struct policy_route *route,
		       const struct credential_head *head, const struct credential_want *w,
		       const char *host, const void *body, size_t body_len, const char **mode,
		       struct err *err);
/* 5. The upstream answered. 401 or 403: what is kept is asked for anew next time. */
void credentials_answered(struct credentials *c, const struct policy_route *route,
			  const struct credential_want *w, unsigned status);

/* Stand-ins in a text that goes into a log become "***". c may be NULL. */
void credentials_redact(const struct credentials *c, char *text);
/* Now and then: wipes what is past its time. */
void credentials_sweep(struct credentials *c);

/* ---- pages for the user's browser ---- */

/* 0: the policy names its origin; 1: it does not (err says so); -1: it is none to be opened at all.
 * c may be NULL. */
int credentials_page_check(struct credentials *c, const char *url, struct err *err);
/* The port of this machine that the page is to send its answer to (redirect_uri); 0: none. */
uint16_t credentials_page_port(const char *url);
/* Has the page opened. approved: a person agreed to it. forward: where it names a port of this
 * machine that is listened at first. done is called later, from credentials_dispatch(), unless
 * credentials_page_cancel() was; then the listening sockets (-1: none) are the caller's. */
struct credential_page {
	void (*done)(struct credential_page *page, const struct err *err); /* NULL: opened */
	void *data;
	uint16_t port;
	int fds[2];
	/* private */
	struct credential_page *next, **prev;
	uint32_t id;
};
int credentials_page_open(struct credentials *c, const char *url, bool approved, bool forward,
			  struct credential_page *page, struct err *err);
void credentials_page_cancel(struct credential_page *page);

/* ---- logins of the agent itself ---------------------------------------------------------------
 */

/*
 * Tokens that an endpoint of OAuth hands out (policy_network.logins) stay here; the agent gets
 * stand-ins, which are put back where it uses them: in its requests' headers, and in the bodies of
 * refreshes. On a host of a login this comes before credentials_check().
 */
/* Is this request one to a token endpoint? Then its body is to be collected whole (at most
 * CREDENTIAL_LOGIN_MAX, else 413), given to credentials_login_request(), and the answer's body to
 * credentials_login_answer(); the former takes Accept-Encoding out of the head. */
#define CREDENTIAL_LOGIN_MAX (256u << 10)
const struct policy_login *credentials_login(const struct credentials *c,
					     const struct net_host *host, uint16_t port,
					     const struct credential_head *head);
/* out: the body to send instead, to be wiped. */
int credentials_login_request(struct credentials *c, const struct policy_login *login,
			      const struct credential_head *head, const char *body, size_t n,
			      struct secret *out, struct err *err);
/* out: the body that the agent gets. An error: the answer must not reach it. */
int credentials_login_answer(struct credentials *c, const struct policy_login *login,
			     const char *body, size_t n, struct buf *out, struct err *err);
/* Any other request to an intercepted host: stand-ins of logins in its headers become what they
 * stand for, if they were handed out for this host. True if there was one. */
bool credentials_login_headers(struct credentials *c, const struct net_host *host,
			       const struct credential_head *head);

#endif
