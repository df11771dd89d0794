/*
 * The agent's filter: what no program inside needs (refused), what a program could use to reach
 * around the other layers (refused), and what the supervisor wants to see (notified).
 *
 * The filter looks at registers only, which cannot be changed by another thread after the check.
 * Where arguments lie in memory (openat2, clone3, setxattrat, ...) the call is ENOSYS: callers
 * fall back to the older one.
 *
 * Sources: seccomp(2), seccomp_unotify(2), the man page of each call.
 */
#include "sandbox/bpf.h"
#include "sandbox/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/fsverity.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define WAIT_KILLABLE_RECV (1U << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19 */

#define NEW_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
#define NEW_TIME_NAMESPACE 0x80 /* unshare only: clone keeps the exit signal there */

/* In no header for programs. */
#define EXT4_IOC_SETVERSION	    _IOW('f', 4, long)
#define BCH_IOCTL_SUBVOLUME_CREATE  _IOW(0xbc, 16, char[32])
#define BCH_IOCTL_SUBVOLUME_DESTROY _IOW(0xbc, 17, char[32])

#define SOCK_TYPE	 0xf /* what is left are SOCK_CLOEXEC and SOCK_NONBLOCK */
#define SET_ID_BITS	 (S_ISUID | S_ISGID)
#define OPEN_TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

/* Asks for more than reading what is there. O_ACCMODE is 3: 3 means "for ioctl only" and needs
 * write permission too. */
#define OPEN_CHANGES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | OPEN_TMPFILE_BIT)

/* ENOSYS: callers know what to do without it. */
static const int absent_calls[] = {
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_clone3,
    SYS_openat2,	NR_setxattrat,	    NR_getxattrat,	   NR_listxattrat,
    NR_removexattrat,	NR_file_getattr,    NR_file_setattr,	   NR_open_tree_attr,
    X86(uselib),	X86(_sysctl),	    SYS_nfsservctl,
};

static const int refused_calls[] = {
    /* the mount table and the root */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    NR_mount_setattr,
    SYS_setns,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    NR_quotactl_fd,
    /* Other processes' descriptors. Debugging is the kernel's to judge: Landlock lets a process
     * trace, read and write those of its own domain alone, never its supervisor, and a tracer's
     * changes to a call are made before the filter sees it (Linux 4.8), not after. */
    SYS_pidfd_getfd,
    /* keys */
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    /* ways into the kernel */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    X86(iopl),
    X86(ioperm),
    /* files by number, files of others seen from above */
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_fanotify_mark,
    SYS_lookup_dcookie,
    /* the machine */
    SYS_acct,
    SYS_reboot,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_vhangup,
    SYS_syslog,
};

/* Calls that change, run or reach something by name. */
static const int watched_calls[] = {
    SYS_execve,	   SYS_execveat,    SYS_connect,      SYS_bind,
    OLD(mkdir),	   SYS_mkdirat,	    OLD(mknod),	      SYS_mknodat,
    OLD(rename),   SYS_renameat,    SYS_renameat2,    OLD(link),
    SYS_linkat,	   OLD(symlink),    SYS_symlinkat,    OLD(unlink),
    SYS_unlinkat,  OLD(rmdir),	    SYS_truncate,     OLD(chmod),
    SYS_fchmodat,  NR_fchmodat2,    OLD(chown),	      OLD(lchown),
    SYS_fchownat,  OLD(utime),	    OLD(utimes),      SYS_setxattr,
    SYS_lsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_inotify_add_watch,
};

/* The same by a descriptor, which may be for reading only: the kernel asks no more than whose the
 * file is. */
static const int watched_by_descriptor[] = {SYS_fchmod,	    SYS_fchown,	   SYS_utimensat,
					    OLD(futimesat), SYS_fsetxattr, SYS_fremovexattr};

static const int shared_memory_calls[] = {SYS_shmget, SYS_shmat, SYS_shmctl, SYS_shmdt};

static const int message_calls[] = {
    SYS_semget,	      SYS_semop,	   SYS_semctl,	  SYS_semtimedop,    SYS_msgget,
    SYS_msgsnd,	      SYS_msgrcv,	   SYS_msgctl,	  SYS_mq_open,	     SYS_mq_unlink,
    SYS_mq_timedsend, SYS_mq_timedreceive, SYS_mq_notify, SYS_mq_getsetattr,
};

