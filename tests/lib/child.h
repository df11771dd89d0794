/*
 * Tests that confine themselves do it in a child. Its checks end it with a message and status 1.
 * When run by root every such test can be repeated as an ordinary user.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST_USER 65534 /* nobody */

#define CHECK(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			int check_errno_ = errno;                                                \
			fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #cond, \
				check_errno_, strerror(check_errno_));                           \
			_exit(1);                                                                \
		}                                                                                \
	} while (0)

/* The call must fail with just this errno. */
#define REFUSED(call, code)                                                                       \
	do {                                                                                      \
		errno = 0;                                                                        \
		long refused_ = (long)(call);                                                     \
		if (refused_ != -1 || errno != (code)) {                                          \
			fprintf(stderr, "%s:%d: %s: %ld, errno %d (%s), expected %s\n", __FILE__, \
				__LINE__, #call, refused_, errno, strerror(errno), #code);        \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

static inline void become_user(void)
{
	if (geteuid() != 0)
		return;
	CHECK(setgroups(0, NULL) == 0);
	CHECK(setresgid(TEST_USER, TEST_USER, TEST_USER) == 0);
	CHECK(setresuid(TEST_USER, TEST_USER, TEST_USER) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* /proc/self is the user's again */
}

/* Exit status of fn in a child, 128 + signal if one ended it. */
static inline int in_child(void (*fn)(void *), void *arg, bool as_user)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (as_user)
			become_user();
		fn(arg);
		_exit(0);
	}
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void unshare_here(void *arg)
{
	(void)arg;
	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
}

/* Some hosts, and every chroot, forbid them. */
static inline bool user_namespaces_forbidden(void)
{
	if (in_child(unshare_here, NULL, true) == 0)
		return false;
	fprintf(stderr, "user namespaces are forbidden here: skipped\n");
	return true;
}

/* A directory that the ordinary user of the tests may use too. */
static inline void make_dir_for_all(char *template_)
{
	if (!mkdtemp(template_) || chmod(template_, 0777) < 0)
		abort();
}

/* Two entries of a cmocka table: as who runs it, and as an ordinary user (*state is NULL or not).
 */
#define AS_BOTH(test)                                              \
	{#test, test, NULL, NULL, NULL},                           \
	{                                                          \
#test " as user", test, NULL, NULL, (void *)"user" \
	}

#endif
