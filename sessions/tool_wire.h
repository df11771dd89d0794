/*
 * tool_wire - between a shim and the broker: how a program of the session asks for a tool.
 *
 * A shim is nono itself under the tool's name, in a folder in front of PATH. It connects to
 * tools.sock and sends a header, with its descriptors 0-2 attached, and `bytes` bytes of strings,
 * each ending in NUL: name, working directory, arguments without the name, environment. Then it
 * may send notes (signals). The broker says what becomes of the terminal, and in the end gives one
 * reply with its text.
 *
 * Who asks is told by the kernel with the header (SCM_CREDENTIALS). Everything else is what the
 * program likes to say.
 */
#ifndef NONO_SESSIONS_TOOL_WIRE_H
#define NONO_SESSIONS_TOOL_WIRE_H

#include "common/common.h"

#define TOOL_MAGIC	 0x6c6f6f74u /* "tool" */
#define TOOL_BYTES_MAX	 (1u << 20)
#define TOOL_STRINGS_MAX 65536u
#define TOOL_TEXT_MAX	 (256u << 10)
#define TOOL_DENIED	 126 /* exit code of a shim whose call was refused */

/* The caller's terminal; the tool gets one like it. */
struct tool_terminal {
	uint8_t on;  /* it has one */
	uint8_t fds; /* bits: which of the descriptors are this terminal, and become the tool's */
	uint16_t cols, rows, unused;
	uint32_t iflag, oflag, cflag, lflag; /* struct termios */
	uint8_t cc[32];
};
struct termios;
struct winsize;
void tool_terminal_from(struct tool_terminal *say, const struct termios *t,
			const struct winsize *size);
void tool_terminal_to(const struct tool_terminal *say, struct termios *t, struct winsize *size);

struct tool_header {
	uint32_t magic, argc, envc, bytes;
	struct tool_terminal terminal;
};

struct tool_note { /* shim -> broker */
	uint32_t magic;
	int32_t sig;
};

enum tool_reply_type {
	TOOL_END = 0,  /* the last one; then out_bytes for stdout, err_bytes for stderr */
	TOOL_TERMINAL, /* with the master of the tool's terminal */
	TOOL_STOPPED,  /* by a signal: code */
};
struct tool_reply { /* broker -> shim */
	uint32_t magic;
	int32_t code; /* exit code */
	uint32_t out_bytes, err_bytes;
	uint32_t type; /* enum tool_reply_type */
	int32_t sig;   /* END: that ended the program, 0 = none */
};

struct tool_call {
	char *bytes; /* owned, the strings point into it */
	const char *name, *cwd;
	char **args, **env; /* end in NULL */
};

bool tool_header_ok(const struct tool_header *h);
/* bytes is taken over (h->bytes of them, one more allocated). -1: not well-formed. */
int tool_call_parse(const struct tool_header *h, char *bytes, struct tool_call *out);
void tool_call_free(struct tool_call *c);

/* Sends n bytes with descriptors; receives with at most max, and who sent. As send and recv.
 * pidfd: of the very process that sent, -1 if the kernel does not say (before Linux 6.5) or if
 * it is gone; the caller closes it. May be NULL. */
ssize_t tool_send(int sock, const void *p, size_t n, const int *fds, size_t n_fds);
ssize_t tool_recv(int sock, void *p, size_t n, int flags, int *fds, size_t max, size_t *n_fds,
		  pid_t *pid, int *pidfd);
/* Has a socket tell pidfds, where the kernel can. */
void tool_want_pidfd(int sock);

/* The program of a shim: asks for the tool called name and becomes its exit code. */
int tool_shim_main(const char *name, char *const *args);
/* Called as a shim? *name is then the tool's. exec: as it was executed (AT_EXECFN). */
bool tool_shim_name(const char *exec, const char **name);

#endif
