/*
 * Confinement of nono's own processes, so that a bug in one is not a bug in all.
 * Sources: seccomp(2), the man page of each call.
 */
#include "sandbox/bpf.h"
#include "sandbox/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* ---- the helper: what a process needs that only moves bytes between open descriptors ---- */

static const int helper_calls[] = {
    /* bytes */
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_recvfrom,
    SYS_sendto,
    SYS_shutdown,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    OLD(dup2),
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    /* waiting */
    OLD(poll),
    SYS_ppoll,
    OLD(select),
    SYS_pselect6,
    OLD(epoll_create),
    SYS_epoll_create1,
    SYS_epoll_ctl,
    OLD(epoll_wait),
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_eventfd2,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_futex,
    SYS_sched_yield,
    SYS_restart_syscall,
    /* memory; mmap and mprotect have rules of their own */
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_membarrier,
    /* clocks, itself */
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_gettimeofday,
    OLD(time),
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrandom,
    SYS_getrusage,
    SYS_sched_getaffinity,
    SYS_rseq,
    SYS_set_robust_list,
    /* signals, the end */
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    SYS_exit,
    SYS_exit_group,
};

static const unsigned helper_ioctls[] = {
    TIOCGWINSZ, TIOCSWINSZ, TCGETS,  TCSETS,  TCSETSW,	TCSETSF,
    TIOCGPGRP,	FIONREAD,   FIONBIO, FIOCLEX, FIONCLEX,
};

static void build_helper(struct filter *f)
{
	static const int maps[] = {SYS_mmap, SYS_mprotect};

	filter_init(f, DO_ERRNO(EPERM));
	filter_add_list(f, DO_ALLOW, helper_calls, ARRAY_LEN(helper_calls));
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		RULE(f, maps[i], DO_ALLOW, ARG_MASKED(2, PROT_EXEC, 0));
	for (size_t i = 0; i < ARRAY_LEN(helper_ioctls); i++)
		RULE(f, SYS_ioctl, DO_ALLOW, ARG_IS(1, helper_ioctls[i]));
	RULE(f, SYS_tgkill, DO_ALLOW, ARG_IS(0, getpid())); /* abort() */
	RULE(f, SYS_prctl, DO_ALLOW, ARG_IS(0, PR_SET_NAME));
	RULE(f, SYS_prctl, DO_ALLOW, ARG_IS(0, PR_SET_VMA));
	RULE(f, SYS_prctl, DO_ALLOW, ARG_IS(0, PR_GET_DUMPABLE));
}

/* All but the filter, which comes last: no power, no files but those of the spec (NULL: none). */
static int lock_up(const struct nono_spec *spec, bool tcp, struct nono_error *err)
{
	if (nono_single_thread(err) < 0 || nono_drop_capabilities(err) < 0 ||
	    nono_no_new_privs(err) < 0)
		return -1;
	_cleanup_close_ int ruleset = nono_landlock_ruleset(spec, nono_landlock_abi(), tcp, err);

	return ruleset < 0 ? -1 : nono_landlock_apply(ruleset, err);
}

int nono_confine_helper(struct nono_error *err)
{
	struct filter f;

	if (lock_up(NULL, true, err) < 0)
		return -1;
	build_helper(&f);
	return filter_load(&f, 0, err);
}

/* ---- the proxy: as a helper, and connections of TCP and questions by UDP ---- */

static const int proxy_calls[] = {
    SYS_connect, SYS_accept4, SYS_setsockopt, SYS_pipe2,
    SYS_splice,	 SYS_mlock,   SYS_mlock2,     SYS_munlock,
};

static void build_proxy(struct filter *f)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};

	build_helper(f);
	filter_add_list(f, DO_ALLOW, proxy_calls, ARRAY_LEN(proxy_calls));
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			RULE(f, SYS_socket, DO_ALLOW, ARG_IS(0, families[i]),
			     ARG_MASKED(1, 0xf, types[k]), ARG_IS(2, 0));
}

int nono_confine_proxy(struct nono_error *err)
{
	struct filter f;

	if (lock_up(NULL, false, err) < 0)
		return -1;
	build_proxy(&f);
	return filter_load(&f, 0, err);
}

/* ---- the sender: as a helper with threads, reads below some paths, and reaches one kind of peer
 * ---- */

