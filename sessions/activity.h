/*
 * activity - what a session is doing, and why we think so.
 *
 * Evidence, strongest first: an open request; the program's own word (OSC 7501); a process of the
 * terminal's foreground group that is blocked in a read of the terminal; output and processor time.
 * Never the text on the screen.
 */
#ifndef NONO_SESSIONS_ACTIVITY_H
#define NONO_SESSIONS_ACTIVITY_H

#include "common/common.h"
#include "pty/pty.h"
#include "sessions/sessions.h"

struct activity_input {
	pid_t init_pid, agent_pid; /* as the host sees them */
	bool terminal, exited;
	int exit_code;
	uint64_t requests_open;
	const char *request;		 /* what the oldest one asks, printable, may be NULL */
	const struct pty_report *report; /* NULL without a terminal */
	uint64_t started_ns;		 /* CLOCK_MONOTONIC */
};

struct activity {
	enum session_activity now;
	char evidence[96];
	uint64_t since_ns; /* CLOCK_REALTIME */
	/* of the sampler */
	uint64_t cpu_ticks, cpu_grew_ns;
	uint64_t sampled_ns;
};
/* True if what it says changed. Reads /proc unless exited: call it rarely. */
bool activity_sample(struct activity *a, const struct activity_input *in);
/* The part without /proc: true if the evidence decides alone. For tests. */
bool activity_from_words(const struct activity_input *in, enum session_activity *out,
			 char *evidence, size_t size);

#endif
