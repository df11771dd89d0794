/*
 * What the files of elevation/ share.
 *
 * A watched call stops in the kernel; the notify thread receives it (notify.c), copies its
 * arguments out of the program (memory.c, calls.c), finds out what they name in the program's own
 * view (view.c), decides (decide.c) and answers: continue, an errno, or the result of what the
 * broker did itself (perform_*.c, connect.c). What may block goes to a worker (workers.c). A
 * denial that somebody may lift becomes a request (requests.c): the call waits, owned by it.
 */
#ifndef NONO_ELEVATION_INTERNAL_H
#define NONO_ELEVATION_INTERNAL_H

#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "elevation/elevation.h"

#define CALLS_MAX	256 /* stopped calls held at once; beyond that: EAGAIN-like denial (EACCES) */
#define XATTR_BYTES_MAX 65536

enum call_op {
	OP_OPEN = 0, /* open, openat, creat */
	OP_EXEC,
	OP_CONNECT,
	OP_BIND,
	OP_LISTEN,
	OP_SOCKET, /* a unix datagram socket */
	OP_MKDIR,
	OP_MKNOD,
	OP_RENAME,
	OP_LINK,
	OP_SYMLINK,
	OP_UNLINK,
	OP_RMDIR,
	OP_TRUNCATE,
	OP_WATCH, /* inotify_add_watch */
	OP_CHMOD,
	OP_CHOWN,
	OP_UTIMES,
	OP_SETXATTR,
	OP_REMOVEXATTR,
};

/* A path argument, found in the program's view (its root, cwd, descriptors). */
struct place {
	char asked[POLICY_PATH_MAX]; /* as the program wrote it */
	char path[POLICY_PATH_MAX];  /* absolute, clean, links followed (the last one only if the
					call follows it): what the policy is asked about */
	char name[NAME_MAX + 1];     /* last component in parent; "" if there is none (the root, a
					descriptor, AT_EMPTY_PATH) */
	int parent;		     /* O_PATH, the directory of name; -1 if none */
	int fd;			     /* O_PATH, the object itself; -1: it does not exist */
	struct stat st;		     /* of fd */
	bool dir_only;		     /* written with a slash at its end */
	bool anonymous; /* no path: pipe, socket, memfd, deleted (by /proc/self/fd/N) */
	int err;	/* why it could not be found (ENOENT of a folder on the way, ELOOP,
			   ENOTDIR, EACCES, ENAMETOOLONG, EBADF); 0: found, or only the
			   last component is missing */
};

/* One stopped call. All memory is in the pool; descriptors are closed by call_done(). */
struct call {
	uint64_t id; /* of the notification */
	pid_t tid;   /* the thread that called, host's view */
	pid_t pid;   /* its process */
	int nr;
	uint64_t args[6];
	enum call_op op;
	const char *name; /* "open", "rename", ... static: what the log calls it */
	int flags; /* open flags; renameat2, linkat, unlinkat, fchmodat2 flags; setxattr flags; mask
		    */
	mode_t mode;	   /* as passed, umask not applied */
	mode_t umask;	   /* of the program; where the call makes something */
	unsigned access;   /* enum nono_access that the policy is asked for, place a */
	unsigned access2;  /* the same for place b, 0 = none */
	struct place a, b; /* b: target of rename and link */
	/* What else the calls carry, copied before the decision. */
	char text[POLICY_PATH_MAX]; /* symlink: what the link says; xattr: name */
	uid_t uid;
	gid_t gid;
	int64_t size; /* truncate; bytes of value for setxattr */
	struct timespec times[2];
	bool has_times;
	void *value; /* setxattr: XATTR_BYTES_MAX, borrowed from the worker/notify thread */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	int sockfd;	    /* the program's number of the socket, or of what else it is about */
	bool by_descriptor; /* no path: place a is what the program has open as sockfd */
	/* Decision. */
	struct policy_verdict verdict; /* that decided: of a, or of b if that one is refused */
	bool verdict_of_b;
	bool granted;	      /* by an answer or a standing decision: the log says "granted" */
	bool waiting;	      /* a request owns it */
	uint64_t received_ns; /* CLOCK_MONOTONIC */
	char program[1024];   /* path of its executable */
	pid_t ppid;
	struct call *next; /* of whoever holds it */
};

