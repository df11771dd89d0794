/* What the operations of the control protocol take and give. */
#include "sessions/control_ops.h"

const char *control_str_arg(const cJSON *args, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, name));
}

bool control_bool_arg(const cJSON *args, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(args, name));
}

int control_int_arg(const cJSON *args, const char *name, int other, int min, int max)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(args, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= min) || v->valuedouble > max)
		return other;
	return v->valueint;
}

cJSON *control_done(int r)
{
	return r < 0 ? NULL : cJSON_CreateObject();
}

/* Text from the agent's side: shown to people, so made printable. */
void control_add_text(cJSON *o, const char *name, const char *s)
{
	char text[8192];

	cJSON_AddStringToObject(o, name, text_printable(text, sizeof(text), s, strlen(s)));
}

void control_add_time(cJSON *o, const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)ns);
	cJSON_AddStringToObject(o, name, text);
}

const char *control_access_name(unsigned access)
{
	static const char *const names[] = {"",	    "read",	 "write",      "readwrite",
					    "exec", "read+exec", "write+exec", "all"};

	return names[access & 7];
}

int control_access_parse(const char *s, unsigned *out, struct err *err)
{
	for (unsigned i = 1; i < 8; i++) {
		if (!str_eq(s, control_access_name(i)))
			continue;
		*out = i;
		return 0;
	}
	return err_usage(err, "access must be read, write, readwrite or exec");
}

/* Paths from clients: absolute, without tricks, of bounded length. */
int control_path_arg(const cJSON *args, char out[POLICY_PATH_MAX], struct err *err)
{
	const char *path = control_str_arg(args, "path");

	if (!path || path_clean(out, POLICY_PATH_MAX, path) < 0)
		return err_usage(err, "an absolute path is needed");
	return 0;
}
