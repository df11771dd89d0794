/* A script that runs outside, around a session: nobody but its user may have a hand in it. */
#include <sys/stat.h>

#include "common/digest.h"
#include "policy/profiles/trust.h"

int policy_hook_check(const struct policy *p, const struct policy_hook *h, unsigned char sha256[32],
		      struct err *err)
{
	_cleanup_free_ char *real = NULL, *text = NULL;
	struct policy_verdict v;
	struct stat st;
	size_t n;

	if (!h->script)
		return 0;
	if (stat(h->script, &st) < 0)
		return err_errno(err, errno, "%s", h->script);
	if (!S_ISREG(st.st_mode) || access(h->script, X_OK) < 0)
		return err_set(err, "%s is not an executable file", h->script);
	text = trust_read(h->script, false, &real, &n, err);
	if (!text)
		return -1;
	policy_check(p, real, NONO_WRITE, false, &v);
	if (v.allowed)
		return err_set(err,
			       "%s can be changed by the program that is to be confined: keep it "
			       "outside of what is granted for writing",
			       real);
	if (sha256)
		digest_sha256(text, n, sha256);
	return 0;
}
