/*
 * tools - the broker's side of the tool sandbox: takes calls from shims (tool_wire.h), decides them
 * by the profile's command policies, has the launcher start what is allowed, and gives the exit
 * code back.
 *
 *   tools_prepare()  shims, temporary folders, the launcher: while the broker may still fork into
 *                    namespaces
 *   tools_open()     the socket, before the program runs
 *   tools_serve()    in the loop
 */
#ifndef NONO_SESSIONS_TOOLS_H
#define NONO_SESSIONS_TOOLS_H

#include <uv.h>

#include "audit/audit.h"
#include "elevation/elevation.h"
#include "policy/commands/commands.h"
#include "sessions/runtime.h"

struct tools_config {
	const struct policy *policy;
	const struct runtime *rt;
	const char *id;
	bool namespaces, pid_namespace; /* as the session got them */
	void (*changed)(void *data);
	/* Puts a tool's program under the session's limits, before it executes. */
	int (*enter)(void *data, pid_t program, struct err *err);
	const struct nono_groups *groups; /* of the session */
	void *data;
};

struct tools;
/* *out = NULL where no command has a policy. */
int tools_prepare(const struct tools_config *cfg, struct tools **out, struct err *err);
int tools_open(struct tools *t, struct err *err);
int tools_serve(struct tools *t, uv_loop_t *loop, struct elevation *e, struct audit_log *log,
		pid_t init_pid, struct err *err);
/* A child of the broker was reaped. */
void tools_reaped(struct tools *t, pid_t pid);
/* The answer to elevation_ask_tool(). */
void tools_answered(struct tools *t, uint64_t cookie, bool granted, enum request_scope scope,
		    const char *why);
/* The answer to elevation_ask_net() for a tool's proxy; false: it is not one for those. */
bool tools_net_answered(struct tools *t, uint64_t id, bool granted, enum request_scope scope,
			const char *why);
/* Kills every tool; nothing is started any more, and nobody logs. */
void tools_end(struct tools *t);
void tools_free(struct tools *t); /* after the loop */

#endif
