/*
 * Settings of an agent, written by whoever could: a hook is put in once, the result can be read
 * again, and a second time changes nothing.
 */
#include "policy/agent_hooks.h"

#define TEXT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct policy_agent_hook hook = {
	    .app = (char[]){"claude-code"},
	    .event = (char[]){"PreToolUse"},
	    .matcher = (char[]){"a|\"b\\"},
	    .script = (char[]){"/home/a b/it's.sh"},
	    .settings = (char[]){"settings.json"},
	};
	struct err err = {0};
	char *text, *once, *twice;

	if (size > TEXT_MAX)
		return 0;
	text = xstrndup((const char *)data, size);
	once = agent_hooks_add(text, &hook, &err);
	if (once) {
		twice = agent_hooks_add(once, &hook, &err);
		if (!twice || strcmp(once, twice) != 0)
			abort();
		free(twice);
	} else if (!err.msg[0]) {
		abort();
	}
	free(once);
	free(text);
	return 0;
}
