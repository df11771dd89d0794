/* Secrets that the user hands over to be kept, and whether they are there. */
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/digest.h"
#include "network/credentials/internal.h"

static int exists(const struct credential_reference *r, struct err *err)
{
	return err_set(err, "credential %s is there already (--force replaces it)", r->text);
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

static int keep_in_keyring(const struct credential_reference *r, const struct secret *s,
			   bool replace, struct err *err)
{
	_cleanup_free_ char *service = NULL;
	const char *account = credential_keyring_entry(r, &service);
	_cleanup_(secret_free) struct secret out = {0};
	char what[400];
	int status = KEYRING_NO_ENTRY;

	snprintf(what, sizeof(what), "credential %.300s", r->text);
	if (!replace)
		status = credential_keyring("get", service, account, NULL, what, &out, err);
	if (status == 0)
		return exists(r, err);
	if (status == KEYRING_NO_ENTRY)
		status = credential_keyring("set", service, account, s, what, &out, err);
	return status < 0 ? -1 : credential_keyring_status(status, what, err);
}

static int keep_in_file(const struct credential_reference *r, const struct secret *s, bool replace,
			struct err *err)
{
	if (!replace && access(r->rest, F_OK) == 0)
		return exists(r, err);
	return file_write_atomic(r->rest, 0600, s->data, s->len, err);
}

static int keep_in_kernel(const struct credential_reference *r, const struct secret *s,
			  bool replace, struct err *err)
{
	if (!replace && credential_kernel_find(r->rest) >= 0)
		return exists(r, err);
	if (syscall(SYS_add_key, "user", r->rest, s->data, s->len, KEY_SPEC_USER_KEYRING) < 0)
		return err_errno(err, errno, "credential %s: the kernel's keyring", r->text);
	return 0;
}

/* ---- removing ----------------------------------------------------------------------------------
 */

static int remove_from_keyring(const struct credential_reference *r, struct err *err)
{
	_cleanup_free_ char *service = NULL;
	const char *account = credential_keyring_entry(r, &service);
	_cleanup_(secret_free) struct secret out = {0};
	char what[400];
	int status;

	snprintf(what, sizeof(what), "credential %.300s", r->text);
	status = credential_keyring("remove", service, account, NULL, what, &out, err);
	return status < 0 ? -1 : credential_keyring_status(status, what, err);
}

static int remove_file(const struct credential_reference *r, struct err *err)
{
	struct stat st;

	if (lstat(r->rest, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, "credential %s: not a file", r->text);
	return unlink(r->rest) < 0 ? err_errno(err, errno, "credential %s", r->text) : 0;
}

static int remove_from_kernel(const struct credential_reference *r, struct err *err)
{
	long key = credential_kernel_find(r->rest);

	if (key < 0 || syscall(SYS_keyctl, KEYCTL_INVALIDATE, key) < 0)
		return err_errno(err, errno, "credential %s: the kernel's keyring", r->text);
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static const struct keeper {
	int (*keep)(const struct credential_reference *r, const struct secret *s, bool replace,
		    struct err *err);
	int (*remove)(const struct credential_reference *r, struct err *err);
} keepers[CREDENTIAL_KINDS] = {
    [CREDENTIAL_ACCOUNT] = {keep_in_keyring, remove_from_keyring},
    [CREDENTIAL_KEYRING] = {keep_in_keyring, remove_from_keyring},
    [CREDENTIAL_FILE] = {keep_in_file, remove_file},
    [CREDENTIAL_KERNEL] = {keep_in_kernel, remove_from_kernel},
};

static int find_keeper(const char *reference, struct credential_reference *r, struct err *err)
{
	if (credential_reference_parse(reference, r, err) < 0)
		return -1;
	if (!keepers[r->kind].keep)
		return err_usage(err,
				 "credential %s: nono only reads from there; an account of the "
				 "keyring, keyring://, kernel:// and file:// can be written",
				 reference);
	return 0;
}

int credential_store(const char *reference, const struct secret *s, bool replace, struct err *err)
{
	struct credential_reference r;

	return find_keeper(reference, &r, err) < 0 ? -1 : keepers[r.kind].keep(&r, s, replace, err);
}

int credential_remove(const char *reference, struct err *err)
{
	struct credential_reference r;

	return find_keeper(reference, &r, err) < 0 ? -1 : keepers[r.kind].remove(&r, err);
}

int credential_accounts(char ***out, struct err *err)
{
	_cleanup_(secret_free) struct secret printed = {0};
	int status = credential_keyring("list", "nono", NULL, NULL, "the keyring", &printed, err);
	char *save = NULL;
	size_t n = 0;

	*out = NULL;
	if (status < 0 || credential_keyring_status(status, "the keyring", err) < 0)
		return -1;
	*out = xcalloc(printed.len + 1, sizeof(**out));
	for (char *l = strtok_r(printed.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		(*out)[n++] = xstrdup(l);
	return 0;
}

enum credential_state credential_state(const char *reference, char *const *accounts)
{
	struct credential_reference r;
	const char *v;

	if (credential_reference_parse(reference, &r, NULL) < 0)
		return CREDENTIAL_MISSING;
	switch (r.kind) {
	case CREDENTIAL_ACCOUNT:
		if (!accounts)
			return CREDENTIAL_UNKNOWN;
		while (*accounts && !str_eq(*accounts, r.rest))
			accounts++;
		return *accounts ? CREDENTIAL_SET : CREDENTIAL_MISSING;
	case CREDENTIAL_ENV:
		v = getenv(r.rest);
		return v && *v ? CREDENTIAL_SET : CREDENTIAL_MISSING;
	case CREDENTIAL_FILE:
		return access(r.rest, R_OK) == 0 ? CREDENTIAL_SET : CREDENTIAL_MISSING;
	case CREDENTIAL_KERNEL:
		return credential_kernel_find(r.rest) >= 0 ? CREDENTIAL_SET : CREDENTIAL_MISSING;
	default:
		return CREDENTIAL_UNKNOWN;
	}
}

void credential_fingerprint(const struct secret *s, char out[9])
{
	unsigned char md[SHA256_DIGEST_LENGTH];

	digest_sha256(s->data, s->len, md);
	digest_hex(md, 4, out);
	explicit_bzero(md, sizeof(md));
}
