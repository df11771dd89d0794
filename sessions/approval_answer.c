/* What an approval backend answers. Only what says so in as many words is a grant. */
#include <strings.h>

#include <cjson/cJSON.h>

#include "sessions/approver.h"

#define ANSWER_MAX 65536

static const struct {
	const char *word;
	bool granted;
} words[] = {
    {"grant", true},	{"granted", true},   {"approve", true}, {"approved", true},
    {"allow", true},	{"allowed", true},   {"deny", false},	{"denied", false},
    {"reject", false},	{"rejected", false}, {"block", false},	{"blocked", false},
    {"timeout", false},
};

static int take_word(const char *word, bool *granted)
{
	for (size_t i = 0; word && i < ARRAY_LEN(words); i++)
		if (strcasecmp(word, words[i].word) == 0) {
			*granted = words[i].granted;
			return 0;
		}
	return -1;
}

static void take_reason(const cJSON *o, char *why, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "reason"));

	if (s && *s)
		text_printable(why, size, s, strlen(s));
}

static int read_decision(const cJSON *v, bool *granted, char *why, size_t size)
{
	const cJSON *d = cJSON_GetObjectItemCaseSensitive(v, "decision"), *denied;

	if (cJSON_IsString(v))
		return take_word(v->valuestring, granted);
	if (cJSON_IsString(d)) {
		take_reason(v, why, size);
		return take_word(d->valuestring, granted);
	}
	if (cJSON_IsObject(d)) /* {"decision": {"Denied": ...}} */
		v = d;
	denied = cJSON_GetObjectItemCaseSensitive(v, "Denied");
	if (!denied)
		return -1;
	take_reason(denied, why, size);
	*granted = false;
	return 0;
}

int approval_answer_parse(const char *text, size_t n, bool *granted, char *why, size_t size)
{
	const char *end = NULL;
	cJSON *v = n <= ANSWER_MAX ? cJSON_ParseWithLengthOpts(text, n, &end, false) : NULL;
	int r = -1;

	*granted = false;
	str_copy(why, size, "it says no");
	while (v && end < text + n && strchr(" \t\r\n", *end) && *end)
		end++;
	if (v && end == text + n)
		r = read_decision(v, granted, why, size);
	if (r < 0) {
		*granted = false;
		str_copy(why, size, "its answer is no decision");
	}
	cJSON_Delete(v);
	return r;
}
