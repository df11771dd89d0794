/*
 * A capability manifest of unknown origin: read, resolved, turned into kernel rules, and written
 * again, where it must mean the same. Never may it give away nono's own files. The first byte
 * chooses the syntax: 'T' is TOML, 'Y' is YAML, anything else belongs to a JSON text.
 */
#include "common/document.h"
#include "policy/policy.h"
#include "tests/lib/fuzzhome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 16384

static const char *home(void)
{
	return fuzz_home("manifest");
}

static struct policy *resolve(const char *file, struct err *err)
{
	struct policy_input in = {.manifest = file,
				  .workdir = home(),
				  .block_net = -1,
				  .elevation = -1,
				  .protect_workspace = -1};
	struct policy *p = NULL;

	return policy_resolve(&in, &p, err) < 0 ? NULL : p;
}

static void check_own(const struct policy *p)
{
	for (int supervised = 0; supervised < 2; supervised++) {
		struct policy_spec *s;
		struct err err;

		if (policy_spec_new(p, supervised, supervised ? "/tmp/nono-0-fuzz" : NULL, &s,
				    &err) < 0)
			abort();
		fuzz_check_own(p, policy_spec_get(s), home());
		policy_spec_free(s);
	}
}

/* What was written once comes out the same when it was read again. */
static void check_again(const struct policy *p)
{
	_cleanup_(buf_free) struct buf first = {0}, second = {0};
	_cleanup_free_ char *file = xasprintf("%s/again.json", home());
	struct policy *again;
	struct err err = {0};

	if (p->unenforced)
		return;
	policy_to_manifest(p, &first);
	fuzz_write(file, first.data, first.len);
	again = resolve(file, &err);
	if (!again) {
		fprintf(stderr, "%s\n%s\n", first.data, err.msg);
		abort();
	}
	policy_to_manifest(again, &second);
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0) {
		fprintf(stderr, "%s\n%s\n", first.data, second.data);
		abort();
	}
	policy_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const suffixes[] = {
	    [DOC_JSON] = "json", [DOC_TOML] = "toml", [DOC_YAML] = "yaml"};
	enum doc_format format = DOC_JSON;
	struct policy *p;
	struct err err = {0};
	char file[128];

	if (size == 0 || size > TEXT_MAX)
		return 0;
	if (*data == 'T' || *data == 'Y') {
		format = *data == 'T' ? DOC_TOML : DOC_YAML;
		data++;
		size--;
	}
	snprintf(file, sizeof(file), "%s/m.%s", home(), suffixes[format]);
	fuzz_write(file, data, size);
	p = resolve(file, &err);
	if (!p) {
		if (!err.msg[0])
			abort(); /* a refusal says why */
		return 0;
	}
	check_own(p);
	check_again(p);
	policy_free(p);
	return 0;
}
