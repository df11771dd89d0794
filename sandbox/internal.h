/*
 * What the files of libnono share. Hidden from the shared library's users.
 */
#ifndef NONO_INTERNAL_H
#define NONO_INTERNAL_H

#include "sandbox/nono.h"

#include <stdlib.h>
#include <unistd.h>

#pragma GCC visibility push(hidden)

#define _cleanup_(f)	__attribute__((cleanup(f)))
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))
#define _printf_(a, b)	__attribute__((format(printf, a, b)))
#define _cleanup_close_ _cleanup_(nono_cleanup_close)

static inline void nono_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Fill *err (may be NULL), return -1. The first appends ": strerror(code)". */
int nono_fail_errno(struct nono_error *err, int code, const char *fmt, ...) _printf_(3, 4);
int nono_fail(struct nono_error *err, int code, const char *fmt, ...) _printf_(3, 4);

/* ---- landlock.c ---- */

/* A ruleset for the spec: opens every path, so it wants the caller's full rights. With
 * spec == NULL it grants nothing at all. Returns a descriptor. tcp: refuse TCP bind and connect. */
int nono_landlock_ruleset(const struct nono_spec *spec, int abi, bool tcp, struct nono_error *err);
/* Needs no_new_privs. Irreversible. */
int nono_landlock_apply(int ruleset, struct nono_error *err);

/* ---- seccomp.c ---- */

/* Needs no_new_privs. Irreversible. *listener = -1 unless the spec watches. */
int nono_seccomp_apply(const struct nono_spec *spec, struct nono_layers *layers, int *listener,
		       struct nono_error *err);

/* ---- confine.c ---- */

/* An error if the process has threads. */
int nono_single_thread(struct nono_error *err);

/* ---- capabilities.c ---- */

bool nono_have_capability(int cap); /* effective, in the current user namespace */
int nono_no_new_privs(struct nono_error *err);
/* Leaves the user's session keyring behind. False if the kernel refuses (no keys, quota). */
bool nono_new_session_keyring(void);

/* ---- mounts.c: all for a process alone in a new mount namespace ---- */

/* A detached copy of what fd refers to, with the mounts below it. */
int nono_copy_tree(int fd);
/* Mounts it on what target refers to. */
int nono_attach(int tree, int target);
/* new_terminals: a devpts of its own; new_proc: a /proc of the new pid namespace. */
int nono_make_mounts(const struct nono_spec *spec, struct nono_layers *layers, bool new_terminals,
		     bool new_proc, struct nono_error *err);
/* Opens an absolute path O_PATH; a symbolic link anywhere in it is an error (ELOOP). */
int nono_open_canonical(const char *path);
/* The same below a folder that was opened so; relative: of the path, what comes after the folder.
 */
int nono_open_canonical_at(int folder, const char *relative);

/* ---- mounts_tmp.c ---- */

int nono_make_private_tmp(const struct nono_spec *spec, struct nono_error *err);
int nono_make_shm(struct nono_error *err);

#pragma GCC visibility pop
#endif