/* What a stopped call is told. */
struct answer {
	bool cont;   /* SECCOMP_USER_NOTIF_FLAG_CONTINUE: only where Landlock judges again */
	int err;     /* errno, 0 = success */
	int64_t val; /* return value on success */
	int fd;	     /* >= 0: to be injected, its number there is the return value; taken over */
	bool cloexec;
	bool in_place; /* fd takes the number of the program's socket; the return value is val */
};

/* ---- calls performed by the broker (perform_*.c, connect.c, git_check.c) ----------------
 *
 * Everything acts on the descriptors of the places, which were checked, never on the path again:
 * openat(parent, name, O_NOFOLLOW...) and comparing with place.fd where it existed. The umask is
 * applied. Ownership and modes come out as if the program had done it itself: the broker has the
 * same uid and gid and no capabilities either. Any thread.
 */

/* May it block for long (FIFO, device, a file system that waits)? Then a worker does it. */
bool perform_blocks(const struct call *c);
/* Carries the call out. out is filled; never "continue". */
void perform(const struct elevation *e, struct call *c, struct answer *out);

/* Whether what is at stake is harmless although c->verdict (or that of b) says
 * POLICY_PROTECTED_PATH (see enum policy_special): mkdir/rmdir of repository directories, a git
 * config whose new content was checked, ... Called before the denial. The content of a file that is
 * renamed over a config is read through c->a.fd; what was checked must be what is performed (a
 * copy that the program cannot change any more is put in place). */
bool special_harmless(const struct elevation *e, struct call *c);
/* c is such a call: checks and performs it in one go. out->err says why not. */
void special_perform(const struct elevation *e, struct call *c, struct answer *out);

/* Content of a git config: true if nothing in it runs a program or reads another file when git
 * is used outside (§9.2 row 20). Pointer files ("gitdir: ...", commondir). Bounded, no I/O. */
bool git_config_harmless(const char *text, size_t n);

/* connect and bind. The address is c's copy. connect: the broker takes the socket by pidfd_getfd
 * and connects it (a blocking TCP connect in a worker; non-blocking sockets at once).
 * unix sockets: only within the session (what it bound itself), or with a grant. */
enum connect_verdict { CONNECT_ALLOWED = 0, CONNECT_DENIED, CONNECT_ASK };
enum connect_verdict connect_decide(struct elevation *e, struct call *c);
bool connect_blocks(const struct call *c);
void connect_perform(const struct elevation *e, struct call *c, struct answer *out);
/* The one that may say "continue": where Landlock judges, so that the socket keeps the name which
 * the program gave it. Every bind passes here, or the session's own sockets are not known. */
void bind_perform(const struct elevation *e, struct call *c, struct answer *out);
/* "host:port", "unix:/path", "abstract:name", printable, for the log and the dialog. */
void address_text(const struct call *c, char *out, size_t size);

/* ---- standing decisions and requests (standing.c, requests.c, violations.c) -------------- */

enum standing { STANDING_NONE = 0, STANDING_ALLOW, STANDING_DENY };

/* Standing decisions of this session. Readers: the notify thread and workers, no allocation, a
 * rwlock. Writers: the loop thread. A path covers itself alone unless it was a directory when
 * granted; then what is below it, too, but never what a rule of its own closes (a deny rule below
 * that directory, an auto-run file): that needs a decision of its own. A denial beats a permission.
 *
 * v: the policy's denial that is at stake; nothing that is not grantable is ever allowed. A
 * permission may be for one call only (nono request, answered "once"): the lookup that finds it
 * uses it up, so a call is looked up once a place. */
struct standing_table;
struct standing_table *standing_new(void);
void standing_free(struct standing_table *t);
enum standing standing_lookup(struct standing_table *t, const char *path, unsigned access,
			      const struct policy_verdict *v);
