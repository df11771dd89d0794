/* Profiles for who looks at them: as JSON, compared, checked. */
#include <cjson/cJSON.h>

#include "common/digest.h"
#include "policy/assets.h"
#include "policy/commands/commands.h"
#include "policy/profiles/find.h"
#include "policy/profiles/trust.h"
#include "policy/resolve.h"
#include "policy/views/diff.h"
#include "policy/views/groups.h"
#include "policy/views/profile.h"

bool policy_profile_name_ok(const char *name)
{
	return profile_name_ok(name);
}

bool policy_profile_builtin(const char *name)
{
	return asset_profile(name) != NULL;
}

char *policy_profile_file(const char *name)
{
	return profile_name_ok(name) ? profile_user_file(name) : NULL;
}

void policy_hash(const void *text, size_t n, char out[POLICY_HASH_MAX])
{
	unsigned char sum[32];

	digest_sha256(text, n, sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* ---- list ---------------------------------------------------------------------------------------
 */

static const char *source_of(const char *name)
{
	_cleanup_free_ char *file = profile_user_file(name);

	if (!file)
		return "built-in";
	return asset_profile(name) ? "user (overrides built-in)" : "user";
}

static cJSON *texts_json(const struct entries *l)
{
	cJSON *j = cJSON_CreateArray();

	for (size_t i = 0; i < l->n; i++)
		cJSON_AddItemToArray(j, cJSON_CreateString(l->v[i].text));
	return j;
}

struct cJSON *policy_profiles_json(void)
{
	cJSON *all = cJSON_CreateArray();
	char **names = policy_profiles();

	for (char **n = names; n && *n; n++) {
		_cleanup_(policy_profile_free) struct policy_profile p = {0};
		cJSON *o = cJSON_CreateObject();
		struct err err = {0};

		cJSON_AddStringToObject(o, "name", *n);
		cJSON_AddStringToObject(o, "source", source_of(*n));
		cJSON_AddNullToObject(o, "pack");
		if (policy_profile_load(*n, &p, &err) < 0) {
			cJSON_AddStringToObject(o, "error", err.msg);
		} else {
			cJSON_AddStringToObject(o, "description",
						p.own->description ? p.own->description : "");
			cJSON_AddItemToObject(o, "extends", texts_json(&p.own->extends));
		}
		cJSON_AddItemToArray(all, o);
	}
	strv_free(names);
	return all;
}

/* ---- show, diff
 * ----------------------------------------------------------------------------------- */

/* "~/x" becomes "~/x -> /home/u/x" where that says more. */
static void expand_list(const struct resolver *r, cJSON *list)
{
	cJSON *e;

	cJSON_ArrayForEach(e, list)
	{
		struct list found = {0};
		_cleanup_(buf_free) struct buf b = {0};
		struct err err = {0};
		struct resolver own = *r;

		own.err = &err;
		if (!cJSON_IsString(e) ||
		    expand_entry(&own, e->valuestring, "filesystem", &found) < 0 ||
		    (found.n == 1 && str_eq(found.v[0], e->valuestring))) {
			list_free(&found);
			continue;
		}
		buf_addf(&b, "%s ->", e->valuestring);
		for (size_t i = 0; i < found.n; i++)
			buf_addf(&b, " %s", found.v[i]);
		if (!found.n)
			buf_adds(&b, " (not set here)");
		cJSON_SetValuestring(e, b.data);
		list_free(&found);
	}
}

static void expand_paths(cJSON *profile)
{
	_cleanup_(policy_freep) struct policy *p = xcalloc(1, sizeof(*p));
	struct resolver r = {.p = p};
	cJSON *list;

	p->home = dir_home();
	p->workdir = getcwd(NULL, 0);
	if (!p->workdir)
		p->workdir = xstrdup("/");
	cJSON_ArrayForEach(list, cJSON_GetObjectItemCaseSensitive(profile, "filesystem"))
	    expand_list(&r, list);
	resolver_free(&r);
}

struct cJSON *policy_profile_json(const char *what, bool expanded, struct err *err)
{
	_cleanup_(policy_profile_free) struct policy_profile p = {0};
	cJSON *j;

	if (policy_profile_load(what, &p, err) < 0)
		return NULL;
	j = view_profile(&p);
	if (expanded)
		expand_paths(j);
	return j;
}

/* On top of "default", as a session has it: no profile loses what that says. */
static cJSON *whole_json(const char *what, struct err *err)
{
	const struct profile_request rq = {.what = "default", .builtin = true};
	_cleanup_(policy_profile_free) struct policy_profile p = {0};
	_cleanup_(profile_freep) struct profile *base = NULL;

	if (policy_profile_load(what, &p, err) < 0)
		return NULL;
	base = profile_load(&rq, err);
	if (!base)
		return NULL;
	profile_merge(base, p.merged);
	profile_freep(&p.merged);
	p.merged = STEAL_PTR(base);
	return view_profile(&p);
}

struct cJSON *policy_profile_diff_json(const char *a, const char *b, struct err *err)
{
	cJSON *one = whole_json(a, err), *two, *out, *in;

	if (!one)
		return NULL;
	two = whole_json(b, err);
	if (!two) {
		cJSON_Delete(one);
		return NULL;
	}
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "profile1", a);
	cJSON_AddStringToObject(out, "profile2", b);
	in = view_compare(one, two);
	while (in->child) {
		cJSON *e = cJSON_DetachItemViaPointer(in, in->child);
		cJSON_AddItemToObject(out, e->string, e);
	}
	cJSON_Delete(in);
	cJSON_Delete(one);
	cJSON_Delete(two);
	return out;
}

/* ---- validate
 * ------------------------------------------------------------------------------------ */

static void check_groups(const struct profile *p, cJSON *errors, cJSON *warnings)
{
	for (size_t i = 0; i < p->include.n; i++)
		if (!policy_group_exists(p->include.v[i].text))
			view_remark(errors, "Group '%s' not found", p->include.v[i].text);
	for (size_t i = 0; i < p->exclude.n; i++) {
		const char *name = p->exclude.v[i].text;

		if (!policy_group_exists(name))
			view_remark(warnings, "Excluded group '%s' not found", name);
		else if (view_group_required(name))
			view_remark(errors, "Cannot exclude required group '%s'", name);
	}
}

static void check_enforced(const struct profile *p, cJSON *warnings)
{
	struct list names = {0};

	profile_unenforced(p, &names);
	for (size_t i = 0; i < names.n; i++)
		view_remark(warnings,
			    "%s: not possible with this version: nono run refuses the profile",
			    names.v[i]);
	list_free(&names);
}

/* Groups, tools: what decoding does not look at. */
static void check_loaded(const struct policy_profile *p, cJSON *errors, cJSON *warnings,
			 double *deprecated)
{
	for (size_t i = 0; i < p->own->n_notes; i++) {
		const struct profile_note *n = &p->own->notes[i];

		*deprecated += n->kind == NOTE_DEPRECATED;
		view_remark(warnings, "%s:%u:%u: %s", n->place.label, n->place.at->line,
			    n->place.at->column, n->text);
	}
	check_groups(p->merged, errors, warnings);
	check_enforced(p->merged, warnings);
}

/* A whole resolving finds what single members don't show: paths, bypasses without a grant. */
static void check_resolved(const char *what, cJSON *errors, cJSON *warnings)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct policy_input in = {
	    .profile = what, .block_net = -1, .elevation = -1, .protect_workspace = -1};
	struct policy_consent consent;
	struct err err = {0};

	if (policy_consent(&in, &consent, &err) < 0) {
		view_remark(errors, "%s", err.msg);
		return;
	}
	in.trust_profile = consent.hash[0] ? consent.hash : NULL;
	if (policy_resolve(&in, &policy, &err) < 0)
		view_remark(errors, "%s", err.msg);
	policy_consent_free(&consent);
	for (char **w = policy ? policy->warnings : NULL; w && *w; w++)
		view_remark(warnings, "%s", *w);
}

