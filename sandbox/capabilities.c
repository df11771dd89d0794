/*
 * Giving up what a process may do beyond its uid. Sources: capabilities(7), keyctl(2).
 */
#include "sandbox/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define JOIN_SESSION_KEYRING 1 /* KEYCTL_JOIN_SESSION_KEYRING */

static int get_capabilities(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &header, data);
}

bool nono_have_capability(int cap)
{
	struct __user_cap_data_struct data[2];

	if (get_capabilities(data) < 0)
		return false;
	return data[cap / 32].effective & (1U << (cap % 32));
}

static int drop_bounding_set(struct nono_error *err)
{
	/* Without the right to do it the set is meaningless: nothing is held, and no_new_privs
	 * keeps exec from adding anything. */
	if (!nono_have_capability(CAP_SETPCAP))
		return 0;
	for (int cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* one past the last that this kernel knows */
			return 0;
		return nono_fail_errno(err, errno, "Dropping capability %d from the bounding set",
				       cap);
	}
	return 0;
}

int nono_drop_capabilities(struct nono_error *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return nono_fail_errno(err, errno, "Clearing the ambient capabilities");
	if (drop_bounding_set(err) < 0)
		return -1;

	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2], now[2];
	memset(none, 0, sizeof(none));
	if (syscall(SYS_capset, &header, none) < 0)
		return nono_fail_errno(err, errno, "Dropping the capabilities");
	if (get_capabilities(now) < 0)
		return nono_fail_errno(err, errno, "Reading the capabilities back");
	if (memcmp(now, none, sizeof(none)) != 0)
		return nono_fail(err, EPERM, "Capabilities are still held after dropping them");
	return 0;
}

int nono_no_new_privs(struct nono_error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return nono_fail_errno(err, errno, "Setting no_new_privs");
	return 0;
}

bool nono_new_session_keyring(void)
{
	return syscall(SYS_keyctl, JOIN_SESSION_KEYRING, NULL, 0, 0, 0) >= 0;
}

int nono_close_descriptors(int keep)
{
	if (keep < 3)
		return (int)syscall(SYS_close_range, 3U, ~0U, 0);
	if (keep > 3 && syscall(SYS_close_range, 3U, (unsigned)keep - 1, 0) < 0)
		return -1;
	return (int)syscall(SYS_close_range, (unsigned)keep + 1, ~0U, 0);
}
