/*
 * The irreversible step, in the one order that works: open what Landlock shall grant while there
 * are still rights to open it, give up the rights, then Landlock, then the filter.
 */
#include "sandbox/internal.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>

/* Landlock and the filter bind the calling thread: another one would stay free. */
int nono_single_thread(struct nono_error *err)
{
	/* The kernel refuses to unshare memory with threads around, and does nothing when there
	 * are none. */
	if (unshare(CLONE_VM) == 0)
		return 0;
	struct stat st;
	/* A container may refuse the call as such: a task has a directory then. */
	if (errno != EINVAL && stat("/proc/self/task", &st) == 0 && st.st_nlink == 3)
		return 0;
	return nono_fail(err, EINVAL, "A process with threads cannot be confined");
}

int nono_confine(const struct nono_spec *spec, struct nono_layers *layers, int *listener,
		 struct nono_error *err)
{
	*listener = -1;
	if (nono_single_thread(err) < 0)
		return -1;

	layers->landlock_abi = nono_landlock_abi();
	if (spec->net == NONO_NET_PORTS && spec->watch == NONO_WATCH_NONE && !layers->net_ns &&
	    layers->landlock_abi < 4)
		return nono_fail(
		    err, ENOSYS,
		    "Ports can't be held here without a supervisor: that takes Landlock "
		    "ABI 4 (Linux 6.7); \"nono run\" does it");
	const bool refuse_tcp = spec->net != NONO_NET_OPEN && !layers->net_ns;
	_cleanup_close_ int ruleset =
	    nono_landlock_ruleset(spec, layers->landlock_abi, refuse_tcp, err);
	if (ruleset < 0) {
		layers->landlock_abi = 0;
		return -1;
	}

	if (nono_drop_capabilities(err) < 0)
		return -1;
	layers->caps_dropped = true;
	if (nono_no_new_privs(err) < 0)
		return -1;
	layers->no_new_privs = true;
	/* A second lock only: no call about keys passes the filter. */
	layers->keyring = nono_new_session_keyring();

	if (nono_landlock_apply(ruleset, err) < 0)
		return -1;
	return nono_seccomp_apply(spec, layers, listener, err);
}