static void add_process_rules(struct filter *f)
{
	RULE(f, SYS_clone, DO_ERRNO(EPERM), ARG_HAS_ANY(0, NEW_NAMESPACES));
	RULE(f, SYS_unshare, DO_ERRNO(EPERM), ARG_HAS_ANY(0, NEW_NAMESPACES | NEW_TIME_NAMESPACE));

	/* Asking is fine, setting what is set is fine; READ_IMPLIES_EXEC, no randomisation and
	 * foreign system call tables are not. */
	int current = personality(0xffffffff);
	RULE(f, SYS_personality, DO_ALLOW, ARG_IS(0, 0xffffffff));
	RULE(f, SYS_personality, DO_ALLOW, ARG_IS(0, 0));
	if (current > 0)
		RULE(f, SYS_personality, DO_ALLOW, ARG_IS(0, current));
	RULE_ALWAYS(f, SYS_personality, DO_ERRNO(EPERM));
}

/* Without a pid namespace the pids of others are in reach, and Landlock only guards signals. */
static void add_outer_process_rules(struct filter *f)
{
	static const int by_pid[] = {SYS_sched_setparam, SYS_sched_setscheduler,
				     SYS_sched_setaffinity, SYS_sched_setattr};

	RULE(f, SYS_prlimit64, DO_ERRNO(EPERM), ARG_NOT(0, 0), ARG_NOT_NULL(2));
	RULE(f, SYS_setpriority, DO_ERRNO(EPERM), ARG_NOT(0, PRIO_PROCESS));
	RULE(f, SYS_setpriority, DO_ERRNO(EPERM), ARG_NOT(1, 0));
	RULE(f, SYS_ioprio_set, DO_ERRNO(EPERM), ARG_NOT(0, 1)); /* IOPRIO_WHO_PROCESS */
	RULE(f, SYS_ioprio_set, DO_ERRNO(EPERM), ARG_NOT(1, 0));
	for (size_t i = 0; i < ARRAY_LEN(by_pid); i++)
		RULE(f, by_pid[i], DO_ERRNO(EPERM), ARG_NOT(0, 0));
}

static void add_ioctl_rules(struct filter *f)
{
	/* Typing into a terminal, pasting, console redirection, line disciplines. */
	static const unsigned commands[] = {TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD};

	/* Changes of files and folders that are open for reading, which Landlock knows nothing of.
	 * A snapshot of a subvolume has under its new name what is closed under the old one;
	 * without its key everything encrypted is gone for the user's other programs.
	 */
	static const unsigned of_files[] = {
	    FS_IOC_SETFLAGS,
	    FS_IOC_FSSETXATTR,
	    FS_IOC_SETVERSION,
	    FS_IOC_ENABLE_VERITY,
	    FS_IOC_SET_ENCRYPTION_POLICY,
	    FS_IOC_ADD_ENCRYPTION_KEY,
	    FS_IOC_REMOVE_ENCRYPTION_KEY,
	    BTRFS_IOC_SNAP_CREATE,
	    BTRFS_IOC_SNAP_CREATE_V2,
	    BTRFS_IOC_SUBVOL_CREATE,
	    BTRFS_IOC_SUBVOL_CREATE_V2,
	    BTRFS_IOC_SNAP_DESTROY,
	    BTRFS_IOC_SNAP_DESTROY_V2,
	    BTRFS_IOC_SUBVOL_SETFLAGS,
	    BTRFS_IOC_SET_RECEIVED_SUBVOL,
	    BCH_IOCTL_SUBVOLUME_CREATE,
	    BCH_IOCTL_SUBVOLUME_DESTROY,
	    EXT4_IOC_SETVERSION,
	};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		RULE(f, SYS_ioctl, DO_ERRNO(EPERM), ARG_IS(1, commands[i]));
	/* The errno of a file system without them, which callers expect. */
	for (size_t i = 0; i < ARRAY_LEN(of_files); i++)
		RULE(f, SYS_ioctl, DO_ERRNO(EOPNOTSUPP), ARG_IS(1, of_files[i]));
}

/* Which sockets of IP there are. */
enum inet { INET_NONE, INET_STREAMS, INET_ALL };

static void add_inet_rules(struct filter *f, int family, enum inet inet)
{
	const struct cond is_family = ARG_IS(0, family);
	const struct cond is_stream = ARG_MASKED(1, SOCK_TYPE, SOCK_STREAM);
	const struct cond is_datagram = ARG_MASKED(1, SOCK_TYPE, SOCK_DGRAM);

	RULE(f, SYS_socket, DO_ALLOW, is_family, is_stream, ARG_IS(2, 0));
	RULE(f, SYS_socket, DO_ALLOW, is_family, is_stream, ARG_IS(2, IPPROTO_TCP));
	if (inet == INET_ALL) {
		RULE(f, SYS_socket, DO_ALLOW, is_family, is_datagram, ARG_IS(2, 0));
		RULE(f, SYS_socket, DO_ALLOW, is_family, is_datagram, ARG_IS(2, IPPROTO_UDP));
	}
	/* MPTCP and SCTP: the answer of a kernel built without them. */
	RULE(f, SYS_socket, DO_ERRNO(EPROTONOSUPPORT), is_family, is_stream);
}

