/* The files that a policy was made from, and whether they still say what they said then. */
#include <sys/stat.h>

#include "common/digest.h"
#include "common/document.h"
#include "policy/sources.h"

static void add(struct policy *p, const char *path, const unsigned char sha256[32])
{
	struct policy_source *s;

	p->sources = xrealloc_array(p->sources, p->n_sources + 1, sizeof(*p->sources));
	s = &p->sources[p->n_sources++];
	s->path = xstrdup(path);
	digest_hex(sha256, 32, s->sha256);
}

void sources_take(struct policy *p, const struct profile *prof)
{
	for (size_t i = 0; i < prof->n_files; i++) {
		const struct profile_file *f = prof->files[i];

		/* A link that leads elsewhere since is a change as well. */
		if (f->document)
			add(p, f->found && f->found[0] == '/' ? f->found : f->path, f->sha256);
	}
}

void sources_take_text(struct policy *p, const char *path, const char *text, size_t n)
{
	_cleanup_free_ char *real = path_real(path, NULL);
	unsigned char sum[32];

	digest_sha256(text, n, sum);
	add(p, real ? real : path, sum);
}

void sources_free(struct policy *p)
{
	for (size_t i = 0; i < p->n_sources; i++)
		free(p->sources[i].path);
	free(p->sources);
}

enum policy_source_now policy_source_now(const char *path, const char *sha256)
{
	_cleanup_free_ char *text = NULL;
	char hex[POLICY_HASH_MAX];
	struct stat st;
	size_t n;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? SOURCE_GONE : SOURCE_UNREADABLE;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)DOC_TEXT_MAX)
		return SOURCE_CHANGED;
	text = file_read(path, DOC_TEXT_MAX, &n, NULL);
	if (!text)
		return SOURCE_UNREADABLE;
	policy_hash(text, n, hex);
	return strcmp(hex, sha256) == 0 ? SOURCE_SAME : SOURCE_CHANGED;
}

const char *policy_source_now_name(enum policy_source_now now)
{
	static const char *const names[] = {[SOURCE_SAME] = "same",
					    [SOURCE_CHANGED] = "changed",
					    [SOURCE_GONE] = "gone",
					    [SOURCE_UNREADABLE] = "unreadable"};

	return names[now];
}
