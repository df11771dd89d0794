/*
 * Consent to profiles that a repository brings: to their very content, kept among nono's own files,
 * where no agent gets.
 */
#include <fcntl.h>
#include <sys/file.h>

#include "common/digest.h"
#include "policy/profiles/trust.h"

#define STORE_MAX (1u << 20)

/* The hash of the files' hashes, in the order they were read; the syntax is part of what a text
 * means. */
bool trust_hash(const struct profile *p, char out[POLICY_HASH_MAX])
{
	_cleanup_(buf_free) struct buf b = {0};
	unsigned char sum[32];

	for (size_t i = 0; i < p->n_files; i++) {
		const struct profile_file *f = p->files[i];

		if (!f->brought)
			continue;
		buf_addc(&b, (char)('0' + f->document->format));
		buf_add(&b, f->sha256, sizeof(f->sha256));
	}
	if (!b.len)
		return false;
	digest_sha256(b.data, b.len, sum);
	digest_hex(sum, sizeof(sum), out);
	return true;
}

static char *store_path(void)
{
	_cleanup_free_ char *state = dir_state();

	return xasprintf("%s/trusted-profiles", state);
}

static bool hash_ok(const char *hash)
{
	return strlen(hash) == POLICY_HASH_MAX - 1 && !hash[strspn(hash, "0123456789abcdef")];
}

bool policy_consent_given(const char *hash)
{
	_cleanup_free_ char *path = store_path();
	_cleanup_free_ char *text = file_read(path, STORE_MAX, NULL, NULL);
	size_t n = strlen(hash);

	if (!hash_ok(hash))
		return false;
	for (const char *s = text; s && *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, hash, n) == 0 && (s[n] == ' ' || s[n] == '\n'))
			return true;
	return false;
}

int policy_consent_store(const char *hash, const char *file, struct err *err)
{
	_cleanup_free_ char *state = dir_state(), *path = store_path();
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_close_ int lock = -1;
	char name[POLICY_PATH_MAX], when[TIME_STR_MAX];
	size_t n = 0;

	if (!hash_ok(hash))
		return err_set(err, "\"%.80s\" is not the SHA-256 of a profile", hash);
	if (dir_private(state, err) < 0)
		return -1;
	lock = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(err, errno, "can't lock %s", state);
	if (policy_consent_given(hash))
		return 0;
	if (access(path, F_OK) == 0) {
		_cleanup_free_ char *text = file_read(path, STORE_MAX, &n, err);

		if (!text)
			return -1;
		buf_add(&b, text, n);
		if (n && text[n - 1] != '\n')
			buf_addc(&b, '\n');
	}
	time_rfc3339(when, clock_real_ns());
	text_printable(name, sizeof(name), file, strlen(file));
	buf_addf(&b, "%s %s %s\n", hash, when, name);
	return file_write_atomic(path, 0600, b.data, b.len, err);
}
