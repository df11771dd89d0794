/*
 * approver - asks the programs and services that a profile names as approval backends. A process of
 * its own, made before the broker gives up rights: outside of the sandbox, like hooks, with the
 * user's environment. Each request has a child of its own there; what answers is bounded in time
 * and size.
 */
#ifndef NONO_SESSIONS_APPROVER_H
#define NONO_SESSIONS_APPROVER_H

#include "elevation/elevation.h"
#include "policy/policy.h"

#define APPROVER_TEXT_MAX  60000u
#define APPROVER_TIMEOUT_S 60

struct approver {
	pid_t pid;
	int fd; /* -1: there is nobody to ask */
};

struct approver_ask { /* then the text */
	char id[REQUEST_ID_LEN + 1];
	bool tool;	/* the backend is one of command_policies */
	uint32_t index; /* of the backend */
	uint32_t bytes;
	uint32_t timeout_s;
};

struct approver_answer {
	char id[REQUEST_ID_LEN + 1];
	bool granted;
	char why[256]; /* of a denial, printable */
};

/* Starts it if the policy has such backends; all that can be found out about them is. */
int approver_start(const struct policy *p, const char *id, struct approver *a, struct err *err);
/* text: of bytes bytes, JSON. Does not wait. */
int approver_ask(const struct approver *a, const struct approver_ask *ask, const char *text);
/* 1: an answer, 0: none now, -1: it is gone. */
int approver_take(const struct approver *a, struct approver_answer *out);
void approver_stop(struct approver *a);

/* approval_answer.c. What a backend wrote: {"decision": "grant" | "deny" | ..., "reason"?}, or a
 * decision by itself ("Granted", {"Denied": {"reason"}}, "Timeout"). -1: no decision; why says what
 * it is. */
int approval_answer_parse(const char *text, size_t n, bool *granted, char *why, size_t size);

#endif
