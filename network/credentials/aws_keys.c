/* Keys for AWS: from the environment, the files of ~/.aws, the program a profile names, or what the
 * aws command knows (single sign-on, assumed roles). */
#include <cjson/cJSON.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "network/credentials/internal.h"

#define AWS_FILE_MAX   (1u << 20)
#define AWS_TTL_S      300
#define AWS_TIMEOUT_S  60
#define AWS_EARLY_S    120 /* before they end */
#define AWS_COMMAND_IS "credential_process"

/* Where the values of a profile go. */
struct aws_profile {
	const char *name;
	struct secret *out;
	char *region, *process;
	bool has_id, has_key;
};

static const struct {
	const char *file, *variable, *list;
} keys[] = {
    {"aws_access_key_id", "AWS_ACCESS_KEY_ID", "access_key"},
    {"aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "secret_key"},
    {"aws_session_token", "AWS_SESSION_TOKEN", "token"},
};

static int take_key(struct aws_profile *p, size_t i, const char *value, struct err *err)
{
	if (credential_list_get(p->out, keys[i].list))
		return 0;
	p->has_id |= i == 0;
	p->has_key |= i == 1;
	return credential_list_add(p->out, keys[i].list, value, err);
}

/* ---- files -------------------------------------------------------------------------------------
 */

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static bool section_is(const char *line, const char *name)
{
	size_t n = strcspn(line, "]");
	_cleanup_free_ char *s = xstrndup(line + 1, n ? n - 1 : 0);
	char *word = trim(s);

	if (str_starts(word, "profile "))
		word = trim(word + strlen("profile "));
	return str_eq(word, name);
}

static int take_line(struct aws_profile *p, char *line, struct err *err)
{
	char *eq = strchr(line, '='), *name, *value;

	if (!eq)
		return 0;
	*eq = '\0';
	name = trim(line);
	value = trim(eq + 1);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq(name, keys[i].file))
			return take_key(p, i, value, err);
	if (str_eq(name, "region") && !p->region)
		p->region = xstrdup(value);
	if (str_eq(name, AWS_COMMAND_IS) && !p->process)
		p->process = xstrdup(value);
	return 0;
}

static int read_profile(const char *path, struct aws_profile *p, struct err *err)
{
	size_t n = 0;
	char *text = access(path, F_OK) == 0 ? file_read(path, AWS_FILE_MAX, &n, err) : NULL;
	char *save = NULL;
	bool here = false;
	int r = 0;

	if (!text)
		return access(path, F_OK) == 0 ? -1 : 0;
	for (char *l = strtok_r(text, "\n", &save); l && r == 0; l = strtok_r(NULL, "\n", &save)) {
		if (*l == '[')
			here = section_is(l, p->name);
		else if (here && *l != '#' && *l != ';')
			r = take_line(p, l, err);
	}
	explicit_bzero(text, n);
	free(text);
	return r;
}

static char *aws_file(const char *variable, const char *name)
{
	const char *v = getenv(variable);
	_cleanup_free_ char *home = dir_home();

	return v && *v == '/' ? xstrdup(v) : xasprintf("%s/.aws/%s", home ? home : "", name);
}

static int from_files(struct aws_profile *p, struct err *err)
{
	_cleanup_free_ char *credentials = aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
	_cleanup_free_ char *config = aws_file("AWS_CONFIG_FILE", "config");

	return read_profile(credentials, p, err) < 0 ? -1 : read_profile(config, p, err);
}

/* ---- programs ----------------------------------------------------------------------------------
 */

static unsigned seconds_left(const char *when)
{
	struct tm tm = {0};
	time_t end, now = time(NULL);

	if (!when || !strptime(when, "%Y-%m-%dT%H:%M:%S", &tm))
		return AWS_TTL_S;
	end = timegm(&tm);
	return end > now + AWS_EARLY_S ? (unsigned)(end - now - AWS_EARLY_S) : 1;
}

static const char *member(const cJSON *root, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, name));
}

static int from_process(struct aws_profile *p, unsigned *ttl_s, struct err *err)
{
	static const char *const members[] = {"AccessKeyId", "SecretAccessKey", "SessionToken"};
	char *by_shell[] = {(char *)"/bin/sh", (char *)"-c", p->process, NULL};
	char *by_aws[] = {(char *)"aws",
			  (char *)"configure",
			  (char *)"export-credentials",
			  (char *)"--format",
			  (char *)"process",
			  (char *)"--profile",
			  (char *)p->name,
			  NULL};
	_cleanup_(secret_free) struct secret printed = {0};
	char what[200];
	cJSON *root;
	int status, r = 0;

	snprintf(what, sizeof(what), "AWS profile %.100s", p->name);
	if (credential_run(&(struct credential_run){.argv = p->process ? by_shell : by_aws,
						    .timeout_s = AWS_TIMEOUT_S,
						    .what = what},
			   &printed, &status, err) < 0)
		return -1;
	if (status)
		return err_set(err, "%s: %s", what,
			       p->process      ? AWS_COMMAND_IS " failed"
			       : status == 127 ? "it holds no keys, and the aws command, which may "
						 "know how to get some, is not installed"
					       : "no keys (is it signed in? aws sso login)");
	root = cJSON_ParseWithLength(printed.data, printed.len);
	for (size_t i = 0; i < ARRAY_LEN(members) && r == 0; i++)
		if (member(root, members[i]))
			r = take_key(p, i, member(root, members[i]), err);
	*ttl_s = seconds_left(member(root, "Expiration"));
	credential_wipe_json(root);
	cJSON_Delete(root);
	return r < 0 || (p->has_id && p->has_key) ? r : err_set(err, "%s: no keys", what);
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static int from_environment(struct aws_profile *p, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *v = getenv(keys[i].variable);

		if (v && *v && take_key(p, i, v, err) < 0)
			return -1;
	}
	return 0;
}

static const char *either(const char *a, const char *b)
{
	return a && *a ? a : b && *b ? b : NULL;
}

static int find_keys(const struct policy_route *route, struct aws_profile *p, unsigned *ttl_s,
		     struct err *err)
{
	*ttl_s = AWS_TTL_S;
	if (!route->aws.profile && from_environment(p, err) < 0)
		return -1;
	if (p->has_id && p->has_key)
		return 0;
	secret_free(p->out);
	p->has_id = p->has_key = false;
	if (from_files(p, err) < 0)
		return -1;
	if (p->has_id && p->has_key)
		return 0;
	secret_free(p->out);
	p->has_id = p->has_key = false;
	return from_process(p, ttl_s, err);
}

int credential_load_aws(const struct policy_route *route, struct secret *out, unsigned *ttl_s,
			struct err *err)
{
	struct aws_profile p = {.out = out};
	const char *region = either(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"));
	int r;

	p.name = either(route->aws.profile, getenv("AWS_PROFILE"));
	if (!p.name)
		p.name = "default";
	r = find_keys(route, &p, ttl_s, err);
	region =
	    either(route->aws.region, route->aws.profile ? p.region : either(region, p.region));
	if (r == 0 && region)
		r = credential_list_add(out, "region", region, err);
	free(p.region);
	free(p.process);
	if (r < 0)
		secret_free(out);
	return r;
}
