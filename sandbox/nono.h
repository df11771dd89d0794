/*
 * libnono - capability set in, irreversible confinement out. No policy inside.
 *
 * The caller fills a struct nono_spec. A supervisor uses nono_fork(), and in the child
 *
 *     nono_enter()     uid maps, mounts, /proc, loopback: what the new namespaces need
 *     ... fork again: the child is pid 1 of the new pid namespace (an init), its child the program
 *     nono_confine()   capabilities, no_new_privs, Landlock, seccomp: last, irreversible
 *
 * A program that confines itself (nono wrap) uses nono_unshare() and nono_confine().
 *
 * If anything that the spec requires fails, -1 is returned and the caller must not exec the
 * program. Sources: landlock(7), seccomp(2), seccomp_unotify(2), user_namespaces(7),
 * capabilities(7), Documentation/userspace-api/landlock.rst.
 */
#ifndef NONO_H
#define NONO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What is declared here is what the shared library exports. */
#pragma GCC visibility push(default)

#ifdef __cplusplus
extern "C" {
#endif

/* What a path grant gives. Write covers create, remove, rename, truncate below a directory. */
enum nono_access {
	NONO_READ = 1 << 0,
	NONO_WRITE = 1 << 1,
	NONO_EXEC = 1 << 2,
	NONO_IOCTL = 1 << 3, /* on a device; terminals have it anyway */
};

struct nono_path {
	const char *path; /* absolute; a file or a directory (then everything below) */
	unsigned access;  /* enum nono_access */
};

/* Mounts made inside the mount namespace, in order. */
enum nono_mount_kind {
	NONO_MOUNT_HIDE, /* empty, read-only: a tmpfs over a folder, an unreadable file over a file
			  */
	NONO_MOUNT_READ_ONLY, /* bind onto itself, read-only */
	NONO_MOUNT_BIND,      /* bind source over path (both exist) */
};
struct nono_mount {
	enum nono_mount_kind kind;
	const char *path;
	const char *source; /* NONO_MOUNT_BIND only */
};

enum nono_net {
	NONO_NET_OPEN = 0,
	NONO_NET_OFF,
	/* TCP to and from what the supervisor lets through: it carries connect, bind and listen
	 * out. UDP, raw sockets and other families are closed. Without a supervisor the kernel's
	 * rules hold the ports (Landlock ABI 4). */
	NONO_NET_PORTS,
};
struct nono_port { /* a range, both ends included */
	uint16_t first, last;
	bool bind; /* listened on, else connected to; of any address */
};

/* What a whole tree of processes may use; 0 = no limit. */
struct nono_limits {
	uint64_t memory;    /* bytes */
	uint64_t processes; /* processes and threads at the same time */
	uint64_t cpu;	    /* thousandths of a processor */
	uint64_t wall_ms;   /* from the start; the supervisor's own to hold */
};

/* How much a layer matters: used if the kernel gives it, demanded, or left out. */
enum nono_want { NONO_AUTO = 0, NONO_REQUIRE, NONO_SKIP };

/* Which calls stop at the notify listener. */
enum nono_watch {
	NONO_WATCH_NONE = 0, /* no listener: nono wrap */
	NONO_WATCH_CHANGES,  /* exec, connect, bind and all that may change the tree (no O_RDONLY
				opens) */
	NONO_WATCH_ALL,	     /* and every open */
};

struct nono_spec {
	const struct nono_path *paths;
	size_t n_paths;
	const struct nono_mount *mounts;
	size_t n_mounts;
	const char *private_tmp; /* host directory bound over /tmp and /var/tmp, NULL for none */
	bool fresh_tmp;		 /* without private_tmp: a file system in memory over them, empty */
	bool fresh_shm;		 /* the same over /dev/shm: no memory shared with others */
	const char *const
	    *keep_in_tmp; /* paths below /tmp that stay visible, NULL-terminated, may be NULL */
	enum nono_net net;
	bool share_network; /* NONO_NET_PORTS in the network of the caller, not in one of its own */
	const struct nono_port *ports; /* NONO_NET_PORTS without a supervisor */
	size_t n_ports;
	enum nono_want namespaces;
	enum nono_watch watch;
	bool unix_datagrams; /* the supervisor lets some be reached: sendmsg and sendmmsg stop, too
			      */
	int listener_socket; /* then: where sendmsg does not, so that the listener can be sent */
	/* Namespaces without a pid namespace; /proc stays as it is. Where the processes of the
	 * machine may be seen, and for the second try after layers->proc_refused. */
	bool no_pid_namespace;
	bool shared_memory_only; /* no message queues, no semaphores of System V and POSIX */
};

/* What was achieved; filled as far as things got. Strings are static. */
struct nono_layers {
	int landlock_abi; /* 0 = none */
	bool user_ns, mount_ns, pid_ns, net_ns, ipc_ns;
	bool private_tmp, devpts;
	bool seccomp, notify;
	bool caps_dropped, no_new_privs;
	bool keyring;	   /* a session keyring of its own */
	bool proc_refused; /* nono_enter() failed because the kernel allows no new /proc here */
	const char *namespaces_why; /* why there are none, NULL when there are */
	uid_t uid; /* the caller's ids as they were outside, set by nono_fork/nono_unshare */
	gid_t gid;
};

#define NONO_MSG_MAX 512
struct nono_error {
	int code;		/* errno */
	char msg[NONO_MSG_MAX]; /* what failed, on what, what to do */
};

/* Highest Landlock ABI of the running kernel, 0 when absent or switched off. */
int nono_landlock_abi(void);

/* fork() into new user, mount, pid, ipc and - unless the network is open or shared - network
 * namespaces, as far as the rights allow (with namespaces == NONO_AUTO an EPERM means a plain fork
 * and layers->namespaces_why). Returns as fork() does; layers is filled in parent and child. The
 * child is pid 1 of the pid namespace if layers->pid_ns. Single-threaded callers only. */
pid_t nono_fork(const struct nono_spec *spec, struct nono_layers *layers, struct nono_error *err);

/* In the child of nono_fork(): maps the uid to itself, makes the mounts, a new /proc and devpts,
 * brings up loopback, forbids further user namespaces. Fails if any of that fails: with NONO_AUTO
 * the parent may then try nono_fork() again with NONO_SKIP (AppArmor lets the namespace be made,
 * but not be used). */
int nono_enter(const struct nono_spec *spec, struct nono_layers *layers, struct nono_error *err);

/* The same for the calling process itself, without a pid namespace. */
int nono_unshare(const struct nono_spec *spec, struct nono_layers *layers, struct nono_error *err);

/* Drops every capability, sets no_new_privs, joins a new session keyring, applies Landlock and
 * the seccomp filter. *listener receives the notify descriptor (close-on-exec), -1 if none is
 * asked for. Everything later, execve included, stops at that descriptor: who serves it must
 * have it before the caller execs. */
int nono_confine(const struct nono_spec *spec, struct nono_layers *layers, int *listener,
		 struct nono_error *err);

/* Drops every capability: effective, permitted, inheritable, ambient and, where possible, the
 * bounding set. For the init, which is not confined otherwise, after nono_enter(). nono_confine()
 * and the other two confinements do it themselves. */
int nono_drop_capabilities(struct nono_error *err);

/* ---- limits of a process tree, by control groups ---- */

enum nono_limit { NONO_LIMIT_MEMORY = 0, NONO_LIMIT_PROCESSES, NONO_LIMIT_CPU, NONO_LIMITS };
enum nono_held { NONO_HELD_NOT = 0, NONO_HELD_CGROUP1, NONO_HELD_CGROUP2 };

#define NONO_GROUP_PATH_MAX 1024
struct nono_group {
	enum nono_held held;
	char path[NONO_GROUP_PATH_MAX]; /* several limits may be held by one group */
	char why[256];			/* why not, if it was asked for */
};
struct nono_groups {
	struct nono_group of[NONO_LIMITS]; /* by enum nono_limit */
};

/* Makes groups called name (no slash in it) below the caller's own, with what limits asks for, as
 * far as the rights allow. Nobody is in them yet. */
void nono_groups_make(const struct nono_limits *limits, const char *name, struct nono_groups *out);
/* The same inside of groups that there are, whose limits then hold as well; where these are of
 * version 2 there is none: a group with processes in it can't share out its controllers. */
void nono_groups_make_in(const struct nono_groups *around, const struct nono_limits *limits,
			 const char *name, struct nono_groups *out);
/* Moves a process, before it starts others, into all of them. */
int nono_groups_enter(const struct nono_groups *groups, pid_t pid, struct nono_error *err);
struct nono_usage {
	uint64_t memory, processes;
	uint64_t killed;  /* processes, by the kernel, for the memory's limit */
	uint64_t refused; /* new processes, for theirs */
};
void nono_groups_usage(const struct nono_groups *groups, struct nono_usage *out);
/* Kills what is in the group and removes it; -1 if it is still there. */
int nono_group_remove(const char *path);

/* What this system gives the caller, as found out by trying in children; nothing stays. */
struct nono_probe {
	int landlock_abi;
	bool confines; /* a child with Landlock and the filter was held, and could do the rest */
	char confines_why[NONO_MSG_MAX];
	bool notify; /* a supervisor can have the calls of a child stop */
	char notify_why[NONO_MSG_MAX];
	bool wait_killable, addfd_send, sync_wake; /* Linux 5.19, 5.14, 6.6 */
	bool namespaces;
	struct nono_layers layers; /* of a child in all that could be had, without network */
	char namespaces_why[NONO_MSG_MAX];
};
void nono_probe(struct nono_probe *out);

/* Closes everything but 0, 1, 2 (and keep, when >= 0). -1 with errno. */
int nono_close_descriptors(int keep);

/* Confinement of nono's own helpers: no file system at all, no new sockets, no exec, no fork;
 * open descriptors keep working. Used by the screen host. */
int nono_confine_helper(struct nono_error *err);

/* The same for the network proxy, which may also connect by TCP and ask by UDP, accept connections
 * and make pipes. Not: files, programs, processes, unix, netlink and raw sockets, listening. */
int nono_confine_proxy(struct nono_error *err);

/* The same for a program that brings things to one place: it may also read what lies below the
 * paths (n of them; without links on the way), have threads, and connect by TCP and UDP, or, if
 * local, by unix sockets only. Not: write files that are not open, programs, processes, listening.
 */
int nono_confine_sender(const struct nono_path *paths, size_t n, bool local,
			struct nono_error *err);

/* The same as nono_confine_helper() for a program that writes and replaces files below one path. */
int nono_confine_keeper(const struct nono_path *path, struct nono_error *err);

/* Confinement of the supervisor itself: no network sockets, no exec of new programs is not
 * imposed here (hooks), no ptrace-like writes to others. Only seccomp, so that the agent's
 * Landlock domain stays a domain of its own. */
int nono_confine_supervisor(struct nono_error *err);

#ifdef __cplusplus
}
#endif

#pragma GCC visibility pop
#endif
