/*
 * A profile of unknown origin: parsed, resolved, turned into kernel rules, edited. What comes out
 * must never give away what nothing may: nono's own files. The first byte chooses the syntax: 'T'
 * is TOML, 'Y' is YAML, anything else belongs to a JSON text.
 */
#include "policy/edit.h"
#include "policy/policy.h"
#include "policy/profile.h"
#include "tests/lib/fuzzhome.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 16384

static const char *home(void)
{
	return fuzz_home("profile");
}

static void resolve(const char *file)
{
	_cleanup_free_ char *workdir = xasprintf("%s/work", home()); /* brings no profile */
	struct policy_input in = {.profile = file,
				  .workdir = workdir,
				  .block_net = -1,
				  .elevation = -1,
				  .protect_workspace = -1};
	struct policy_spec *s;
	struct policy *p;
	struct err err;
	struct buf text = {0};
	char flag[64];

	if (policy_resolve(&in, &p, &err) < 0)
		return;
	for (int supervised = 0; supervised < 2; supervised++) {
		if (policy_spec_new(p, supervised, supervised ? "/tmp/nono-0-fuzz" : NULL, &s,
				    &err) < 0)
			continue;
		fuzz_check_own(p, policy_spec_get(s), home());
		policy_spec_free(s);
	}
	policy_describe(p, 2, &text);
	policy_to_json(p, &text);
	policy_suggest(p, "/etc/hosts", NONO_WRITE, flag, sizeof(flag));
	strv_free(policy_environment(p, (char *[]){(char[]){"A=b"}, NULL}, NULL));
	buf_free(&text);
	policy_free(p);
}

static void edit(const char *text, const char *label)
{
	struct err err;
	char *after = edit_add(text, label, "read_file", "/new", &err), *twice;

	if (!after)
		return;
	/* What was added is there now, and is not added again. */
	twice = edit_add(after, label, "read_file", "/new", &err);
	if (!twice || strcmp(twice, after) != 0)
		abort();
	free(twice);
	free(after);
}

/* What it says can be said again, in the schema's words. */
static void show(const struct profile *p)
{
	static const struct policy_host host = {"debian", "", "12"};
	_cleanup_(buf_free) struct buf b = {0};
	struct profile *again;
	struct err err;

	policy_profile_to_json(p, &b);
	if (p->n_command_policies)
		return; /* layers have no member of their own */
	again = profile_read(b.data, b.len, DOC_JSON, "again", &host, &err);
	if (!again) {
		fprintf(stderr, "%s\n%s\n", b.data, err.msg);
		abort();
	}
	profile_freep(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy_host host = {"debian", "", "12"};
	static const char *const suffixes[] = {
	    [DOC_JSON] = "json", [DOC_TOML] = "toml", [DOC_YAML] = "yaml"};
	enum doc_format format = DOC_JSON;
	char file[128];
	struct profile *p;
	struct err err;
	char *text;

	if (size == 0 || size > TEXT_MAX)
		return 0;
	if (*data == 'T' || *data == 'Y') {
		format = *data == 'T' ? DOC_TOML : DOC_YAML;
		data++;
		size--;
	}
	snprintf(file, sizeof(file), "%s/p.%s", home(), suffixes[format]);
	text = xstrndup((const char *)data, size);
	edit(text, file);
	free(text);
	p = profile_read((const char *)data, size, format, "fuzz", &host, &err);
	if (!p)
		return 0;
	show(p);
	profile_freep(&p);
	fuzz_write(file, data, size);
	resolve(file);
	return 0;
}
