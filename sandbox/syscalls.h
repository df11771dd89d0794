/*
 * Numbers of system calls that the installed headers may not know (they are the same on every
 * architecture of interest), and -1 for calls that an architecture never had.
 */
#ifndef NONO_SYSCALLS_H
#define NONO_SYSCALLS_H

#include <sys/syscall.h>

#define NR_LAST_KNOWN 469 /* file_setattr, Linux 6.17 */

#define NR_landlock_create_ruleset 444
#define NR_quotactl_fd		   443
#define NR_mount_setattr	   442
#define NR_memfd_secret		   447
#define NR_fchmodat2		   452
#define NR_setxattrat		   463
#define NR_getxattrat		   464
#define NR_listxattrat		   465
#define NR_removexattrat	   466
#define NR_open_tree_attr	   467
#define NR_file_getattr		   468
#define NR_file_setattr		   469

#ifdef SYS_open /* the calls that newer architectures only have in their *at form */
#define OLD(name) SYS_##name
#else
#define OLD(name) (-1)
#endif
#ifdef __x86_64__
#define X86(name) SYS_##name
#else
#define X86(name) (-1)
#endif

#endif
