/*
 * requests - the open requests of a session. A request joins all that wait for the same answer:
 * stopped calls (from the notify thread and workers) and connections of `nono request`.
 *
 * The lock holds the slots, their calls and the rate together; what a slot says does not change
 * once it is open. Opening, answering and ending is the loop thread's work alone, and no call is
 * resumed and nobody is told with the lock held.
 */
#ifndef NONO_ELEVATION_REQUESTS_H
#define NONO_ELEVATION_REQUESTS_H

#include "elevation/internal.h"

#define REQUESTS_OPEN_MAX  64
#define REQUESTS_CONNS_MAX 8   /* connections of the request socket */
#define REQUESTS_NETS_MAX  256 /* connections at the network proxy */
#define REQUEST_TIMEOUT_S  60  /* where the configuration says nothing */
#define REQUEST_NOTE_MAX   400
#define REQUEST_ONCE_S	   60		/* how long "once" for `nono request` stays good */
#define RATE_INTERVAL_NS   100000000ull /* 10 a second ... */
#define RATE_BURST	   5		/* ... and so many at once */
#define CALLERS_CHECK_NS   500000000ull

enum slot_state {
	SLOT_FREE = 0,
	SLOT_NEW, /* the loop has not seen it */
	SLOT_OPEN,
	SLOT_HELD, /* granted, but not yet in effect (held.c) */
};

struct slot {
	enum slot_state state;
	struct request r; /* waiting: as of the last dispatch */
	uint64_t hash;	  /* of what makes two of them equal */
	struct policy_verdict verdict;
	bool is_dir, is_dir2;
	bool quiet; /* decided before anyone was shown it */
	struct call *calls, **calls_end;
	unsigned n_calls;
	uint64_t conns[REQUESTS_CONNS_MAX];
	unsigned n_conns;
	uint64_t tool; /* whom the event is for, 0 = no tool */
	uint64_t nets[REQUESTS_NETS_MAX];
	unsigned n_nets;
	enum request_scope scope;
	char by[96]; /* held: who granted it */
};

/* What asks: borrowed strings. */
struct ask {
	enum request_kind kind;
	const char *target, *target2, *asked, *program, *reason, *origin;
	unsigned access, access2;
	bool exists, is_dir, is_dir2;
	pid_t pid;
	const struct policy_verdict *verdict;
	const char *rule;	   /* in place of what the verdict says; may be NULL */
	const char *backend;	   /* may be NULL */
	unsigned timeout_s;	   /* 0: as configured */
	const struct net_ask *net; /* NULL: no host, no endpoint */
};

struct request_socket; /* request_socket.c */

struct requests {
	pthread_mutex_t lock;
	bool stopping;
	uint64_t rate_ns;   /* when the tokens handed out so far have grown again */
	uint64_t check_ns;  /* next look whether those who wait are still there */
	struct slot *slots; /* REQUESTS_OPEN_MAX, touched only when used */
	struct slot *order[REQUESTS_OPEN_MAX]; /* by arrival, free ones are not in it */
	size_t n;
	const struct request *view[REQUESTS_OPEN_MAX];
	struct request_socket *socket; /* NULL: none */
	struct call *resolved;	       /* what workers found out for the request socket */
};

/* Who waits for it. */
unsigned slot_waiting(const struct slot *s);

/* Any thread. The slot for a, joined or new; NULL and *why if there can be none. With the lock
 * held. */
struct slot *slot_for(struct elevation *e, const struct ask *a, const char **why);

/* Loop thread. Puts the grant into the log, and ends the request; denied, with an error, if the log
 * does not take it. */
int slot_grant(struct elevation *e, struct slot *s, enum request_scope scope, const char *by,
	       struct err *err);
/* The end of that: the grant, which is in the log, takes effect. */
int slot_settle(struct elevation *e, struct slot *s, const char *by, struct err *err);
/* True: what is in the log waits for elevation_release(). */
bool slot_hold(struct elevation *e, struct slot *s, const char *by);
/* The same of a standing right without a request; id as in the log. */
bool standing_hold(struct elevation *e, const char *id, const char *path, unsigned access,
		   bool is_dir);
void held_free(struct elevation *e);
/* Ends a request without a grant, and logs that. scope may be NULL. */
void slot_close(struct elevation *e, struct slot *s, enum request_state state, const char *scope,
		const char *by, const char *why);

/* ---- request socket ----------------------------------------------------------------------- */

int request_socket_open(struct elevation *e, struct err *err);
void request_socket_close(struct elevation *e);
/* The address of a socket, by way of its directory's descriptor, so that every path fits; returns
 * that descriptor, to be closed when the address was used. -1 with errno. */
int request_socket_address(const char *path, struct sockaddr_un *sa);
/* Accepts, reads, drops who is slow; ms until it wants to be called again, -1 for never. */
int request_socket_dispatch(struct elevation *e);
/* The answer for connection id, if it is still there. */
void request_socket_answer(struct elevation *e, uint64_t id, bool granted, const char *why);
bool request_socket_waits(const struct elevation *e, uint64_t id);

/* One line of the protocol, as it arrives. */
struct request_line {
	unsigned access;
	char path[POLICY_PATH_MAX];
	char reason[512];
};
/* n bytes without the line's end. -1: *why says what is wrong with it. */
int request_line_parse(const char *line, size_t n, struct request_line *out, const char **why);

#define REQUEST_LINE_MAX 32768 /* a path whose every byte is escaped, and more */

/* ---- names.c ------------------------------------------------------------------------------ */

const char *request_access_name(unsigned access); /* "read", "readwrite", ... */
void copy_text(char *dst, size_t size, const char *src);

#endif
