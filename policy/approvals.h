/*
 * approvals - who answers requests besides people: programs and services that a profile names
 * ("approval_backends" of security, for all requests, and of command_policies, for tools).
 */
#ifndef NONO_POLICY_APPROVALS_H
#define NONO_POLICY_APPROVALS_H

#include "common/document.h"

enum approval_kind {
	APPROVAL_TERMINAL = 0, /* people alone */
	APPROVAL_COMMAND,
	APPROVAL_WEBHOOK,
	APPROVAL_MISSING, /* one that this version does not have: what asks it is denied */
};

struct approval_backend {
	char *name;
	enum approval_kind kind;
	char **command; /* absolute program and arguments */
	char *url;	/* https, or http on this machine */
	char *hmac_key; /* reference to a secret that signs what is sent; may be NULL */
	unsigned timeout_s;
};

struct approvals {
	struct approval_backend *v;
	size_t n;
	char *backend;	    /* whom to ask where nothing else is said; NULL: people */
	unsigned timeout_s; /* of requests; 0: not said */
};

/* One more backend, or another one in place of that of its name. */
int approvals_decode(struct approvals *a, const char *name, const struct doc *at, const char *label,
		     struct err *err);
int approvals_decode_defaults(struct approvals *a, const struct doc *at, const char *label,
			      struct err *err);
/* What from has and to does not. */
void approvals_inherit(struct approvals *to, const struct approvals *from);
/* NULL: none of that name. "terminal" is always there. */
const struct approval_backend *approvals_find(const struct approvals *a, const char *name);
/* The one that is asked; name may be NULL. NULL if there is none of that name. */
const struct approval_backend *approvals_for(const struct approvals *a, const char *name);
void approvals_free(struct approvals *a);

#endif
