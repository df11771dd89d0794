/* What an approval backend answers. Nothing but a word that says so is a grant. */
#include <strings.h>

#include "sessions/approver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(const char *text, size_t n, const char *word)
{
	for (size_t i = 0; i + strlen(word) <= n; i++)
		if (strncasecmp(text + i, word, strlen(word)) == 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + !size); /* exact: nothing may be read behind it */
	bool granted = true;
	char why[64];

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (approval_answer_parse(text, size, &granted, why, sizeof(why)) < 0 && granted)
		abort();
	/* The words, or escapes of their letters. */
	if (granted && !holds(text, size, "grant") && !holds(text, size, "approve") &&
	    !holds(text, size, "allow") && !holds(text, size, "\\u"))
		abort();
	if (strlen(why) >= sizeof(why))
		abort();
	free(text);
	return 0;
}
