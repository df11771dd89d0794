/*
 * agent_hooks - a profile's "hooks": entries in the settings of agents, put there before a session
 * starts (policy_agent_hooks_install). Internal to the room.
 */
#ifndef NONO_POLICY_AGENT_HOOKS_H
#define NONO_POLICY_AGENT_HOOKS_H

#include "policy/policy.h"
#include "policy/profile.h"

struct resolver;

int agent_hooks_apply(struct resolver *r, const struct profile *prof);
void agent_hooks_free(struct policy *p);
/* Fails for an agent that is not known, and names those that are. */
int agent_hooks_known(const struct policy *p, struct err *err);

/* The settings' text with the hook in it, in front of others of its event; the same text if it is
 * there. All else stays as it is. NULL with err: no settings of an agent. Caller frees. */
char *agent_hooks_add(const char *text, const struct policy_agent_hook *h, struct err *err);

#endif
