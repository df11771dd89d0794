/*
 * What the engine's own files share: the notify thread's memory of who calls, the walk through the
 * program's view, the table of calls, decisions, events.
 */
#ifndef NONO_ELEVATION_ENGINE_H
#define NONO_ELEVATION_ENGINE_H

#include "elevation/internal.h"

/* ---- who calls (process.c, view_cache.c) ------------------------------------------------- */

/* A thread that calls. */
struct proc {
	pid_t tid, pid, ppid;
	pid_t ns_pid, ns_tid; /* as it sees itself in its pid namespace */
	int pidfd;	      /* of the thread: tells whether tid still means it */
	int dir;	      /* /proc/TID */
	uint64_t used;	      /* for the choice of what goes */
	uint64_t seen_ns;     /* when it was known to live */
	uint64_t unsure_ns;   /* until then the program is looked up at every call */
	bool stale;	      /* it called exec: look the program up again */
	char program[1024];
};

/* Numbers of a process, from /proc/TID/status. */
struct proc_numbers {
	pid_t pid, ppid, ns_pid, ns_tid;
	mode_t umask;
};
int process_numbers(int proc_dir, struct proc_numbers *out);

bool is_notify_thread(const struct elevation *e);

struct view_cache *view_cache_new(void);
void view_cache_free(struct view_cache *v);
/* The program's root, O_PATH, the same for all processes of a session (chroot and the like are
 * refused); opened at the first call. -1 with errno. */
int view_root(struct elevation *e, pid_t tid);
/* The program's /proc counts processes as ours does: there is no pid namespace. */
bool view_host_numbers(struct elevation *e, pid_t tid);
/* Is /proc/PID, as p sees it, of this session? (Its init is not.) */
bool view_process_inside(struct elevation *e, const struct proc *p, pid_t pid);

/* The notify thread's entry for tid, or, in another thread, *own filled in. NULL: it is gone. */
struct proc *proc_get(struct elevation *e, pid_t tid, struct proc *own);
void proc_put(struct proc *p, struct proc *own);
/* code: an errno. If it says that descriptors ran out, gives back what is only kept for speed (in
 * the notify thread; others tell that one, for the calls to come) and says so: it may be tried once
 * more. No struct proc is valid any more. */
bool view_spare(struct elevation *e, int code);
/* A call to exec by p's thread goes on: what is known of its program holds no longer. */
void proc_exec(struct elevation *e, struct proc *p);

/* ---- the quick look (quick.c) -------------------------------------------------------------
 *
 * For calls that the kernel's rules judge again. Says what the path means without opening
 * anything, or that this takes the long way. What it knows of directories may be a moment old;
 * nothing is granted on its word. */
struct quick {
	char path[POLICY_PATH_MAX];
	bool exists;
	unsigned given; /* what the kernel's rules give below its folder (enum nono_access) */
	struct stat st;
};
struct quick_cache;
struct quick_cache *quick_new(void);
void quick_free(struct quick_cache *q);
/* Notify thread. c->a.asked as read, dirfd as passed. */
bool quick_find(struct elevation *e, const struct call *c, const struct proc *p, int dirfd,
		bool follow, struct quick *out);
/* The program changes directories: what is known of them may not hold any more. */
void quick_forget(struct quick_cache *q);

/* ---- calls (calls.c) ---------------------------------------------------------------------- */

/* What a call number means. Positions of arguments, -1: it has none. */
struct call_shape {
	int nr;
	const char *name;
	enum call_op op;
	int8_t dirfd, path, dirfd2, path2, flags, mode;
	int fixed_flags; /* what the older form of the call implies */
};
const struct call_shape *call_shape(int nr);
/* Copies the arguments from the program's memory. buffer: XATTR_BYTES_MAX, may be NULL when it
 * can't be setxattr. 0 or an errno that the program gets, as it would from the kernel. */
int call_load(struct call *c, const struct call_shape *shape, void *buffer);
/* Finds where the paths lead, and what is asked of the policy there. */
void call_find(struct elevation *e, struct call *c, const struct call_shape *shape);
/* The folder that the first path starts from. */
int call_dirfd(const struct call *c, const struct call_shape *shape);
/* True if the call follows a link at the end of its first path. */
bool call_follows(const struct call *c);
/* True if c has a path for the policy (connect and bind may have none). */
bool call_has_path(const struct call *c);
bool call_is_socket(const struct call *c);

