/* Where secrets come from: variables, files, keyrings; the other sources by table. */
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "network/credentials/internal.h"

#define FILE_TTL_S    60
#define KEYRING_TTL_S 900

int credential_take_line(struct secret *s, const char *what, struct err *err)
{
	if (s->len && s->data[s->len - 1] == '\n')
		s->data[--s->len] = '\0';
	if (s->len && s->data[s->len - 1] == '\r')
		s->data[--s->len] = '\0';
	if (!s->len)
		return err_set(err, "credential %s: it is empty", what);
	if (s->len > SECRET_MAX)
		return err_set(err, "credential %s: larger than %d bytes", what, SECRET_MAX);
	if (memchr(s->data, '\0', s->len))
		return err_set(err, "credential %s: it holds a NUL byte", what);
	return 0;
}

/* ---- variables, files --------------------------------------------------------------------------
 */

static int from_env(const struct credential_reference *r, struct credential_context *c,
		    struct secret *out, struct err *err)
{
	const char *v = getenv(r->rest);

	c->ttl_s = CREDENTIAL_FOREVER;
	if (!v || !*v)
		return err_set(err, "credential %s: the variable is not set", r->text);
	return secret_set(out, v, strlen(v), err);
}

/* Root's files (secrets that a container is given) may be read by all, nobody else's. */
static const char *exposed(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "it is another user's";
	if (st->st_mode & 022)
		return "others may write to it (chmod 600)";
	if (st->st_uid != 0 && (st->st_mode & 044))
		return "others may read it (chmod 600)";
	return NULL;
}

static int from_file(const struct credential_reference *r, struct credential_context *c,
		     struct secret *out, struct err *err)
{
	_cleanup_close_ int fd = open(r->rest, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why;
	struct stat st;
	ssize_t n;

	c->ttl_s = FILE_TTL_S;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "credential %s", r->text);
	why = exposed(&st);
	if (why)
		return err_set(err, "credential %s: %s", r->text, why);
	if (secret_reserve(out, SECRET_MAX + 1, err) < 0)
		return -1;
	n = read_full(fd, out->data, SECRET_MAX + 1);
	if (n < 0)
		return err_errno(err, errno, "credential %s", r->text);
	out->len = (size_t)n;
	out->data[n] = '\0';
	return 0;
}

/* ---- keyrings ----------------------------------------------------------------------------------
 */

static int from_keyring(const struct credential_reference *r, struct credential_context *c,
			struct secret *out, struct err *err)
{
	_cleanup_free_ char *service = NULL;
	const char *account = credential_keyring_entry(r, &service);
	char what[400];
	int status;

	c->ttl_s = KEYRING_TTL_S;
	snprintf(what, sizeof(what), "credential %.300s", r->text);
	status = credential_keyring("get", service, account, NULL, what, out, err);
	return status < 0 ? -1 : credential_keyring_status(status, what, err);
}

static int from_kernel(const struct credential_reference *r, struct credential_context *c,
		       struct secret *out, struct err *err)
{
	long key = credential_kernel_find(r->rest), n;

	c->ttl_s = FILE_TTL_S;
	if (key < 0)
		return err_errno(err, errno, "credential %s: not in the kernel's keyrings",
				 r->text);
	if (secret_reserve(out, SECRET_MAX, err) < 0)
		return -1;
	n = syscall(SYS_keyctl, KEYCTL_READ, key, out->data, out->cap);
	if (n < 0)
		return err_errno(err, errno, "credential %s", r->text);
	if ((size_t)n > out->cap)
		return err_set(err, "credential %s: larger than %d bytes", r->text, SECRET_MAX);
	out->len = (size_t)n;
	out->data[n] = '\0';
	return 0;
}

/* ---- all of them -------------------------------------------------------------------------------
 */

int credential_load(const char *reference, const struct policy_network *n,
		    const struct credential_facts *facts, struct secret *out, unsigned *ttl_s,
		    bool *headers, struct err *err)
{
	static int (*const sources[CREDENTIAL_KINDS])(const struct credential_reference *r,
						      struct credential_context *c,
						      struct secret *out, struct err *err) = {
	    [CREDENTIAL_ACCOUNT] = from_keyring,
	    [CREDENTIAL_KEYRING] = from_keyring,
	    [CREDENTIAL_ENV] = from_env,
	    [CREDENTIAL_FILE] = from_file,
	    [CREDENTIAL_KERNEL] = from_kernel,
	    [CREDENTIAL_CMD] = credential_from_capture,
	    [CREDENTIAL_OP] = credential_from_command,
	    [CREDENTIAL_BW] = credential_from_command,
	    [CREDENTIAL_VAULT] = credential_from_command,
	};
	struct credential_context c = {.network = n, .facts = facts};
	struct credential_reference r;

	if (credential_reference_parse(reference, &r, err) < 0 ||
	    sources[r.kind](&r, &c, out, err) < 0 ||
	    (!c.list && credential_take_line(out, reference, err) < 0)) {
		secret_free(out);
		return -1;
	}
	if (ttl_s)
		*ttl_s = c.ttl_s;
	if (headers)
		*headers = c.list;
	return 0;
}