int standing_add(struct standing_table *t, const char *path, unsigned access, bool allow,
		 bool subtree, struct err *err);
/* One call within the next seconds. */
int standing_add_once(struct standing_table *t, const char *path, unsigned access,
		      uint64_t until_mono_ns, struct err *err);

/* Denials by target. violations_note(): notify thread and workers, allocates nothing (bounded
 * table, the oldest goes). */
struct violations;
struct violations *violations_new(void);
void violations_free(struct violations *v);
void violations_note(struct violations *v, const char *target, const char *op, unsigned access,
		     const char *program, const char *tool, const char *rule, const char *source,
		     bool grantable, uint64_t real_ns);
void violations_copy(struct violations *v, struct violation_list *out);
void violations_hide(struct violations *v, const char *target, bool hidden);

/* Notify thread or worker: hands a denied call over; it waits for an answer. False: no room, too
 * many in too short a time (token bucket), elevation is off or it is not grantable: the caller
 * denies it. Wakes the loop. The request's deadline is e->cfg.timeout_s from now. */
bool requests_ask(struct elevation *e, struct call *c);
/* What a person denied for the session is not asked again: false, too. */

/* Loop thread. requests_start(): e->epoll_fd, e->standing and e->violations exist already; opens
 * the request socket, whose descriptors join e->epoll_fd. requests_dispatch(): called by
 * elevation_dispatch() after the wake descriptor was emptied; opens what was asked, ends what is
 * over, serves the request socket; ms until the next deadline, -1 for none. requests_stop(): denies
 * everything open, and requests_ask() says no from then on; before the threads are joined.
 * requests_free(): after that, while the pool of calls is still there. */
int requests_start(struct elevation *e, struct err *err);
int requests_dispatch(struct elevation *e);
void requests_stop(struct elevation *e);
void requests_free(struct elevation *e);

/* The request socket (request_socket.c), and that for tools, which is the broker's. Its name means
 * nothing in the program's view (its folder is hidden there), so connect.c asks first whether c
 * names it, and if so connects the program's socket fd to it, without any policy. 0 or an errno.
 * Waits only while 64 others are in front: still, better in a worker. */
bool request_socket_named(const struct elevation *e, const struct call *c);
int request_socket_connect(const struct elevation *e, const struct call *c, int fd);

/* ---- the engine ------------------------------------------------------------------------ */

struct requests;    /* requests.c */
struct workers;	    /* workers.c */
struct closed;	    /* closed.c */
struct own_sockets; /* sockets_own.c */
struct own_sockets *own_sockets_new(void);
void own_sockets_free(struct own_sockets *o);
struct pointers; /* pointers.c */
struct pointers *pointers_new(void);
void pointers_free(struct pointers *t);
struct session_sockets; /* session_sockets.c */
struct session_sockets *session_sockets_new(void);
void session_sockets_free(struct session_sockets *s);
struct relays; /* relays.c */
struct relays *relays_new(void);
/* Passes on what can be at once. */
void relays_free(struct relays *s);
void relays_dispatch(struct relays *s); /* loop */
/* Before each stopped call is looked at, and at the end: what git wrote meanwhile into files that
 * point to a repository is judged and put in place. Costs nothing when there is none. */
void pointers_flush(struct elevation *e);
struct quick_cache;	       /* quick.c */
struct rules;		       /* rules.c */
struct peers;		       /* peers.c */
struct peers *peers_new(void); /* NULL: no memory */
void peers_free(struct peers *t);
/* Any thread. */
void peers_note(struct peers *t, unsigned port, pid_t pid, const char *program);

