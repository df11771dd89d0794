/* Keyrings: the Secret Service by a program of its own, since libsecret brings threads and a bus
 * with it; the kernel's by its calls. */
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include "network/credentials/internal.h"

#define KEYRING_TIMEOUT_S 30

static unsigned keyring_timeout(void)
{
	const char *v = getenv("NONO_KEYRING_TIMEOUT_SECS");
	long n;

	return v && str_to_long(v, 1, 600, &n) == 0 ? (unsigned)n : KEYRING_TIMEOUT_S;
}

const char *credential_keyring_entry(const struct credential_reference *r, char **service)
{
	const char *slash = r->kind == CREDENTIAL_KEYRING ? strchr(r->rest, '/') : NULL;

	*service = slash ? xstrndup(r->rest, (size_t)(slash - r->rest)) : xstrdup("nono");
	return slash ? slash + 1 : r->rest;
}

int credential_keyring(const char *verb, const char *service, const char *account,
		       const struct secret *input, const char *what, struct secret *out,
		       struct err *err)
{
	_cleanup_free_ char *helper = credential_helper("nono-keyring", err);
	char *argv[] = {helper, (char *)verb, (char *)service, (char *)account, NULL};
	int status;

	if (!helper)
		return err_prefix(err, "%s", what);
	if (credential_run(&(struct credential_run){.argv = argv,
						    .input = input ? input->data : NULL,
						    .input_n = input ? input->len : 0,
						    .timeout_s = keyring_timeout(),
						    .what = what},
			   out, &status, err) < 0)
		return -1;
	return status;
}

int credential_keyring_status(int status, const char *what, struct err *err)
{
	if (status == KEYRING_NO_ENTRY)
		return err_set(err, "%s: the keyring has no such entry (nono credential add)",
			       what);
	if (status == KEYRING_NO_SERVICE)
		return err_set(err,
			       "%s: there is no keyring here (no Secret Service on the session's "
			       "bus); file:// and env:// need none",
			       what);
	return status ? err_set(err, "%s: the keyring refused", what) : 0;
}

long credential_kernel_find(const char *description)
{
	static const int rings[] = {KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING};
	long key = -1;

	for (size_t i = 0; key < 0 && i < ARRAY_LEN(rings); i++)
		key = syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], "user", description, 0);
	return key;
}
