/*
 * hooks - a profile's scripts around a session ("session_hooks"). They run outside of the sandbox,
 * as the user, before the program starts and after everything of the session has ended.
 *
 * The second one is run by a process of its own, the keeper, made before the supervisor gives up
 * rights: it waits for the exit code, and runs the script too when the supervisor is killed.
 */
#ifndef NONO_SESSIONS_HOOKS_H
#define NONO_SESSIONS_HOOKS_H

#include "policy/policy.h"

#define HOOK_TIMEOUT_S 60 /* where the profile says none */

/* Runs "before", if there is one. *vars: what it wrote to $NONO_ENV_FILE, "NAME=value",
 * NULL-terminated; strv_free(). An exit code other than 0, or no end in time, is an error. */
int hooks_before(const struct policy *p, const char *id, char ***vars, struct err *err);

struct hook_keeper {
	int fd; /* -1: there is no "after" */
};
/* Before any thread, and before the caller is a subreaper. */
int hooks_keeper_start(const struct policy *p, const char *id, struct hook_keeper *k,
		       struct err *err);
/* Has "after" run with this exit code and waits for its end. */
void hooks_after(struct hook_keeper *k, int exit_code);

#endif
