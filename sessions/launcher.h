/*
 * launcher - starts tools: a process beside init, forked while the broker may still make
 * namespaces, single-threaded, with the tools' policies in its memory. For each call it forks an
 * init into namespaces of the tool's own; that one talks to the broker by its own sockets (init.h).
 * When the broker is gone, so are the launcher and every tool.
 */
#ifndef NONO_SESSIONS_LAUNCHER_H
#define NONO_SESSIONS_LAUNCHER_H

#include "policy/commands/commands.h"
#include "sessions/init.h"
#include "sessions/tool_wire.h"

#define LAUNCH_ITSELF UINT32_MAX
#define LAUNCH_FDS    6 /* stdin, stdout, stderr, init's socket, gate, strings */
/* Configuration, socket to the broker, listener, standard error; ways back in, or one less. */
#define LAUNCH_PROXY_FDS 5

/* From the broker, with LAUNCH_FDS descriptors. The strings are in a memory file: working
 * directory, arguments (with the name), environment; each ends in NUL. */
enum launch_kind { LAUNCH_TOOL = 1, LAUNCH_PROXY };
struct launch {
	uint32_t kind;		/* LAUNCH_PROXY: a tool's network proxy, nothing else is said */
	uint32_t command, edge; /* positions in struct command_policies */
	uint32_t intercept; /* whose program it is, of the command's rules; LAUNCH_ITSELF: none's */
	uint32_t held;	    /* limits that control groups hold: bits by enum nono_limit */
	uint32_t argc, envc, bytes;
	struct tool_terminal terminal;
};

struct launcher_config {
	const struct policy *policy;	/* with its commands */
	const char *id, *tmp;		/* tmp: below it one folder an edge */
	bool namespaces, pid_namespace; /* as the session got them */
	const char *proxy;		/* nono-proxy, NULL: no tool needs one */
	int sock;
};

/* The temporary directory of an edge. Caller frees. */
char *launcher_tmp(const char *tmp, size_t command, size_t edge);
/* Never returns. */
_Noreturn void launcher_main(const struct launcher_config *cfg);

#endif