static void add_unix_rules(struct filter *f, int nr, bool watched)
{
	/* Each datagram may carry an address that no rule sees: the supervisor has something to put
	 * in the place of such a socket. */
	RULE(f, nr, DO_ALLOW, ARG_IS(0, AF_UNIX), ARG_MASKED(1, SOCK_TYPE, SOCK_STREAM));
	RULE(f, nr, DO_ALLOW, ARG_IS(0, AF_UNIX), ARG_MASKED(1, SOCK_TYPE, SOCK_SEQPACKET));
	if (watched)
		RULE(f, nr, DO_NOTIFY, ARG_IS(0, AF_UNIX), ARG_MASKED(1, SOCK_TYPE, SOCK_DGRAM));
	RULE(f, nr, DO_ERRNO(EACCES), ARG_IS(0, AF_UNIX));
}

static void add_socket_rules(struct filter *f, enum inet inet, bool watched)
{
	add_unix_rules(f, SYS_socketpair, watched);
	RULE_ALWAYS(f, SYS_socketpair, DO_ERRNO(EAFNOSUPPORT));

	add_unix_rules(f, SYS_socket, watched);
	if (inet != INET_NONE) {
		add_inet_rules(f, AF_INET, inet);
		add_inet_rules(f, AF_INET6, inet);
	}
	RULE(f, SYS_socket, DO_ERRNO(EACCES), ARG_IS(0, AF_INET));
	RULE(f, SYS_socket, DO_ERRNO(EACCES), ARG_IS(0, AF_INET6));
	/* libc, Bun and git ask for addresses and routes: protocol 0 is NETLINK_ROUTE. */
	RULE(f, SYS_socket, DO_ALLOW, ARG_IS(0, AF_NETLINK), ARG_IS(2, 0));
	RULE(f, SYS_socket, DO_ERRNO(EACCES), ARG_IS(0, AF_NETLINK));
	RULE_ALWAYS(f, SYS_socket, DO_ERRNO(EAFNOSUPPORT)); /* packet, vsock, alg, bluetooth, ... */

	if (inet == INET_ALL)
		return;
	/* Connects without connect(2). The errno of a kernel where it is switched off. */
	RULE(f, SYS_sendto, DO_ERRNO(EOPNOTSUPP), ARG_HAS_ANY(3, MSG_FASTOPEN));
	RULE(f, SYS_sendmsg, DO_ERRNO(EOPNOTSUPP), ARG_HAS_ANY(2, MSG_FASTOPEN));
	RULE(f, SYS_sendmmsg, DO_ERRNO(EOPNOTSUPP), ARG_HAS_ANY(3, MSG_FASTOPEN));
}

/* Set-id bits, however a file gets its mode; device nodes. */
static void add_mode_rules(struct filter *f)
{
	static const struct {
		int nr, mode;
	} creators[] = {
	    {OLD(chmod), 1}, {SYS_fchmod, 1},  {SYS_fchmodat, 2}, {NR_fchmodat2, 2},
	    {OLD(mknod), 1}, {SYS_mknodat, 2}, {OLD(creat), 1},
	};
	const struct cond nodes[] = {ARG_MASKED(0, S_IFMT, S_IFCHR),
				     ARG_MASKED(0, S_IFMT, S_IFBLK)};

	for (size_t i = 0; i < ARRAY_LEN(creators); i++)
		RULE(f, creators[i].nr, DO_ERRNO(EPERM),
		     ARG_HAS_ANY(creators[i].mode, SET_ID_BITS));
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		struct cond in_mknod = nodes[i], in_mknodat = nodes[i];
		in_mknod.arg = 1;
		in_mknodat.arg = 2;
		RULE(f, OLD(mknod), DO_ERRNO(EPERM), in_mknod);
		RULE(f, SYS_mknodat, DO_ERRNO(EPERM), in_mknodat);
	}
	/* The mode means something only together with O_CREAT or O_TMPFILE. */
	const unsigned makes_file = O_CREAT | OPEN_TMPFILE_BIT;
	RULE(f, OLD(open), DO_ERRNO(EPERM), ARG_HAS_ANY(1, makes_file),
	     ARG_HAS_ANY(2, SET_ID_BITS));
	RULE(f, SYS_openat, DO_ERRNO(EPERM), ARG_HAS_ANY(2, makes_file),
	     ARG_HAS_ANY(3, SET_ID_BITS));
}

