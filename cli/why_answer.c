/* Answers of nono why. */
#include <ctype.h>

#include "cli/why.h"

/* How the text form calls a member. */
static const struct {
	const char *member, *title;
} titles[] = {
    {"scope", "Scope"},
    {"state", "State"},
    {"requested", "Requested"},
    {"enforced", "Enforced"},
    {"supported", "Supported"},
    {"kernel_abi", "Kernel ABI"},
    {"message", "Message"},
    {"reason", "Reason"},
    {"granted_path", "Granted by"},
    {"access", "Access"},
    {"source", "Source"},
    {"details", "Details"},
    {"policy_source", "Policy"},
    {"matching_capability", "Closest match"},
    {"suggested_flag", "Suggested fix"},
};

static const char *text_of(const cJSON *o, const char *member)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, member));
}

static void print_member(const char *title, const cJSON *v)
{
	printf("  %s: ", title);
	if (cJSON_IsBool(v)) {
		fputs(cJSON_IsTrue(v) ? "yes" : "no", stdout);
	} else if (cJSON_IsObject(v)) { /* a grant */
		print_text(text_of(v, "path"), 0);
		printf(" (%s, %s)", text_of(v, "access"), text_of(v, "source"));
	} else {
		print_text(cJSON_GetStringValue(v), 0);
	}
	putchar('\n');
}

int answer_print(const struct why_options *o, cJSON *answer)
{
	const char *status = text_of(answer, "status");

	if (o->json) {
		print_json(answer);
	} else {
		for (const char *c = status; *c; c++)
			putchar(*c == '_' ? ' ' : toupper((unsigned char)*c));
		putchar('\n');
		for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
			const cJSON *v = cJSON_GetObjectItemCaseSensitive(answer, titles[i].member);
			if (v)
				print_member(titles[i].title, v);
		}
	}
	cJSON_Delete(answer);
	return 0;
}

cJSON *answer_new(const char *status, const char *reason)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "status", status);
	if (reason)
		cJSON_AddStringToObject(o, "reason", reason);
	return o;
}

void answer_text(cJSON *o, const char *member, const char *s)
{
	if (s && *s)
		cJSON_AddStringToObject(o, member, s);
}