static const int sender_calls[] = {
    SYS_openat,	    SYS_newfstatat, SYS_statx,	  SYS_faccessat,  SYS_faccessat2,
    SYS_readlinkat, SYS_getdents64, SYS_pread64,  SYS_flock,	  SYS_ftruncate,
    SYS_uname,	    SYS_connect,    SYS_sendmmsg, SYS_setsockopt, OLD(open),
    OLD(stat),	    OLD(lstat),	    OLD(access),  OLD(readlink),  OLD(getpgrp),
};

static void build_sender(struct filter *f, bool local)
{
	static const int families[] = {AF_INET, AF_INET6};
	static const int types[][2] = {{SOCK_STREAM, 0},
				       {SOCK_STREAM, IPPROTO_TCP},
				       {SOCK_DGRAM, 0},
				       {SOCK_DGRAM, IPPROTO_UDP}};

	build_helper(f);
	filter_add_list(f, DO_ALLOW, sender_calls, ARRAY_LEN(sender_calls));
	RULE(f, SYS_clone, DO_ALLOW, ARG_MASKED(0, CLONE_THREAD, CLONE_THREAD));
	RULE_ALWAYS(f, SYS_clone3, DO_ERRNO(ENOSYS)); /* its flags lie in memory */
	RULE(f, SYS_socketpair, DO_ALLOW, ARG_IS(0, AF_UNIX));
	if (local)
		RULE(f, SYS_socket, DO_ALLOW, ARG_IS(0, AF_UNIX));
	for (size_t i = 0; !local && i < ARRAY_LEN(families); i++)
		for (size_t k = 0; k < ARRAY_LEN(types); k++)
			RULE(f, SYS_socket, DO_ALLOW, ARG_IS(0, families[i]),
			     ARG_MASKED(1, 0xf, types[k][0]), ARG_IS(2, types[k][1]));
}

int nono_confine_sender(const struct nono_path *paths, size_t n, bool local, struct nono_error *err)
{
	const struct nono_spec spec = {.paths = paths, .n_paths = n};

	struct filter f;

	if (lock_up(&spec, false, err) < 0)
		return -1;
	build_sender(&f, local);
	return filter_load(&f, 0, err);
}

/* ---- the keeper: as a helper, with files below one path ---- */

static const int keeper_calls[] = {
    SYS_openat, SYS_newfstatat, SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_fsync, SYS_fdatasync,
};

int nono_confine_keeper(const struct nono_path *path, struct nono_error *err)
{
	const struct nono_spec spec = {.paths = path, .n_paths = 1};
	struct filter f;

	if (lock_up(&spec, true, err) < 0)
		return -1;
	build_helper(&f);
	filter_add_list(&f, DO_ALLOW, keeper_calls, ARRAY_LEN(keeper_calls));
	return filter_load(&f, 0, err);
}

/* ---- the supervisor: holds power, so what it never does is taken away ---- */

static const int supervisor_refused[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_writev,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    NR_open_tree_attr,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    NR_mount_setattr,
    SYS_setns,
    SYS_unshare,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_open_by_handle_at,
    SYS_personality,
    X86(iopl),
    X86(ioperm),
};

static void build_supervisor(struct filter *f)
{
	filter_init(f, DO_ALLOW);
	f->max_nr = NR_LAST_KNOWN;
	filter_add_list(f, DO_ERRNO(EPERM), supervisor_refused, ARRAY_LEN(supervisor_refused));
	RULE_ALWAYS(f, SYS_clone3, DO_ERRNO(ENOSYS)); /* its flags lie in memory */
	RULE(f, SYS_clone, DO_ERRNO(EPERM),
	     ARG_HAS_ANY(0, CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
				CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET));
	RULE(f, SYS_socket, DO_ALLOW, ARG_IS(0, AF_UNIX));
	RULE_ALWAYS(f, SYS_socket, DO_ERRNO(EACCES));
	RULE(f, SYS_ioctl, DO_ERRNO(EPERM), ARG_IS(1, TIOCSTI));
	RULE(f, SYS_ioctl, DO_ERRNO(EPERM), ARG_IS(1, TIOCLINUX));
}

int nono_confine_supervisor(struct nono_error *err)
{
	/* Before it starts threads: they inherit all of it. */
	if (nono_single_thread(err) < 0 || nono_drop_capabilities(err) < 0 ||
	    nono_no_new_privs(err) < 0)
		return -1;
#ifndef NONO_SANITIZE /* the leak checker attaches to its own process */
	/* No core file, no debugger of the same user, /proc/PID closed. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return nono_fail_errno(err, errno, "Closing the supervisor to debuggers");
#endif
	struct filter f;
	build_supervisor(&f);
	return filter_load(&f, 0, err);
}