static void load_remarks(const struct list *faults, const struct err *err, cJSON *errors)
{
	for (size_t i = 0; i < faults->n; i++)
		view_remark(errors, "%s", faults->v[i]);
	if (!faults->n)
		view_remark(errors, "%s", err->msg);
}

struct cJSON *policy_profile_validate_json(const char *what)
{
	_cleanup_(policy_profile_free) struct policy_profile p = {0};
	_cleanup_free_ char *file = find_is_path(what) ? NULL : policy_profile_file(what);
	cJSON *j = cJSON_CreateObject(), *errors, *warnings;
	struct list faults = {0};
	struct err err = {0};
	double deprecated = 0;

	cJSON_AddStringToObject(j, "file", file ? file : what);
	cJSON_AddBoolToObject(j, "valid", false);
	errors = cJSON_AddArrayToObject(j, "errors");
	warnings = cJSON_AddArrayToObject(j, "warnings");
	if (policy_profile_check(what, &p, &faults, &err) < 0)
		load_remarks(&faults, &err, errors);
	else
		check_loaded(&p, errors, warnings, &deprecated);
	if (p.own && !cJSON_GetArraySize(errors))
		check_resolved(what, errors, warnings);
	cJSON_AddNumberToObject(j, "deprecated_keys", deprecated);
	cJSON_ReplaceItemInObjectCaseSensitive(j, "valid",
					       cJSON_CreateBool(!cJSON_GetArraySize(errors)));
	list_free(&faults);
	return j;
}

void policy_text_diff(const char *path, const char *before, const char *after, struct buf *out)
{
	diff_unified(out, path, before, after);
}