struct elevation {
	struct elevation_config cfg;
	int notify_fd;
	int epoll_fd; /* elevation_fd(): wake_fd and the request socket's descriptors */
	int wake_fd;  /* eventfd: the loop has something to do */
	pthread_t thread;
	bool have_thread;
	bool stopping;	     /* the notify thread ends; atomic */
	unsigned proxy_port; /* of the network proxy while it lives, else 0; atomic */
	struct standing_table *standing;
	struct violations *violations;
	struct requests *requests;
	struct held *held; /* standing rights that wait (held.c) */
	struct workers *workers;
	struct view_cache *views;  /* the program's root; what is kept open of each process */
	struct quick_cache *quick; /* notify thread: directories without links (quick.c) */
	struct rules *rules;	   /* what the kernel gives (rules.c) */
	struct closed *closed;	   /* closed files by identity (closed.c) */
	struct own_sockets *own;   /* unix sockets made inside (sockets_own.c) */
	struct relays *relays;	   /* of unix datagrams (relays.c) */
	struct session_sockets *sockets;
	struct peers *peers;	   /* who is connected to the proxy */
	struct pointers *pointers; /* ".git" files on their way (pointers.c) */
	struct buf exec_text;	   /* notify thread: arguments of an exec, for the log */
	struct call *pool;	   /* CALLS_MAX, mapped, touched only when used */
	struct call *free_calls;
	unsigned pool_used;
	pthread_mutex_t pool_lock;
	/* Counters, atomic. */
	uint64_t calls, denied, granted, requests_total;
	unsigned requests_open;
	bool changed;	  /* counters moved since the loop looked; atomic */
	uint64_t told_ns; /* loop: when it last said so */
};

/* Wakes the loop (any thread). */
void elevation_wake(struct elevation *e);

struct call *call_new(struct elevation *e);	     /* NULL: all are in use */
void call_done(struct elevation *e, struct call *c); /* closes its descriptors */

/* True if the call still waits (SECCOMP_IOCTL_NOTIF_ID_VALID). */
bool call_valid(const struct elevation *e, const struct call *c);
/* Sends the answer (ADDFD_SEND for a descriptor), writes the event, counts, returns c to the pool.
 */
void call_answer(struct elevation *e, struct call *c, struct answer *a);
/* Gives the program fd, which stays the caller's; its number there, -1 with errno. */
int call_give(const struct elevation *e, const struct call *c, int fd, bool cloexec);
/* Lets it go on without a word in the log: no question of rights. */
void call_let_go(struct elevation *e, struct call *c);
/* Answers with an errno. denied: the log and the violations say so. */
void call_deny(struct elevation *e, struct call *c, int err);

/* The request that owned c was answered (loop thread): granted calls are looked at again from the
 * start (path resolved anew, must be the same target, else denied) and carried out by a worker;
 * before that the decision is in the log and flushed. */
void call_resume(struct elevation *e, struct call *c, bool grant);

/* ---- workers ---------------------------------------------------------------------------- */

/* Runs fn(e, c) in a worker thread; false if too many wait already. */
bool workers_run(struct elevation *e, void (*fn)(struct elevation *e, struct call *c),
		 struct call *c);

/* ---- view ------------------------------------------------------------------------------- */

/* Finds what path (as written by thread tid; dirfd as passed) names there. follow: of the last
 * component. Fills everything of *out but asked. Any thread; c may be none that stopped, with just
 * tid and pid (the request socket asks so, in a worker). */
void view_find(struct elevation *e, const struct call *c, int dirfd, bool follow, bool empty_ok,
	       struct place *out);
void place_init(struct place *p);
void place_close(struct place *p);

bool call_sends(const struct call *c); /* sendto, sendmsg, sendmmsg */

/* Copies size bytes from the program. -1 with errno. */
int memory_read(const struct call *c, uint64_t addr, void *out, size_t size);
/* The reverse, for results of calls. The call must still wait. */
int memory_write(const struct elevation *e, const struct call *c, uint64_t addr, const void *p,
		 size_t size);
/* A string of less than size bytes with its NUL; length, or -1 (EFAULT, ENAMETOOLONG). */
ssize_t memory_read_string(const struct call *c, uint64_t addr, char *out, size_t size);

/* A process's executable, parent and the names of its parents, from /proc. */
void process_program(pid_t pid, char *out, size_t size);
pid_t process_parent(pid_t pid);
pid_t process_of_thread(pid_t tid);
/* Is pid in the session's tree (descends from cfg.init_pid, by pid namespace or by parents)? */
bool process_inside(const struct elevation *e, pid_t pid);

#endif
