/*
 * What of the machine's processes the program reaches: to signal them, to see them, to talk to them
 * by the kernel's own means. A session's processes are the smallest unit that Linux holds apart, so
 * "isolated" and "allow_same_sandbox" are one thing. What was asked for and isn't held ends the
 * start.
 */
#include "policy/resolve.h"

const char *const policy_reach_names[] = {NULL, "isolated", "allow_same_sandbox", "allow_all",
					  NULL};
const char *const policy_ipc_names[] = {NULL, "shared_memory_only", "full", NULL};

static int by_name(const char *const *names, const char *s)
{
	for (int i = 1; s && names[i]; i++)
		if (strcmp(names[i], s) == 0)
			return i;
	return 0;
}

int policy_reach_by_name(const char *s)
{
	return by_name(policy_reach_names, s);
}

int policy_ipc_by_name(const char *s)
{
	return by_name(policy_ipc_names, s);
}

void modes_unenforced(const struct policy_modes *m, struct list *out)
{
	if (m->signals == POLICY_REACH_ALL)
		list_add(out, "signal_mode allow_all (it could stop what supervises it; the "
			      "session's own processes can signal each other)");
}

static bool within(enum policy_reach r)
{
	return r == POLICY_REACH_ISOLATED || r == POLICY_REACH_SANDBOX;
}

static const char *why_not(const struct nono_layers *l)
{
	return l->namespaces_why ? l->namespaces_why : "there is none";
}

int policy_modes_held(const struct policy_modes *m, const struct nono_layers *l, struct err *err)
{
	/* Landlock's signal scope came with ABI 6. */
	bool signals = l->pid_ns || l->landlock_abi >= 6;

	if (within(m->signals) && !signals)
		return err_set(err,
			       "signal_mode %s takes a pid namespace (%s) or Landlock ABI 6 (Linux "
			       "6.12; this kernel has %d): use nono run where there are "
			       "namespaces, or take the member out of the profile",
			       policy_reach_names[m->signals], why_not(l), l->landlock_abi);
	if (within(m->processes) && !l->pid_ns)
		return err_set(err,
			       "process_info_mode %s takes a pid namespace with a /proc of its own "
			       "(%s): use nono run where there are namespaces, or take the member "
			       "out of the profile",
			       policy_reach_names[m->processes], why_not(l));
	if (m->processes == POLICY_REACH_ALL && !signals)
		return err_set(
		    err,
		    "process_info_mode allow_all: where all processes are seen, Landlock "
		    "ABI 6 must keep signals from them (this kernel has %d)",
		    l->landlock_abi);
	if (m->ipc == POLICY_IPC_FULL && !l->ipc_ns)
		return err_set(err,
			       "ipc_mode full takes an ipc namespace (%s): message queues and "
			       "semaphores would be shared with everything else",
			       why_not(l));
	return 0;
}