/* ---- decisions (decide.c) ----------------------------------------------------------------- */

enum decision {
	DECIDED_CONTINUE, /* the kernel's own rules judge it */
	DECIDED_PERFORM,
	DECIDED_SPECIAL, /* special_perform() */
	DECIDED_ERRNO,	 /* *err: no question of rights */
	DECIDED_DENY,	 /* *err, by policy */
};
/* c was found. lifted: a person granted what is refused. */
enum decision decide(struct elevation *e, struct call *c, bool lifted, int *err);
/* Beside something closed each entry has a rule of its own in the kernel, made at the start, and
 * nobody can execute for another (to execute Landlock wants the right to read as well, so that
 * can't be given to the folder as a whole). */
#define RULE_NEW "new since the start, beside something closed: the next session can execute it"
enum decision decide_deny(struct call *c, int *err, const char *rule);
/* c->a has no path (decide_anonymous.c). */
enum decision decide_anonymous(struct elevation *e, struct call *c, int *err);
/* The descriptor that c is about is open for writing, wherever it is from: mode, owner, times and
 * attributes are the program's to change then, as the content is. */
bool decide_writes_to(const struct elevation *e, const struct call *c);
/* Mode, owner or attributes of a device, as of /dev/null: all of the machine's programs depend on
 * them, and root's session may write to it. */
bool decide_changes_device(const struct call *c);
/* An exec that goes on: will the kernel refuse what runs the script? That is c->a then, with its
 * verdict, and the script c->b (interpreter.c). */
bool interpreter_refused(struct elevation *e, struct call *c);
/* Is a read-only open plainly left to the kernel? */
bool decide_quick(struct elevation *e, const struct call *c, const struct quick *q,
		  struct policy_verdict *v);

/* ---- identity (closed.c) ------------------------------------------------------------------- */

/* Closed files and folders that exist at the start, so that they stay closed under another name. */
struct closed *closed_new(const struct policy *p);
/* Looks for them; the first thing that the notify thread does. */
void closed_fill(struct closed *t);
void closed_free(struct closed *t);
/* True if the object st, found at path, is one of them, or path leads through a folder that was
 * moved since; the rule is put into *v. now_ns: CLOCK_MONOTONIC. */
bool closed_match(struct closed *t, const char *path, const struct stat *st, unsigned access,
		  uint64_t now_ns, struct policy_verdict *v);

/* ---- the kernel's rules (rules.c) ----------------------------------------------------------- */

struct rules *rules_new(void);
void rules_free(struct rules *r);
/* The rules of spec, which outlives r; may be NULL: nothing is known of them then. */
void rules_fill(struct rules *r, const struct policy_spec *spec);
bool rules_known(const struct rules *r);
/* Something is moved by the session: what is known of places may not hold any more. */
void rules_forget(struct rules *r);
/* Rights (enum nono_access) that the kernel gives below the folder path ("" or "/": the root), and
 * those that it gives to the object st at path by a rule of its own. */
unsigned rules_of_folder(struct elevation *e, pid_t tid, const char *path, uint64_t now_ns);
unsigned rules_of_object(struct elevation *e, const char *path, const struct stat *st);
/* Will the kernel allow it? object: p is what is used; else its name is made or removed. */
bool rules_allow(struct elevation *e, const struct call *c, const struct place *p, unsigned access,
		 bool object);

/* ---- the way of a call (handle.c), answers (reply.c), the log (event.c) --------------------- */

/* Everything about one call, in the thread that received it. buffer: XATTR_BYTES_MAX. */
void call_handle(struct elevation *e, struct call *c, void *buffer);
/* The same once more after a grant, in a worker. */
void call_handle_granted(struct elevation *e, struct call *c);

enum audit_decision;
void event_write(struct elevation *e, const struct call *c, enum audit_decision decision, int err);
/* Tells the loop that the counters moved. */
void event_changed(struct elevation *e);

void *notify_main(void *e);

struct workers *workers_new(struct elevation *e);
/* Lets them finish what they do, drops what waits (its calls are denied). */
void workers_stop(struct workers *w);
void workers_free(struct workers *w);

#endif