static void add_watch_rules(struct filter *f, const struct nono_spec *spec)
{
	filter_add_list(f, DO_NOTIFY, watched_calls, ARRAY_LEN(watched_calls));
	filter_add_list(f, DO_NOTIFY, watched_by_descriptor, ARRAY_LEN(watched_by_descriptor));
	/* To an address: the supervisor's stand-ins for datagram sockets have no other way there.
	 */
	RULE(f, SYS_sendto, DO_NOTIFY, ARG_NOT_NULL(4));
	if (spec->unix_datagrams) { /* whether there is an address stands in memory */
		RULE(f, SYS_sendmsg, DO_NOTIFY, ARG_NOT(0, spec->listener_socket));
		RULE_ALWAYS(f, SYS_sendmmsg, DO_NOTIFY);
	}

	RULE_ALWAYS(f, OLD(creat), DO_NOTIFY);
	if (spec->watch == NONO_WATCH_ALL) {
		RULE_ALWAYS(f, OLD(open), DO_NOTIFY);
		RULE_ALWAYS(f, SYS_openat, DO_NOTIFY);
	} else {
		RULE(f, OLD(open), DO_NOTIFY, ARG_HAS_ANY(1, OPEN_CHANGES));
		RULE(f, SYS_openat, DO_NOTIFY, ARG_HAS_ANY(2, OPEN_CHANGES));
	}
}

static enum inet inet_of(const struct nono_spec *spec, const struct nono_layers *layers)
{
	if (spec->net == NONO_NET_OPEN || layers->net_ns)
		return INET_ALL;
	return spec->net == NONO_NET_PORTS ? INET_STREAMS : INET_NONE;
}

static void build(struct filter *f, const struct nono_spec *spec, const struct nono_layers *layers)
{
	const enum inet inet = inet_of(spec, layers);

	filter_init(f, DO_ALLOW);
	f->max_nr = NR_LAST_KNOWN;
	filter_add_list(f, DO_ERRNO(ENOSYS), absent_calls, ARRAY_LEN(absent_calls));
	filter_add_list(f, DO_ERRNO(EPERM), refused_calls, ARRAY_LEN(refused_calls));
	add_process_rules(f);
	if (!layers->pid_ns)
		add_outer_process_rules(f);
	if (!layers->ipc_ns)
		filter_add_list(f, DO_ERRNO(ENOSYS), shared_memory_calls,
				ARRAY_LEN(shared_memory_calls));
	if (!layers->ipc_ns || spec->shared_memory_only)
		filter_add_list(f, DO_ERRNO(ENOSYS), message_calls, ARRAY_LEN(message_calls));
	add_ioctl_rules(f);
	add_socket_rules(f, inet, spec->watch != NONO_WATCH_NONE);
	add_mode_rules(f);
	if (spec->watch != NONO_WATCH_NONE)
		add_watch_rules(f, spec);
	/* Without a name of its own a socket gets a free port by listening. */
	if (spec->watch != NONO_WATCH_NONE && inet == INET_STREAMS)
		RULE_ALWAYS(f, SYS_listen, DO_NOTIFY);
}

static int load_with_listener(const struct filter *f, int *listener, struct nono_error *err)
{
	struct nono_error why = {0};
	/* Without WAIT_KILLABLE_RECV any signal makes a watched call start over. */
	int fd = filter_load(f, SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV, &why);
	if (fd < 0 && why.code == EINVAL)
		fd = filter_load(f, SECCOMP_FILTER_FLAG_NEW_LISTENER, &why);
	if (fd >= 0) {
		*listener = fd;
		return 0;
	}
	if (why.code == EBUSY)
		return nono_fail(err, EBUSY,
				 "seccomp: a supervisor watches this process already, and the "
				 "kernel allows only one: run this outside of the other sandbox, "
				 "or without supervision (nono wrap)");
	if (err)
		*err = why;
	return -1;
}

int nono_seccomp_apply(const struct nono_spec *spec, struct nono_layers *layers, int *listener,
		       struct nono_error *err)
{
	struct filter f;

	build(&f, spec, layers);
	*listener = -1;
	if (spec->watch == NONO_WATCH_NONE) {
		if (filter_load(&f, 0, err) < 0)
			return -1;
	} else {
		if (load_with_listener(&f, listener, err) < 0)
			return -1;
		layers->notify = true;
	}
	layers->seccomp = true;
	return 0;
}
